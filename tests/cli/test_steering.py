"""Holding, resuming, cancelling and retrying editions, while they are going out too; and `deliver`."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from publisher.cli import call
from publisher.delivery.delivered import Delivered
from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress
from publisher.model.edition import EditionState
from publisher.store import Store
from publisher.store import editions as edition_store
from publisher.store.schema import deliveries, subscriptions
from tests.delivery.faulty_smtp import Action, Connection, FaultySmtp, Stall
from tests.delivery.going_out import deliver, edition_for, relay_transport
from tests.relay import Relay
from tests.store import readers as r


def ask(folder: Path, *words: str) -> int:
    return call([*words, "--publication", str(folder)])


READERS = 60
LANES = 4


class Scene:
    """A pass over a relay that takes two messages in each of four sessions, and says nothing to the third."""

    def __init__(self, folder: Path, store: Store, database: str) -> None:
        settings = folder / "publication.toml"
        settings.write_text(f'database = "{database}"\n{settings.read_text("utf-8")}', "utf-8")
        self._folder = folder
        self._store = store
        self.number = edition_for(store, READERS)
        self.goes_on = asyncio.Event()
        self._stalled = 0
        self.server = FaultySmtp(self._answer)

    def _answer(self, step: str, connection: Connection) -> Action:
        if step != "dot" or connection.messages != 2 or self.goes_on.is_set():
            return None
        self._stalled += 1
        return Stall(until=self.goes_on)

    async def begin(self) -> asyncio.Task[Delivered]:
        """The pass, when all four sessions stand still."""
        transport = SmtpTransport(RelayAddress("127.0.0.1", self.server.port), lanes=LANES)
        passing = asyncio.create_task(asyncio.to_thread(deliver, self._folder, self._store, transport))
        while self._stalled < LANES:
            await asyncio.sleep(0.01)
        return passing

    async def ask(self, verb: str) -> None:
        """What the operator says meanwhile."""
        assert await asyncio.to_thread(ask, self._folder, "editions", verb, str(self.number)) == 0

    async def until(self, most: int) -> None:
        """Waits until so many deliveries are claimed at most."""
        while states(self._store).count("claimed") > most:
            await asyncio.sleep(0.01)


def play(scene: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scene()

    asyncio.run(bounded())


def states(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(r.states(connection).values())


def test_an_edition_that_is_held_stops_although_its_relay_stalls_and_goes_on_when_resumed(
    folder: Path, store: Store, database: str
) -> None:
    scene = Scene(folder, store, database)

    async def held() -> None:
        async with scene.server:
            passing = await scene.begin()
            await scene.ask("hold")
            # Without the relay's help: what it has in hand, and what it was told the envelope of, is all that is left.
            await scene.until(2 * LANES)
            scene.goes_on.set()
            delivered = await passing
        assert delivered.accepted == len(scene.server.delivered) == 3 * LANES

    play(held)
    assert states(store).count("queued") == READERS - 3 * LANES
    assert ask(folder, "editions", "resume", "1") == 0
    with Relay() as second:
        assert deliver(folder, store, relay_transport(second)).accepted == READERS - 3 * LANES
    assert {*scene.server.recipients, *second.counts} == {f"reader{n}@example.org" for n in range(1, READERS + 1)}


def test_an_edition_that_is_resumed_while_it_is_being_delivered_goes_on_in_the_same_pass(
    folder: Path, store: Store, database: str
) -> None:
    scene = Scene(folder, store, database)

    async def resumed() -> None:
        async with scene.server:
            passing = await scene.begin()
            await scene.ask("hold")
            await scene.until(2 * LANES)
            await scene.ask("resume")
            scene.goes_on.set()
            assert (await passing).accepted == READERS

    play(resumed)
    assert sorted(Counter(scene.server.recipients).values()) == [1] * READERS


def test_an_edition_that_is_cancelled_stops_although_its_relay_stalls_and_adds_up(
    folder: Path, store: Store, database: str
) -> None:
    scene = Scene(folder, store, database)

    async def cancelled() -> None:
        async with scene.server:
            passing = await scene.begin()
            await scene.ask("cancel")
            await scene.until(2 * LANES)
            with store.reading() as connection:
                assert edition_store.sums(connection, 1).adds_up
            scene.goes_on.set()
            delivered = await passing
        assert delivered.accepted == len(scene.server.delivered) == 3 * LANES

    play(cancelled)
    with store.reading() as connection:
        sums = edition_store.sums(connection, 1)
        assert (sums.withdrawn, sums.outstanding) == (READERS - 3 * LANES, 0)
        assert sums.adds_up
        # Whoever did not get it has the articles ahead again.
        assert list(r.cursors(connection).values()).count(0) == sums.withdrawn


def test_a_failed_delivery_is_tried_again_where_the_reader_still_waits_for_it(
    folder: Path, sqlite_store: Store
) -> None:
    edition_for(sqlite_store, 3)
    with Relay(lambda address: "550 no" if not address.startswith("reader1") else None) as relay:
        assert deliver(folder, sqlite_store, relay_transport(relay)).failed == 2
        with sqlite_store.writing() as connection:
            # A later edition has taken over reader 3's articles.
            connection.execute(update(subscriptions).where(subscriptions.c.id == 3).values(cursor=9))
        assert ask(folder, "editions", "retry", "1", "--failed") == 0
        relay.refuse = lambda _address: None
        with sqlite_store.reading() as connection:
            assert r.cursors(connection) == {1: 2, 2: 2, 3: 9}
        assert deliver(folder, sqlite_store, relay_transport(relay)).accepted == 1
    assert states(sqlite_store) == ["accepted", "accepted", "failed"]
    with sqlite_store.reading() as connection:
        edition = edition_store.get(connection, 1)
        assert edition is not None
        assert edition.state is EditionState.FINISHED


def test_a_doubtful_delivery_is_tried_again_only_when_asked(
    folder: Path, sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    edition_for(sqlite_store, 1)
    with sqlite_store.writing() as connection:
        connection.execute(update(deliveries).values(state="failed", was_unknown=True, ended_at=r.NOW))
        edition_store.finish(connection, r.NOW)
    assert ask(folder, "editions", "retry", "1", "--failed", "--json") == 0
    assert json.loads(capsys.readouterr().out)["note"] == "0 deliveries"
    assert ask(folder, "editions", "retry", "1", "--unknown") == 0
    assert states(sqlite_store) == ["queued"]


@pytest.mark.parametrize("verb", ["hold", "resume", "cancel", "retry"])
def test_what_cannot_be_done_is_said(
    folder: Path, sqlite_store: Store, capsys: pytest.CaptureFixture[str], verb: str
) -> None:
    assert ask(folder, "editions", verb, "7") == 2
    assert "there is no edition 7" in capsys.readouterr().err
    number = edition_for(sqlite_store, 1)
    with sqlite_store.writing() as connection:
        edition_store.set_state(connection, number, EditionState.CANCELLED, came_from=EditionState.GOING_OUT)
    assert ask(folder, "editions", verb, str(number)) == 2
    assert "is cancelled and cannot be" in capsys.readouterr().err


def test_deliver_delivers_and_nothing_else(
    folder: Path, sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    edition_for(sqlite_store, 2)
    assert ask(folder, "deliver", "--json", "--max-time", "1 hour") == 0
    assert json.loads(capsys.readouterr().out)["accepted"] == 2
    assert len(list((folder / "mail" / "new").iterdir())) == 2
    assert not (folder / "public").exists()
