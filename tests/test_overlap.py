"""Processes that overlap, slot after slot: every slot has one edition, none is missing, nobody gets anything twice.

mautic#2215, mautic#9880: overlapping crons send twice. Time is simulated: an hour passes as fast as all are done with
the slot before. Each process begins a slot together with the others.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select

from publisher import pipeline
from publisher.model.edition import EditionState
from publisher.publication import load, load_secrets
from publisher.store import Store, open_store
from publisher.store import editions as edition_store
from publisher.store.schema import attempts, deliveries, subscribers, subscriptions, variants
from tests import road
from tests.conftest import NOW

SLOTS = int(os.environ.get("PUBLISHER_SLOTS", "60"))
READERS = 2
HOUR = timedelta(hours=1)
START = datetime(2026, 3, 27, 6, tzinfo=UTC)  # through the change of clock on the 29th
FORKS = multiprocessing.get_context("forkserver")


def slot(number: int) -> datetime:
    return START + number * HOUR


def walk_all(folder: Path, barrier: Barrier, *, lasting: bool) -> None:
    """One process through all slots. ``lasting``: it keeps its store, as `serve` does; cron's opens one each time."""
    store = None
    publication, secrets = load(folder), load_secrets(folder)
    for number in range(SLOTS):
        barrier.wait(60)
        if store is None or not lasting:
            store = open_store(publication.database, folder)
        at = slot(number) + timedelta(minutes=5)
        passed = pipeline.run(
            publication, secrets, store, clock=lambda at=at: at, stop=threading.Event(), fixed_time=True
        )
        assert passed.errors == []
        if not lasting:
            store.close()
        barrier.wait(60)


def ready(folder: Path, database: str) -> Store:
    """A newsletter with an edition an hour, and three readers; the run before the first slot has been."""
    file = folder / "publication.toml"
    # Mail only: what is under test is the opening, and building pages takes most of a pass.
    setting = f'database = "{database}"\n[web]\npages = false\npermalink = "/{{slug}}/"\n[sections]'
    file.write_text(file.read_text("utf-8").replace("[sections]", setting), "utf-8")
    (folder / "feeds/science.toml").unlink()
    (folder / "feeds/world.toml").write_text(
        'title = "World"\nformats = []\n[newsletter]\nsender = "world@example.org"\nsince = 2026-03-27\n'
        '[newsletter.cadences]\nhourly = "0 * * * *"\n',
        "utf-8",
    )
    store = open_store(database, folder)
    with store.writing() as connection:
        for number in range(1, READERS + 1):
            address = f"reader{number}@example.com"
            connection.execute(
                insert(subscribers).values(id=number, address=address, address_hash=str(number), created_at=NOW)
            )
            connection.execute(
                insert(subscriptions).values(
                    subscriber_id=number, newsletter="world", cadence="hourly", state="active", cursor=0, created_at=NOW
                )
            )
        edition_store.pass_slot(connection, "world", "hourly", START - HOUR)
    (folder / "articles/ferry.md").unlink()
    return store


def write_article(folder: Path, number: int) -> None:
    """News for the slot; what is long over is taken away, so that a run stays short."""
    date = (slot(number) - timedelta(minutes=30)).isoformat()
    path = folder / f"articles/a{number}.md"
    path.write_text(f'+++\ntitle = "a{number}"\ndate = {date}\n+++\nNews.\n', "utf-8")
    (folder / f"articles/a{number - 4}.md").unlink(missing_ok=True)


def every_slot_has_one_edition(folder: Path, store: Store, *, kills: int) -> None:
    with store.reading() as connection:
        editions = edition_store.listing(connection, limit=SLOTS * 2)
        assert [edition.slot for edition in reversed(editions)] == [slot(number) for number in range(SLOTS)]
        assert {edition.state for edition in editions} == {EditionState.FINISHED}
        # One that opened while the other process was done with delivering waits for the next pass, whose edition takes
        # its articles over: so articles are counted, and not messages.
        got = Counter(
            (row.subscription_id, article)
            for row in connection.execute(
                select(deliveries.c.subscription_id, variants.c.articles, variants.c.rest)
                .join(variants, variants.c.id == deliveries.c.variant_id)
                .where(deliveries.c.state == "accepted")
            )
            for article in json.loads(row.articles) + json.loads(row.rest)
        )
        unknown = connection.execute(select(func.count()).where(attempts.c.result == "unknown")).scalar_one()
    assert set(got.values()) == {1}
    assert len(got) == SLOTS * READERS
    assert unknown <= kills
    messages = Counter(message_from_bytes(path.read_bytes())["Message-ID"] for path in (folder / "mail/new").iterdir())
    assert messages.total() <= len(messages) + unknown


@pytest.mark.slow
@pytest.mark.parametrize("lasting", [False, True], ids=["two crons", "a cron and a serve"])
def test_two_processes_open_every_slot_once(folder: Path, database: str, lasting: bool) -> None:
    store = ready(folder, database)
    barrier = FORKS.Barrier(3)
    processes = [
        FORKS.Process(target=walk_all, args=(folder, barrier), kwargs={"lasting": lasting and number == 0})
        for number in range(2)
    ]
    for process in processes:
        process.start()
    for number in range(SLOTS):
        write_article(folder, number)
        barrier.wait(60)
        barrier.wait(60)
    assert [road.finish(process) for process in processes] == [0, 0]
    assert road.finish(road.start(folder, slot(SLOTS - 1) + timedelta(minutes=10))) == 0
    every_slot_has_one_edition(folder, store, kills=0)
    store.close()


@pytest.mark.slow
@pytest.mark.postgresql
def test_three_processes_open_every_slot_once_though_one_is_killed_again_and_again(
    folder: Path, postgresql_database: str
) -> None:
    store = ready(folder, postgresql_database)
    barrier = FORKS.Barrier(3)
    processes = [
        FORKS.Process(target=walk_all, args=(folder, barrier), kwargs={"lasting": number == 0}) for number in range(2)
    ]
    for process in processes:
        process.start()
    moments = random.Random(11)
    kills = 0
    for number in range(SLOTS):
        write_article(folder, number)
        at = slot(number) + timedelta(minutes=5)
        victim = road.start(folder, at, moments.randint(1, 4)) if number % 3 == 0 else None
        barrier.wait(60)
        barrier.wait(60)
        if victim is not None:
            status = road.finish(victim)
            assert status in (0, -signal.SIGKILL)
            kills += status != 0
            # What it had claimed is read from its journal by whoever comes next.
            assert road.finish(road.start(folder, at)) == 0
    assert [road.finish(process) for process in processes] == [0, 0]
    assert kills > SLOTS // 6
    assert road.finish(road.start(folder, slot(SLOTS - 1) + timedelta(minutes=10))) == 0
    every_slot_has_one_edition(folder, store, kills=kills)
    store.close()
