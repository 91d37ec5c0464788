"""Killed at any commit, the next run goes on: nobody is left out, and nobody is mailed twice without its being told."""

from __future__ import annotations

import random
import shutil
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from publisher.model.edition import EditionState
from publisher.store import Store, open_store
from publisher.store import editions as edition_store
from publisher.store.schema import attempts, deliveries, subscribers, subscriptions
from tests import road
from tests.conftest import NOW
from tests.relay import Relay

READERS = 7
TIME = datetime(2026, 3, 2, 6, 5, tzinfo=UTC)
ADDRESSES = {f"reader{number}@example.com" for number in range(1, READERS + 1)}


def add_readers(database: str, folder: Path) -> None:
    store = open_store(database, folder)
    with store.writing() as connection:
        for number in range(1, READERS + 1):
            connection.execute(
                insert(subscribers).values(
                    id=number,
                    address=f"reader{number}@example.com",
                    address_hash=f"hash{number}",
                    created_at=NOW,
                )
            )
            connection.execute(
                insert(subscriptions).values(
                    subscriber_id=number,
                    newsletter="world",
                    cadence="daily",
                    state="active",
                    cursor=0,
                    # Two groups, so that there is more than one variant to freeze.
                    language="" if number % 2 else "en-GB",
                    created_at=NOW,
                )
            )
    store.close()


def settings(folder: Path, database: str, relay: Relay) -> None:
    file = folder / "publication.toml"
    text = file.read_text("utf-8")
    file.write_text(
        text.replace(
            "[sections]", f'database = "{database}"\n[delivery]\ntransport = "{relay.url}"\nlanes = 1\n[sections]'
        ),
        "utf-8",
    )


def run(folder: Path, commits: int | None = None) -> int:
    return road.finish(road.start(folder, TIME, commits))


def everybody_has_it(database: str, folder: Path, relay: Relay, *, kills: int) -> None:
    """Nobody is left out; whoever got it twice is in the ledger as unknown, one a kill; and it adds up."""
    store: Store = open_store(database, folder)
    try:
        with store.reading() as connection:
            assert [edition.state for edition in edition_store.listing(connection)] == [EditionState.FINISHED]
            sums = edition_store.sums(connection, 1)
            assert sums.adds_up
            assert sums.accepted == sums.candidates == READERS
            unknown = connection.execute(
                select(func.count()).select_from(attempts).where(attempts.c.result == "unknown")
            ).scalar_one()
            doubtful = connection.execute(
                select(subscribers.c.address)
                .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
                .where(deliveries.c.was_unknown)
            ).scalars()
            twice = {address for address, count in relay.counts.items() if count > 1}
            assert twice <= set(doubtful)
            assert unknown <= kills
    finally:
        store.close()
    assert set(relay.counts) == ADDRESSES
    assert sum(relay.counts.values()) <= READERS + kills
    by_reader: dict[str, set[bytes]] = {}
    for item in relay.accepted:
        by_reader.setdefault(item.recipient, set()).add(item.content)
    # A repeat is the very same message: same Message-ID, same Date, same bytes.
    assert all(len(contents) == 1 for contents in by_reader.values())


@pytest.fixture
def ready(folder: Path, database: str) -> tuple[Path, str]:
    add_readers(database, folder)
    return folder, database


@pytest.mark.slow
def test_killed_at_each_commit_the_next_run_completes_the_edition(
    folder: Path, sqlite_database: str, tmp_path: Path
) -> None:
    database = sqlite_database
    add_readers(database, folder)
    for commits in range(1, 200):
        copy = tmp_path / f"killed-{commits}"
        shutil.copytree(folder, copy)
        with Relay() as relay:
            settings(copy, database, relay)
            status = run(copy, commits)
            if status == 0:
                assert commits > 15, "the pass has fewer commits than its stages"
                return
            assert status == -signal.SIGKILL
            assert run(copy) == 0
            everybody_has_it(database, copy, relay, kills=1)
    pytest.fail("the pass never ended")


@pytest.mark.slow
def test_killed_at_each_commit_while_it_is_composed_or_approved_it_still_goes_out_once(
    folder: Path, sqlite_database: str, tmp_path: Path
) -> None:
    add_readers(sqlite_database, folder)
    file = folder / "feeds/world.toml"
    publication = folder / "publication.toml"  # mail only: the pages' commits are those of the test above
    publication.write_text(f'{publication.read_text("utf-8")}[web]\npages = false\npermalink = "/{{slug}}/"\n', "utf-8")
    approval = 'approval = "12 hours"\neditor = "editor@example.com"\n[newsletter.cadences]'
    file.write_text(file.read_text("utf-8").replace("[newsletter.cadences]", approval), "utf-8")
    evening = TIME - timedelta(hours=8)
    with Relay() as relay:
        composed = tmp_path / "composed"
        shutil.copytree(folder, composed)
        settings(composed, sqlite_database, relay)
        assert road.finish(road.start(composed, evening)) == 0
        assert relay.counts == {"editor@example.com": 1}
        shutil.copyfile(publication, composed / "publication.toml")  # each copy has a relay of its own
    for start, does in ((folder, road.walk), (composed, road.approve)):
        for commits in range(1, 100):
            copy = tmp_path / f"{does.__name__}-{commits}"
            shutil.copytree(start, copy)
            with Relay() as relay:
                settings(copy, sqlite_database, relay)
                killed = road.finish(road.start(copy, evening, commits, does=does))
                assert killed in (0, -signal.SIGKILL)
                if does is road.walk:
                    assert road.finish(road.start(copy, evening)) == 0
                    assert relay.counts == {"editor@example.com": 1}
                approved = road.start(copy, evening, does=road.approve)
                # Approved twice, because nobody knows whether the killed approval was one: it says so, once.
                assert road.finish(approved) in ((0,) if does is road.walk else (0, 1))
                assert set(relay.counts) <= {"editor@example.com"}
                relay.forget()
                assert run(copy) == 0
                everybody_has_it(sqlite_database, copy, relay, kills=0)
            if killed == 0:
                assert commits > 5
                break
        else:
            pytest.fail("it never ended")


def test_killed_again_and_again_it_still_completes(ready: tuple[Path, str]) -> None:
    folder, database = ready
    with Relay() as relay:
        settings(folder, database, relay)
        kills = 0
        moments = random.Random(7)
        while (status := run(folder, moments.randint(1, 9))) != 0:
            assert status == -signal.SIGKILL
            kills += 1
            assert kills < 60
        assert kills > 3
        everybody_has_it(database, folder, relay, kills=kills)


@pytest.mark.parametrize("seed", range(10))
def test_killed_at_any_moment_the_next_run_completes_the_edition(folder: Path, sqlite_database: str, seed: int) -> None:
    add_readers(sqlite_database, folder)
    with Relay() as relay:
        settings(folder, sqlite_database, relay)
        process = road.start(folder, TIME)
        time.sleep(random.Random(seed).uniform(0.01, 0.4))
        process.kill()
        process.join()
        assert run(folder) == 0
        everybody_has_it(sqlite_database, folder, relay, kills=1)


def test_two_runs_at_once_deliver_nothing_twice(ready: tuple[Path, str]) -> None:
    folder, database = ready
    with Relay() as relay:
        settings(folder, database, relay)
        runs = [road.start(folder, TIME) for _ in range(3)]
        assert [road.finish(process) for process in runs] == [0, 0, 0]
        assert run(folder) == 0
        everybody_has_it(database, folder, relay, kills=0)
