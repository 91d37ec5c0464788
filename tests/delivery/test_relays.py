"""Several relays: each has its part of the messages, and where one is away the others carry on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select

from publisher.delivery.relays import Member, Relays
from publisher.model.delivery import Result
from publisher.model.errors import RelayUnreachable
from publisher.store import Store
from publisher.store.schema import attempts
from tests.delivery.attempts import RememberingLog, deliver, outgoing, run
from tests.delivery.faulty_smtp import Action, Connection, Drop, FaultySmtp, good
from tests.delivery.going_out import edition_for
from tests.delivery.relays import relay
from tests.delivery.several import Several, once_more


def refuses_logins(step: str, connection: Connection) -> Action:
    return "535 5.7.8 wrong password" if step == "greeting" else None


def dies_after(messages: int) -> Callable[[str, Connection], Action]:
    taken = 0

    def script(step: str, connection: Connection) -> Action:
        nonlocal taken
        taken += step == "dot"
        return Drop() if taken > messages else None

    return script


def test_each_relay_has_its_part(folder: Path, store: Store) -> None:
    edition_for(store, 400)
    with Several(good, good, round_trip=0.002) as several:
        passed = several.walk(folder, store, [3, 1])
        assert passed.error is None
        assert passed.accepted == 400
        first, second = several.counts
        assert first + second == 400
        assert abs(first - 300) <= 40
        assert len(set(several.recipients)) == 400
    with store.reading() as connection:
        by_relay = dict(connection.execute(select(attempts.c.relay, func.count()).group_by(attempts.c.relay)).all())
    assert sorted(by_relay.values()) == sorted([first, second])


def test_where_one_is_away_the_others_carry_on_and_it_is_left_alone_for_a_while(folder: Path, store: Store) -> None:
    edition_for(store, 60)
    with Several(refuses_logins, good) as several:
        passed = several.walk(folder, store, [1, 1])
        assert passed.accepted == 60
        assert isinstance(passed.error, RelayUnreachable)
        assert "the other relays carry on" in str(passed.error)
        assert several.counts == [0, 60]
        tries = len(several.servers[0].connections)
        once_more(store)
        again = several.walk(folder, store, [1, 1], now=timedelta(minutes=1))
        assert (again.accepted, again.error) == (60, None)
        assert len(several.servers[0].connections) == tries
        once_more(store)
        several.walk(folder, store, [1, 1], now=timedelta(minutes=6))
        assert len(several.servers[0].connections) > tries


def test_a_spare_relay_steps_in_only_when_all_others_are_away(folder: Path, store: Store) -> None:
    edition_for(store, 30)
    with Several(good, good) as several:
        assert several.walk(folder, store, [1, 0]).accepted == 30
        assert several.counts == [30, 0]
    once_more(store)
    with Several(refuses_logins, good) as several:
        assert several.walk(folder, store, [1, 0], now=timedelta(hours=1)).accepted == 30
        assert several.counts == [0, 30]


def test_what_is_unknown_at_one_relay_is_not_given_to_another(folder: Path, store: Store) -> None:
    edition_for(store, 200)
    with Several(dies_after(20), good, round_trip=0.001) as several:
        passed = several.walk(folder, store, [1, 1])
        got = several.recipients
        assert len(got) == len(set(got)), "somebody had the message twice"
        assert passed.accepted + passed.unknown + passed.deferred == 200
        assert 0 < passed.unknown <= 4 * 2
        assert several.counts[1] > 100


def test_a_relay_that_waits_for_its_rate_keeps_no_other_back(folder: Path, store: Store) -> None:
    edition_for(store, 200)
    with Several(good, good, round_trip=0.001) as several:
        passed = several.walk(folder, store, [1, 1], "5/hour")
        assert passed.accepted == 200
        assert several.counts[0] <= 5


def test_all_away_leaves_everything_untouched() -> None:
    async def scene() -> None:
        async with FaultySmtp(refuses_logins) as first, FaultySmtp(refuses_logins) as second:
            both = Relays([Member(relay(first)), Member(relay(second))])
            log = RememberingLog()
            ran = await deliver(both, map(outgoing, range(50)), log=log)
        assert isinstance(ran.error, RelayUnreachable)
        assert "carry on" not in str(ran.error)
        assert set(ran.results().values()) == {Result.UNTOUCHED}
        assert log.events == []

    run(scene)


def test_a_stop_ends_all_relays() -> None:
    async def scene() -> None:
        async with FaultySmtp() as first, FaultySmtp() as second:
            both = Relays([Member(relay(first)), Member(relay(second))])
            ran = await deliver(both, map(outgoing, range(100_000)), stop_after=20)
        assert ran.error is None
        assert 20 <= len(ran.taken) < 400
        assert len(first.delivered) + len(second.delivered) == list(ran.results().values()).count(Result.ACCEPTED)

    run(scene)


def test_a_message_that_no_relay_can_take_fails_once() -> None:
    async def scene() -> None:
        def refuses(step: str, connection: Connection) -> Action:
            return "550 5.1.1 no" if step == "RCPT" else None

        async with FaultySmtp(refuses) as first, FaultySmtp() as other:
            both = Relays([Member(relay(first)), Member(relay(other), 0)])
            ran = await deliver(both, map(outgoing, range(5)))
        assert set(ran.results().values()) == {Result.FAILED}
        assert not other.connections

    run(scene)
