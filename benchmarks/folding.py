"""Folding editions that ended: megabytes before and after, seconds, and the time to open the next edition.

    python benchmarks/folding.py [--subscriptions 1000000] [--editions 3]

Each edition is opened for all readers, every delivery gets an accepted attempt with a queue id of its own, one in a
hundred a deferred one before it, and one in a thousand has failed. "Before" is the database with all editions in it,
"after" the same with all but the newest folded. Opening the next edition is timed in both, and in a copy of the full
database that was vacuumed, as the best that could be had.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
from datetime import timedelta
from pathlib import Path

from open_edition import NOW, article, fill, publication
from sqlalchemy import text, update

from publisher.editions.opening import Opener
from publisher.model.edition import Digest
from publisher.store import Store, accounts, open_store
from publisher.store import editions as edition_store
from publisher.store.folding import fold_ended
from publisher.store.schema import subscriptions

DATABASE = "sqlite:publisher.db"
_ENDED = """
INSERT INTO attempts (delivery_id, at, worker, relay, result, code, reply, seconds)
SELECT id, strftime('%Y-%m-%d %H:%M:%f000', due_at, '+' || (id / 5000) || ' seconds'), 'host:4711:ab12cd34',
       'smtp://relay.example.org:587', {result}, {code}, {reply}, abs(random() % 9000) / 10000.0
FROM deliveries WHERE edition_id = :edition AND {which}
"""


def open_next(store: Store, root: Path, day: int) -> float:
    """Seconds to open the edition of that day."""
    now = NOW + timedelta(days=day)
    with store.writing() as connection:
        connection.execute(update(subscriptions).values(cursor=0))
    opener = Opener(
        publication=publication(root),
        store=store,
        articles=(article(1),),
        newest=1,
        render=lambda _newsletter, **_values: Digest(subject="x", preheader="", html="x" * 40_000, text="x" * 8_000),
        now=now,
    )
    began = time.perf_counter()
    [_opened] = opener.open_due()
    return time.perf_counter() - began


def finish(store: Store, number: int, day: int) -> None:
    """What delivering leaves behind."""
    queued = "'2.0.0 Ok: queued as ' || hex(randomblob(6))"
    with store.writing() as connection:
        for result, code, reply, which in (
            ("'deferred'", 451, "'4.7.1 Try again later'", "id % 100 = 0"),
            ("'failed'", 550, "'5.1.1 No such user'", "id % 1000 = 1"),
            ("'accepted'", 250, queued, "id % 1000 <> 1"),
        ):
            statement = _ENDED.format(result=result, code=code, reply=reply, which=which)
            connection.execute(text(statement), {"edition": number})
        connection.execute(
            text(
                "UPDATE deliveries SET state = CASE id % 1000 WHEN 1 THEN 'failed' ELSE 'accepted' END, attempts = 1, "
                "fence = 1, worker = 'host:4711:ab12cd34', first_tried_at = due_at, "
                "ended_at = strftime('%Y-%m-%d %H:%M:%f000', due_at, '+' || (id / 5000) || ' seconds') "
                "WHERE edition_id = :edition"
            ),
            {"edition": number},
        )
        edition_store.finish(connection, NOW + timedelta(days=day, hours=1))


def megabytes(path: Path) -> float:
    return path.stat().st_size / 1e6


def checkpoint(root: Path) -> float:
    """The database's size, without a write-ahead log beside it."""
    import sqlite3

    with sqlite3.connect(root / "publisher.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return megabytes(root / "publisher.db")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--subscriptions", type=int, default=1_000_000)
    parser.add_argument("--editions", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        store = open_store(DATABASE, root)
        fill(store, options.subscriptions, 1)
        print(f"{options.subscriptions:,} subscriptions: {checkpoint(root):7.0f} MB", flush=True)
        for day in range(options.editions):
            seconds = open_next(store, root, day)
            finish(store, day + 1, day)
            print(f"edition {day + 1}: opened in {seconds:5.1f} s; database {checkpoint(root):7.0f} MB", flush=True)
        store.close()
        full = root / "full"
        full.mkdir()
        shutil.copyfile(root / "publisher.db", full / "publisher.db")
        store = open_store(DATABASE, full)
        print(f"the next edition, all in the database: opened in {open_next(store, full, options.editions):5.1f} s")
        store.close()
        store = open_store(DATABASE, root)
        at = NOW + timedelta(days=60 + options.editions - 1)
        for number in range(1, options.editions):
            began = time.perf_counter()
            done = fold_ended(publication(root), store, clock=lambda: at, stop=threading.Event())
            seconds = time.perf_counter() - began
            for one in done.editions:
                size = megabytes(root / "ledger" / f"edition-{one:06}.jsonl.gz")
                print(
                    f"edition {one}: folded in {seconds / len(done.editions):5.1f} s; file {size:5.1f} MB", flush=True
                )
            if len(done.editions) >= number:
                break
        with store.reading() as connection:
            free = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one() * 4096 / 1e6
            edition = edition_store.get(connection, 1)
        assert edition is not None
        print(f"database {checkpoint(root):7.0f} MB, of which {free:7.0f} MB are free for what comes", flush=True)
        began = time.perf_counter()
        with store.reading() as connection:
            account = accounts.account_of(connection, root / "ledger", edition, options.subscriptions // 2)
        assert account is not None
        print(f"one reader's delivery found in the file in {1000 * (time.perf_counter() - began):5.1f} ms")
        seconds = open_next(store, root, options.editions)
        finish(store, options.editions + 1, options.editions)
        print(f"the next edition, after folding: opened in {seconds:5.1f} s; database {checkpoint(root):7.0f} MB")
        store.close()


if __name__ == "__main__":
    main()
