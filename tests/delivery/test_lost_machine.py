"""Three machines and one PostgreSQL: what happens to the readers of a machine that is lost, or stands still too long.

Each machine is a process with a folder of its own, so that none can read another's journal.
"""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Callable
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from publisher.delivery import delivering
from publisher.model.edition import EditionState
from publisher.store import editions as edition_store
from publisher.store import open_store
from publisher.store.schema import attempts, deliveries, sub_batches, subscribers, subscriptions
from tests import road
from tests.conftest import NOW
from tests.relay import Relay
from tests.test_crash import TIME, settings

READERS = 240
OPEN_SUB_BATCH = 50
AFTER_THE_LEASE = TIME + delivering.LEASE + timedelta(minutes=1)

pytestmark = pytest.mark.postgresql


def walk_with_small_claims(folder: Path, at: object, _commits: None) -> None:
    """So that each machine has a share of a small edition."""
    delivering.CLAIM = 40
    road.walk(folder, at)  # type: ignore[arg-type]


def add_readers(database: str, folder: Path) -> None:
    store = open_store(database, folder)
    with store.writing() as connection:
        people = [
            {"id": n, "address": f"reader{n}@example.com", "address_hash": f"hash{n}", "created_at": NOW}
            for n in range(1, READERS + 1)
        ]
        connection.execute(insert(subscribers), people)
        common = {"newsletter": "world", "cadence": "daily", "state": "active", "cursor": 0, "created_at": NOW}
        connection.execute(insert(subscriptions), [{"subscriber_id": n, **common} for n in range(1, READERS + 1)])
    store.close()


class Machines:
    """Three folders of one publication."""

    def __init__(self, folder: Path, database: str, relay: Relay, room: Path) -> None:
        settings(folder, database, relay)
        self.database = database
        self.folders = [room / name for name in "abc"]
        for copy in self.folders:
            shutil.copytree(folder, copy)
        add_readers(database, folder)

    def start(self, number: int, at: object = TIME) -> BaseProcess:
        return road.start(self.folders[number], at, does=walk_with_small_claims)  # type: ignore[arg-type]

    def unknown(self) -> set[str]:
        """Addresses of readers whose delivery was ever in doubt; and every doubt is a line of the ledger."""
        store = open_store(self.database, self.folders[1])
        try:
            with store.reading() as connection:
                doubts = connection.execute(
                    select(func.count(func.distinct(attempts.c.delivery_id))).where(attempts.c.result == "unknown")
                ).scalar_one()
                found = connection.scalars(
                    select(subscribers.c.address)
                    .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
                    .where(deliveries.c.was_unknown)
                ).all()
                assert doubts == len(found)
                return set(found)
        finally:
            store.close()

    def all_is_well(self, relay: Relay) -> None:
        store = open_store(self.database, self.folders[1])
        try:
            with store.reading() as connection:
                assert [edition.state for edition in edition_store.listing(connection)] == [EditionState.FINISHED]
                sums = edition_store.sums(connection, 1)
                assert sums.adds_up
                assert sums.accepted == READERS
                assert not connection.execute(select(func.count()).select_from(sub_batches)).scalar_one()
        finally:
            store.close()
        assert set(relay.counts) == {f"reader{n}@example.com" for n in range(1, READERS + 1)}
        unknown = self.unknown()
        assert {address for address, count in relay.counts.items() if count > 1} <= unknown
        assert max(relay.counts.values()) <= 2
        assert len(unknown) <= OPEN_SUB_BATCH


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.005)


def slowly(_recipient: str) -> str | None:
    time.sleep(0.004)
    return None


def test_of_a_lost_machine_only_the_open_sub_batch_is_in_doubt(
    folder: Path, postgresql_database: str, tmp_path: Path
) -> None:
    with Relay(slowly) as relay:
        machines = Machines(folder, postgresql_database, relay, tmp_path / "machines")
        first = machines.start(0)
        wait_until(lambda: len(relay.accepted) > 10)
        others = [machines.start(1), machines.start(2)]
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        first.join()
        shutil.rmtree(machines.folders[0])  # its journal too
        assert [road.finish(other) for other in others] == [0, 0]
        assert road.finish(machines.start(1, AFTER_THE_LEASE)) == 0
        machines.all_is_well(relay)
        assert machines.unknown()


def test_a_machine_that_stood_still_beyond_its_lease_goes_on_with_nothing_that_was_taken_over(
    folder: Path, postgresql_database: str, tmp_path: Path
) -> None:
    with Relay(slowly) as relay:
        machines = Machines(folder, postgresql_database, relay, tmp_path / "machines")
        first = machines.start(0)
        wait_until(lambda: len(relay.accepted) > 10)
        assert first.pid is not None
        os.kill(first.pid, signal.SIGSTOP)
        others = [machines.start(1, AFTER_THE_LEASE), machines.start(2, AFTER_THE_LEASE)]
        assert [road.finish(other) for other in others] == [0, 0]
        os.kill(first.pid, signal.SIGCONT)
        assert road.finish(first) == 0
        # Where it stood still in the middle of a transaction, its locks kept the others from what it had claimed.
        assert road.finish(machines.start(1, AFTER_THE_LEASE)) == 0
        machines.all_is_well(relay)
