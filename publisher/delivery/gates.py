"""Gates: when the next message may be given to a relay, by its rates and by how fast it answers.

A gate asks the database for moments a quarter of a second's worth at a time and ahead of need, so that lanes seldom
wait for it; other processes ask the same database, and together they hold the rate. A relay that slows down (421, a
limit, replies that take four times what they took) gets half as much in this process and all others, and grows back
in ten minutes (additive increase, multiplicative decrease).

Guarantees: no message is begun without a moment of its own, and no more than the lanes' share is in the air. Fails
with StoreError from :meth:`Gate.wait` when the database does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Executor, Future
from datetime import UTC, datetime, timedelta
from functools import partial
from math import ceil
from typing import Protocol, TypeVar

from publisher.audience.bounces import Kind, classify
from publisher.model.rate import Grant, Limits, RelayState, share_of
from publisher.store import Store, rates

__all__ = ["Gate", "Gates", "Turn"]

Answer = TypeVar("Answer")

# Whoever has to wait longer than this for a moment ends its pass: the next run goes on.
_PATIENCE = 60.0
# How long a limit that was said at the door keeps everybody away.
_ASIDE = timedelta(minutes=15)
# A slot may be used so much early: a sleep is never exact, and the next slot is then as much later.
_EARLY = 0.002
# Lanes that were busy catch up with so much, and no more: two messages at one moment are no rate.
_CAUGHT_UP = 0.05
_A_TURN = 0.01
_LOOK_AGAIN = 5.0  # seconds until a process learns that another one has found the relay slow
# A relay is slow whose messages take four times as long as its fastest did, and more than a second.
_SLOW = 4.0
_AT_LEAST = 1.0
_SMOOTHING = 0.05


class Turn(Protocol):
    """Whose turn it is, where several relays share the messages."""

    def has_come(self) -> bool:
        """This relay may take the next message."""

    def taken(self) -> None:
        """It has."""


class Gate:
    """The gate before one relay, in one pass."""

    def __init__(self, relay: str, limits: Limits, state: RelayState, gates: Gates, turn: Turn | None = None) -> None:
        self.relay = relay
        self.limits = limits
        self.again_at = 0.0
        self.reason = ""
        self._gates = gates
        self._turn = turn
        self._loop = asyncio.get_running_loop()
        self._waiting: list[asyncio.Future[None]] = []
        self._flying = 0
        self._most = 2 * limits.lanes
        self._paced = bool(limits.rates or limits.warm_up)
        # Moments granted and not used: [the next one (loop time), how many, seconds between them].
        self._moments: deque[list[float]] = deque()
        self._left = 0
        self._asking = False
        self._ask_at = 0.0
        self._closing: tuple[float, str] | None = None
        self._error: BaseException | None = None
        self._smoothed = self._fastest = 0.0
        self.share_known(state)

    @property
    def closed(self) -> bool:
        """Nothing more goes through in this pass: see ``again_at`` (seconds since 1970) and ``reason``."""
        return bool(self.again_at)

    @property
    def open(self) -> bool:
        """A message may be begun now."""
        if self._flying >= self._most or self.again_at or (self._gates.limited and self._gates.crowded):
            return False
        if self._paced and not self._moment_has_come():
            return False
        return self._turn is None or self._turn.has_come()

    @property
    def held_up(self) -> bool:
        """The relay itself can take no message now: its rate or its slowness stands against it."""
        if self._flying >= self._most or self.again_at or self._gates.crowded:
            return True
        return self._paced and not self._moment_has_come()

    @property
    def lanes(self) -> int:
        """Lanes that the relay is to be given now."""
        return min(self._most, self.limits.lanes)

    @property
    def rationed(self) -> bool:
        """The relay is to be given no more now, though its lanes could take it."""
        if self.again_at or (self._paced and not self._moment_has_come()):
            return True
        return self._most < 2 * self.limits.lanes and self._flying >= self._most

    @property
    def unused(self) -> int:
        """Messages that were granted and not begun."""
        return self._left

    def begin(self, delivery: int) -> None:
        """A message is begun; the gate must be open."""
        self._flying += 1
        if self._gates.limited:
            self._gates.begun(delivery)
        if self._turn is not None:
            self._turn.taken()
        if not self._paced:
            return
        moments = self._moments[0]
        moments[0] = max(moments[0], self._loop.time() - _CAUGHT_UP) + moments[2]
        moments[1] -= 1
        if not moments[1]:
            self._moments.popleft()
        self._left -= 1
        if not self._left and self._closing is not None:
            self.close(*self._closing)
        elif self._left * 2 < self._want():
            self._ask()

    def end(self) -> None:
        """A message that was begun has ended, or was not begun after all."""
        self._flying -= 1
        if self._flying == self._most - 1:
            self.wake()

    def accepted(self, seconds: float) -> None:
        """A message that was begun has been accepted, after so many seconds."""
        self._flying -= 1
        if self._flying == self._most - 1:
            self.wake()
        self._time_took(seconds)

    def hear(self, code: int, reply: str, seconds: float) -> None:
        """The relay's reply to a message, and how long the message took."""
        if code >= 400:
            if code == 421 or classify(code, reply).kind is Kind.LIMIT:
                self.slow()
        elif code:
            self._time_took(seconds)

    def _time_took(self, seconds: float) -> None:
        self._smoothed += (seconds - self._smoothed) * (_SMOOTHING if self._smoothed else 1)
        if self._smoothed < self._fastest or not self._fastest:
            self._fastest = self._smoothed
        elif self._smoothed > _AT_LEAST and self._smoothed > self._fastest * _SLOW:
            self._smoothed = self._fastest
            self.slow()

    def slow(self) -> None:
        """The relay has slowed down: everybody gives it half."""
        self._gates.slow_down(self)

    def set_aside(self, reason: str, time: timedelta = _ASIDE) -> None:
        """The relay has had enough of us, or is away: nobody gives it anything for a while."""
        until = self._gates.clock() + time
        self._gates.set_aside(self, until, reason)
        self.close(until.timestamp(), reason)

    def close(self, again_at: float, reason: str) -> None:
        """Nothing more goes through in this pass."""
        self.again_at, self.reason = again_at, reason
        self.wake()

    async def wait(self) -> None:
        """Returns when the gate may have opened; at the latest after a quarter of a second."""
        if self._error is not None:
            raise self._error
        seconds = 0.25
        if self._flying < self._most and self._paced:
            if self._moments:
                seconds = min(seconds, max(0.0, self._moments[0][0] - _EARLY - self._loop.time()))
            elif self._loop.time() >= self._ask_at:
                self._ask()
            else:
                seconds = min(seconds, self._ask_at - self._loop.time())
        if not self.held_up:
            seconds = _A_TURN
        if self._gates.crowded:
            self._gates.record()
        # Lanes wait here for each of a shared database's batches: an event and a timeout cost three times as much.
        waiting = self._loop.create_future()
        self._waiting.append(waiting)
        end = self._loop.call_later(seconds, _let_go, waiting)
        try:
            await waiting
        finally:
            end.cancel()
            if waiting in self._waiting:
                self._waiting.remove(waiting)

    def wake(self) -> None:
        """Whoever waits looks again."""
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            _let_go(one)

    def fail(self, error: BaseException) -> None:
        """The database has failed us: whoever waits is told."""
        self._error = error
        self.wake()

    def _moment_has_come(self) -> bool:
        return bool(self._moments) and self._moments[0][0] <= self._loop.time() + _EARLY

    def _want(self) -> int:
        """A quarter of a second's worth; of counted rates alone, what fills a batch."""
        spaced = [rate.per_second for rate in self.limits.rates if rate.spaced]
        return ceil(min(spaced) / 4) if spaced else 250

    def _ask(self) -> None:
        if self._asking or self._closing is not None or self._error is not None or self.again_at:
            return
        self._asking = True
        self._gates.ask(self, self._want())

    def granted(self, granted: Grant) -> None:
        """The database's answer."""
        self._asking = False
        now, wall = self._loop.time(), self._gates.clock().timestamp()
        if granted.count:
            # A moment that went by while the database was busy is used now, and not caught up with.
            start = now + max(0.0, granted.start - wall)
            if self._moments:
                first, count, spacing = self._moments[-1]
                start = max(start, first + count * spacing)
            self._moments.append([start, granted.count, granted.spacing])
            self._left += granted.count
        elif granted.again_at - wall > _PATIENCE:
            self._closing = (granted.again_at, granted.reason)
        else:
            self._ask_at = now + max(0.01, granted.again_at - wall)
        if self._closing is not None and not self._moments:
            self.close(*self._closing)
        self.wake()

    def share_known(self, state: RelayState) -> None:
        """What is known about the relay."""
        now = self._gates.clock().timestamp()
        share = share_of(state, now)
        # With its full share every lane has a message in the air and the next one behind it.
        self._most = 2 * self.limits.lanes if share == 1 else max(1, ceil(self.limits.lanes * share))
        if now < state.aside_until:
            self.close(state.aside_until, state.reason)
        self.wake()


