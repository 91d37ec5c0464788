"""The delivery journal: what is in the air, on this machine's disk, before the database knows.

Lines, UTF-8, tab-separated:

``W worker boot``                             whose journal, and since which start of the machine
``S delivery fence``                          its dot may leave soon; on disk (fdatasync) before it may
``D delivery fence``                          its dot leaves now; with the system, not yet on disk
``R delivery fence result code seconds relay reply``  its reply was read

All of them survive kill -9, so what has a D without an R is ``unknown``: one a lane at most. After a power failure
(the machine has another boot id) D and R may be missing, so whatever has an S without an R is: one open sub-batch,
at most ``ANNOUNCED`` messages and the lanes'. S lines are synced a sub-batch ahead and in a thread: a sync takes
0.2 to 3 ms, and one before each dot made the disk the limit (1,830 messages a second where 7,000 were to be had).

One delivering process a host and publication: `delivery_lock` sees to it, and so a journal found while holding the
lock is a dead worker's. A line without its end is a torn write, from before its dot could leave; a torn R counts as
a start without a reply.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from publisher.model.delivery import Outcome, Outgoing, Result
from publisher.model.errors import OutputError
from publisher.store.host import host_lock

__all__ = ["ANNOUNCED", "Journal", "delivery_lock", "left_behind"]

COMPACT_AT = 8_000_000  # bytes
ANNOUNCED = 20
"""Messages a sub-batch. Two are open at most: with eight lanes, 48 doubtful ones when the whole machine is lost."""

_BOOT = Path("/proc/sys/kernel/random/boot_id")


def delivery_lock(state: Path) -> AbstractContextManager[bool]:
    """Holds this host's right to deliver; yields False at once if another process has it. Freed by our death."""
    return host_lock(state, "deliver.lock")


