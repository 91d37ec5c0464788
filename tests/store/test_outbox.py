"""The outbox: leases and fences, consent read at the claim, outcomes that change only what they may."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, select, update

from publisher.model.delivery import Outcome, Result
from publisher.model.edition import EditionState
from publisher.store import Store, outbox, returns
from publisher.store import editions as edition_store
from publisher.store import outcomes as outcomes_of
from publisher.store.schema import attempts, deliveries, missed, subscriptions
from tests.store import readers as r

LEASE = timedelta(minutes=10)
HOUR = timedelta(hours=1)


def in_an_hour(_result: Result, _attempts: int, _first: datetime) -> datetime | None:
    return r.NOW + HOUR


def give_up(_result: Result, _attempts: int, _first: datetime) -> datetime | None:
    return None


def claim(store: Store, worker: str = "one", *, now: datetime = r.NOW, limit: int = 10) -> dict[int, Outcome]:
    """Claims, and gives an accepted outcome for each delivery, by subscription."""
    with store.writing() as connection:
        claimed = outbox.claim(connection, worker=worker, now=now, lease=LEASE, limit=limit)
    return {
        delivery.subscription or 0: Outcome(delivery=delivery.id, fence=delivery.fence, result=Result.ACCEPTED)
        for delivery in claimed
    }


def ended(outcome: Outcome, result: Result, code: int = 0, reply: str = "") -> Outcome:
    return Outcome(delivery=outcome.delivery, fence=outcome.fence, result=result, code=code, reply=reply)


def record(store: Store, *outcomes: Outcome, retry=in_an_hour, worker: str = "one") -> None:  # type: ignore[no-untyped-def]
    with store.writing() as connection:
        outcomes_of.record(connection, outcomes, worker=worker, now=r.NOW, retry_at=retry)


def edition_for(store: Store, count: int) -> int:
    with store.writing() as connection:
        r.number_articles(connection, 2)
        for number in range(1, count + 1):
            r.add_reader(connection, number)
        return r.open_edition(connection).id


def states(store: Store) -> dict[int, str]:
    with store.reading() as connection:
        return r.states(connection)


def cursors(store: Store) -> dict[int, int]:
    with store.reading() as connection:
        return r.cursors(connection)


def test_two_workers_never_claim_the_same_delivery(store: Store) -> None:
    edition_for(store, 5)
    first = claim(store, "one", limit=3)
    second = claim(store, "two", limit=10)
    assert set(first) | set(second) == {1, 2, 3, 4, 5}
    assert not set(first) & set(second)
    assert claim(store, "three") == {}


def test_accepted_is_the_end_and_the_edition_is_finished_with_the_last_one(store: Store) -> None:
    """listmonk#1518: "finished" in spite of deferred messages."""
    edition = edition_for(store, 2)
    outcomes = claim(store)
    record(store, outcomes[1], ended(outcomes[2], Result.DEFERRED, 450, "later"))
    with store.writing() as connection:
        assert edition_store.finish(connection, r.NOW) == []
        assert edition_store.sums(connection, edition).outstanding == 1
    again = claim(store, now=r.NOW + HOUR)
    assert set(again) == {2}
    record(store, again[2])
    with store.writing() as connection:
        assert edition_store.finish(connection, r.NOW) == [edition]
        found = edition_store.get(connection, edition)
        assert found is not None
        assert found.state is EditionState.FINISHED
        assert edition_store.sums(connection, edition).adds_up


def test_a_deferred_delivery_waits_for_its_time(store: Store) -> None:
    edition_for(store, 1)
    record(store, ended(claim(store)[1], Result.DEFERRED, 450, "later"))
    assert states(store) == {1: "deferred"}
    assert claim(store, now=r.NOW + HOUR - timedelta(seconds=1)) == {}


def test_a_failed_delivery_gives_its_articles_back(store: Store) -> None:
    edition_for(store, 2)
    outcomes = claim(store)
    record(store, outcomes[1], ended(outcomes[2], Result.FAILED, 550, "no such user"))
    assert states(store) == {1: "accepted", 2: "failed"}
    assert cursors(store) == {1: 2, 2: 0}


def test_a_deferred_delivery_that_is_given_up_gives_its_articles_back(store: Store) -> None:
    edition_for(store, 1)
    record(store, ended(claim(store)[1], Result.DEFERRED, 450, "later"), retry=give_up)
    assert states(store) == {1: "failed"}
    assert cursors(store) == {1: 0}


def test_where_the_cursor_has_gone_on_the_articles_are_recorded_as_missed(store: Store) -> None:
    edition_for(store, 1)
    outcome = claim(store)[1]
    with store.writing() as connection:
        connection.execute(update(subscriptions).values(cursor=5))
    record(store, ended(outcome, Result.FAILED, 550, "no such user"))
    assert cursors(store) == {1: 5}
    with store.reading() as connection:
        rows = connection.execute(select(missed.c.subscription_id, missed.c.sequence).order_by(missed.c.sequence)).all()
    assert [tuple(row) for row in rows] == [(1, 1), (1, 2)]


def test_what_a_cursor_returns_over_is_no_longer_missed(store: Store) -> None:
    edition_for(store, 1)
    with store.writing() as connection:
        connection.execute(missed.insert().values(subscription_id=1, sequence=1, reason="segment", at=r.NOW))
    record(store, ended(claim(store)[1], Result.FAILED, 550, "no such user"))
    with store.reading() as connection:
        assert connection.execute(select(missed)).all() == []


