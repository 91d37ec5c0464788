"""Subscriptions in the database: where they begin, how they change state, what leaving withdraws."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import insert, select, update

from publisher.model.subscriber import SubscriptionState
from publisher.store import Connection, Store, outbox, subscriptions
from publisher.store import editions as edition_store
from publisher.store.schema import counters, deliveries, missed
from publisher.store.schema import subscriptions as table
from publisher.store.subscriptions import Counted
from tests.store import readers as r

PENDING, ACTIVE, LEFT = SubscriptionState.PENDING, SubscriptionState.ACTIVE, SubscriptionState.UNSUBSCRIBED
DAY = timedelta(days=1)


def generation(connection: Connection, number: int) -> int:
    return connection.execute(select(table.c.generation).where(table.c.id == number)).scalar_one()


def test_a_subscription_begins_behind_the_last_edition_of_its_cadence(store: Store) -> None:
    with store.writing() as connection:
        assert subscriptions.starting_cursor(connection, "world", "daily") == 0
        r.begin(connection, slot=r.SLOT, cutoff=5, cadence="weekly")
        assert subscriptions.starting_cursor(connection, "world", "daily") == 5
        r.begin(connection, slot=r.SLOT, cutoff=6)
        r.begin(connection, slot=r.SLOT + DAY, cutoff=8)
        r.begin(connection, slot=r.SLOT + 2 * DAY, cutoff=9, cadence="weekly")
        assert subscriptions.starting_cursor(connection, "world", "daily") == 8
        assert subscriptions.starting_cursor(connection, "world", "weekly") == 9
        assert subscriptions.starting_cursor(connection, "science", "weekly") == 0


def test_topics_of_before_the_first_edition_reach_back_to_the_start(store: Store) -> None:
    with store.writing() as connection:
        connection.execute(update(counters).values(value=12))
        assert subscriptions.starting_sequence(connection) == 0
        r.begin(connection)
        assert subscriptions.starting_sequence(connection) == 12


def test_only_the_state_that_was_seen_becomes_active(store: Store, now: datetime) -> None:
    with store.writing() as connection:
        r.add_reader(connection, 1, state="pending")
        assert subscriptions.activate(connection, 1, came_from=PENDING, cursor=4, now=now)
        assert not subscriptions.activate(connection, 1, came_from=PENDING, cursor=9, now=now)
        known = subscriptions.get(connection, 1)
        assert known is not None
        assert (known.state, known.cursor, known.cadence) == (ACTIVE, 4, "daily")
        assert generation(connection, 1) == 1


def test_who_returns_begins_anew_with_a_new_generation(store: Store, now: datetime) -> None:
    with store.writing() as connection:
        r.add_reader(connection, 1, cursor=3)
        assert subscriptions.end(connection, 1, now)
        assert subscriptions.activate(connection, 1, came_from=LEFT, cursor=7, now=now, cadence="weekly", topics="*@2")
        known = subscriptions.get(connection, 1)
        assert known is not None
        assert (known.cursor, known.cadence, known.topics, known.ended_at) == (7, "weekly", "*@2", None)
        assert generation(connection, 1) == 2


def test_who_signs_up_again_is_pending_and_is_remembered_to_have_left(store: Store, now: datetime) -> None:
    with store.writing() as connection:
        r.add_reader(connection, 1)
        assert not subscriptions.await_confirmation(connection, 1, cadence="weekly")
        subscriptions.end(connection, 1, now)
        assert subscriptions.await_confirmation(connection, 1, cadence="weekly")
        assert subscriptions.await_confirmation(connection, 1, cadence="daily")
        known = subscriptions.get(connection, 1)
        assert known is not None
        assert (known.state, known.cadence, known.ended_at) == (PENDING, "daily", now)
        assert generation(connection, 1) == 2


def test_leaving_withdraws_what_is_not_claimed_and_nothing_else(store: Store, now: datetime) -> None:
    with store.writing() as connection:
        r.number_articles(connection, 2)
        for number in (1, 2, 3, 4):
            r.add_reader(connection, number)
        r.open_edition(connection)
        claimed = outbox.claim(connection, worker="one", now=now, lease=DAY, limit=1)
        connection.execute(update(deliveries).where(deliveries.c.subscription_id == 3).values(state="deferred"))
        for number in (1, 2, 3):
            assert subscriptions.end(connection, number, now)
            assert not subscriptions.end(connection, number, now)
        assert [delivery.subscription for delivery in claimed] == [1]
        assert r.states(connection) == {1: "claimed", 2: "withdrawn", 3: "withdrawn", 4: "queued"}
        assert r.cursors(connection) == {1: 2, 2: 2, 3: 2, 4: 2}
        assert connection.execute(select(missed)).all() == []
        (edition,) = edition_store.listing(connection)
        assert edition_store.sums(connection, edition.id).adds_up


def test_changing_the_cadence_leaves_the_cursor(store: Store, now: datetime) -> None:
    with store.writing() as connection:
        r.add_reader(connection, 1, cursor=3)
        assert subscriptions.change_cadence(connection, 1, "weekly")
        assert not subscriptions.change_cadence(connection, 1, "weekly")
        known = subscriptions.get(connection, 1)
        assert known is not None
        assert (known.cadence, known.cursor) == ("weekly", 3)
        subscriptions.end(connection, 1, now)
        assert not subscriptions.change_cadence(connection, 1, "daily")


def test_somebody_is_found_by_address_and_newsletter(store: Store) -> None:
    with store.writing() as connection:
        r.add_reader(connection, 7)
        found = subscriptions.of_address(connection, "hash7", "world")
        assert found is not None
        assert (found[0].address, found[1].id) == ("reader7@example.org", 7)
        assert subscriptions.of_address(connection, "hash7", "science") is None
        assert subscriptions.of_address(connection, "hash8", "world") is None


def test_a_number_that_cannot_be_one_is_nobody(store: Store) -> None:
    with store.reading() as connection:
        assert subscriptions.get(connection, 0) is None
        assert subscriptions.get(connection, 2**70) is None


def test_the_counts_tell_active_pending_gone_and_suppressed(store: Store) -> None:
    with store.writing() as connection:
        for number, state in enumerate(["active", "active", "pending", "unsubscribed"], start=1):
            r.add_reader(connection, number, state=state)
        r.suppress(connection, 2)
        connection.execute(
            insert(table).values(
                id=9,
                subscriber_id=1,
                newsletter="science",
                cadence="weekly",
                state="active",
                cursor=0,
                created_at=r.SLOT,
            )
        )
        assert subscriptions.counts(connection) == {
            "world": Counted(active=2, pending=1, unsubscribed=1, suppressed=1),
            "science": Counted(active=1),
        }


def test_readers_are_counted_by_newsletter_and_cadence_without_those_who_left(store: Store, now: datetime) -> None:
    with store.writing() as connection:
        r.add_reader(connection, 1)
        r.add_reader(connection, 2, state="pending")
        r.add_reader(connection, 3, cadence="weekly")
        r.add_reader(connection, 4, newsletter="gone")
        r.add_reader(connection, 5, newsletter="gone", state="unsubscribed")
        assert subscriptions.readers(connection) == {
            ("world", "daily"): 2,
            ("world", "weekly"): 1,
            ("gone", "daily"): 1,
        }