def _let_go(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)


class Gates:
    """The gates of one pass. ``database`` runs what asks the store, one after the other.

    ``most``    messages that may be begun and not recorded, where nobody else could learn what became of them
    ``record``  begins to record what has ended
    """

    def __init__(
        self,
        store: Store,
        database: Executor,
        *,
        clock: Callable[[], datetime],
        most: int | None = None,
        record: Callable[[], None] = lambda: None,
    ) -> None:
        self.clock = clock
        self.record = record
        self.limited = most is not None
        self._most = most
        self._begun: set[int] = set()
        self._store = store
        self._database = database
        self._loop = asyncio.get_running_loop()
        self._gates: dict[str, Gate] = {}
        self._looker = asyncio.create_task(self._look())

    def gate(self, relay: str, limits: Limits, turn: Turn | None = None) -> Gate:
        """The gate before a relay; at once closed if the relay is set aside. Raises StoreError."""
        if relay in self._gates:
            return self._gates[relay]
        with self._store.reading() as connection:
            state = rates.state_of(connection, relay)
        gate = Gate(relay, limits, state, self, turn)
        self._gates[relay] = gate
        return gate

    @property
    def closed(self) -> tuple[datetime, str] | None:
        """When the first closed gate opens again, and why it closed; None while any is open."""
        shut = [gate for gate in self._gates.values() if gate.closed]
        if not shut or len(shut) < len(self._gates):
            return None
        first = min(shut, key=lambda gate: gate.again_at)
        return datetime.fromtimestamp(first.again_at, UTC), f"{first.relay}: {first.reason}"

    @property
    def crowded(self) -> bool:
        """No more may be begun before some of those that were are recorded."""
        return self._most is not None and len(self._begun) >= self._most

    def begun(self, delivery: int) -> None:
        """Its message leaves."""
        if self._most is not None:
            self._begun.add(delivery)

    def recorded(self, deliveries: Iterable[int]) -> None:
        """The database knows what became of these."""
        if self._most is not None:
            self._begun.difference_update(deliveries)
            for gate in self._gates.values():
                gate.wake()

    def end(self) -> None:
        """Gives back what was granted and not used. Raises StoreError."""
        self._looker.cancel()
        for gate in self._gates.values():
            if gate.unused:
                self._database.submit(self._give_back, gate.relay, gate.unused).result()

    def ask(self, gate: Gate, want: int) -> None:
        """Asks for moments; the gate gets them later."""
        self._run(gate, lambda now: self._claim_moments(gate, want, now), gate.granted)

    def slow_down(self, gate: Gate) -> None:
        """Tells everybody that the relay has slowed down."""

        def write(now: datetime) -> RelayState:
            with self._store.writing() as connection:
                return rates.slow_down(connection, gate.relay, now=now)

        self._run(gate, write, gate.share_known)

    def set_aside(self, gate: Gate, until: datetime, reason: str) -> None:
        """Tells everybody to leave the relay alone."""

        def write(_now: datetime) -> RelayState:
            with self._store.writing() as connection:
                rates.set_aside(connection, gate.relay, until=until, reason=reason)
                return rates.state_of(connection, gate.relay)

        self._run(gate, write, gate.share_known)

    def _claim_moments(self, gate: Gate, want: int, now: datetime) -> Grant:
        with self._store.writing() as connection:
            return rates.claim_moments(connection, gate.relay, gate.limits.rates_at(now), want=want, now=now)

    def _give_back(self, relay: str, unused: int) -> None:
        with self._store.writing() as connection:
            rates.give_back(connection, relay, unused)

    async def _look(self) -> None:
        """Learns now and then what other processes have found out."""

        while True:
            await asyncio.sleep(_LOOK_AGAIN)
            for gate in list(self._gates.values()):
                self._run(gate, partial(self._read, gate.relay), gate.share_known)

    def _read(self, relay: str, _now: datetime) -> RelayState:
        with self._store.reading() as connection:
            return rates.state_of(connection, relay)

    def _run(self, gate: Gate, ask: Callable[[datetime], Answer], then: Callable[[Answer], None]) -> None:
        """Asks in the database's thread, goes on in ours."""

        def answered(done: Future[Answer]) -> None:
            if (error := done.exception()) is not None:
                self._loop.call_soon_threadsafe(gate.fail, error)
            else:
                self._loop.call_soon_threadsafe(then, done.result())

        self._database.submit(lambda: ask(self.clock())).add_done_callback(answered)
