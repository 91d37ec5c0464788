"""Opening an edition for very many readers: seconds, peak memory, and how long another writer waits.

    python benchmarks/open_edition.py [--subscriptions 1000000] [--variants 1,50,500] [--database postgresql://…]

What is measured is everything from the due slot to "going out", with a renderer that costs nothing: groups are read
and decided, variants frozen, deliveries inserted and cursors moved. Meanwhile another process writes one row at a
time and notes the longest time that it had to wait. The figure beside each is the same work done reader by reader
in Python (one insert and one update each, a thousand a transaction) on a hundredth of the readers, times a hundred.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path

from sqlalchemy import insert, select, text, update

from publisher.editions.opening import Opener
from publisher.model.article import Article, Record
from publisher.model.edition import Digest
from publisher.model.feed import Cadence, Feed, Newsletter
from publisher.model.publication import Publication
from publisher.store import Store, meta, open_store
from publisher.store import articles as article_store
from publisher.store import editions as edition_store
from publisher.store.schema import deliveries, subscribers, subscriptions

NOW = datetime(2026, 3, 2, 7, 5, tzinfo=UTC)
SLOT = datetime(2026, 3, 2, 7, tzinfo=UTC)


def fill(store: Store, count: int, variants: int) -> None:
    """``count`` readers with ``variants`` different sets of topics, and as many sections with an article each."""
    batch = 50_000
    for first in range(1, count + 1, batch):
        numbers = range(first, min(first + batch, count + 1))
        with store.writing() as connection:
            connection.execute(
                insert(subscribers),
                [
                    {"id": n, "address": f"r{n}@example.org", "address_hash": f"h{n}", "created_at": NOW}
                    for n in numbers
                ],
            )
            connection.execute(
                insert(subscriptions),
                [
                    {
                        "id": n,
                        "subscriber_id": n,
                        "newsletter": "all",
                        "cadence": "daily",
                        "state": "active",
                        "cursor": 0,
                        "topics": f"section:s{n % variants}@0",
                        "created_at": NOW,
                    }
                    for n in numbers
                ],
            )
    with store.writing() as connection:
        records = [record(n) for n in range(1, variants + 1)]
        article_store.save(connection, records, ())
        article_store.take_numbers(connection, variants)
        edition_store.pass_slot(connection, "all", "daily", datetime(2026, 3, 1, 7, tzinfo=UTC))


def record(number: int) -> Record:
    return Record(
        id=f"a{number}",
        path=f"a{number}.md",
        title="x",
        content_hash=f"{number}",
        published=SLOT,
        updated=SLOT,
        first_seen=SLOT,
        public_since=SLOT,
        sequence=number,
        numbered_at=SLOT,
    )


def article(number: int) -> Article:
    return Article(
        id=f"a{number}",
        path=f"a{number}.md",
        url=f"https://news.example.org/{number}/",
        slug=f"a{number}",
        title="x",
        html="",
        summary="",
        published=SLOT,
        updated=SLOT,
        language="en",
        content_hash="",
        section=f"s{number - 1}",
        sequence=number,
    )


def publication(root: Path) -> Publication:
    newsletter = Newsletter(
        name="all",
        title="All",
        description="",
        sender_name="Desk",
        sender_address="desk@example.org",
        subject="x",
        timezone="UTC",
        language="en",
        cadences=(Cadence("daily", "07:00", "0 7 * * *"),),
        default_cadence="daily",
    )
    feed = Feed(name="all", title="All", description="", file="feeds/all.toml", language="en", newsletter=newsletter)
    return Publication(root=root, title="x", url="https://news.example.org", feeds=(feed,))


def other_writer(database: str, root: Path, stop: Synchronized[int], longest: Synchronized[float]) -> None:
    """Writes one row again and again, as a web server would."""
    store = open_store(database, root)
    while not stop.value:
        began = time.perf_counter()
        with store.writing() as connection:
            meta.write(connection, "other", str(began))
        longest.value = max(longest.value, time.perf_counter() - began)
        time.sleep(0.005)
    store.close()


def opened(database: str, root: Path, variants: int, result: multiprocessing.Queue[tuple[float, float]]) -> None:
    store = open_store(database, root)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    opener = Opener(
        publication=publication(root),
        store=store,
        articles=tuple(article(n) for n in range(1, variants + 1)),
        newest=variants,
        render=lambda _newsletter, **_values: Digest(subject="x", preheader="", html="x" * 40_000, text="x" * 8_000),
        now=NOW,
    )
    began = time.perf_counter()
    [edition] = opener.open_due()
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with store.reading() as connection:
        sums = edition_store.sums(connection, edition.edition.id)
    assert sums.adds_up
    assert sums.outstanding == sums.candidates
    store.close()
    result.put((seconds, (peak - before) / 1024))


def reader_by_reader(store: Store, count: int) -> float:
    """Seconds for what a loop in Python does for ``count`` readers."""
    began = time.perf_counter()
    with store.reading() as connection:
        rows = connection.execute(select(subscriptions.c.id, subscriptions.c.subscriber_id).limit(count)).all()
    for first in range(0, len(rows), 1000):
        with store.writing() as connection:
            edition = edition_store.listing(connection, limit=1)[0].id
            for row in rows[first : first + 1000]:
                connection.execute(
                    update(deliveries)
                    .where(deliveries.c.edition_id == edition, deliveries.c.subscription_id == row.id)
                    .values(cursor_to=1)
                )
                connection.execute(update(subscriptions).where(subscriptions.c.id == row.id).values(cursor=1))
    return time.perf_counter() - began


def measure(database: str, count: int, variants: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store = open_store(database, root)
        fill(store, count, variants)
        if store.dialect == "postgresql":
            with store.writing() as connection:
                connection.execute(text("ANALYZE"))
        forks = multiprocessing.get_context("spawn")
        stop, longest = forks.Value("i", 0), forks.Value("d", 0.0)
        result = forks.Queue()
        writer = forks.Process(target=other_writer, args=(database, root, stop, longest))
        opening = forks.Process(target=opened, args=(database, root, variants, result))
        writer.start()
        opening.start()
        seconds, memory = result.get()
        opening.join()
        stop.value = 1
        writer.join()
        naive = reader_by_reader(store, count // 100) * 100
        print(
            f"{store.dialect:10}  {count:>9,} subscriptions  {variants:>3} variants  {seconds:6.1f} s  "
            f"({naive / seconds:5.1f} x reader by reader)  +{memory:5.0f} MB  longest wait {longest.value:5.2f} s",
            flush=True,
        )
        store.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subscriptions", type=int, default=1_000_000)
    parser.add_argument("--variants", default="1,50,500")
    parser.add_argument("--database", default="sqlite:publisher.db", help="an empty one")
    options = parser.parse_args()
    for variants in map(int, options.variants.split(",")):
        measure(options.database, options.subscriptions, variants)


if __name__ == "__main__":
    main()
