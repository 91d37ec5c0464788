"""Faults at random points of a delivering pass, and what must hold after each of them.

    python -m tests.faults [--seeds 300] [--first 0] [--only kill]

Each seed is a scene: an edition for some hundred readers, a relay that refuses some of them for now and some for ever,
and up to three passes that are killed, told to stop, frozen beyond their lease, or lose the disk or the database;
then passes that nothing disturbs, until the edition has ended. `Scene.check` says what must hold then.
"""

from __future__ import annotations

import argparse
import asyncio
import atexit
import multiprocessing
import os
import random
import resource
import shutil
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from multiprocessing.process import BaseProcess
from pathlib import Path

from sqlalchemy import select

from publisher.delivery import delivering
from publisher.delivery.delivering import deliver_outbox
from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress
from publisher.model.errors import PublisherError
from publisher.publication import load, load_secrets
from publisher.store import editions as edition_store
from publisher.store import open_store
from publisher.store.schema import attempts, deliveries, subscribers
from tests.conftest import PUBLICATION, SCIENCE, WORLD
from tests.delivery.faulty_smtp import Action, Connection, FaultySmtp
from tests.delivery.going_out import edition_for
from tests.postgresql import Server, programs

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
LEASE = timedelta(minutes=1)
SUB_BATCH = 50
SQLITE = ("kill", "stop", "freeze", "full", "locked")
POSTGRESQL = ("kill", "stop", "freeze", "restart")


