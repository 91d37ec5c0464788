"""A relay that slows down or has had enough is given less, by everybody, and no reader is blamed."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from publisher.delivery.gates import Gates
from publisher.model.edition import EditionState
from publisher.model.rate import LEAST, Limits, RelayState, grant, halved, share_of
from publisher.store import Store, rates
from publisher.store import editions as edition_store
from publisher.store.schema import attempts, deliveries
from tests.delivery.attempts import run
from tests.delivery.faulty_smtp import Action, Connection, good
from tests.delivery.going_out import edition_for
from tests.delivery.several import Several
from tests.store import readers as r

ENOUGH = "421 4.4.5 Daily sending quota exceeded for your account"


def share(store: Store, several: Several, *, after: timedelta = timedelta()) -> float:
    with store.reading() as connection:
        state = rates.state_of(connection, f"127.0.0.1:{several.servers[0].port}")
    return share_of(state, (r.NOW + after).timestamp())


def tried(store: Store) -> int:
    with store.reading() as connection:
        return connection.execute(select(func.sum(deliveries.c.attempts))).scalar_one()


@pytest.mark.parametrize("step", ["greeting", "EHLO", "MAIL"])
def test_a_relay_that_has_had_enough_before_it_saw_a_message_is_left_alone_for_a_quarter_of_an_hour(
    folder: Path, store: Store, step: str
) -> None:
    number = edition_for(store, 20)
    with Several(lambda at, _: ENOUGH if at == step else None) as several:
        first = several.alone(folder, store)
        tries = len(several.servers[0].connections)
        again = several.alone(folder, store, now=timedelta(minutes=5))
        assert len(several.servers[0].connections) == tries
        several.servers[0].script = good
        later = several.alone(folder, store, now=timedelta(minutes=16))
    for passed in (first, again):
        assert (passed.attempts, passed.waiting, passed.error, passed.complaints) == (0, 20, None, [])
        assert "4.4.5" in passed.waits_for
        assert passed.again_at is not None
        assert timedelta(minutes=14) < passed.again_at - r.NOW < timedelta(minutes=16)
    assert (later.accepted, later.waiting) == (20, 0)
    assert tried(store) == 20
    with store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(attempts)).scalar_one() == 20
        edition = edition_store.get(connection, number)
        assert edition is not None
        assert edition.state is EditionState.FINISHED


def test_a_relay_that_has_had_enough_in_the_middle_keeps_what_it_took(folder: Path, store: Store) -> None:
    edition_for(store, 60)

    def enough(step: str, connection: Connection) -> Action:
        return ENOUGH if step == "MAIL" and connection.messages >= 5 else None

    with Several(enough) as several:
        passed = several.alone(folder, store)
        assert passed.accepted == len(several.recipients) == len(set(several.recipients))
        assert 5 <= passed.accepted <= 20
        assert (passed.error, passed.deferred, passed.failed) == (None, 0, 0)
        assert passed.waiting == 60 - passed.accepted


def test_a_limit_that_a_message_is_refused_with_pauses_its_edition_and_halves_the_relay(
    folder: Path, store: Store
) -> None:
    number = edition_for(store, 20)
    refuse = "454 Throttling failure: Maximum sending rate exceeded."
    with Several(lambda step, _: refuse if step == "dot" else None) as several:
        passed = several.alone(folder, store)
        assert passed.refused > 0
        assert share(store, several) < 0.6
    with store.reading() as connection:
        edition = edition_store.get(connection, number)
        assert edition is not None
        assert edition.state is EditionState.PAUSED
        assert "Throttling" in edition.reason
    assert tried(store) == 0


def test_a_relay_that_finds_us_too_many_gets_half_the_lanes_and_then_more_again(folder: Path, store: Store) -> None:
    edition_for(store, 200)
    open_now: set[int] = set()

    def two(step: str, connection: Connection) -> Action:
        if step == "greeting":
            if len(open_now) >= 2:
                return "421 4.7.0 Too many connections from your host"
            open_now.add(connection.number)
        return None

    with Several(two, round_trip=0.005) as several:
        passed = several.alone(folder, store, Limits(lanes=8))
        assert (passed.accepted, passed.error) == (200, None)
        assert share(store, several) <= 0.5
        assert share(store, several, after=timedelta(minutes=5)) > 0.9
        assert share(store, several, after=timedelta(minutes=11)) == 1


def test_a_relay_whose_replies_take_much_longer_than_before_is_backed_off(store: Store) -> None:
    async def scene() -> None:
        with ThreadPoolExecutor(1) as database:
            gates = Gates(store, database, clock=lambda: r.NOW)
            gate = gates.gate("relay.example.org:587", Limits(lanes=8))
            for _ in range(200):
                gate.hear(250, "2.0.0 ok", 0.1)
            for _ in range(3):
                gate.hear(250, "2.0.0 ok", 2.0)  # now and then one takes its time
            assert gate.lanes == 8
            for _ in range(30):
                gate.hear(250, "2.0.0 ok", 5.0)
            while gate.lanes == 8:
                await asyncio.sleep(0.01)
            assert gate.lanes == 4
            gates.end()

    run(scene)
    with store.reading() as connection:
        assert share_of(rates.state_of(connection, "relay.example.org:587"), r.NOW.timestamp()) == 0.5


def test_a_session_ends_after_as_many_messages_as_the_profile_allows(folder: Path, store: Store) -> None:
    edition_for(store, 101)
    with Several(good) as several:
        passed = several.alone(folder, store, Limits(lanes=2, messages=25))
        assert passed.accepted == 101
        assert max(connection.messages for connection in several.servers[0].connections) == 25
        assert all(connection.commands[-1] == "QUIT" for connection in several.servers[0].connections)


def test_a_session_ends_when_it_is_old_enough(folder: Path, store: Store) -> None:
    edition_for(store, 60)
    with Several(good, round_trip=0.02) as several:
        passed = several.alone(folder, store, Limits(lanes=1, age=0.3))
        assert passed.accepted == 60
        assert len(several.servers[0].connections) >= 3


def test_a_relay_is_never_left_with_nothing() -> None:
    state, now = RelayState(), 1_000_000.0
    for _ in range(30):
        now += 11
        state = halved(state, now)
    assert share_of(state, now) >= LEAST
    assert grant(state, (), {}, want=5, now=now)[0].count == 5
    assert share_of(state, now + 600) == 1
