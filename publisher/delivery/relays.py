"""Several relays as one transport: each takes its part of the messages, and where one is away the others carry on.

Guarantees: a message is in the hands of one relay at a time; only one that its relay never looked at (``untouched``)
is given to another; what is unknown stays so, and is repeated, or not, by the rule for it alone. A relay that cannot
be reached or refuses the login is set aside for a while, in the database, so that other processes know. Fails, after
all outcomes, with RelayUnreachable of the first relay that was away.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from publisher.delivery.gates import Gates
from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import AttemptLog
from publisher.model.delivery import Outcome, Outgoing, Result
from publisher.model.errors import RelayUnreachable

__all__ = ["Member", "Relays"]

# A relay may be ahead of its part by so many messages.
_SLACK = 16
# Nobody waits for the turn of a relay that has taken nothing for so many seconds.
_PATIENCE = 0.5
# How long one that was away is left alone.
_AWAY = timedelta(minutes=5)


@dataclass(slots=True)
class Member:
    """One of several relays. ``weight`` 0: it steps in when all others are away."""

    transport: SmtpTransport
    weight: int = 1


class Relays:
    """Several SMTP relays. Opens nothing before :meth:`deliver`."""

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = tuple(members)

    @property
    def real(self) -> bool:
        """True if one of them is not on loopback."""
        return any(member.transport.real for member in self.members)

    def __str__(self) -> str:
        return ", ".join(str(member.transport.address) for member in self.members)

    async def deliver(
        self, messages: Iterator[Outgoing], *, log: AttemptLog, stop: asyncio.Event, gates: Gates | None = None
    ) -> AsyncIterator[Sequence[Outcome]]:
        """See :class:`publisher.delivery.transport.Transport`."""
        pool = _Pool(messages)
        shares = [_Share(member, pool, gates) for member in self.members]
        pool.shares = shares
        outcomes: asyncio.Queue[list[Outcome] | None] = asyncio.Queue()
        try:
            while not stop.is_set() and (able := _able(shares)) and pool.more():
                for share in able:
                    share.start(log, stop, outcomes)
                running = len(able)
                while running:
                    ended = await outcomes.get()
                    if ended is None:
                        running -= 1
                    else:
                        yield ended
        finally:
            await asyncio.gather(*(share.end() for share in shares))
        yield [Outcome(outgoing.delivery, outgoing.fence, Result.UNTOUCHED) for outgoing in pool.left()]
        for share in shares:
            if share.trouble is not None:
                raise share.trouble
        away = [share for share in shares if share.failure is not None]
        if len(away) < len(shares):
            for share in away:
                share.set_aside()
        if away and (first := away[0].failure) is not None:
            carry = "; the other relays carry on" if len(away) < len(shares) else ""
            raise RelayUnreachable(first.cause, where=first.where, remedy=f"{first.remedy}{carry}")


def _able(shares: Sequence[_Share]) -> list[_Share]:
    """The relays that can be given messages: those that step in only where no other can. Touches nothing."""
    able = [share for share in shares if share.able]
    return [share for share in able if share.member.weight] or able


class _Pool:
    """The messages that no relay has in hand."""

    def __init__(self, messages: Iterator[Outgoing]) -> None:
        self.shares: Sequence[_Share] = ()
        self._messages = messages
        self._back: deque[Outgoing] = deque()

    def take(self) -> Outgoing:
        """The next one; raises StopIteration where there is none."""
        return self._back.popleft() if self._back else next(self._messages)

    def put_back(self, outgoing: Outgoing) -> None:
        """A relay has not looked at it: the next that asks gets it."""
        self._back.append(outgoing)

    def more(self) -> bool:
        """There is a message to give; it is held ready."""
        if not self._back:
            try:
                self._back.append(next(self._messages))
            except StopIteration:
                return False
        return True

    def left(self) -> Iterator[Outgoing]:
        """What nobody took."""
        while self._back:
            yield self._back.popleft()


class _Share:
    """One relay's part of a pass: an iterator of messages for it, and its turn (`publisher.delivery.gates.Turn`).

    ``failure``  why it could not be given any more; ``trouble``: what is wrong on our own side
    """

    def __init__(self, member: Member, pool: _Pool, gates: Gates | None) -> None:
        self.member = member
        self.failure: RelayUnreachable | None = None
        self.trouble: Exception | None = None
        self._pool = pool
        self._gates = gates
        relay = member.transport
        self._gate = gates.gate(relay.address.account, relay.limits, self) if gates is not None else None
        self._time = asyncio.get_running_loop().time
        self._count = 0.0
        self._took_at = 0.0
        self._in_hand: dict[int, Outgoing] = {}
        self._task: asyncio.Task[None] | None = None

    @property
    def able(self) -> bool:
        """It may be given messages (again)."""
        closed = self._gate is not None and self._gate.closed
        return self.failure is None and self.trouble is None and not closed

    def start(self, log: AttemptLog, stop: asyncio.Event, outcomes: asyncio.Queue[list[Outcome] | None]) -> None:
        """Begins to give it messages; None among the outcomes is its end."""
        self._took_at = self._time()
        self._task = asyncio.create_task(self._run(log, stop, outcomes))

    async def end(self) -> None:
        """Ends whatever still runs."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def set_aside(self) -> None:
        """Other processes need not try it either for now."""
        if self._gate is not None and self.failure is not None:
            self._gate.set_aside(self.failure.cause, _AWAY)

    def __iter__(self) -> Iterator[Outgoing]:
        return self

    def __next__(self) -> Outgoing:
        outgoing = self._pool.take()
        self._in_hand[outgoing.delivery] = outgoing
        return outgoing

    def has_come(self) -> bool:
        """It is not ahead of its part, as far as others could take what it leaves."""
        return all(self._count / self._part <= (other._count + _SLACK) / other._part for other in self._rivals())

    def taken(self) -> None:
        """Counts; what it could not take while it was away is not made up for."""
        others = max((other._count / other._part for other in self._rivals()), default=0.0)
        self._count = max(self._count, others * self._part - 2 * _SLACK) + 1
        self._took_at = self._time()

    @property
    def _part(self) -> int:
        return max(1, self.member.weight)

    @property
    def _waits(self) -> bool:
        """It could not take the next message: its rate is used up, or it has taken nothing for a while."""
        rationed = self._gate is not None and self._gate.rationed
        return rationed or self._time() - self._took_at > _PATIENCE

    def _rivals(self) -> Iterator[_Share]:
        for other in self._pool.shares:
            if other is not self and other._task is not None and not other._task.done() and not other._waits:
                yield other

    async def _run(self, log: AttemptLog, stop: asyncio.Event, outcomes: asyncio.Queue[list[Outcome] | None]) -> None:
        try:
            async for ended in self.member.transport.deliver(self, log=log, stop=stop, gates=self._gates):
                told = []
                for outcome in ended:
                    outgoing = self._in_hand.pop(outcome.delivery)
                    if outcome.result is Result.UNTOUCHED and not stop.is_set():
                        self._pool.put_back(outgoing)
                    else:
                        told.append(outcome)
                outcomes.put_nowait(told)
        except RelayUnreachable as error:
            self.failure = error
        except Exception as error:
            self.trouble = error
        finally:
            outcomes.put_nowait(None)
