"""A lane: the transactions of one session, one after the other (RFC 5321 section 3.3).

With PIPELINING (RFC 2920) a message's body, its final dot and the next message's MAIL, RCPT and DATA leave
in one write; DATA ends the group, and the next body waits for the 354. Without it every command waits for
its reply.

Guarantees: the log has a message before its final dot can leave; at most one message a lane is in doubt
when the session or the process dies; a message whose MAIL was never answered goes back, unattempted.
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

from publisher.audience.addresses import wire_address
from publisher.delivery.replies import Reply
from publisher.delivery.session import Lost, Session, Timeouts
from publisher.delivery.work import Work
from publisher.model.delivery import Outgoing, Result
from publisher.model.errors import AddressError, RelayUnreachable
from publisher.model.rate import Limits

__all__ = ["Lane", "Withheld"]

# A larger body fills more than one round trip by itself; and alone in its write it can be told whether it
# left.
_LARGEST_PIPELINED = 256 * 1024

_PLAIN = re.compile(r"[!-;=?-~]+ [!-;=?-~]+")
_SAFE = re.compile(r"[^\x00-\x20\x7f<>]*")
_RESULTS = {2: Result.ACCEPTED, 4: Result.DEFERRED, 5: Result.FAILED}
# RFC 4954 section 6: this session has no right to send; no recipient is to blame.
_NO_RIGHT = {530, 534, 535, 538}


class Withheld(Lost):
    """The next message must not go any more, and only the session's end takes back a DATA that was answered."""


@dataclass(slots=True)
class _Attempt:
    """A message in this session. ``broken``: what the session's end would make of it now; None: it goes
    back.
    """

    message: Outgoing
    began: float
    grouped: bool
    broken: Result | None = None
    ended: bool = False
    following: Outgoing | None = None


