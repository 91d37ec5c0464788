"""Recording outcomes: from the transport into the database, in batches, in a thread of its own.

Guarantees: an outcome is in the journal before it comes here, and leaves the journal only when its batch is
committed. At most `MOST` outcomes wait: after that the caller waits. Fails as `error`, after which nothing more
is recorded; the journal then keeps what is missing, and the next pass reads it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import Executor, Future
from datetime import datetime, timedelta

from publisher.delivery.retries import retry_at
from publisher.model.delivery import Outcome, Result
from publisher.model.errors import PublisherError
from publisher.model.publication import Delivery
from publisher.store import Connection, Store, outcomes

__all__ = ["BATCH", "Recorder", "record"]

BATCH = 500
MOST = 4 * BATCH


def record(
    connection: Connection,
    ended: list[Outcome],
    *,
    worker: str,
    now: datetime,
    settings: Delivery,
    jitter: random.Random,
    unknown_again: datetime | None = None,
) -> None:
    """Writes outcomes. ``unknown_again``: when unknown ones are tried again, where it is not as deferred ones are."""

    def again(result: Result, attempts: int, first_tried_at: datetime) -> datetime | None:
        if result is Result.UNKNOWN and settings.on_unknown == "hold":
            return None
        if result is Result.UNKNOWN and unknown_again is not None:
            return unknown_again
        give_up_after = timedelta(hours=settings.give_up_after_hours)
        return retry_at(attempts, first_tried_at, now=now, give_up_after=give_up_after, jitter=jitter)

    outcomes.record(connection, ended, worker=worker, now=now, retry_at=again)


class Recorder:
    """Records the outcomes of one pass. ``recorded`` is called, in the event loop, with each committed batch."""

    def __init__(
        self,
        store: Store,
        database: Executor,
        *,
        worker: str,
        settings: Delivery,
        clock: Callable[[], datetime],
        recorded: Callable[[list[Outcome]], None],
    ) -> None:
        self.error: PublisherError | None = None
        self._store = store
        self._database = database
        self._worker = worker
        self._settings = settings
        self._clock = clock
        self._recorded = recorded
        self._jitter = random.Random()
        self._pending: list[Outcome] = []
        self._under_way: list[tuple[list[Outcome], Future[None]]] = []
        self._loop = asyncio.get_running_loop()

    def add(self, outcome: Outcome) -> None:
        """Takes an outcome; a full batch is begun at once."""
        self._pending.append(outcome)
        if len(self._pending) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Begins to record what is pending."""
        if not self._pending or self.error is not None:
            return
        batch, self._pending = self._pending, []
        future = self._database.submit(self._write, batch)
        self._under_way.append((batch, future))
        future.add_done_callback(lambda _done: self._loop.call_soon_threadsafe(self._collect))
        if sum(len(waiting) for waiting, _ in self._under_way) > MOST:
            self._under_way[0][1].exception()  # waits
            self._collect()

    def drain(self) -> None:
        """Records everything, and returns when it is committed (or `error` says why not)."""
        self.flush()
        for _, future in self._under_way:
            future.exception()
        self._collect()

    def _write(self, batch: list[Outcome]) -> None:
        with self._store.writing() as connection:
            record(
                connection,
                batch,
                worker=self._worker,
                now=self._clock(),
                settings=self._settings,
                jitter=self._jitter,
            )

    def _collect(self) -> None:
        while self._under_way and self._under_way[0][1].done():
            batch, future = self._under_way.pop(0)
            error = future.exception()
            if error is None:
                self._recorded(batch)
            elif isinstance(error, PublisherError):
                self.error = self.error or error
            else:
                raise error
