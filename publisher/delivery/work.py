"""The work of one run through a relay: messages that lanes take, outcomes that they give.

Guarantees: every message taken ends in exactly one outcome, or comes back and is taken again; the log hears
of an outcome before anybody else. Messages are pulled one at a time, never while a thousand outcomes wait
to be fetched. A gate, where there is one, says when the next may be begun: at the relay's rate, and not more at
once than it can take. Everything happens in one event loop, so there are no locks.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator

from publisher.delivery.gates import Gate
from publisher.delivery.transport import AttemptLog
from publisher.model.delivery import Outcome, Outgoing, Result

__all__ = ["Work"]

_MOST_OUTCOMES = 1000
_OFTEN = 3
# Waking whoever fetches costs 4 us, a tenth of all the work on a message: so not for each outcome.
_WAKE_AT = 32
_WAKE_WITHIN = 0.01  # seconds


class Work:
    """What the lanes of a run share."""

    def __init__(
        self,
        messages: Iterator[Outgoing],
        *,
        log: AttemptLog,
        stop: asyncio.Event,
        relay: str,
        gate: Gate | None = None,
    ) -> None:
        self.log = log
        self.gate = gate
        self.outcomes: list[Outcome] = []
        self.trouble: Exception | None = None
        self._changed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._waking: asyncio.TimerHandle | None = None
        self._room = asyncio.Event()
        self._messages = messages
        self._stop = stop
        self._relay = relay
        self._back: deque[Outgoing] = deque()
        self._came_back: Counter[int] = Counter()
        self._exhausted = False

    @property
    def over(self) -> bool:
        """No more messages may be begun."""
        return self.trouble is not None or self._stop.is_set() or (self.gate is not None and self.gate.closed)

    def take(self) -> Outgoing | None:
        """The next message, or None: there is none, or none may be begun now."""
        gate = self.gate
        if self.trouble is not None or self._stop.is_set() or (gate is not None and not gate.open):
            return None
        outgoing = self._next()
        if outgoing is not None and gate is not None:
            gate.begin(outgoing.delivery)
        return outgoing

    def more(self) -> bool:
        """True if there is a message to take, now or later; it is held ready for whoever takes first."""
        if self.over:
            return False
        outgoing = self._next()
        if outgoing is None:
            return False
        self._back.appendleft(outgoing)
        return True

    async def ready(self) -> None:
        """Waits until a message may be taken, or there is none to take. Raises what the gate's database did."""
        if self.gate is None:
            return
        while not self.gate.open and self.more():
            self._changed.set()  # what has ended is to be recorded now: it may be what keeps the gate shut
            await self.gate.wait()

    def _next(self) -> Outgoing | None:
        while self._back:
            outgoing = self._back.popleft()
            if not self.log.withholds(outgoing):
                return outgoing
            self._give(outgoing, Result.UNTOUCHED)
        if self._exhausted:
            return None
        try:
            return next(self._messages)
        except StopIteration:
            self._exhausted = True
        except Exception as error:
            self._exhausted = True
            self.fail(error)
        return None

    def put_back(self, outgoing: Outgoing, reason: str, *, suspect: bool) -> None:
        """A message that the relay has not looked at. ``suspect``: it may be to blame, and is deferred if that happens
        too often.
        """
        self._came_back[outgoing.delivery] += suspect
        if self._came_back[outgoing.delivery] >= _OFTEN:
            self.end(outgoing, Result.DEFERRED, reply=reason)
            return
        if self.gate is not None:
            self.gate.end()
        self._back.appendleft(outgoing)

    def end(self, outgoing: Outgoing, result: Result, *, code: int = 0, reply: str = "", seconds: float = 0.0) -> None:
        """The outcome of a message that was taken: first for the log, then for whoever runs the transport."""
        if self.gate is not None:
            self.gate.end()
            self.gate.hear(code, reply, seconds)
        self._give(outgoing, result, code=code, reply=reply, seconds=seconds)

    def turn(self, ended: Outgoing, following: Outgoing, said: str, seconds: float) -> bool:
        """`end` of a message that the relay has accepted, and the log's `begin` of the one behind it.

        False, and nothing was done, where something has to be waited for.
        """
        if len(self.outcomes) >= _MOST_OUTCOMES:
            return False
        outcome = Outcome(ended.delivery, ended.fence, Result.ACCEPTED, 250, said, self._relay, seconds)
        if not self.log.turn(outcome, following):
            return False
        if self.gate is not None:
            self.gate.accepted(seconds)
        self.outcomes.append(outcome)
        if self._waking is None or len(self.outcomes) == _WAKE_AT:
            self._tell()
        return True

    def _give(
        self, outgoing: Outgoing, result: Result, *, code: int = 0, reply: str = "", seconds: float = 0.0
    ) -> None:
        outcome = Outcome(outgoing.delivery, outgoing.fence, result, code, reply, self._relay, seconds)
        self.outcomes.append(outcome)
        if result is not Result.UNTOUCHED:
            try:
                self.log.replied(outcome)
            except Exception as error:
                self.fail(error)
        self._tell()

    def _tell(self) -> None:
        """There is one outcome more to fetch."""
        if self._waking is None:
            self._waking = self._loop.call_later(_WAKE_WITHIN, self._wake_late)
        elif len(self.outcomes) == _WAKE_AT:
            self._changed.set()

    def _wake_late(self) -> None:
        self._waking = None
        self._changed.set()

    def fail(self, error: Exception) -> None:
        """The run's trouble: no more messages are begun, and it is raised when all outcomes are out."""
        if self.trouble is None:
            self.trouble = error
        self._changed.set()

    @property
    def crowded(self) -> bool:
        """Too many outcomes lie here that nobody has fetched."""
        return len(self.outcomes) >= _MOST_OUTCOMES

    async def wait_for_room(self) -> None:
        """Waits while too many outcomes lie here that nobody has fetched."""
        if self.crowded:
            self._room.clear()
            await self._room.wait()

    async def changed(self) -> None:
        """Waits until there are outcomes to fetch, or something else has changed."""
        self._changed.clear()
        if len(self.outcomes) < _WAKE_AT:
            await self._changed.wait()

    def fetch(self) -> list[Outcome]:
        """The outcomes that lie here."""
        fetched, self.outcomes = self.outcomes, []
        self._room.set()
        return fetched

    def wake(self) -> None:
        """Lets :meth:`changed` return."""
        self._changed.set()

    def give_up(self) -> bool:
        """The lanes have ended: everything that came back is untouched. True if any message is left."""
        left = bool(self._back) or not self._exhausted
        while self._back:
            self._give(self._back.popleft(), Result.UNTOUCHED)
        return left
