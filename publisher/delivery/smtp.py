"""An SMTP relay as transport: several lanes at once, each a session with pipelined transactions.

Guarantees: see :class:`publisher.delivery.transport.Transport`. A relay that ends sessions early, limits
them or is restarted is connected to again, a bounded number of times; one that advertises PIPELINING and
stumbles over it gets its commands one by one from then on. Fails with RelayUnreachable when no session can
be had (handshake.py says why) or the relay lets us send nothing.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from typing import Literal

from publisher.audience.bounces import Kind, classify
from publisher.delivery.gates import Gates
from publisher.delivery.handshake import open_session
from publisher.delivery.lane import Lane, Withheld
from publisher.delivery.session import Lost, Session, Timeouts
from publisher.delivery.tokens import Login
from publisher.delivery.transport import AttemptLog, RelayAddress
from publisher.delivery.work import Work
from publisher.model.delivery import Outcome, Outgoing
from publisher.model.errors import RelayUnreachable
from publisher.model.rate import Limits

__all__ = ["SmtpTransport"]

# Sessions in a row that ended no message, before a lane gives up; and the first pause between two, in
# seconds.
_BARREN = 5
_PAUSE = 0.2
_TOO_MANY = re.compile(r"too (?:many|much|fast)|slow down|try again later|\brate\b|concurren", re.IGNORECASE)
# Lanes open one after the other, so that three notices do not make eight connections.
_STAGGER = 0.02


class SmtpTransport:
    """The relay at ``address``. Opens nothing before :meth:`deliver`.

    ``login``        instead of ``password``: a token
    ``lanes``        sessions at once
    ``tls_context``  trusted certificates other than the system's
    ``hello``        our name in EHLO; empty: the address of our end
    ``tls``          "opportunistic": a relay elsewhere may do without, and nobody looks at its certificate
    ``limits``       what the relay takes; instead of ``lanes``
    ``pause``        seconds before the second try after a session that bore nothing; twice as long each time
    """

    def __init__(
        self,
        address: RelayAddress,
        *,
        password: str | None = None,
        login: Login | None = None,
        lanes: int = 8,
        timeouts: Timeouts | None = None,
        tls_context: ssl.SSLContext | None = None,
        hello: str = "",
        pipelining: bool = True,
        pause: float = 0.2,
        tls: Literal["required", "opportunistic"] = "required",
        limits: Limits | None = None,
    ) -> None:
        self.address = address
        self.limits = limits or Limits(lanes=lanes)
        self.lanes = self.limits.useful_lanes
        self._login = login or Login(address.user or "", password=password)
        self._timeouts = timeouts or Timeouts()
        self._tls_context = tls_context
        self._hello = hello
        self._pipelining = pipelining
        self.pause = pause
        self._tls = tls

    @property
    def real(self) -> bool:
        """True unless the relay is on loopback."""
        return not self.address.is_loopback

    async def deliver(
        self, messages: Iterator[Outgoing], *, log: AttemptLog, stop: asyncio.Event, gates: Gates | None = None
    ) -> AsyncIterator[Sequence[Outcome]]:
        """See :class:`publisher.delivery.transport.Transport`. The first session is opened before a
        message is taken.
        """
        gate = gates.gate(self.address.account, self.limits) if gates is not None else None
        work = Work(messages, log=log, stop=stop, relay=self.address.name, gate=gate)
        if not work.more():
            # Nothing to do is no reason to connect.
            if work.trouble is not None:
                raise work.trouble
            return
        run = _Run(self, work, stop)
        try:
            while not run.done:
                await work.changed()
                yield work.fetch()
            left = work.give_up()
            yield work.fetch()
        finally:
            await run.end()
        if work.trouble is not None:
            raise work.trouble
        if left and not work.over and run.failure is not None:
            raise run.failure

    async def session(self) -> Session:
        """A session ready for MAIL. Raises RelayUnreachable. For ``doctor``: close it afterwards."""
        return await open_session(
            self.address,
            login=self._login,
            timeouts=self._timeouts,
            tls_context=self._tls_context,
            hello=self._hello,
            tls=self._tls,
        )

    def lane(self, session: Session, work: Work) -> Lane:
        """A lane in that session."""
        return Lane(session, work, timeouts=self._timeouts, pipelining=self._pipelining, limits=self.limits)

    def doubt_pipelining(self) -> None:
        """From now on commands go one by one: slower, and any relay understands it."""
        self._pipelining = False

    @property
    def timeouts(self) -> Timeouts:
        """Seconds for each step."""
        return self._timeouts


class _Run:
    """The lanes of one call of :meth:`SmtpTransport.deliver`, as tasks. ``failure``: why the last session
    ended.
    """

    def __init__(self, relay: SmtpTransport, work: Work, stop: asyncio.Event) -> None:
        self.failure: RelayUnreachable | None = None
        self._relay = relay
        self._work = work
        self._sessions: set[Session] = set()
        self._connected = False
        self._settled = asyncio.Event()
        self._stopped = asyncio.create_task(stop.wait())
        self._stopped.add_done_callback(lambda task: self._hurry())
        self._tasks: set[asyncio.Task[None]] = set()
        self._start(self._open_lanes())

    @property
    def done(self) -> bool:
        """All lanes have ended."""
        return not self._tasks

    async def end(self) -> None:
        """Ends whatever still runs; the log has then heard what is in doubt."""
        tasks = [*self._tasks, self._stopped]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for session in self._sessions:
            session.abort()

    def _start(self, lane: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(lane)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and isinstance(error := task.exception(), Exception):
            self._work.fail(error)
        self._settled.set()
        self._work.wake()

    async def _open_lanes(self) -> None:
        """One lane; when it has a session, the others, as long as there is something to take."""
        self._start(self._lane())
        await self._settled.wait()
        for _ in range(self._relay.lanes - 1):
            await asyncio.sleep(_STAGGER)
            if not self._connected or not self._work.more():
                return
            self._start(self._lane())

    async def _lane(self) -> None:
        """Sessions one after the other until there is nothing to take, or too many of them bear nothing."""
        barren = 0
        while self._work.more() and barren < _BARREN:
            if barren:
                await asyncio.wait({self._stopped}, timeout=self._relay.pause * 2 ** (barren - 1))
            session = await self._session()
            if session is None:
                barren += 1
                if not self._connected:
                    # The relay is away for everybody; whoever runs us tries again in some minutes.
                    return
                continue
            lane = self._relay.lane(session, self._work)
            try:
                await lane.run()
                await session.close(self._relay.timeouts.quit)
            except Withheld:
                barren = 0
            except Lost as error:
                barren = 0 if lane.served else barren + 1
                self._learn(lane, error, barren)
            except RelayUnreachable as error:
                self._work.fail(RelayUnreachable(error.cause, where=str(self._relay.address), remedy=error.remedy))
            finally:
                self._sessions.discard(session)
                session.abort()

    async def _session(self) -> Session | None:
        """A new session; None where there is none to be had (``failure`` says why) or we are asked to
        stop.
        """
        opening = asyncio.create_task(self._relay.session())
        try:
            await asyncio.wait({opening, self._stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                return None
            session = opening.result()
        except RelayUnreachable as error:
            self.failure = error
            self._heed(error.cause)
            return None
        finally:
            opening.cancel()
        self._sessions.add(session)
        self._connected = True
        self._settled.set()
        return session

    def _learn(self, lane: Lane, error: Lost, barren: int) -> None:
        """Remembers why the session ended, and whether pipelining may be to blame.

        A relay that loses the thread of pipelined commands is silent, answers out of order or hangs up early.
        """
        self.failure = RelayUnreachable(
            f"the relay ended every session early, the last one so: {error}",
            where=str(self._relay.address),
            remedy="look into the relay's log for its reason",
        )
        if error.relay_closed:
            self._heed(str(error))
        if lane.pipelining and lane.served < 2 and (barren > 1 or not error.relay_closed):
            self._relay.doubt_pipelining()

    def _heed(self, said: str) -> None:
        """What the relay said when it ended a session, or began none: has it had enough of us, or of lanes?"""
        gate = self._work.gate
        if gate is None:
            return
        if classify(421, said).kind is Kind.LIMIT:
            gate.set_aside(said)
        elif self._connected and _TOO_MANY.search(said):
            gate.slow()

    def _hurry(self) -> None:
        for session in self._sessions:
            session.hurry(self._relay.timeouts.grace)
