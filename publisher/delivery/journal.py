"""The delivery journal: what is in the air, on this machine's disk, before the database knows.

Lines, UTF-8, tab-separated:

``W worker boot``                             whose journal, and since which start of the machine
``S delivery fence``                          its dot may leave soon; on disk (fdatasync) before it may
``D delivery fence``                          its dot leaves now; with the system, not yet on disk
``R delivery fence result code seconds relay reply``  its reply was read

All of them survive kill -9, so what has a D without an R is ``unknown``: one a lane at most. After a power failure
(the machine has another boot id) D and R may be missing, so whatever has an S without an R is: one open sub-batch,
at most ``ANNOUNCED`` messages, ``LEFT`` of the one before and what the lanes have. S lines are synced a sub-batch
ahead and in a thread: a sync takes 0.2 to 3 ms, and one before each dot made the disk the limit (1,830 messages a
second where 7,000 were to be had).

One delivering process a host and publication: `delivery_lock` sees to it, and so a journal found while holding the
lock is a dead worker's. A line without its end is a torn write, from before its dot could leave; a torn R counts as
a start without a reply.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from types import TracebackType

from publisher.delivery.journal_file import JournalFile
from publisher.delivery.syncing import Syncer
from publisher.model.delivery import Outcome, Outgoing, Result
from publisher.model.errors import OutputError
from publisher.store.host import host_lock

__all__ = ["ANNOUNCED", "LEFT", "Journal", "delivery_lock", "left_behind"]

COMPACT_AT = 2_000_000  # bytes; what of them was touched counts as this process's memory
ANNOUNCED = 26
LEFT = 8
"""Messages a sub-batch; the next is announced when so many are left. Eight lanes have two each, one in the air and the
next one's envelope: so 50 are doubtful at most when the whole machine is lost.
"""

_ZEROS = re.compile(rb"\0+")
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def delivery_lock(state: Path) -> AbstractContextManager[bool]:
    """Holds this host's right to deliver; yields False at once if another process has it. Freed by our death."""
    return host_lock(state, "deliver.lock")


