"""One connection to a relay: octets out, replies in, in strict order, each wait with an end.

Guarantees: :meth:`Session.reply` gives the relay's next reply or raises :class:`Lost`, within the seconds
it was given (longer only while a large message is still leaving); after ``Lost`` nothing more comes.
:attr:`Session.unsent` is True only if octets of the last write have certainly not left.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from publisher.delivery.connection import Connection
from publisher.delivery.replies import Reply, ReplyReader, turned

__all__ = ["Capabilities", "Lost", "Session", "Timeouts"]


class Lost(Exception):
    """The session is over: closed by the relay, timed out, or not to be trusted any more. ``str()`` says
    which.

    ``relay_closed``  the relay ended it in an orderly way: 421, or it closed the connection
    """

    def __init__(self, reason: str, *, relay_closed: bool = False) -> None:
        super().__init__(reason)
        self.relay_closed = relay_closed


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Seconds to wait for each step.

    RFC 5321 section 4.5.3.2 asks for 5 minutes nearly everywhere; a relay of one's own that takes a minute is
    broken. After the final dot its 10 minutes stand: whoever gives up early doubles messages (RFC 1047).
    ``grace`` is what remains for everything in the air once the run is asked to stop.
    """

    connect: float = 30.0
    greeting: float = 60.0
    command: float = 60.0
    data: float = 120.0
    final: float = 600.0
    quit: float = 2.0
    grace: float = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What the relay offers (RFC 5321 section 4.1.1.1). ``size`` is its limit in octets; 0: none known."""

    pipelining: bool = False
    starttls: bool = False
    smtputf8: bool = False
    size_known: bool = False
    size: int = 0
    auth: frozenset[str] = frozenset()


class Session:
    """The replies and deadlines of one connection; its lane is the only caller."""

    def __init__(self, connected: socket.socket) -> None:
        self.capabilities = Capabilities()
        self._loop = asyncio.get_running_loop()
        self._connection = Connection(connected, received=self._hear, ended=self._end, emptied=self._emptied)
        self.write = self._connection.write
        """Sends; nothing any more once the connection has ended."""
        self._reader = ReplyReader()
        self._replies: deque[Reply] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._listener: Callable[[], bool] | None = None
        self._usual: Callable[[str], bool] | None = None
        self._lost: Lost | None = None
        self._left = 0
        self._seconds = 0.0
        self._deadline = 0.0
        self._latest: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = 0.0

    @property
    def unsent(self) -> bool:
        """Octets of the last write had certainly not left when the session was lost, or have not yet."""
        return self._connection.unsent > 0

    async def reply(self, seconds: float) -> Reply:
        """The next reply. Raises Lost, at the latest after so many seconds."""
        if not self._replies:
            if self._lost is not None:
                raise self._lost
            self.patient(self._loop.time(), seconds)
            self._waiting = self._loop.create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
                self._seconds = 0.0
            if not self._replies:
                raise self._lost or Lost("the wait was broken off")
        return self._replies.popleft()

    async def attend(self, listener: Callable[[], bool], usual: Callable[[str], bool], seconds: float) -> None:
        """Has ``listener`` called whenever replies have come, until it returns False or the session is lost.

        It may take replies and write, and calls :meth:`patient` as steps begin. What it raises is raised here. A task
        that is woken for each reply costs 15 us a message; this costs 2. ``usual`` is given a turn that came in one
        piece (`turned`); where it returns False it has done nothing, and the replies go to ``listener``.
        """
        if self._lost is not None or (self._replies and not listener()):
            return
        self.patient(self._loop.time(), seconds)
        self._listener, self._usual = listener, usual
        self._waiting = self._loop.create_future()
        try:
            await self._waiting
        finally:
            self._waiting = None
            self._listener = self._usual = None
            self._seconds = 0.0

    def take_accepted(self) -> Reply | None:
        """Takes the next reply if it is 250."""
        replies = self._replies
        return replies.popleft() if replies and replies[0].code == 250 else None

    def take_go_ahead(self) -> bool | None:
        """Takes the replies to a group of MAIL, RCPT and DATA if all three are here and say go on; else none.

        None: not all are here, and those that are say go on.
        """
        replies = self._replies
        for reply, code in zip(replies, (250, 250, 354), strict=False):
            if reply.code != code:
                return False
        if len(replies) < 3:
            return None
        for _ in range(3):
            replies.popleft()
        return True

    @property
    def is_silent(self) -> bool:
        """All replies were taken, and the session goes on."""
        return not self._replies and self._lost is None

    def expect_silence(self) -> None:
        """Raises Lost if the relay said more than it was asked: replies could no longer be told apart."""
        if self._replies:
            if self._replies[0].code == 421:
                # RFC 5321 section 3.8: a relay that shuts down may say so at any time.
                raise Lost(f"the relay said {self._replies[0]}", relay_closed=True)
            raise Lost(f"a reply that nobody asked for: {self._replies[0]}")
        if self._lost is not None:
            raise self._lost

    async def start_tls(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """The TLS handshake, after the relay's 220. Raises OSError (ssl.SSLError among them) and Lost."""
        # A reply that stands before the handshake was not protected: somebody in between may have written it.
        if self._replies or self._reader.pending:
            raise Lost("the relay spoke before TLS had begun")
        await self._connection.secure(context, host, seconds)
        if self._lost is not None:
            raise self._lost

    def local_address(self) -> str:
        """Our own IP address on this connection; empty where there is none."""
        return self._connection.local_address()

    def hurry(self, seconds: float) -> None:
        """From now on every wait ends within so many seconds."""
        self._latest = self._loop.time() + seconds
        if self._waiting is not None:
            self.patient(self._loop.time(), seconds)

    async def close(self, seconds: float) -> None:
        """QUIT, its reply or not, and the end of the connection."""
        if self._lost is None:
            self.write(b"QUIT\r\n")
            with contextlib.suppress(Lost):
                await self.reply(seconds)
        self.abort()

    def abort(self) -> None:
        """Ends the connection at once; what has not left is dropped."""
        self._connection.close()
        self._still()
        self._lose(Lost("the connection was closed"))

    def _hear(self, data: bytes) -> None:
        """Replies are queued; the lane takes them one at a time."""
        if self._lost is not None:
            return
        usual, self._usual = self._usual, None
        if usual is not None and not self._replies and not self._reader.pending and (said := turned(data)) is not None:
            try:
                if usual(said):
                    self._usual = usual
                    return
            except Exception as error:
                self._fail(error)
                return
        self._replies.extend(self._reader.feed(data))
        if self._reader.garbled:
            self._lose(Lost(self._reader.garbled))
            self.abort()
        elif not self._replies or self._heard():
            self._usual = usual
        else:
            self._wake()

    def _heard(self) -> bool:
        """Whether the listener has dealt with what came, and goes on."""
        listener, self._listener = self._listener, None
        if listener is None:
            return False
        try:
            if not listener():
                return False
        except Exception as error:
            self._fail(error)
            return True
        # Whoever has said False is not asked again.
        self._listener = listener
        return True

    def _fail(self, error: Exception) -> None:
        """Whoever waits is to raise it."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)

    def _end(self, error: OSError | None) -> None:
        """The end, however it came."""
        half = " in the middle of a reply" if self._reader.pending else ""
        reason = f"the connection broke: {error}" if error else f"the relay closed the connection{half}"
        self._lose(Lost(reason, relay_closed=error is None))
        self._still()

    def _emptied(self) -> None:
        """Only now can the relay begin to answer."""
        self._deadline = max(self._deadline, self._loop.time() + self._seconds)

    def _lose(self, lost: Lost) -> None:
        if self._lost is None:
            self._lost = lost
        self._wake()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def patient(self, now: float, seconds: float) -> None:
        """A step has begun ``now`` (loop time) that may take so many seconds.

        One timer a session, moved only when it would ring too late: cheaper than one a reply.
        """
        self._seconds = seconds
        self._deadline = now + seconds
        if self._latest is not None:
            self._deadline = min(self._deadline, self._latest)
        if self._timer is None or self._rings_at > self._deadline:
            self._still()
            self._ring_at(self._deadline)

    def _still(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring_at(self, moment: float) -> None:
        self._rings_at = moment
        self._timer = self._loop.call_at(moment, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiting is None or self._lost is not None:
            return
        now = self._loop.time()
        if self.unsent and (self._latest is None or now < self._latest):
            # A large message on a slow line: as long as it moves, it may take its time.
            left = self._connection.unsent
            if left != self._left:
                self._left = left
                self._deadline = max(self._deadline, now + self._seconds)
        if now < self._deadline:
            self._ring_at(self._deadline)
            return
        self._lose(Lost(f"no reply within {self._seconds:g} s"))
        self.abort()
