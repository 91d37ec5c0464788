"""Delivering the outbox: recover, claim, compose, hand to the transport, record.

Guarantees: every claimed delivery gets an outcome or goes back; an outcome is in the journal before it is
anywhere else, and in the database within 500 others or 200 ms. Killed anywhere, the next pass goes on: what was
accepted stays so, what was in the air is ``unknown`` in the ledger and repeated with the same Message-ID.
"""

from __future__ import annotations

import asyncio
import gc
import random
import threading
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from publisher.delivery.claims import Claims
from publisher.delivery.composing import Composer
from publisher.delivery.delivered import Delivered
from publisher.delivery.gates import Gates
from publisher.delivery.journal import ANNOUNCED, LEFT, Journal, delivery_lock, left_behind
from publisher.delivery.recording import Recorded, Recorder, record
from publisher.delivery.transport import Transport
from publisher.model.delivery import Claimed, Outcome, Outgoing, Result
from publisher.model.edition import EditionState
from publisher.model.errors import AddressError, PublisherError, StoreError, TransportError
from publisher.model.publication import Publication, Secrets
from publisher.model.rate import claim_size
from publisher.store import Connection, Store, outbox, returns, sub_batches
from publisher.store import editions as edition_store

__all__ = ["deliver_outbox"]

CLAIM = 500
LEASE = timedelta(minutes=10)
RECORD_EVERY = 0.2  # seconds
# Of a machine that is lost at most 50 messages are in doubt: those that have left and are not recorded, a sub-batch
# that is told to the database, and what is left of the one before.
UNRECORDED = 30
SHARED_ANNOUNCED = 16
SHARED_LEFT = 4
A_DAY = timedelta(days=1)


def deliver_outbox(
    publication: Publication,
    secrets: Secrets,
    store: Store,
    transport: Transport,
    *,
    clock: Callable[[], datetime],
    stop: threading.Event,
    progress: Callable[[Delivered], None] = lambda _delivered: None,
    only_notices: bool = False,
) -> Delivered:
    """Delivers what is due until nothing is, or ``stop`` is set. Never raises for the transport: see ``error``.

    ``only_notices``: editions are left to the next run.
    """
    # Beside the database's file: two folders that have it in common must not deliver at once, and one has to find the
    # journals of the other. Where machines share the database, leases and sub-batches keep folders apart.
    state = store.folder / publication.state.name if store.folder is not None else publication.state
    with delivery_lock(state) as mine:
        if not mine:
            return Delivered(elsewhere=True)
        passing = _Pass(publication, secrets, store, transport, state=state, clock=clock, stop=stop, progress=progress)
        passing.only_notices = only_notices
        passing.recover()
        if passing.nothing_due():
            passing.finish_editions()
            return passing.delivered
        _run(passing.deliver())
        while passing.resumed():
            _run(passing.deliver())
        if not isinstance(passing.delivered.error, StoreError):
            passing.finish_editions()
        return passing.delivered


def _run(work: Coroutine[Any, Any, None]) -> None:
    """On uvloop where there is one: it takes a third less time a message.

    What was made before stays out of the garbage collector's rounds: there is much of it, and nothing of it goes.
    """
    gc.freeze()
    try:
        _loop_runner()(work)
    finally:
        gc.unfreeze()


def _loop_runner() -> Callable[[Coroutine[Any, Any, None]], None]:
    try:
        import uvloop
    except ImportError:
        return asyncio.run
    return uvloop.run