def test_a_delivery_that_was_ever_unknown_returns_nothing(store: Store) -> None:
    edition = edition_for(store, 1)
    record(store, ended(claim(store)[1], Result.UNKNOWN))
    record(store, ended(claim(store, now=r.NOW + HOUR)[1], Result.FAILED, 550, "no"))
    assert cursors(store) == {1: 2}
    with store.reading() as connection:
        assert edition_store.sums(connection, edition).unknown == 1
        assert [case["subscriber_id"] for case in edition_store.doubtful(connection, edition)] == [1]


def test_an_outcome_without_its_fence_changes_nothing_but_is_in_the_ledger(store: Store) -> None:
    """A worker that slept beyond its lease finds that somebody else has the delivery now."""
    edition_for(store, 1)
    slept = claim(store, "sleeper")[1]
    later = r.NOW + LEASE + timedelta(seconds=1)
    with store.writing() as connection:
        assert outbox.requeue_expired(connection, later) == 1
    other = claim(store, "other", now=later)[1]
    record(store, slept, worker="sleeper")
    assert states(store) == {1: "claimed"}
    record(store, other, worker="other")
    assert states(store) == {1: "accepted"}
    with store.reading() as connection:
        workers = connection.execute(select(attempts.c.worker).order_by(attempts.c.id)).scalars().all()
    assert list(workers) == ["sleeper", "other"]


def test_a_lease_that_is_renewed_does_not_run_out(store: Store) -> None:
    edition_for(store, 1)
    claim(store)
    later = r.NOW + LEASE + timedelta(seconds=1)
    with store.writing() as connection:
        outbox.renew(connection, "one", later + LEASE)
        assert outbox.requeue_expired(connection, later) == 0


def test_what_was_not_touched_goes_back_without_a_line_in_the_ledger(store: Store) -> None:
    edition_for(store, 1)
    record(store, ended(claim(store)[1], Result.UNTOUCHED))
    assert states(store) == {1: "queued"}
    with store.reading() as connection:
        assert connection.execute(select(attempts)).all() == []
    assert set(claim(store)) == {1}


def test_consent_is_read_again_when_a_batch_is_claimed(store: Store) -> None:
    edition_for(store, 3)
    with store.writing() as connection:
        connection.execute(update(subscriptions).where(subscriptions.c.id == 1).values(state="unsubscribed"))
        r.suppress(connection, 2)
    assert set(claim(store)) == {3}
    assert states(store) == {1: "withdrawn", 2: "withdrawn", 3: "claimed"}
    assert cursors(store) == {1: 2, 2: 0, 3: 2}  # the suppressed reader is still subscribed


def test_a_delivery_of_an_earlier_subscription_is_withdrawn_and_returns_nothing(store: Store) -> None:
    edition_for(store, 1)
    with store.writing() as connection:
        connection.execute(update(subscriptions).values(generation=2, cursor=2))
    assert claim(store) == {}
    assert cursors(store) == {1: 2}


def test_an_edition_that_is_held_is_not_claimed(store: Store) -> None:
    edition = edition_for(store, 1)
    with store.writing() as connection:
        edition_store.set_state(connection, edition, EditionState.HELD, came_from=EditionState.GOING_OUT)
    assert claim(store) == {}


def test_cancelling_withdraws_what_is_not_claimed_and_gives_it_back(store: Store) -> None:
    edition = edition_for(store, 3)
    outcomes = claim(store, limit=1)
    with store.writing() as connection:
        assert returns.cancel(connection, edition, "a mistake", r.NOW) == 2
    assert states(store) == {1: "claimed", 2: "withdrawn", 3: "withdrawn"}
    assert cursors(store) == {1: 2, 2: 0, 3: 0}
    record(store, outcomes[1])
    with store.reading() as connection:
        assert edition_store.sums(connection, edition).adds_up


def test_the_reply_is_kept_with_the_delivery_and_in_the_ledger(store: Store) -> None:
    edition_for(store, 1)
    record(store, ended(claim(store)[1], Result.FAILED, 550, "5.1.1 no such user"))
    with store.reading() as connection:
        assert connection.execute(select(deliveries.c.reply)).scalar() == "550 5.1.1 no such user"
        assert connection.execute(select(attempts.c.code, attempts.c.result)).one() == (550, "failed")


def test_a_line_of_the_ledger_has_its_moment_as_all_others_are_kept(store: Store) -> None:
    """SQLite keeps moments as text, which is compared as text: one that is written otherwise would sort wrongly."""
    edition_for(store, 1)
    record(store, ended(claim(store)[1], Result.ACCEPTED))
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).where(attempts.c.at == r.NOW)) == 1


def test_the_outbox_says_what_waits(store: Store) -> None:
    edition_for(store, 3)
    outcomes = claim(store, limit=2)
    record(store, ended(outcomes[1], Result.DEFERRED, 450, "later"))
    with store.reading() as connection:
        waiting = outbox.waiting(connection, r.NOW)
    assert (waiting.due, waiting.later, waiting.claimed) == (1, 1, 1)
    assert waiting.next_try == r.NOW + HOUR
