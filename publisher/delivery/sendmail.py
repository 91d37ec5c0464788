"""A sendmail command as transport: what nearly every mail server offers on its own machine.

Guarantees: see `publisher.delivery.transport.Transport`. The message goes to the command's standard input with LF
line ends, envelope sender and recipient stand among its arguments; no shell is involved. Exit statuses are those of
sysexits.h: 0 accepted, EX_NOUSER and the like failed, EX_TEMPFAIL and the like deferred. A command that is killed or
does not end leaves an unknown. Fails with TransportError when it cannot be run, or says that it is called wrongly.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
from collections.abc import AsyncIterator, Iterator, Sequence

from publisher.delivery.gates import Gates
from publisher.delivery.transport import AttemptLog
from publisher.delivery.work import Work
from publisher.model.delivery import Outcome, Outgoing, Result
from publisher.model.errors import TransportError
from publisher.model.rate import Limits

__all__ = ["Sendmail"]

_SECONDS = 300.0
# EX_DATAERR, EX_NOUSER, EX_NOHOST concern this message; EX_USAGE, EX_NOPERM, EX_CONFIG concern the command.
_FAILED = {65, 67, 68}
_WRONG = {64, 77, 78, 126, 127}
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>]")


class Sendmail:
    """``command``: program and options, to which ``-i -f SENDER -- RECIPIENT`` is added."""

    def __init__(self, command: Sequence[str], *, limits: Limits | None = None, seconds: float = _SECONDS) -> None:
        self._command = tuple(command)
        self._limits = limits or Limits()
        self._seconds = seconds

    @property
    def name(self) -> str:
        """As the ledger records it."""
        return f"sendmail:{self._command[0]}"

    @property
    def real(self) -> bool:
        """True: the command's server sends on."""
        return True

    async def deliver(
        self, messages: Iterator[Outgoing], *, log: AttemptLog, stop: asyncio.Event, gates: Gates | None = None
    ) -> AsyncIterator[Sequence[Outcome]]:
        """See `publisher.delivery.transport.Transport`. As many commands at once as there are lanes, at the rate."""
        gate = gates.gate(self.name, self._limits) if gates is not None else None
        work = Work(messages, log=log, stop=stop, relay=self.name, gate=gate)
        lanes = [asyncio.create_task(self._lane(work)) for _ in range(self._limits.useful_lanes)]
        for lane in lanes:
            lane.add_done_callback(lambda _lane: work.wake())
        try:
            while not all(lane.done() for lane in lanes):
                await work.changed()
                yield work.fetch()
            work.give_up()
            yield work.fetch()
        finally:
            for lane in lanes:
                lane.cancel()
            await asyncio.gather(*lanes, return_exceptions=True)
        if work.trouble is not None:
            raise work.trouble

    async def _lane(self, work: Work) -> None:
        while work.more():
            await work.ready()
            if (message := work.take()) is None:
                continue
            if message.recipient.startswith("-") or any(
                _UNSAFE.search(address) for address in (message.envelope_sender, message.recipient)
            ):
                work.end(message, Result.FAILED, reply="the address cannot be an argument of a command")
                continue
            try:
                await work.log.started(message)
                result, reply = await self._run(message)
            except Exception as error:
                work.end(message, Result.UNTOUCHED)
                work.fail(self._error(error) if isinstance(error, OSError) else error)
                return
            work.end(message, result, reply=reply)
            await work.wait_for_room()

    async def _run(self, message: Outgoing) -> tuple[Result, str]:
        """Raises OSError if the command cannot be run, TransportError if it is called wrongly."""
        process = await asyncio.create_subprocess_exec(
            *(*self._command, "-i", "-f", message.envelope_sender, "--", message.recipient),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(self._seconds):
                _, said = await process.communicate(b"".join(message.buffers).replace(b"\r\n", b"\n"))
        except TimeoutError:
            return Result.UNKNOWN, f"no end within {self._seconds:g} s"
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        words = " ".join(said.decode("utf-8", "replace").split())[:400]
        status = process.returncode or 0
        if status == 0:
            return Result.ACCEPTED, words
        if status < 0:
            return Result.UNKNOWN, f"ended by {signal.Signals(-status).name}"
        if status in _WRONG:
            raise self._error(f"exit status {status}: {words}")
        return (Result.FAILED if status in _FAILED else Result.DEFERRED), f"exit status {status}: {words}".rstrip(": ")

    def _error(self, cause: object) -> TransportError:
        return TransportError(
            f"the command cannot be used: {cause}",
            where=self.name,
            remedy='write for example transport = "sendmail:/usr/sbin/sendmail"',
        )
