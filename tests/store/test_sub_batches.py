"""What a worker is about to send, told to the database."""

from __future__ import annotations

from datetime import timedelta

from publisher.model.delivery import Result
from publisher.store import Store, outbox, sub_batches
from tests.store import readers as r
from tests.store.test_outbox import LEASE, claim, edition_for, record

LATE = r.NOW + LEASE + timedelta(seconds=1)


def begin(store: Store, worker: str, ids: list[int], now: object = r.NOW) -> set[int]:
    with store.writing() as connection:
        return sub_batches.begin(connection, worker, ids, now)  # type: ignore[arg-type]


def doubtful(store: Store, now: object) -> dict[str, list[int]]:
    with store.writing() as connection:
        found = sub_batches.doubtful(connection, now)  # type: ignore[arg-type]
    assert all(outcome.result is Result.UNKNOWN for outcomes in found.values() for outcome in outcomes)
    return {worker: [outcome.delivery for outcome in outcomes] for worker, outcomes in found.items()}


def test_of_an_expired_claim_only_what_was_begun_is_in_doubt(store: Store) -> None:
    edition_for(store, 4)
    ids = [outcome.delivery for outcome in claim(store).values()]
    assert begin(store, "one", ids[:2]) == set(ids[:2])
    assert doubtful(store, r.NOW) == {}
    assert doubtful(store, LATE) == {"one": ids[:2]}


def test_what_was_recorded_is_not_in_doubt(store: Store) -> None:
    edition_for(store, 3)
    outcomes = claim(store)
    ids = [outcome.delivery for outcome in outcomes.values()]
    begin(store, "one", ids)
    record(store, outcomes[1])
    assert doubtful(store, LATE) == {"one": ids[1:]}


def test_an_earlier_claim_of_the_same_delivery_is_forgotten_by_its_fence(store: Store) -> None:
    edition_for(store, 1)
    (first,) = claim(store).values()
    begin(store, "one", [first.delivery])
    with store.writing() as connection:
        outbox.release(connection, "one")
    claim(store)
    assert doubtful(store, LATE) == {"one": []}


def test_whoever_stood_still_beyond_the_lease_may_begin_nothing(store: Store) -> None:
    edition_for(store, 2)
    ids = [outcome.delivery for outcome in claim(store).values()]
    assert begin(store, "one", ids, r.NOW + LEASE - timedelta(seconds=20)) == set()
    with store.writing() as connection:
        outbox.requeue_expired(connection, LATE)
    assert begin(store, "one", ids) == set()
    claim(store, "two", now=LATE, limit=1)
    assert begin(store, "one", ids) == set()
    assert len(begin(store, "two", ids, LATE)) == 1


def test_sub_batches_go_when_nothing_of_them_is_claimed(store: Store) -> None:
    edition_for(store, 4)
    outcomes = claim(store)
    ids = [outcome.delivery for outcome in outcomes.values()]
    begin(store, "one", ids[:2])
    begin(store, "one", ids[2:])
    record(store, outcomes[1], outcomes[2], outcomes[3])
    with store.writing() as connection:
        sub_batches.forget(connection, "one")
    assert doubtful(store, LATE) == {"one": [ids[3]]}
    record(store, outcomes[4])
    with store.writing() as connection:
        sub_batches.forget(connection, "one")
        assert connection.exec_driver_sql("SELECT count(*) FROM sub_batches").scalar() == 0
