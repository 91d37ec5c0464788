"""A large publication from import to fold: rates, memory and the database's growth, step by step.

    python benchmarks/scale.py [--subscribers 1000000] [--database postgresql://…] [--editions 2]

On SQLite a host delivers with one process; on PostgreSQL the second edition is delivered by two, each with a folder of
its own, as two machines would. Every step is a process of its own, so that its memory is its own. Messages go into
smtp-sink (Debian's postfix; no daemon), which takes some 10,000 a second of a quiet machine; the journal is synced as
if the relay were elsewhere. A small --subscribers shows in a minute how it goes.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import delivery
import mail_edition
from sqlalchemy import text

from publisher import pipeline
from publisher.audience.admitting import import_rows
from publisher.audience.csvfile import read_csv
from publisher.publication import load, load_secrets
from publisher.store import Store, open_store
from publisher.store import editions as edition_store
from publisher.store.folding import fold_ended
from publisher.theme.environment import environment_of

SUNDAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
ARTICLES = 8
_SENTENCE = "The ferry left the harbour at half past six, later than the timetable says, and nobody aboard minded. "


def morning(edition: int) -> datetime:
    """A moment after the slot of that edition; the first is on Monday."""
    return SUNDAY + timedelta(days=edition, hours=-5, minutes=5)


def main() -> None:
    """Prints the steps."""
    parser = argparse.ArgumentParser(description="A large publication from import to fold.")
    parser.add_argument("--subscribers", type=int, default=1_000_000)
    parser.add_argument("--database", default="sqlite:publisher.db")
    parser.add_argument("--editions", type=int, default=2)
    parser.add_argument("--child", nargs=3, metavar=("STEP", "FOLDER", "EDITION"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        step, folder, edition = options.child
        print(json.dumps(measured(step, Path(folder), int(edition))))
        return
    with tempfile.TemporaryDirectory() as room, delivery.postfix_sink() as port:
        go_through(Path(room), port, options.subscribers, options.database, options.editions)


def go_through(room: Path, port: int, subscribers: int, database: str, editions: int) -> None:
    """All steps, each with its line."""
    folder, other = room / "one", room / "two"
    write_publication(folder, port, database)
    several = database.startswith("postgresql:")
    with (folder / "subscribers.csv").open("w", encoding="utf-8") as file:
        file.write("address,name\n")
        file.writelines(f"reader{number}@example.com,Reader {number}\n" for number in range(1, subscribers + 1))
    say("start", run("start", folder, 0), 0, folder, database)
    say("import", run("import", folder, 0), subscribers, folder, database)
    for edition in range(1, editions + 1):
        write_articles(folder, edition)
        say(f"open edition {edition}", run("open", folder, edition), subscribers, folder, database)
        if several and edition > 1:
            shutil.copytree(folder, other, ignore=shutil.ignore_patterns(".publisher", "*.csv"), dirs_exist_ok=True)
            say(
                f"deliver edition {edition}, two processes", both(folder, other, edition), subscribers, folder, database
            )
        else:
            say(f"deliver edition {edition}", run("deliver", folder, edition), subscribers, folder, database)
    say("fold", run("fold", folder, editions + 90), subscribers * editions, folder, database)
    ledger = sum(path.stat().st_size for path in (folder / "ledger").rglob("*") if path.is_file())
    print(f"{'ledger/, all editions':38} {ledger / 1e6:10,.2f} MB", flush=True)


def command(step: str, folder: Path, edition: int) -> list[str]:
    return [sys.executable, __file__, "--child", step, str(folder), str(edition)]


def run(step: str, folder: Path, edition: int) -> dict[str, float]:
    """A step in a process of its own."""
    done = subprocess.run(command(step, folder, edition), check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.splitlines()[-1]))


def both(one: Path, two: Path, edition: int) -> dict[str, float]:
    """Two processes deliver one edition; the seconds of the slower, the sums of the rest."""
    began = time.perf_counter()
    processes = [
        subprocess.Popen(command("deliver", folder, edition), stdout=subprocess.PIPE, text=True)
        for folder in (one, two)
    ]
    found = [json.loads(process.communicate()[0].splitlines()[-1]) for process in processes]
    return {
        "seconds": time.perf_counter() - began,
        "cpu": sum(one["cpu"] for one in found),
        "peak": max(one["peak"] for one in found),
        "accepted": sum(one["accepted"] for one in found),
        "least": min(one["accepted"] for one in found),
    }


def say(name: str, found: dict[str, float], count: int, folder: Path, database: str) -> None:
    """A line: how long, how many a second, CPU each, memory, and how large the database is now."""
    seconds = found["seconds"]
    size, free = database_size(folder, database)
    each = f"{count / seconds:10,.0f}/s {found['cpu'] / count * 1e6:7.0f} us" if count else f"{'':22}"
    more = "".join(f", {key} {found[key]:,.0f}" for key in ("accepted", "least", "octets") if key in found)
    print(
        f"{name:38} {seconds:8.1f} s {each} {found['peak']:6.0f} MB"
        f"   database {size / 1e6:8,.1f} MB, free {free / 1e6:,.1f}{more}",
        flush=True,
    )


def database_size(folder: Path, database: str) -> tuple[int, int]:
    """Octets on the disk, and how many of them are free pages (PostgreSQL: not known)."""
    store = open_store(database, folder)
    try:
        with store.reading() as connection:
            if store.folder is None:
                return int(connection.execute(text("SELECT pg_database_size(current_database())")).scalar_one()), 0
            page, free = (
                int(connection.exec_driver_sql(f"PRAGMA {name}").scalar_one())
                for name in ("page_size", "freelist_count")
            )
        return sum(path.stat().st_size for path in folder.glob("publisher.db*")), page * free
    finally:
        store.close()


def measured(step: str, folder: Path, edition: int) -> dict[str, float]:
    """The child's part: a step, and what it cost."""
    steps = {"start": start, "import": import_them, "open": open_it, "deliver": deliver, "fold": fold}
    store = open_store(load(folder).database, folder)
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    found = steps[step](folder, store, morning(edition))
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    store.close()
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"seconds": seconds, "cpu": cpu, "peak": delivery.peak_memory(), **found}


