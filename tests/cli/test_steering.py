"""Holding, resuming, cancelling and retrying editions, while they are going out too; and `deliver`."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import update

from publisher.cli import call
from publisher.delivery.delivering import Delivered
from publisher.model.edition import EditionState
from publisher.store import Store
from publisher.store import editions as edition_store
from publisher.store.schema import deliveries, subscriptions
from tests.delivery.going_out import deliver, edition_for, relay_transport
from tests.relay import Relay
from tests.store import readers as r


def ask(folder: Path, *words: str) -> int:
    return call([*words, "--publication", str(folder)])


def at_three_messages(
    folder: Path, store: Store, count: int, act: Callable[[int], None]
) -> tuple[Relay, Delivered, float]:
    """A pass over a slow relay during which ``act`` is called; and how long the pass went on after it."""
    number = edition_for(store, count)
    acted: list[float] = []

    def slow(_address: str) -> None:
        time.sleep(0.1)

    with Relay(slow) as relay:

        def watch() -> None:
            while len(relay.accepted) < 3:
                time.sleep(0.01)
            act(number)
            acted.append(time.monotonic())

        watcher = threading.Thread(target=watch)
        watcher.start()
        delivered = deliver(folder, store, relay_transport(relay))
        ended = time.monotonic()
        watcher.join()
    return relay, delivered, ended - acted[0]


def states(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(r.states(connection).values())


def test_an_edition_that_is_held_stops_within_a_second_and_goes_on_when_resumed(
    folder: Path, sqlite_store: Store
) -> None:
    relay, delivered, after = at_three_messages(
        folder, sqlite_store, 60, lambda number: assert_done(folder, "hold", number)
    )
    assert after < 1.5
    assert 3 <= delivered.accepted == len(relay.accepted) < 20
    assert states(sqlite_store).count("queued") == 60 - delivered.accepted
    assert ask(folder, "editions", "resume", "1") == 0
    with Relay() as second:
        assert deliver(folder, sqlite_store, relay_transport(second)).accepted == 60 - delivered.accepted
    assert {**relay.counts, **second.counts} == {f"reader{n}@example.org": 1 for n in range(1, 61)}


def assert_done(folder: Path, verb: str, number: int) -> None:
    assert ask(folder, "editions", verb, str(number)) == 0


def test_an_edition_that_is_cancelled_stops_within_a_second_and_adds_up(folder: Path, sqlite_store: Store) -> None:
    relay, delivered, after = at_three_messages(
        folder, sqlite_store, 60, lambda number: assert_done(folder, "cancel", number)
    )
    assert after < 1.5
    assert 3 <= delivered.accepted == len(relay.accepted) < 20
    with sqlite_store.reading() as connection:
        sums = edition_store.sums(connection, 1)
        assert (sums.withdrawn, sums.outstanding) == (60 - delivered.accepted, 0)
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