class Journal:
    """One worker's journal, an AttemptLog for the transport. Use as a context manager, inside the event loop."""

    def __init__(self, state: Path, *, durable: bool = True, boot: str | None = None) -> None:
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
        self._path = state / f"journal-{self.worker.replace(':', '-')}.log"
        self._durable = durable
        self._boot = this_boot() if boot is None else boot
        self._descriptor = -1
        self._size = 0
        self._lines: list[str] = []
        self._torn = False
        # What the database does not know yet: delivery → its fence, or its outcome.
        self._open: dict[int, int | Outcome] = {}
        # What was announced and not begun: delivery → its fence, and the sync of its line.
        self._announced: dict[int, tuple[int, asyncio.Future[None]]] = {}
        self._syncing: asyncio.Future[None] | None = None

    def __enter__(self) -> Journal:
        try:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        except OSError as error:
            raise self._refused(error) from error
        self._lines.append(f"W\t{self.worker}\t{self._boot}\n")
        self._write()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Removes the file if everything in it is recorded; otherwise the next run recovers from it."""
        self._write_replies()
        os.close(self._descriptor)
        if not self._open:
            self._path.unlink(missing_ok=True)

    def announce(self, messages: Iterable[Outgoing]) -> None:
        """The dots of these messages may leave soon. Begins the sync that `started` waits for."""
        if not self._durable:
            return
        messages = list(messages)
        self._lines += [f"S\t{message.delivery}\t{message.fence}\n" for message in messages]
        self._write()
        future = asyncio.ensure_future(self._synced(self._syncing))
        # Nobody may come to wait for it.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        self._syncing = future
        for message in messages:
            self._announced[message.delivery] = (message.fence, future)

    async def started(self, outgoing: Outgoing) -> None:
        """The final dot of this message is about to leave. Returns when the journal has it."""
        if self._durable:
            if outgoing.delivery not in self._announced:
                self.announce([outgoing])
            _, future = self._announced[outgoing.delivery]
            if not future.done():
                await asyncio.shield(future)
            elif (error := future.exception()) is not None:
                raise error
            del self._announced[outgoing.delivery]
        self._lines.append(f"D\t{outgoing.delivery}\t{outgoing.fence}\n")
        try:
            self._write()
        except OutputError:
            self._lines.pop()  # that dot does not leave
            raise
        self._open[outgoing.delivery] = outgoing.fence

    def replied(self, outcome: Outcome) -> None:
        """The reply was read. It is written with the next dot, at the latest in this turn of the loop.

        It needs no sync: a power failure that loses it makes the attempt unknown.
        """
        self._open[outcome.delivery] = outcome
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._write_replies)
        self._lines.append(_reply_line(outcome))

    def recorded(self, outcomes: list[Outcome]) -> None:
        """These are committed in the database; their lines are no longer needed."""
        for outcome in outcomes:
            self._open.pop(outcome.delivery, None)
            self._announced.pop(outcome.delivery, None)
        if self._size > COMPACT_AT and not self._durable:
            try:
                self._compact()
            except OSError as error:
                raise self._refused(error) from error

    async def _synced(self, earlier: asyncio.Future[None] | None) -> None:
        """One fdatasync in a thread, after the one under way."""
        if earlier is not None and not earlier.done():
            await asyncio.wait([earlier])
        try:
            await asyncio.get_running_loop().run_in_executor(None, os.fdatasync, self._descriptor)
            if self._size > COMPACT_AT:
                self._compact()  # only here, where no thread has the file
        except OSError as error:
            raise self._refused(error) from error

    def _write_replies(self) -> None:
        """What `replied` left. A full disk is `started`'s to report: until then the outcomes are on their way to
        the database.
        """
        try:
            self._write()
        except OutputError:
            self._torn = True

    def _write(self) -> None:
        if not self._lines:
            return
        # After a torn line a new one must not be glued to it.
        data = (("\n" if self._torn else "") + "".join(self._lines)).encode()
        try:
            written = os.write(self._descriptor, data)
            if written != len(data):
                raise OSError(28, "No space left on device")
        except OSError as error:
            self._torn = True
            raise self._refused(error) from error
        self._lines.clear()
        self._torn = False
        self._size += len(data)

    def _compact(self) -> None:
        """Keeps only what the database does not know, in a new file that replaces the old one."""
        lines = [f"W\t{self.worker}\t{self._boot}\n"]
        lines += [f"S\t{delivery}\t{fence}\n" for delivery, (fence, _) in self._announced.items()]
        for delivery, entry in self._open.items():
            if isinstance(entry, Outcome):
                lines.append(_reply_line(entry))
            else:
                lines.append(f"S\t{delivery}\t{entry}\nD\t{delivery}\t{entry}\n")
        data = "".join(lines).encode()
        temporary = self._path.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fdatasync(descriptor)
            os.replace(temporary, self._path)
        except OSError:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
            raise
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, len(data)

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"the delivery journal cannot be written ({error.strerror})",
            where=str(self._path),
            remedy="free some room or make the folder writable; nothing is lost, the next run goes on",
        )


def this_boot() -> str:
    """What tells this start of the machine from all others; empty where the system does not say."""
    try:
        return _BOOT.read_text("ascii").strip()
    except OSError:
        return ""


def _reply_line(outcome: Outcome) -> str:
    reply = " ".join(outcome.reply.split())
    return (
        f"R\t{outcome.delivery}\t{outcome.fence}\t{outcome.result.value}\t{outcome.code}\t{outcome.seconds:.6f}"
        f"\t{outcome.relay}\t{reply}\n"
    )


def left_behind(state: Path) -> Iterator[tuple[Path, str, list[Outcome]]]:
    """Each dead worker's journal: its file, the worker's name, and what became of its attempts.

    Call it holding the delivery lock, commit the outcomes, then remove the file. Raises OutputError for one that
    cannot be read: what it knows must not be sent again.
    """
    for path in sorted(state.glob("journal-*.log")):
        try:
            lines = path.read_bytes().decode("utf-8", "replace").split("\n")
        except OSError as error:
            raise OutputError(
                f"a delivery journal cannot be read ({error.strerror})",
                where=str(path),
                remedy="let one user run publisher, and make the file theirs",
            ) from error
        # The last piece has no end: a torn write, or nothing.
        yield path, *_read(lines[:-1], boot=this_boot())


def _read(lines: list[str], *, boot: str) -> tuple[str, list[Outcome]]:
    """The worker and its outcomes. Where the power may have failed, a start is as good as a dot. Pure."""
    worker = ""
    power_failed = True
    attempts: dict[int, Outcome] = {}
    for line in lines:
        parts = line.split("\t")
        try:
            if parts[0] == "W":
                worker = parts[1]
                power_failed = not boot or parts[2:] != [boot]
            elif parts[0] == "D" or (parts[0] == "S" and power_failed):
                delivery, fence = int(parts[1]), int(parts[2])
                attempts[delivery] = Outcome(delivery=delivery, fence=fence, result=Result.UNKNOWN)
            elif parts[0] == "R" and len(parts) == 8:
                attempts[int(parts[1])] = Outcome(
                    delivery=int(parts[1]),
                    fence=int(parts[2]),
                    result=Result(parts[3]),
                    code=int(parts[4]),
                    seconds=float(parts[5]),
                    relay=parts[6],
                    reply=parts[7],
                )
        except (IndexError, ValueError):
            continue  # torn, and the next line stands behind it
    return worker, list(attempts.values())
