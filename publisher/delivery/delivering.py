"""Delivering the outbox: recover, claim, compose, hand to the transport, record.

Guarantees: every claimed delivery gets an outcome or goes back; an outcome is in the journal before it is
anywhere else, and in the database within 500 others or 200 ms. Killed anywhere, the next pass goes on: what was
accepted stays so, what was in the air is ``unknown`` in the ledger and repeated with the same Message-ID.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from publisher.delivery.composing import Composer
from publisher.delivery.journal import Journal, delivery_lock, left_behind
from publisher.delivery.retries import retry_at
from publisher.delivery.transport import Transport
from publisher.model.delivery import Claimed, Outcome, Outgoing, Result
from publisher.model.errors import AddressError, PublisherError, StoreError
from publisher.model.publication import Publication, Secrets
from publisher.store import Connection, Store, outbox
from publisher.store import editions as edition_store

__all__ = ["Delivered", "deliver_outbox"]

CLAIM = 500
LEASE = timedelta(minutes=10)
RECORD_EVERY = 0.2  # seconds


@dataclass(slots=True)
class Delivered:
    """What a pass did. ``elsewhere``: another process of this host is delivering, so this one did not.

    ``finished``: numbers of the editions that ended. ``error``: why the pass could not go on. ``orphaned``: newsletters
    that are not there any more, and how many messages of theirs wait.
    """

    accepted: int = 0
    deferred: int = 0
    failed: int = 0
    unknown: int = 0
    recovered: int = 0
    elsewhere: bool = False
    finished: list[int] = field(default_factory=list)
    error: PublisherError | None = None
    orphaned: dict[str, int] = field(default_factory=dict)

    @property
    def attempts(self) -> int:
        """Attempts made in this pass."""
        return self.accepted + self.deferred + self.failed + self.unknown

    def count(self, outcomes: list[Outcome]) -> None:
        """Adds recorded outcomes."""
        for outcome in outcomes:
            if outcome.result is not Result.UNTOUCHED:
                setattr(self, outcome.result.value, getattr(self, outcome.result.value) + 1)


def deliver_outbox(
    publication: Publication,
    secrets: Secrets,
    store: Store,
    transport: Transport,
    *,
    clock: Callable[[], datetime],
    stop: threading.Event,
    progress: Callable[[Delivered], None] = lambda _delivered: None,
) -> Delivered:
    """Delivers what is due until nothing is, or ``stop`` is set. Never raises for the transport: see ``error``."""
    with delivery_lock(publication.state) as mine:
        if not mine:
            return Delivered(elsewhere=True)
        passing = _Pass(publication, secrets, store, transport, clock=clock, stop=stop, progress=progress)
        passing.recover()
        if passing.nothing_due():
            passing.finish_editions()
            return passing.delivered
        _run(passing.deliver())
        if not isinstance(passing.delivered.error, StoreError):
            passing.finish_editions()
        return passing.delivered


def _run(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where there is one: it takes a third less time a message."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(work)
    else:
        uvloop.run(work)


class _Pass:
    """One delivering pass, holding the host's lock."""

    def __init__(
        self,
        publication: Publication,
        secrets: Secrets,
        store: Store,
        transport: Transport,
        *,
        clock: Callable[[], datetime],
        stop: threading.Event,
        progress: Callable[[Delivered], None],
    ) -> None:
        self._publication = publication
        self._store = store
        self._transport = transport
        self._clock = clock
        self._stop = stop
        self._progress = progress
        self._composer = Composer(publication, secrets, store)
        self._jitter = random.Random()
        self._pending: list[Outcome] = []
        self._journal: Journal
        self._newsletters = [newsletter.name for newsletter in publication.newsletters]
        self.delivered = Delivered()

    def recover(self) -> None:
        """Reads what dead workers left: their outcomes are recorded, the rest of their claims goes back."""
        now = self._clock()
        journals = list(left_behind(self._publication.state))
        with self._store.writing() as connection:
            for _path, worker, outcomes in journals:
                held = outbox.unfinished_of(connection, worker)
                known = [outcome for outcome in outcomes if held.get(outcome.delivery) == outcome.fence]
                # Nobody waits for a dead worker's relay: what was in the air is tried again in this very pass.
                self._record(connection, known, worker=worker, now=now, unknown_again=now)
                outbox.release(connection, worker)
                self.delivered.recovered += len(known)
            outbox.requeue_expired(connection, now)
        for path, _worker, _outcomes in journals:
            path.unlink(missing_ok=True)

    def nothing_due(self) -> bool:
        """Whether there is no delivery to try now."""
        with self._store.reading() as connection:
            self.delivered.orphaned = outbox.orphaned(connection, self._newsletters)
            return outbox.waiting(connection, self._clock(), self._newsletters).due == 0

    def finish_editions(self) -> None:
        """Editions whose last delivery has ended are finished."""
        with self._store.writing() as connection:
            self.delivered.finished = edition_store.finish(connection, self._clock())

    async def deliver(self) -> None:
        """Claims, sends and records until nothing is due, the transport gives up or we are told to stop."""
        stop = asyncio.Event()
        with Journal(self._publication.state, durable=self._transport.real) as self._journal:
            keeper = asyncio.create_task(self._keep(stop))
            try:
                outcomes = self._transport.deliver(self._messages(stop), log=self._journal, stop=stop)
                async for outcome in outcomes:
                    self._pending.append(outcome)
                    if len(self._pending) >= CLAIM and not stop.is_set():
                        self._saved(stop, self._flush)
            except PublisherError as error:
                self.delivered.error = self.delivered.error or error
            finally:
                keeper.cancel()
                # What cannot be recorded now stays claimed and in the journal: the next run reads it there. Given
                # back, it would be sent again.
                if self._saved(stop, self._flush):
                    self._saved(stop, self._release)

    def _messages(self, stop: asyncio.Event) -> Iterator[Outgoing]:
        while not (stop.is_set() or self._stop.is_set()):
            self._flush()
            with self._store.writing() as connection:
                claimed = outbox.claim(
                    connection,
                    worker=self._journal.worker,
                    now=self._clock(),
                    lease=LEASE,
                    limit=CLAIM,
                    newsletters=self._newsletters,
                )
            if not claimed:
                return
            for delivery in claimed:
                if (outgoing := self._compose(delivery)) is not None:
                    yield outgoing

    def _compose(self, claimed: Claimed) -> Outgoing | None:
        """The message, or None for one that cannot be written: that delivery has failed, the others go on."""
        try:
            return self._composer.compose(claimed)
        except AddressError as error:
            self._pending.append(
                Outcome(delivery=claimed.id, fence=claimed.fence, result=Result.FAILED, reply=error.cause)
            )
            return None

    async def _keep(self, stop: asyncio.Event) -> None:
        """Records what trickles in, renews leases, and passes on that we are to stop."""
        renewed = self._clock()
        while True:
            await asyncio.sleep(RECORD_EVERY)
            if self._stop.is_set():
                stop.set()
            if not self._saved(stop, self._flush):
                return
            if self._clock() - renewed > LEASE / 3:
                renewed = self._clock()
                if not self._saved(stop, self._renew):
                    return

    def _saved(self, stop: asyncio.Event, save: Callable[[], None]) -> bool:
        """Whether the database took it. If not, the pass ends: no more messages are begun."""
        try:
            save()
        except PublisherError as error:
            self.delivered.error = self.delivered.error or error
            stop.set()
            return False
        return True

    def _release(self) -> None:
        with self._store.writing() as connection:
            outbox.release(connection, self._journal.worker)

    def _renew(self) -> None:
        with self._store.writing() as connection:
            outbox.renew(connection, self._journal.worker, self._clock() + LEASE)

    def _flush(self) -> None:
        """Records what has ended. If the database refuses, all of it is still pending."""
        if not self._pending:
            return
        outcomes = self._pending
        with self._store.writing() as connection:
            self._record(connection, outcomes, worker=self._journal.worker, now=self._clock())
        self._pending = []
        self._journal.recorded(outcomes)
        self.delivered.count(outcomes)
        self._progress(self.delivered)

    def _record(
        self,
        connection: Connection,
        outcomes: list[Outcome],
        *,
        worker: str,
        now: datetime,
        unknown_again: datetime | None = None,
    ) -> None:
        settings = self._publication.delivery

        def again(result: Result, attempts: int, first_tried_at: datetime) -> datetime | None:
            if result is Result.UNKNOWN and settings.on_unknown == "hold":
                return None
            if result is Result.UNKNOWN and unknown_again is not None:
                return unknown_again
            give_up_after = timedelta(hours=settings.give_up_after_hours)
            return retry_at(attempts, first_tried_at, now=now, give_up_after=give_up_after, jitter=self._jitter)

        outbox.record(connection, outcomes, worker=worker, now=now, retry_at=again)