class _Pass:
    """One delivering pass, holding the host's lock."""

    def __init__(
        self,
        publication: Publication,
        secrets: Secrets,
        store: Store,
        transport: Transport,
        *,
        state: Path,
        clock: Callable[[], datetime],
        stop: threading.Event,
        progress: Callable[[Delivered], None],
    ) -> None:
        self._state = state
        self._publication = publication
        self._store = store
        self._transport = transport
        self._clock = clock
        self._stop = stop
        self._progress = progress
        self._composer = Composer(publication, secrets, store, clock=clock)
        self._journal: Journal
        self._recorder: Recorder
        self._gates: Gates
        self._database: ThreadPoolExecutor
        self._newsletters = [newsletter.name for newsletter in publication.newsletters]
        self.only_notices = False
        self._halted = False
        self.delivered = Delivered()

    def recover(self) -> None:
        """Reads what dead workers left: their outcomes are recorded, the rest of their claims goes back."""
        now = self._clock()
        journals = list(left_behind(self._state))
        with self._store.writing() as connection:
            for _path, worker, outcomes in journals:
                held = outbox.unfinished_of(connection, worker)
                known = [outcome for outcome in outcomes if held.get(outcome.delivery) == outcome.fence]
                self._record_for(connection, worker, known, now)
                outbox.release(connection, worker)
                sub_batches.forget(connection, worker)
            lost = self._give_up_lost(connection, now)
            outbox.requeue_expired(connection, now)
            sub_batches.forget(connection, *lost, older_than=now - A_DAY)
            returns.withdraw_cancelled(connection, now)
            edition_store.resume_due(connection, now)
        for path, _worker, _outcomes in journals:
            path.unlink(missing_ok=True)

    def _give_up_lost(self, connection: Connection, now: datetime) -> list[str]:
        """Workers of other machines whose leases have ended: what they had begun is in doubt, the rest may go back."""
        lost = sub_batches.doubtful(connection, now)
        for worker, doubtful in lost.items():
            self._record_for(connection, worker, doubtful, now)
        return list(lost)

    def _record_for(self, connection: Connection, worker: str, outcomes: list[Outcome], now: datetime) -> None:
        """Records the outcomes of a worker that is no more."""
        record(
            connection,
            outcomes,
            worker=worker,
            now=now,
            settings=self._publication.delivery,
            jitter=random.Random(),
            # Nobody waits for a dead worker's relay: what was in the air is tried again in this very pass.
            unknown_again=now,
        )
        self.delivered.recovered += len(outcomes)

    def nothing_due(self) -> bool:
        """Whether there is no delivery to try now."""
        with self._store.reading() as connection:
            self.delivered.orphaned = outbox.orphaned(connection, self._newsletters)
            return not outbox.anything_due(connection, self._clock(), self._newsletters, only_notices=self.only_notices)

    def resumed(self) -> bool:
        """Whether an edition that was held during the pass may go on."""
        delivered = self.delivered
        over = delivered.error is not None or delivered.again_at is not None or self._stop.is_set()
        return self._halted and not over and not self.nothing_due()

    def finish_editions(self) -> None:
        """Editions whose last delivery has ended are finished."""
        with self._store.writing() as connection:
            self.delivered.finished = edition_store.finish(connection, self._clock())

    async def deliver(self) -> None:
        """Claims, sends and records until nothing is due, the transport gives up or we are told to stop.

        The database has a thread of its own: the lanes go on while it waits for the disk.
        """
        stop = asyncio.Event()
        self._halted = False
        with (
            ThreadPoolExecutor(1, "outbox") as self._database,
            ThreadPoolExecutor(1, "beginning") as beginning,
            ThreadPoolExecutor(1, "watching") as watching,
            Journal(self._state, durable=self._transport.real) as self._journal,
        ):
            self._recorder = Recorder(
                self._store,
                self._database,
                worker=self._journal.worker,
                settings=self._publication.delivery,
                clock=self._clock,
                recorded=self._recorded,
            )
            # Machines that share a database cannot read each other's journals.
            shared = self._store.folder is None
            self._gates = gates = Gates(
                self._store,
                self._database,
                clock=self._clock,
                most=UNRECORDED if shared else None,
                record=self._recorder.hurry,
            )
            claims = Claims(
                claim=lambda: self._database.submit(self._claim),
                compose=self._compose,
                announce=self._journal.announce,
                give_back=self._give_back,
                batch=SHARED_ANNOUNCED if shared else ANNOUNCED,
                left=SHARED_LEFT if shared else LEFT,
                begin=(lambda part: beginning.submit(self._begin, part)) if shared else None,
            )
            self._claims = claims
            keepers = [asyncio.create_task(self._keep(stop)), asyncio.create_task(self._watch(stop, watching))]
            try:
                async for outcomes in self._transport.deliver(
                    claims.messages(), log=self._journal, stop=stop, gates=gates
                ):
                    self._recorder.add(outcomes)
            except PublisherError as error:
                self.delivered.error = error
            finally:
                for keeper in keepers:
                    keeper.cancel()
                self._recorder.drain()
                # What the database refused is what ended the pass, whatever the lanes said then.
                self.delivered.error = self._recorder.error or self.delivered.error
                # What cannot be recorded now stays claimed and in the journal: the next run reads it there. Given
                # back, it would be sent again.
                if self._recorder.error is None:
                    self._give_up_claims(gates)

    def _give_up_claims(self, gates: Gates) -> None:
        try:
            gates.end()
            self._database.submit(self._release).result()
        except StoreError as error:
            self.delivered.error = self.delivered.error or error
        else:
            self._tell_what_waits(gates)

    def _tell_what_waits(self, gates: Gates) -> None:
        """Why the pass ends although something is due: the relay is to be given no more for now."""
        if gates.closed is None:
            return
        with self._store.reading() as connection:
            self.delivered.waiting = outbox.waiting(connection, self._clock(), self._newsletters).due
        self.delivered.again_at, self.delivered.waits_for = gates.closed

    def _claim(self) -> list[Claimed]:
        if self._stop.is_set() or self._recorder.error is not None:
            return []
        with self._store.writing() as connection:
            return outbox.claim(
                connection,
                worker=self._journal.worker,
                now=self._clock(),
                lease=LEASE,
                limit=claim_size(self._publication.delivery.rates, CLAIM),
                newsletters=self._newsletters,
                only_notices=self.only_notices,
            )

    def _begin(self, part: list[Claimed]) -> set[int]:
        with self._store.at_once() as connection:
            return sub_batches.begin(
                connection, self._journal.worker, [delivery.id for delivery in part], self._clock()
            )

    def _release(self) -> None:
        with self._store.writing() as connection:
            outbox.release(connection, self._journal.worker)
            sub_batches.forget(connection, self._journal.worker)
            returns.withdraw_cancelled(connection, self._clock())

    def _renew(self) -> None:
        with self._store.writing() as connection:
            outbox.renew(connection, self._journal.worker, self._clock() + LEASE)
            sub_batches.forget(connection, self._journal.worker)

    def _states(self, numbers: list[int]) -> dict[int, EditionState]:
        with self._store.reading() as connection:
            return edition_store.states_of(connection, numbers)

    def _compose(self, claimed: Claimed) -> Outgoing | None:
        """The message, or None for one that cannot be written: that delivery has failed, the others go on."""
        try:
            return self._composer.compose(claimed)
        except AddressError as error:
            self._recorder.add(
                [Outcome(delivery=claimed.id, fence=claimed.fence, result=Result.FAILED, reply=error.cause)]
            )
            return None

    def _give_back(self, delivery: int, fence: int) -> None:
        self._recorder.add([Outcome(delivery=delivery, fence=fence, result=Result.UNTOUCHED)])

    async def _keep(self, stop: asyncio.Event) -> None:
        """Records what trickles in, renews leases, and passes on that we are to stop."""
        renewed = self._clock()
        renewing: Future[None] | None = None
        while True:
            await asyncio.sleep(RECORD_EVERY)
            if self._stop.is_set() or self._recorder.error is not None:
                stop.set()
            self._recorder.flush()
            # Asked for in one turn and looked at in a later one: nothing here waits for a database that is locked.
            if renewing is not None and renewing.done():
                if isinstance(error := renewing.exception(), PublisherError):
                    self._fail(error, stop)
                    return
                renewing = None
            if renewing is None and self._clock() - renewed > LEASE / 3:
                renewed = self._clock()
                renewing = self._database.submit(self._renew)

    async def _watch(self, stop: asyncio.Event, watching: Executor) -> None:
        """Somebody may hold or cancel an edition: what is claimed of it and has not begun goes back at once.

        In a thread and on a connection of its own: a write that waits for somebody's lock keeps nobody from reading.
        """
        while True:
            await asyncio.sleep(RECORD_EVERY)
            if not (numbers := sorted(self._claims.editions)):
                continue
            try:
                states = await asyncio.wrap_future(watching.submit(self._states, numbers))
            except PublisherError as error:
                self._fail(error, stop)
                return
            self._halt(number for number, state in states.items() if state is not EditionState.GOING_OUT)

    def _halt(self, editions: Iterable[int]) -> None:
        """From now on nothing of these editions begins, and of all others again."""
        self._claims.halt(editions)
        self._journal.held = self._claims.halted
        self._halted = self._halted or bool(self._claims.halted)

    def _fail(self, error: PublisherError, stop: asyncio.Event) -> None:
        self.delivered.error = self.delivered.error or error
        stop.set()

    def _recorded(self, batch: Recorded) -> None:
        self._journal.recorded(batch.outcomes)
        self._gates.recorded(outcome.delivery for outcome in batch.outcomes)
        self.delivered.count(batch.outcomes)
        self.delivered.batch = batch.outcomes
        if batch.paused:
            self._halt(self._claims.halted | batch.paused.keys())
        for number, pause in batch.paused.items():
            again = f"it goes on by itself at {pause.until:%H:%M} UTC, or now" if pause.until else "mend that, then"
            self._complain(
                f"edition {number} is paused: {pause.reason}", f"{again}: publisher editions resume {number}"
            )
        for complaint in batch.complaints:
            self._complain(complaint, "no reader is to blame; it is tried again in 15 minutes")
        self._progress(self.delivered)

    def _complain(self, cause: str, remedy: str) -> None:
        """Once each: a thousand refusals of one kind are one thing to mend."""
        if all(known.cause != cause for known in self.delivered.complaints) and len(self.delivered.complaints) < 20:
            self.delivered.complaints.append(TransportError(cause, remedy=remedy))
