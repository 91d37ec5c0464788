"""The delivery journal: what is in the air, on this machine's disk, before the database knows.

A line is appended before a message's final dot may leave, and another when its reply was read. Both survive
kill -9; the first also survives a power failure, because the dot waits for its group's fdatasync. Recovery reads
the journals of dead workers: a reply that was read is an outcome, a start without a reply is ``unknown``.

One delivering process a host and publication: `DeliveryLock` sees to it, and so a journal found while holding
the lock is a dead worker's.

Format: UTF-8 lines, ``S delivery fence`` and ``R delivery fence result code seconds relay reply``, tab-separated.
A last line without its end is a torn write: a torn S was written before its dot could leave, a torn R counts as a
start without a reply.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from publisher.model.delivery import Outcome, Outgoing, Result
from publisher.model.errors import OutputError

__all__ = ["Journal", "delivery_lock", "left_behind"]

COMPACT_AT = 8_000_000  # bytes


@contextmanager
def delivery_lock(state: Path) -> Iterator[bool]:
    """Holds this host's right to deliver; yields False at once if another process has it. Freed by our death."""
    try:
        state.mkdir(exist_ok=True)
        descriptor = os.open(state / "deliver.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})",
            where=str(state),
            remedy="make the publication's folder writable",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


class Journal:
    """One worker's journal, an AttemptLog for the transport. Use as an async context manager."""

    def __init__(self, state: Path, *, durable: bool = True) -> None:
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
        self._path = state / f"journal-{self.worker.replace(':', '-')}.log"
        self._durable = durable
        self._descriptor = -1
        self._size = 0
        self._open: dict[int, Outgoing | Outcome] = {}
        self._syncing: asyncio.Future[None] | None = None

    def __enter__(self) -> Journal:
        try:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            self._append(f"W\t{self.worker}\n")
        except OSError as error:
            raise self._refused(error) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Removes the file if everything in it is recorded; otherwise the next run recovers from it."""
        os.close(self._descriptor)
        if not self._open:
            self._path.unlink(missing_ok=True)

    async def started(self, outgoing: Outgoing) -> None:
        """The final dot of this message is about to leave. Returns when the line is on disk."""
        self._open[outgoing.delivery] = outgoing
        self._append(f"S\t{outgoing.delivery}\t{outgoing.fence}\n")
        if not self._durable:
            return
        if self._syncing is None:
            # Everybody who asks within this turn of the loop shares one fdatasync.
            loop = asyncio.get_running_loop()
            self._syncing = loop.create_future()
            loop.call_soon(self._sync)
        await asyncio.shield(self._syncing)

    def replied(self, outcome: Outcome) -> None:
        """The reply was read. It needs no sync: a power failure that loses it makes the attempt unknown."""
        self._open[outcome.delivery] = outcome
        self._append(_reply_line(outcome))

    def recorded(self, outcomes: list[Outcome]) -> None:
        """These are committed in the database; their lines are no longer needed."""
        for outcome in outcomes:
            self._open.pop(outcome.delivery, None)
        if self._size > COMPACT_AT:
            self._compact()

    def _sync(self) -> None:
        future, self._syncing = self._syncing, None
        assert future is not None
        try:
            os.fdatasync(self._descriptor)
        except OSError as error:
            future.set_exception(self._refused(error))
        else:
            future.set_result(None)

    def _append(self, line: str) -> None:
        data = line.encode()
        try:
            written = os.write(self._descriptor, data)
            if written != len(data):
                raise OSError(28, "No space left on device")
        except OSError as error:
            raise self._refused(error) from error
        self._size += len(data)

    def _compact(self) -> None:
        """Keeps only what the database does not know, in a new file that replaces the old one."""
        lines = [f"W\t{self.worker}\n"]
        for entry in self._open.values():
            lines.append(f"S\t{entry.delivery}\t{entry.fence}\n")
            if isinstance(entry, Outcome):
                lines.append(_reply_line(entry))
        data = "".join(lines).encode()
        temporary = self._path.with_suffix(".tmp")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o600)
        os.write(descriptor, data)
        os.fdatasync(descriptor)
        os.replace(temporary, self._path)
        os.close(self._descriptor)
        self._descriptor, self._size = descriptor, len(data)

    def _refused(self, error: OSError) -> OutputError:
        return OutputError(
            f"the delivery journal cannot be written ({error.strerror})",
            where=str(self._path),
            remedy="free some room or make the folder writable; nothing is lost, the next run goes on",
        )


def _reply_line(outcome: Outcome) -> str:
    reply = " ".join(outcome.reply.split())
    return (
        f"R\t{outcome.delivery}\t{outcome.fence}\t{outcome.result}\t{outcome.code}\t{outcome.seconds:.6f}"
        f"\t{outcome.relay}\t{reply}\n"
    )


def left_behind(state: Path) -> Iterator[tuple[Path, str, list[Outcome]]]:
    """Each dead worker's journal: its file, the worker's name, and what became of its attempts.

    Call it holding the delivery lock, commit the outcomes, then remove the file.
    """
    for path in sorted(state.glob("journal-*.log")):
        worker, attempts = "", {}
        for line in path.read_bytes().decode("utf-8", "replace").splitlines(keepends=True):
            parts = line.removesuffix("\n").split("\t")
            whole = line.endswith("\n")
            if parts[0] == "W" and whole:
                worker = parts[1]
            elif parts[0] == "S" and whole:
                delivery, fence = int(parts[1]), int(parts[2])
                attempts[delivery] = Outcome(delivery=delivery, fence=fence, result=Result.UNKNOWN)
            elif parts[0] == "R" and whole and len(parts) == 8:
                attempts[int(parts[1])] = Outcome(
                    delivery=int(parts[1]),
                    fence=int(parts[2]),
                    result=Result(parts[3]),
                    code=int(parts[4]),
                    seconds=float(parts[5]),
                    relay=parts[6],
                    reply=parts[7],
                )
        yield path, worker, list(attempts.values())