class Lane:
    """The transactions of one session. ``served`` counts the messages that ended in it."""

    def __init__(
        self, session: Session, work: Work, *, timeouts: Timeouts, pipelining: bool, limits: Limits | None = None
    ) -> None:
        self.served = 0
        self.pipelining = pipelining and session.capabilities.pipelining
        self._session = session
        self._work = work
        self._timeouts = timeouts
        self._time = asyncio.get_running_loop().time
        limits = limits or Limits()
        self._taken = 0
        self._most = limits.messages or sys.maxsize
        self._ends = self._time() + limits.age if limits.age else 0.0
        # RSET was sent, its reply not yet read.
        self._reset_sent = False

    async def run(self) -> None:
        """Sends until there is nothing to take, or the session has done its part. Raises Lost when it ends before that.

        Every message that it took has then its outcome or was put back.
        """
        message, begun = await self._next(), False
        while message is not None:
            self._attempt = attempt = _Attempt(message, self._time(), self.pipelining)
            try:
                if not begun and not self._reset_sent:
                    self._session.expect_silence()
                if self.pipelining and not begun:
                    self._session.write(self._envelope(message))
                await self._transaction(attempt)
            except BaseException as error:
                self._break_off(self._attempt, error)
                raise
            await self._work.wait_for_room()
            following = self._attempt.following
            begun = following is not None
            message = following if begun else await self._next()

    async def _transaction(self, attempt: _Attempt) -> None:
        """One message from MAIL to the reply that ends it, and those behind it as long as all goes well.

        Raises Lost and RelayUnreachable.
        """
        timeouts = self._timeouts
        if attempt.grouped and not self._reset_sent and self._session.take_go_ahead():
            # The usual case in short: half the time of the steps below.
            await self._body(attempt)
            return
        if self._reset_sent:
            reset = await self._session.reply(timeouts.command)
            self._reset_sent = False
            if reset.code != 250:
                raise Lost(f"RSET was answered with '{reset}'", relay_closed=reset.code == 421)

        mail = await self._answer(attempt, self._mail_line, timeouts.command)
        if mail.code in {421, 503} or 300 <= mail.code < 400:
            # Not a word about this message: the relay ends the session, or has lost the thread.
            raise Lost(f"MAIL was answered with '{mail}'", relay_closed=mail.code == 421)
        attempt.broken = Result.DEFERRED
        refused = self._refused(attempt, "MAIL", mail)

        if attempt.grouped or not refused:
            rcpt = await self._answer(attempt, self._rcpt_line, timeouts.command)
            recipient_refused = self._refused(attempt, "RCPT", rcpt)
            refused = refused or recipient_refused
            if attempt.grouped or not refused:
                data = await self._answer(attempt, self._data_line, timeouts.data)
                if data.code == 354 and not refused:
                    await self._body(attempt)
                    return
                if data.code == 354:
                    await self._lone_dot(recipient_refused)
                else:
                    self._refused(attempt, "DATA", data)
        # The transaction is still open on the other side (RFC 5321 section 4.1.1.5).
        self._session.write(b"RSET\r\n")
        self._reset_sent = True

    async def _answer(self, attempt: _Attempt, line: Callable[[Outgoing], bytes], seconds: float) -> Reply:
        """The reply to a command, which has left already in a group and leaves now otherwise."""
        if not attempt.grouped:
            self._session.write(line(attempt.message))
        return await self._session.reply(seconds)

    def _refused(self, attempt: _Attempt, command: str, reply: Reply) -> bool:
        """True if this reply, or one before it, refuses the message, which ends with the first one that does.

        Raises Lost if the session is over or makes no sense, RelayUnreachable if we may not send at all.
        """
        if attempt.ended:
            if reply.code == 421:
                raise Lost(f"{command} was answered with '{reply}'", relay_closed=True)
            return reply.code >= 400
        if reply.code in _NO_RIGHT:
            attempt.broken = None
            raise RelayUnreachable(
                f"the relay answered {command} with '{reply}'",
                remedy="write the user into the transport's URL, and relay_password into secrets.toml",
            )
        if reply.code == 503 or 300 <= reply.code < 400 or (command == "DATA" and reply.code < 400):
            raise Lost(f"{command} was answered with '{reply}'")
        if reply.code < 400:
            return False
        self._end(attempt, reply)
        if reply.code == 421:
            raise Lost(f"{command} was answered with '{reply}'", relay_closed=True)
        return True

    async def _body(self, attempt: _Attempt) -> None:
        """The body and its dot, with the next envelope behind them, and the reply (RFC 5321 section
        4.1.1.4).
        """
        session = self._session
        while True:
            session.expect_silence()
            attempt.broken = None
            if self._work.log.withholds(attempt.message):
                raise Withheld("its edition was held or cancelled")
            await self._work.log.started(attempt.message)
            attempt.broken = Result.DEFERRED
            session.expect_silence()
            self._send(attempt)
            if attempt.following is not None:
                await session.attend(self._go_on, self._turn, self._timeouts.final)
                attempt = self._attempt
            if attempt.ended:
                return
            if attempt.broken is Result.UNKNOWN:
                break
        reply = await session.reply(self._timeouts.final)
        if 300 <= reply.code < 400:
            raise Lost(f"the message was answered with '{reply}'")
        self._end(attempt, reply)
        if reply.code == 421:
            raise Lost(f"the message was answered with '{reply}'", relay_closed=True)

    def _send(self, attempt: _Attempt) -> None:
        """The body leaves, and with it the next envelope. The log has the message."""
        message = attempt.message
        buffers = [*message.buffers, b".\r\n"]
        if self.pipelining and sum(map(len, buffers)) <= _LARGEST_PIPELINED:
            attempt.following = following = self._take()
            if following is not None:
                buffers.append(self._envelope(following))
        attempt.broken = Result.UNKNOWN
        # In one piece: TLS makes a record of each write.
        self._session.write(b"".join(buffers))

    def _go_on(self) -> bool:
        """The usual course, without a task that has to be woken: a message accepted, the next envelope too, the next
        body. False as soon as a reply is anything else, or something has to be waited for: `_body` sees to that.
        """
        session = self._session
        attempt = self._attempt
        if not attempt.ended:
            accepted = session.take_accepted()
            if accepted is None:
                return session.is_silent
            self._end(attempt, accepted)
            if attempt.following is None or self._work.crowded:
                return False
        go_ahead = session.take_go_ahead()
        now = self._time()
        if go_ahead is None:
            session.patient(now, self._timeouts.data)
            return True
        if not go_ahead or attempt.following is None:
            return False
        self._attempt = attempt = _Attempt(attempt.following, now, True)
        log = self._work.log
        if not session.is_silent or log.withholds(attempt.message) or not log.begin(attempt.message):
            return False
        self._send(attempt)
        session.patient(now, self._timeouts.final)
        return attempt.following is not None

    def _turn(self, said: str) -> bool:
        """The same in one step, where the relay has said all of it at once: most of what happens, most of the time."""
        attempt = self._attempt
        following = attempt.following
        if following is None or attempt.ended:
            return False
        now = self._time()
        if not self._work.turn(attempt.message, following, said, now - attempt.began):
            return False
        self.served += 1
        # The attempt that has ended serves again: made anew it costs as much as all of the above.
        attempt.message, attempt.following = following, None
        attempt.began, attempt.broken = now, None
        self._send(attempt)
        self._session.patient(now, self._timeouts.final)
        return True

    async def _lone_dot(self, recipient_refused: bool) -> None:
        """Some relays want a body although they refused its recipient: an empty one (RFC 2920 section 3.1).

        Where the recipient was taken and only the sender refused, even an empty message might be delivered.
        """
        if not recipient_refused:
            raise Lost("the relay wants a message whose sender it refused")
        self._session.write(b".\r\n")
        reply = await self._session.reply(self._timeouts.final)
        if reply.code == 421:
            raise Lost(f"the empty message was answered with '{reply}'", relay_closed=True)

    def _end(self, attempt: _Attempt, reply: Reply) -> None:
        """The message's outcome by the reply that ended it."""
        attempt.ended = True
        self.served += 1
        seconds = self._time() - attempt.began
        self._work.end(attempt.message, _RESULTS[reply.code // 100], code=reply.code, reply=reply.text, seconds=seconds)

    def _break_off(self, attempt: _Attempt, error: BaseException) -> None:
        """The session is over, or our own side failed: what this means for the messages it had."""
        if attempt.following is not None:
            self._put_back(attempt.following, error)
        if attempt.ended:
            return
        result = attempt.broken
        if result is Result.UNKNOWN and attempt.following is None and self._session.unsent:
            result = Result.DEFERRED
        if result is Result.UNKNOWN or (result is Result.DEFERRED and isinstance(error, Lost)):
            self.served += 1
            seconds = self._time() - attempt.began
            self._work.end(attempt.message, result, reply=str(error), seconds=seconds)
        elif isinstance(error, Lost) and not isinstance(error, Withheld):
            self._put_back(attempt.message, error)
        else:
            self._work.end(attempt.message, Result.UNTOUCHED)

    def _put_back(self, message: Outgoing, error: BaseException) -> None:
        """A session that ends after some messages has had enough; one that ends at its first makes that suspect."""
        self._work.put_back(message, str(error), suspect=not self.served)

    async def _next(self) -> Outgoing | None:
        """The next message, as soon as it may be begun."""
        while True:
            await self._work.ready()
            message = self._take()
            if message is not None or self._used_up or not self._work.more():
                return message

    @property
    def _used_up(self) -> bool:
        """The session has had as many messages, or lasted as long, as the relay's profile allows."""
        return self._taken >= self._most or (self._ends > 0 and self._time() >= self._ends)

    def _take(self) -> Outgoing | None:
        """The next message that this relay can be given; the others fail here, each for itself."""
        offered = self._session.capabilities
        while not self._used_up and (message := self._work.take()) is not None:
            self._taken += 1
            plain = _PLAIN.fullmatch(f"{message.recipient} {message.envelope_sender}")
            if plain and not message.smtputf8 and not offered.size:
                return message
            reply = ""
            try:
                recipient = wire_address(message.recipient)
            except AddressError as error:
                recipient, reply = "", str(error)
            if not recipient or not _SAFE.fullmatch(recipient + message.envelope_sender):
                reply = reply or "the address cannot be written in SMTP"
            elif not offered.smtputf8 and (message.smtputf8 or not recipient.isascii()):
                reply = "the relay does not offer SMTPUTF8 (RFC 6531), which this address needs"
            elif offered.size and message.size > offered.size:
                reply = f"the message has {message.size} octets, the relay takes {offered.size}"
            else:
                return message
            self._work.end(message, Result.FAILED, reply=reply)
        return None

    def _envelope(self, message: Outgoing) -> bytes:
        """MAIL, RCPT and DATA in one piece."""
        if not self._session.capabilities.size_known and not message.smtputf8:
            recipient = wire_address(message.recipient)
            return f"MAIL FROM:<{message.envelope_sender}>\r\nRCPT TO:<{recipient}>\r\nDATA\r\n".encode()
        return self._mail_line(message) + self._rcpt_line(message) + b"DATA\r\n"

    def _mail_line(self, message: Outgoing) -> bytes:
        size = f" SIZE={message.size}" if self._session.capabilities.size_known else ""
        utf8 = " BODY=8BITMIME SMTPUTF8" if message.smtputf8 else ""
        return f"MAIL FROM:<{message.envelope_sender}>{size}{utf8}\r\n".encode()

    def _rcpt_line(self, message: Outgoing) -> bytes:
        return f"RCPT TO:<{wire_address(message.recipient)}>\r\n".encode()

    def _data_line(self, message: Outgoing) -> bytes:
        return b"DATA\r\n"
