"""A relay is given no more than its rate, by one process or by several, and whoever waits is told until when."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from publisher.delivery.delivered import Delivered
from publisher.delivery.delivering import deliver_outbox
from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import parse_transport
from publisher.model.rate import Limits, parse_rate
from publisher.publication import load, load_secrets
from publisher.store import Store, open_store, rates
from publisher.store.schema import deliveries
from tests.delivery.going_out import edition_for
from tests.relay import Relay
from tests.store import readers as r


def limits(*written: str, lanes: int = 4) -> Limits:
    return Limits(rates=tuple(parse_rate(rate) for rate in written), lanes=lanes)


def walk(
    folder: Path,
    store: Store,
    relay: str,
    *written: str,
    started: datetime = r.NOW,
    stop: threading.Event | None = None,
) -> Delivered:
    """One pass at these rates, by a clock that starts at ``started``."""
    began = time.monotonic()
    return deliver_outbox(
        load(folder),
        load_secrets(folder),
        store,
        SmtpTransport(parse_transport(relay), limits=limits(*written)),  # type: ignore[arg-type]
        clock=lambda: started + timedelta(seconds=time.monotonic() - began),
        stop=stop or threading.Event(),
    )


def worker(folder: Path, database: str, relay: str, rate: str) -> None:
    store = open_store(database, folder)
    try:
        deliver_outbox(
            load(folder),
            load_secrets(folder),
            store,
            SmtpTransport(parse_transport(relay), limits=limits(rate)),  # type: ignore[arg-type]
            clock=lambda: datetime.now(UTC),
            stop=threading.Event(),
        )
    finally:
        store.close()


class Watched(Relay):
    """A relay that remembers when each message came."""

    def __init__(self) -> None:
        super().__init__(self._came)
        self.times: list[float] = []

    def _came(self, _recipient: str) -> None:
        self.times.append(time.monotonic())

    def most_in(self, seconds: float) -> int:
        """The most messages in any such span."""
        return max(sum(at <= other < at + seconds for other in self.times) for at in self.times)


def test_messages_take_at_least_the_time_that_their_rate_asks(folder: Path, store: Store) -> None:
    edition_for(store, 60)
    with Watched() as relay:
        began = time.monotonic()
        passed = walk(folder, store, relay.url, "30/s")
        took = time.monotonic() - began
    assert passed.accepted == 60
    assert passed.error is None
    assert took >= 59 / 30 - 0.05
    assert took < 4
    assert relay.most_in(1.0) <= 32


def test_an_hours_rate_ends_the_pass_which_says_when_it_goes_on(folder: Path, store: Store) -> None:
    edition_for(store, 30)
    with Watched() as relay:
        first = walk(folder, store, relay.url, "20/hour")
        again = walk(folder, store, relay.url, "20/hour", started=r.NOW + timedelta(minutes=5))
        later = walk(folder, store, relay.url, "20/hour", started=r.NOW + timedelta(minutes=62))
    assert (first.accepted, first.waiting, first.error) == (20, 10, None)
    assert first.complaints == []
    assert "20/hour" in first.waits_for
    assert first.again_at is not None
    assert r.NOW + timedelta(minutes=60) <= first.again_at <= r.NOW + timedelta(minutes=61)
    assert (again.accepted, again.waiting, again.again_at) == (0, 10, first.again_at)
    assert (later.accepted, later.waiting, later.again_at) == (10, 0, None)
    assert set(relay.counts.values()) == {1}


def test_what_waits_for_a_rate_has_not_begun_to_be_given_up(folder: Path, store: Store) -> None:
    edition_for(store, 8)
    with Relay() as relay:
        walk(folder, store, relay.url, "5/day")
    with store.reading() as connection:
        waiting = connection.execute(
            select(deliveries.c.attempts, deliveries.c.first_tried_at).where(deliveries.c.state == "queued")
        ).all()
    assert [tuple(row) for row in waiting] == [(0, None)] * 3


def test_a_minutes_work_is_claimed_at_most(folder: Path, store: Store) -> None:
    path = folder / "publication.toml"
    path.write_text(path.read_text("utf-8").replace("[sections]", '[delivery]\nrate = "6/min"\n[sections]'), "utf-8")
    edition_for(store, 40)
    stop = threading.Event()
    claimed: list[int] = []

    def look(_recipient: str) -> None:
        with store.reading() as connection:
            found = connection.scalars(select(deliveries.c.id).where(deliveries.c.state == "claimed")).all()
        claimed.append(len(found))
        stop.set()

    with Relay(look) as relay:
        passed = walk(folder, store, relay.url, "6/min", stop=stop)
    assert passed.accepted == 1
    assert claimed == [6]


def test_a_stop_does_not_wait_for_the_next_moment(folder: Path, store: Store) -> None:
    edition_for(store, 10)
    stop = threading.Event()
    with Relay() as relay:
        threading.Timer(0.5, stop.set).start()
        began = time.monotonic()
        passed = walk(folder, store, relay.url, "2/min", stop=stop)
    assert time.monotonic() - began < 3
    assert passed.accepted == 1
    assert passed.error is None


def test_a_relay_set_aside_gets_nothing_and_nobody_is_blamed(folder: Path, store: Store) -> None:
    edition_for(store, 3)
    with Relay() as relay:
        address = parse_transport(relay.url)
        with store.writing() as connection:
            rates.set_aside(connection, address.account, until=r.NOW + timedelta(minutes=10), reason="enough")  # type: ignore[union-attr]
        passed = walk(folder, store, relay.url)
    assert (passed.attempts, passed.error, passed.waiting) == (0, None, 3)
    assert passed.waits_for.endswith(": enough")


@pytest.mark.postgresql
def test_three_processes_together_hold_the_rate_and_one_that_dies_takes_nothing_along(
    folder: Path, postgresql_database: str, tmp_path: Path
) -> None:
    store = open_store(postgresql_database, folder)
    edition_for(store, 120)
    machines = []
    load_secrets(folder)
    for number in range(3):
        machine = tmp_path / f"machine{number}"
        machine.mkdir()
        for name in ("publication.toml", "feeds", "articles", "secrets.toml"):
            os.symlink(folder / name, machine / name)
        machines.append(machine)
    context = multiprocessing.get_context("spawn")
    with Watched() as relay:
        processes = [
            context.Process(target=worker, args=(machine, postgresql_database, relay.url, "30/s"))
            for machine in machines
        ]
        for process in processes:
            process.start()
        while len(relay.times) < 30:
            time.sleep(0.01)
        victim = processes[0].pid
        assert victim is not None
        os.kill(victim, signal.SIGKILL)
        for process in processes:
            process.join(60)
        worker(machines[0], postgresql_database, relay.url, "30/s")  # what the dead one held
        store.close()
        assert set(relay.counts) == {f"reader{number}@example.org" for number in range(1, 121)}
        # A process that was late for its moments may send a quarter of a second's worth beside another's.
        assert relay.most_in(1.0) <= 30 + 3 * 8
        assert relay.times[-1] - relay.times[0] >= 119 / 30 * 0.9
