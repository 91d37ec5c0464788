"""A Maildir as transport (https://cr.yp.to/proto/maildir.html): one file a message, read by any mail program.

Guarantees: a message appears in ``new/`` whole and on disk (written to ``tmp/``, fsync, rename, fsync of
the folder), or not at all. The file's name comes from the Message-ID, so a message that is delivered again
is found in ``new/`` or ``cur/`` and not written twice. Line ends are LF, as mail programs on Unix expect.
Fails with TransportError that names the folder, when it cannot be written; a full disk defers the message
instead.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from publisher.delivery.gates import Gates
from publisher.delivery.transport import AttemptLog
from publisher.model.delivery import Outcome, Outgoing, Result
from publisher.model.errors import TransportError
from publisher.publication.renames import sync_folder

__all__ = ["Maildir", "file_name"]

# As many as an SMTP transport has in the air by default: so many are in doubt when the process is killed.
_BATCH = 8
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_UNSAFE = re.compile(r"[\x00-\x20\x7f<>]")
_SUFFIX = ".publisher"
# The Maildir specification lets readers delete what has been in tmp/ for 36 hours.
_STALE_SECONDS = 36 * 3600


def file_name(message_id: str) -> str:
    """The file's name for a message: the same for the same Message-ID, without the flags that programs
    append.
    """
    return blake2b(message_id.encode("utf-8", "replace"), digest_size=16).hexdigest() + _SUFFIX


class Maildir:
    """The Maildir in ``folder``, made when the first message comes. ``name`` stands in outcomes and
    errors.
    """

    def __init__(self, folder: Path, *, name: str | None = None) -> None:
        self.folder = folder
        self.name = name or f"maildir:{folder}"
        self._seen: set[str] = set()
        self._seen_at = -1

    kind = "Maildir"

    @property
    def shown(self) -> Path:
        """Where whole messages appear."""
        return self.folder / "new"

    @property
    def real(self) -> bool:
        """False: nothing leaves this machine."""
        return False

    async def deliver(
        self, messages: Iterator[Outgoing], *, log: AttemptLog, stop: asyncio.Event, gates: Gates | None = None
    ) -> AsyncIterator[Sequence[Outcome]]:
        """See :class:`publisher.delivery.transport.Transport`. Files are written in a thread, a few a
        batch.
        """
        prepared = False
        trouble: Exception | None = None
        while trouble is None and not stop.is_set():
            batch: list[Outgoing] = []
            try:
                # Not a list in one go: what was taken before the iterator failed needs its outcome too.
                for outgoing in islice(messages, _BATCH):
                    batch.append(outgoing)
            except Exception as error:
                trouble = error
            if not batch:
                break
            try:
                if not prepared:
                    await asyncio.to_thread(self._prepare)
                    prepared = True
                await asyncio.gather(*(log.started(outgoing) for outgoing in batch))
            except Exception as error:
                trouble = error
                outcomes = [self._outcome(outgoing, Result.UNTOUCHED) for outgoing in batch]
            else:
                outcomes, failure = await asyncio.to_thread(self._write, batch)
                trouble = trouble if failure is None else self._error(failure)
            for outcome in outcomes:
                if outcome.result is not Result.UNTOUCHED:
                    log.replied(outcome)
            yield outcomes
        if trouble is not None:
            raise trouble

    def _prepare(self) -> None:
        """Makes the folders and clears what died in ``tmp/``. Raises TransportError."""
        try:
            self._make()
        except OSError as error:
            raise self._error(error) from error

    def _make(self) -> None:
        for part in ("tmp", "new", "cur"):
            (self.folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        limit = time.time() - _STALE_SECONDS
        for entry in os.scandir(self.folder / "tmp"):
            if _SUFFIX in entry.name and entry.stat(follow_symlinks=False).st_mtime < limit:
                Path(entry.path).unlink(missing_ok=True)

    def _write(self, batch: list[Outgoing]) -> tuple[list[Outcome], OSError | None]:
        """Writes a batch; every message gets its outcome, and the rest is untouched after an error of the
        folder.
        """
        outcomes: list[Outcome] = []
        written: list[tuple[Outgoing, str]] = []
        failure: OSError | None = None
        for outgoing in batch:
            if failure is not None:
                outcomes.append(self._outcome(outgoing, Result.UNTOUCHED))
            elif _UNSAFE.search(outgoing.envelope_sender) or _UNSAFE.search(outgoing.recipient):
                reply = "the address cannot stand in a header"
                outcomes.append(self._outcome(outgoing, Result.FAILED, reply))
            else:
                try:
                    written.append((outgoing, self._write_one(outgoing)))
                except OSError as error:
                    full = error.errno in _FULL
                    failure = None if full else error
                    reply = f"{self.name}: {error.strerror}" if full else ""
                    result = Result.DEFERRED if full else Result.UNTOUCHED
                    outcomes.append(self._outcome(outgoing, result, reply))
        result = Result.ACCEPTED
        try:
            if written:
                sync_folder(self.shown)
        except OSError as error:
            # The files are there; after a power failure they may not be: the same doubt as a lost reply.
            failure = failure or error
            result = Result.UNKNOWN
        return [self._outcome(outgoing, result, reply) for outgoing, reply in written] + outcomes, failure

    def _write_one(self, outgoing: Outgoing) -> str:
        """Writes a message unless it is there; where it is, for the ledger. Raises OSError, leaving no
        half file.
        """
        name = file_name(outgoing.message_id)
        target = self.folder / "new" / name
        if target.exists() or name in self._already_read():
            return f"already there: {name}"
        top = f"Return-Path: <{outgoing.envelope_sender}>\nDelivered-To: {outgoing.recipient}\n".encode()
        temporary = self.folder / "tmp" / f"{name}.{os.getpid()}"
        self._place(temporary, target, top + b"".join(outgoing.buffers).replace(b"\r\n", b"\n"))
        return f"new/{name}"

    def _place(self, temporary: Path, target: Path, content: bytes) -> None:
        """The file at its place with all of its content, or not at all. Raises OSError."""
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.rename(target)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _already_read(self) -> set[str]:
        """Names in ``cur/`` without their flags, listed again only when the folder has changed."""
        folder = self.folder / "cur"
        changed = folder.stat().st_mtime_ns
        if changed != self._seen_at:
            self._seen = {name.partition(":")[0] for name in os.listdir(folder)}
            self._seen_at = changed
        return self._seen

    def _outcome(self, outgoing: Outgoing, result: Result, reply: str = "") -> Outcome:
        return Outcome(delivery=outgoing.delivery, fence=outgoing.fence, result=result, reply=reply, relay=self.name)

    def _error(self, error: OSError) -> TransportError:
        return TransportError(
            f"the {self.kind} cannot be written: {error.strerror or error}",
            where=str(error.filename or self.folder),
            remedy=f"make {self.folder} a folder that this user may write, or choose another transport",
        )
