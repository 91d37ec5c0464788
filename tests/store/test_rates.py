"""A relay's rates in the database: whoever asks, together they get no more."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from publisher.model.rate import Grant, Rate, parse_rate
from publisher.store import Store, rates

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RELAY = "relay.example.org:587"


def ask(store: Store, *written: str, want: int = 1000, at: datetime = NOON) -> Grant:
    with store.writing() as connection:
        return rates.claim_moments(connection, RELAY, [parse_rate(rate) for rate in written], want=want, now=at)


def moments(granted: Grant) -> list[float]:
    return [granted.start + number * granted.spacing for number in range(granted.count)]


def test_moments_are_granted_once_and_no_closer_than_the_rate(store: Store) -> None:
    given: list[float] = []
    at = NOON
    while at < NOON + timedelta(seconds=30):
        given += moments(ask(store, "14/s", want=5, at=at))
        at += timedelta(milliseconds=70)
    gaps = [later - earlier for earlier, later in pairwise(given)]
    assert min(gaps) > 1 / 14 - 1e-6
    assert 14 * 29 <= len(given) <= 14 * 31 + 1


def test_no_more_than_a_second_is_granted_ahead(store: Store) -> None:
    assert ask(store, "14/s").count == 14
    more = ask(store, "14/s", at=NOON + timedelta(milliseconds=1))
    assert more.count <= 1
    later = ask(store, "14/s", at=NOON + timedelta(milliseconds=2))
    assert later.count == 0
    assert 0 < later.again_at - NOON.timestamp() < 0.2


def test_a_relay_that_was_idle_does_not_get_what_it_missed(store: Store) -> None:
    ask(store, "10/s")
    granted = ask(store, "10/s", at=NOON + timedelta(hours=1))
    assert granted.count == 10
    assert granted.start == (NOON + timedelta(hours=1)).timestamp()


def test_an_hours_messages_are_counted_over_the_last_sixty_minutes(store: Store) -> None:
    assert ask(store, "500/hour", want=300).count == 300
    assert ask(store, "500/hour", want=300, at=NOON + timedelta(minutes=30)).count == 200
    full = ask(store, "500/hour", at=NOON + timedelta(minutes=59))
    assert full.count == 0
    assert full.again_at == (NOON + timedelta(minutes=61)).timestamp()
    assert "500/hour" in full.reason
    assert ask(store, "500/hour", at=NOON + timedelta(minutes=61)).count == 300


def test_all_of_several_rates_hold(store: Store) -> None:
    written = ("100/s", "250/hour", "260/day")
    assert [ask(store, *written, at=NOON + timedelta(seconds=second)).count for second in range(4)] == [100, 100, 50, 0]
    counts = [ask(store, *written, at=NOON + timedelta(hours=2, seconds=second)).count for second in range(2)]
    assert counts == [10, 0]
    assert (
        ask(store, *written, at=NOON + timedelta(hours=3)).again_at
        == (NOON + timedelta(hours=24, minutes=1)).timestamp()
    )


def test_what_was_not_sent_is_given_back(store: Store) -> None:
    ask(store, "100/hour", want=100)
    with store.writing() as connection:
        rates.give_back(connection, RELAY, 40)
    assert ask(store, "100/hour").count == 40


@pytest.mark.parametrize("ahead", [timedelta(minutes=5), timedelta(days=3), timedelta(days=4000)])
def test_a_clock_that_was_ahead_keeps_nobody_waiting_and_forgives_nothing(store: Store, ahead: timedelta) -> None:
    written = ("50/s", "200/day")
    assert sum(ask(store, *written, at=NOON + ahead + timedelta(seconds=second)).count for second in range(3)) == 150
    again = [ask(store, *written, at=NOON + timedelta(seconds=second)).count for second in range(3)]
    assert again == [50, 0, 0]


def test_a_clock_set_back_within_a_granted_second_repeats_no_moment(store: Store) -> None:
    first = moments(ask(store, "10/s", want=5))
    second = moments(ask(store, "10/s", want=5, at=NOON - timedelta(seconds=0.5)))
    assert not set(first) & set(second)


def test_processes_that_ask_at_once_get_no_more_together(store: Store) -> None:
    counts: list[int] = []

    def asks() -> None:
        for _ in range(10):
            counts.append(ask(store, "100/hour", want=7).count)

    threads = [threading.Thread(target=asks) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 100


def test_a_relay_that_slowed_down_gets_half_and_grows_back(store: Store) -> None:
    with store.writing() as connection:
        rates.slow_down(connection, RELAY, now=NOON)
        # Eight lanes notice the same thing at once.
        rates.slow_down(connection, RELAY, now=NOON + timedelta(seconds=1))
    granted = ask(store, "100/s", at=NOON + timedelta(seconds=1))
    assert granted.spacing == pytest.approx(1 / 50, rel=0.01)
    assert ask(store, "100/s", at=NOON + timedelta(minutes=3)).spacing == pytest.approx(1 / 80, rel=0.01)
    assert ask(store, "100/s", at=NOON + timedelta(minutes=6)).spacing == pytest.approx(1 / 100)
    with store.writing() as connection:
        for minute in range(60):
            rates.slow_down(connection, RELAY, now=NOON + timedelta(hours=1, seconds=20 * minute))
    assert ask(store, "100/s", at=NOON + timedelta(hours=2)).count > 0


def test_a_relay_that_is_set_aside_gets_nothing_until_then(store: Store) -> None:
    until = NOON + timedelta(minutes=15)
    with store.writing() as connection:
        rates.set_aside(connection, RELAY, until=until, reason="it said '421 4.4.5 too many messages'")
    refused = ask(store, "100/s", at=NOON)
    assert (refused.count, refused.again_at) == (0, until.timestamp())
    assert "421" in refused.reason
    assert ask(store, "100/s", at=until).count == 100


def test_rates_are_read_as_people_write_them() -> None:
    assert parse_rate("14/s") == Rate(14, 1)
    assert parse_rate("10000 / day") == Rate(10000, 86400)
    assert str(parse_rate("500/hour")) == "500/hour"
    for wrong in ("", "14", "14/sec", "0/s", "-1/s", "1.5/s", "9" * 12 + "/s"):
        with pytest.raises(ValueError, match="write for example"):
            parse_rate(wrong)