class Journal:
    """One worker's journal, an AttemptLog for the transport. Use as a context manager, inside the event loop.

    ``durable``  the disk has a message before its dot leaves; without it only the system has
    ``also``     called in a thread with each sub-batch, before any of its dots leaves: to tell the database
    """

    def __init__(
        self,
        state: Path,
        *,
        durable: bool = True,
        boot: str | None = None,
        also: Callable[[Sequence[Outgoing]], None] | None = None,
    ) -> None:
        self.worker = f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}"
        self._path = state / f"journal-{self.worker.replace(':', '-')}.log"
        self.held: Collection[int] = ()
        """Numbers of editions of which no more may begin."""
        self._durable = durable
        self._boot = this_boot() if boot is None else boot
        self._also = also
        self._file: JournalFile
        self._syncer: Syncer
        # What the database does not know yet: delivery → its fence, or its outcome.
        self._open: dict[int, int | Outcome] = {}
        # What was announced and not begun: delivery → its fence, and the number of its sync.
        self._announced: dict[int, tuple[int, int]] = {}

    def __enter__(self) -> Journal:
        try:
            self._file = JournalFile(self._path, f"W\t{self.worker}\t{self._boot}\n".encode())
        except OSError as error:
            raise self._refused(error) from error
        self._syncer = Syncer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Removes the file if everything in it is recorded; otherwise the next run recovers from it."""
        self._syncer.end()
        self._file.close()
        if not self._open:
            self._path.unlink(missing_ok=True)

    def announce(self, messages: Sequence[Outgoing]) -> None:
        """The dots of these messages may leave soon. Begins the sync that `started` waits for."""
        if not self._durable:
            return
        lines = b"".join([b"S\t%d\t%d\n" % (message.delivery, message.fence) for message in messages])
        self._add(lines)
        number = self._syncer.ask(partial(self._secure, self._file, messages))
        for message in messages:
            self._announced[message.delivery] = (message.fence, number)

    async def started(self, outgoing: Outgoing) -> None:
        """The final dot of this message is about to leave. Returns when the journal has it."""
        while not self.begin(outgoing):
            if outgoing.delivery not in self._announced:
                self.announce([outgoing])
            try:
                await self._syncer.wait(self._announced[outgoing.delivery][1])
            except OSError as error:
                raise self._refused(error) from error

    def begin(self, outgoing: Outgoing) -> bool:
        """The same at once; False if its line is not yet on the disk."""
        delivery = outgoing.delivery
        if self._durable:
            announced = self._announced.get(delivery)
            if announced is None or announced[1] > self._syncer.done:
                return False
            del self._announced[delivery]
        self._add(b"D\t%d\t%d\n" % (delivery, outgoing.fence))
        self._open[delivery] = outgoing.fence
        return True

    def withholds(self, outgoing: Outgoing) -> bool:
        """Its edition was held or cancelled since it was given out."""
        return outgoing.edition in self.held

    def replied(self, outcome: Outcome) -> None:
        """The reply was read.

        It needs no sync: a power failure that loses it makes the attempt unknown.
        """
        self._open[outcome.delivery] = outcome
        self._file.add(_reply_line(outcome))

    def turn(self, outcome: Outcome, following: Outgoing) -> bool:
        """`replied` with an accepted message, and `begin` of the next, in one piece. False, and nothing was done, where
        that one is withheld, or its line or the file's next piece has to be waited for.
        """
        delivery, file = following.delivery, self._file
        if following.edition in self.held:
            return False
        if self._durable:
            announced = self._announced.get(delivery)
            if announced is None or announced[1] > self._syncer.done:
                return False
        ended, fence, _result, code, reply, relay, seconds = outcome
        lines = (
            f"R\t{ended}\t{fence}\taccepted\t{code}\t{seconds:.6f}\t{relay}\t{reply}\n"
            f"D\t{delivery}\t{following.fence}\n"
        )
        if file.size > COMPACT_AT or not file.add_at_ease(lines.encode()):
            return False
        self._open[ended] = outcome
        self._open[delivery] = following.fence
        self._announced.pop(delivery, None)
        return True

    def recorded(self, outcomes: list[Outcome]) -> None:
        """These are committed in the database; their lines are no longer needed."""
        for outcome in outcomes:
            self._open.pop(outcome.delivery, None)
            self._announced.pop(outcome.delivery, None)

    def _add(self, lines: bytes) -> None:
        """Raises OutputError; then nothing was added, and no dot leaves."""
        try:
            # No thread has the file then.
            if self._file.size > COMPACT_AT and self._syncer.idle:
                self._compact()
            self._file.make_room(len(lines))
        except OSError as error:
            raise self._refused(error) from error
        self._file.add(lines)

    def _secure(self, file: JournalFile, messages: Sequence[Outgoing]) -> None:
        """In the syncer's thread."""
        file.sync()
        if self._also is not None:
            self._also(messages)

    def _compact(self) -> None:
        """Keeps only what the database does not know, in a new file that replaces the old one."""
        lines = [f"W\t{self.worker}\t{self._boot}\n".encode()]
        lines += [b"S\t%d\t%d\n" % (delivery, fence) for delivery, (fence, _) in self._announced.items()]
        for delivery, entry in self._open.items():
            if isinstance(entry, Outcome):
                lines.append(_reply_line(entry))
            else:
                lines.append(b"S\t%d\t%d\nD\t%d\t%d\n" % (delivery, entry, delivery, entry))
        file = JournalFile(self._path, b"".join(lines), replace=True)
        self._file.close()
        self._file = file

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


def _reply_line(outcome: Outcome) -> bytes:
    reply = outcome.reply
    if not reply.isprintable():
        reply = " ".join(reply.split())
    return (
        f"R\t{outcome.delivery}\t{outcome.fence}\t{outcome.result._value_}\t{outcome.code}\t{outcome.seconds:.6f}"
        f"\t{outcome.relay}\t{reply}\n"
    ).encode("utf-8", "replace")


def left_behind(state: Path) -> Iterator[tuple[Path, str, list[Outcome]]]:
    """Each dead worker's journal: its file, the worker's name, and what became of its attempts.

    Call it holding the delivery lock, commit the outcomes, then remove the file. Raises OutputError for one that
    cannot be read: what it knows must not be sent again.
    """
    for path in sorted(state.glob("journal-*.log")):
        try:
            written = path.read_bytes()
        except OSError as error:
            raise OutputError(
                f"a delivery journal cannot be read ({error.strerror})",
                where=str(path),
                remedy="let one user run publisher, and make the file theirs",
            ) from error
        # Behind the lines there are zeros, and within them where pages were lost. What stands before them without an
        # end was torn.
        pieces = [piece.decode("utf-8", "replace").split("\n")[:-1] for piece in _ZEROS.split(written)]
        yield path, *_read([line for piece in pieces for line in piece], boot=this_boot())


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
