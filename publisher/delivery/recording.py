"""Recording outcomes: from the transport into the database, in batches, in a thread of its own.

Guarantees: an outcome is in the journal before it comes here, and leaves the journal only when its batch is
committed. At most `MOST` outcomes wait: after that the caller waits. Fails as `error`, after which nothing more
is recorded; the journal then keeps what is missing, and the next pass reads it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from publisher.audience.bounces import Kind
from publisher.delivery.refusals import Pause, again_at, judge, pauses
from publisher.delivery.retries import retry_at
from publisher.model.delivery import Outcome, Result
from publisher.model.errors import PublisherError
from publisher.model.publication import Delivery
from publisher.store import Connection, Store, outcomes
from publisher.store import editions as edition_store

__all__ = ["BATCH", "Recorded", "Recorder", "record"]

BATCH = 500
MOST = 4 * BATCH


@dataclass(slots=True)
class Recorded:
    """What a batch did beside its outcomes. ``paused``: editions that it stopped, and why."""

    outcomes: list[Outcome]
    paused: dict[int, Pause] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)


def record(
    connection: Connection,
    ended: list[Outcome],
    *,
    worker: str,
    now: datetime,
    settings: Delivery,
    jitter: random.Random,
    unknown_again: datetime | None = None,
    accepted: int = 0,
    policy: int = 0,
) -> Recorded:
    """Judges and writes outcomes, suppresses addresses that are no more, and stops editions that may not go on.

    ``unknown_again``      when unknown ones are tried again, where it is not as deferred ones are
    ``accepted``, ``policy``  messages that the pass had accepted, and refused as unwanted, before
    """

    def again(result: Result, attempts: int, first_tried_at: datetime) -> datetime | None:
        if result is Result.UNKNOWN and settings.on_unknown == "hold":
            return None
        if result is Result.UNKNOWN and unknown_again is not None:
            return unknown_again
        give_up_after = timedelta(hours=settings.give_up_after_hours)
        return retry_at(attempts, first_tried_at, now=now, give_up_after=give_up_after, jitter=jitter)

    judged = [judge(outcome) for outcome in ended]
    batch = Recorded([outcome for outcome, _ in judged])
    refused = [(outcome, verdict) for outcome, verdict in judged if verdict is not None]
    outcomes.record(
        connection,
        batch.outcomes,
        worker=worker,
        now=now,
        retry_at=again,
        again_at=again_at(now),
        gone=frozenset(outcome.delivery for outcome, verdict in refused if verdict.kind is Kind.HARD),
    )
    faults = [(outcome, verdict) for outcome, verdict in refused if outcome.result is Result.REFUSED]
    if faults:
        accepted += sum(outcome.result is Result.ACCEPTED for outcome in batch.outcomes)
        policy += sum(verdict.kind is Kind.POLICY for _, verdict in faults)
        numbers = outcomes.editions_of(connection, [outcome.delivery for outcome, _ in faults])
        for outcome, verdict in faults:
            pause = pauses(verdict, outcome, now=now, accepted=accepted, policy=policy)
            number = numbers.get(outcome.delivery)
            if pause is None or number is None:
                batch.complaints.append(f"{verdict.reason}: {outcome.relay} said '{outcome.code} {outcome.reply}'")
            elif number not in batch.paused and edition_store.pause(
                connection, number, pause.reason, until=pause.until
            ):
                batch.paused[number] = pause
    return batch


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
        recorded: Callable[[Recorded], None],
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
        self._under_way: list[tuple[list[Outcome], Future[Recorded]]] = []
        self._accepted = 0
        self._policy = 0
        self._loop = asyncio.get_running_loop()

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Takes outcomes; a full batch is begun at once, and so is one that may stop an edition."""
        self._pending += outcomes
        if len(self._pending) >= BATCH or any(
            outcome.code >= 400 and judge(outcome)[0].result is Result.REFUSED for outcome in outcomes
        ):
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

    def hurry(self) -> None:
        """Begins to record what is pending, unless something is being recorded: what comes meanwhile goes together."""
        if not self._under_way:
            self.flush()

    def drain(self) -> None:
        """Records everything, and returns when it is committed (or `error` says why not)."""
        self.flush()
        for _, future in self._under_way:
            future.exception()
        self._collect()

    def _write(self, batch: list[Outcome]) -> Recorded:
        # Accepted ones alone are one statement, where that matters.
        only_accepted = all(outcome.result is Result.ACCEPTED for outcome in batch)
        with self._store.at_once() if only_accepted else self._store.writing() as connection:
            recorded = record(
                connection,
                batch,
                worker=self._worker,
                now=self._clock(),
                settings=self._settings,
                jitter=self._jitter,
                accepted=self._accepted,
                policy=self._policy,
            )
        self._accepted += sum(outcome.result is Result.ACCEPTED for outcome in batch)
        self._policy += sum(outcome.result is Result.REFUSED for outcome in recorded.outcomes)
        return recorded

    def _collect(self) -> None:
        while self._under_way and self._under_way[0][1].done():
            _, future = self._under_way.pop(0)
            error = future.exception()
            if error is None:
                self._recorded(future.result())
            elif isinstance(error, PublisherError):
                self.error = self.error or error
            else:
                raise error