def start(folder: Path, store: Store, now: datetime) -> dict[str, float]:
    """The first run of an empty publication."""
    pipeline.publish(load(folder), store, environment=environment_of(load(folder)), now=now, mailing=True)
    return {}


def import_them(folder: Path, store: Store, now: datetime) -> dict[str, float]:
    """What `subscribers import` does."""
    admitted = import_rows(
        store,
        load(folder),
        read_csv((folder / "subscribers.csv").read_bytes(), file="subscribers.csv"),
        file="subscribers.csv",
        newsletter="world",
        cadence="daily",
        keys=load_secrets(folder).signing,
        now=now,
    )
    return {"accepted": float(sum(admitted.counts.values()))}


def open_it(folder: Path, store: Store, now: datetime) -> dict[str, float]:
    """What a run does before it delivers."""
    publication = load(folder)
    environment = environment_of(publication)
    published = pipeline.publish(publication, store, environment=environment, now=now, mailing=True)
    keys = load_secrets(folder).signing
    pipeline.open_editions(publication, store, published, environment=environment, keys=keys, now=now)
    with store.reading() as connection:
        newest = edition_store.listing(connection)[0]
        row = connection.execute(
            text("SELECT length(html) + length(text) FROM variants WHERE edition_id = :edition"), {"edition": newest.id}
        )
        return {"octets": float(row.scalar_one())}


def deliver(folder: Path, store: Store, now: datetime) -> dict[str, float]:
    """One delivering process."""
    publication = load(folder)
    delivered = delivery.deliver_as_if_away(publication, load_secrets(folder), store, now=now)
    return {"accepted": float(delivered.accepted)}


def fold(folder: Path, store: Store, now: datetime) -> dict[str, float]:
    """Three months later."""
    publication = load(folder)
    folded = fold_ended(publication, store, clock=lambda: now, stop=threading.Event())
    assert not folded.errors, folded.errors
    return {}


def write_publication(folder: Path, port: int, database: str) -> None:
    """Settings and one newsletter."""
    (folder / "feeds").mkdir(parents=True)
    (folder / "articles").mkdir()
    settings = mail_edition.PUBLICATION.format(transport=f"smtp://127.0.0.1:{port}", lanes=8, database=database)
    (folder / "publication.toml").write_text(settings, "utf-8")
    (folder / "feeds" / "world.toml").write_text(mail_edition.FEED, "utf-8")


def write_articles(folder: Path, edition: int) -> None:
    """A morning's articles: a message of some 40 KB."""
    written = morning(edition) - timedelta(hours=2)
    for number in range(1, ARTICLES + 1):
        paragraphs = "\n\n".join(_SENTENCE * 5 for _ in range(4))
        (folder / "articles" / f"e{edition}-{number}.md").write_text(
            f"---\ntitle: The ferry, part {number}\ndate: {written.isoformat()}\n---\n{paragraphs}\n", "utf-8"
        )


if __name__ == "__main__":
    main()