def work(folder: Path, database: str, port: int, lanes: int, at: datetime, most: int | None) -> None:
    """One delivering pass at ``at``, in a process of its own. ``most``: bytes that a file of it may have."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    delivering.LEASE = LEASE
    if most is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    began = time.monotonic()
    try:
        store = open_store(database, folder, wait=0.5)
    except PublisherError:
        return
    try:
        passed = deliver_outbox(
            load(folder),
            load_secrets(folder),
            store,
            SmtpTransport(RelayAddress("127.0.0.1", port), lanes=lanes, pause=0.01),
            clock=lambda: at + timedelta(seconds=time.monotonic() - began),
            stop=stop,
        )
        if passed.error is not None:
            print(f"  {passed.error}", file=sys.stderr)
    except PublisherError as error:
        print(f"  {error}", file=sys.stderr)
    finally:
        store.close()


_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "psycopg", "uvloop"])


@cache
def _migrated() -> Path:
    """An empty SQLite file with the newest schema, to copy: migrating takes longer than a scene."""
    folder = Path(tempfile.mkdtemp(prefix="faults-empty-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    open_store("sqlite:publisher.db", folder).close()
    return folder / "publisher.db"


class Refusing(FaultySmtp):
    """A relay in a thread of its own that refuses one in ten for now and one in ten for ever."""

    def __init__(self, *, round_trip: float) -> None:
        super().__init__(self._reply, round_trip=round_trip)
        self._known: set[str] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Refusing:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self.__aenter__(), self._loop).result(10)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self.__aexit__(None, None, None), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _reply(self, step: str, connection: Connection) -> Action:
        if step != "RCPT":
            return None
        reader = connection.recipient
        number = int(reader[6:].partition("@")[0])
        if number % 10 == 3:
            return "550 5.1.1 no such user"
        if number % 10 == 7 and reader not in self._known:
            self._known.add(reader)
            return "450 4.3.2 not now"
        return None


class Scene:
    """One seed. ``said`` tells what happened."""

    def __init__(
        self, seed: int, folder: Path, server: Server | None, only: str | None = None, *, machines: int = 2
    ) -> None:
        self.chance = random.Random(seed)
        self.said: list[str] = []
        # How many messages may be in doubt: the lanes of a process that died, the open sub-batch of one that was lost.
        self.doubtful = 0
        self.server = server
        self._folder = folder
        self.lanes = self.chance.choice([1, 3, 8])
        self.readers = self.chance.randint(60, 200)
        self.at = START
        kinds = SQLITE if server is None else POSTGRESQL
        possible = [only] if only in kinds else list(kinds)
        self._faults = [self.chance.choice(possible) for _ in range(self.chance.randint(1, 3))]
        self.machines = [self._machine(f"machine{number}") for number in range(1 if server is None else machines)]
        if server is None:
            self.database = "sqlite:publisher.db"
            shutil.copyfile(_migrated(), self.machines[0] / "publisher.db")
        else:
            self.database = server.database(f"scene{seed}")

    def play(self) -> None:
        """Faults, then peace, then the account."""
        with self.opened():
            for fault in self._faults:
                getattr(self, f"_{fault}")()
                self.at += timedelta(minutes=self.chance.choice([0, 7]))
            self.end_in_peace()

    @contextmanager
    def opened(self) -> Iterator[None]:
        """The edition is going out, and the relay is there."""
        store = open_store(self.database, self.machines[0])
        edition_for(store, self.readers)
        store.close()
        with Refusing(round_trip=self.chance.choice([0.0, 0.001, 0.003])) as self.relay:
            yield

    def end_in_peace(self) -> None:
        """Passes that nothing disturbs, until the edition has ended; then the account."""
        for _ in range(12):
            if self._ended():
                break
            for machine in self.machines:
                self.finish(self.start(machine))
            self.at += timedelta(minutes=20)
        self.check()

    def check(self) -> None:
        """Nobody is left out; who had it twice is in the ledger as unknown; and all of it adds up."""
        got = Counter(self.relay.recipients)
        store = open_store(self.database, self.machines[0])
        with store.reading() as connection:
            sums = edition_store.sums(connection, 1)
            states = [edition.state for edition in edition_store.listing(connection)]
            doubtful = set(
                connection.scalars(
                    select(subscribers.c.address)
                    .join(deliveries, deliveries.c.subscriber_id == subscribers.c.id)
                    .where(deliveries.c.was_unknown)
                )
            )
            by_worker = Counter(connection.scalars(select(attempts.c.worker).where(attempts.c.result == "unknown")))
        store.close()
        wanted = {number: f"reader{number}@example.org" for number in range(1, self.readers + 1)}
        refused = {address for number, address in wanted.items() if number % 10 == 3}
        assert states == ["finished"], states
        assert sums.adds_up, sums
        assert set(got) == set(wanted.values()) - refused, "somebody is left out, or had what was refused"
        assert (sums.accepted, sums.failed) == (len(wanted) - len(refused), len(refused)), sums
        assert {address for address, count in got.items() if count > 1} <= doubtful, (
            "twice, and the ledger does not say so"
        )
        unknown = by_worker.total()
        assert unknown <= self.doubtful, f"{unknown} are unknown, at most {self.doubtful} may be: {by_worker}"

    def _kill(self) -> None:
        process = self.start()
        self.wait(process)
        self.doubtful += self.lanes * self.send(process, signal.SIGKILL)
        self.finish(process)

    def _stop(self) -> None:
        process = self.start()
        self.wait(process)
        self.send(process, signal.SIGTERM)
        # Told before it could listen, it is simply gone.
        assert self.finish(process) in {0, -signal.SIGTERM}

    def _freeze(self) -> None:
        """Frozen beyond its lease, while others deliver; then it goes on as if nothing had been."""
        process = self.start()
        self.wait(process)
        self.send(process, signal.SIGSTOP)
        try:
            self.at += 2 * LEASE
            # On one machine the other one says that somebody is delivering; on another, the first may be lost for all
            # that anybody knows.
            self.finish(self.start(self.machines[-1]))
            self.doubtful += SUB_BATCH * (len(self.machines) - 1)
        finally:
            self.send(process, signal.SIGCONT)
        self.finish(process)

    def _full(self) -> None:
        """No file may grow any more: the journal, the database or its log."""
        sizes = [file.stat().st_size for file in self.machines[0].rglob("*") if file.is_file()]
        self.finish(self.start(most=max(sizes) // self.chance.choice([1, 4, 20]) + self.chance.randint(0, 60_000)))

    def _locked(self) -> None:
        """Somebody holds the database's lock for longer than anybody waits."""
        process = self.start()
        self.wait(process)
        connection = sqlite3.connect(self.machines[0] / "publisher.db", isolation_level=None, timeout=5)
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(1.2)
        connection.rollback()
        connection.close()
        self.finish(process)

    def _restart(self) -> None:
        assert self.server is not None
        process = self.start()
        self.wait(process)
        self.server.restart(at_once=self.chance.random() < 0.5)
        self.finish(process)

    def start(self, machine: Path | None = None, *, most: int | None = None) -> BaseProcess:
        folder = machine or self.machines[0]
        told = (folder, self.database, self.relay.port, self.lanes, self.at, most)
        process = _FORKS.Process(target=work, args=told)
        process.start()
        return process

    def wait(self, process: BaseProcess) -> None:
        """Until some messages more have been taken, and some milliseconds more."""
        enough = len(self.relay.delivered) + self.chance.randint(0, self.readers // 2)
        end = time.monotonic() + 10
        while process.is_alive() and len(self.relay.delivered) < enough and time.monotonic() < end:
            time.sleep(0.0005)
        time.sleep(self.chance.random() * 0.01)

    def send(self, process: BaseProcess, number: signal.Signals) -> bool:
        """False: it has ended already."""
        if not process.is_alive():
            return False
        os.kill(process.pid or 0, number)
        return True

    def finish(self, process: BaseProcess) -> int:
        process.join(60)
        if process.exitcode is None:
            process.kill()
            raise AssertionError("the pass hangs")
        return process.exitcode

    def _ended(self) -> bool:
        store = open_store(self.database, self.machines[0])
        with store.reading() as connection:
            ended = edition_store.listing(connection)[0].state == "finished"
        store.close()
        return ended

    def _machine(self, name: str) -> Path:
        folder = self._folder / name
        (folder / "feeds").mkdir(parents=True)
        (folder / "publication.toml").write_text(PUBLICATION, "utf-8")
        (folder / "feeds" / "world.toml").write_text(WORLD, "utf-8")
        (folder / "feeds" / "science.toml").write_text(SCIENCE, "utf-8")
        first = self._folder / "machine0" / "secrets.toml"
        if name == "machine0":
            load_secrets(folder)
        else:
            shutil.copyfile(first, folder / "secrets.toml")
        return folder

    def __str__(self) -> str:
        where = "SQLite" if self.server is None else "PostgreSQL"
        return f"{where}, {self.readers} readers, {self.lanes} lanes: {', '.join(self._faults)}"


def play(seed: int, server: Server | None, only: str | None = None) -> Scene:
    """Plays one seed: even ones on SQLite, odd ones on PostgreSQL where there is one. Raises AssertionError."""
    folder = Path(tempfile.mkdtemp(prefix=f"faults-{seed}-"))
    try:
        scene = Scene(seed, folder, server if seed % 2 else None, only)
        try:
            scene.play()
        except AssertionError as error:
            raise AssertionError(f"seed {seed} ({scene}): {error}") from error
        return scene
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    """Plays many seeds; how many went wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--only", choices=sorted({*SQLITE, *POSTGRESQL}))
    options = parser.parse_args()
    wrong = 0
    with ExitStack() as stack:
        server = stack.enter_context(Server()) if programs() is not None else None
        if server is None:
            print("PostgreSQL's server programs are missing: only SQLite is tried")
        for seed in range(options.first, options.first + options.seeds):
            began = time.monotonic()
            try:
                print(f"seed {seed}: {play(seed, server, options.only)}; {time.monotonic() - began:.1f} s", flush=True)
            except AssertionError as error:
                wrong += 1
                print(f"WRONG {error}", flush=True)
    print(f"{options.seeds} seeds, {wrong} wrong")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
