"""An outage: the database is away, locked or full, and somebody is told all the same.

Told once, then once a day, and when it is over. What was told is remembered by the times of two empty files in
.publisher/: a full disk still takes a time where it takes no content. Where the folder cannot be written they are in
the system's folder for temporary files; where they cannot be there either, nobody is told by us (an alert with every
run would be a storm), the heartbeat stays away, and whatever runs us says so.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from publisher.health.ways import Message, go, ways_of
from publisher.model.errors import OutputError, PublisherError, StoreError
from publisher.model.publication import Publication, Secrets
from publisher.store.host import host_lock
from publisher.store.troubles import OVER_AFTER, Remembered

__all__ = ["A_DAY", "outage_is_over", "tell_outage"]

A_DAY = timedelta(hours=23, minutes=30)  # cron is not punctual
_SEEN, _TOLD = "outage-seen", "outage-told"


def tell_outage(
    publication: Publication, secrets: Secrets, error: StoreError, *, now: datetime
) -> list[PublisherError]:
    """Tells that the database failed a run so, if nobody was told today; what could not be told, a line a way."""
    for folder in _folders(publication):
        with suppress(OutputError):
            return _tell_outage(publication, secrets, error, _Memory(folder), now=now)
    return []


def _tell_outage(
    publication: Publication, secrets: Secrets, error: StoreError, memory: _Memory, *, now: datetime
) -> list[PublisherError]:
    with host_lock(memory.folder, "outage.lock") as mine:
        if not mine:
            return []  # another process is telling it
        memory.write(_SEEN, now)
        told = memory.read(_TOLD)
        if told is not None and timedelta(0) <= now - told < A_DAY:
            return []
        trouble = Remembered(key="database", text=str(error), since=now, seen_at=now, told_at=told)
        # Before anything is sent: what cannot be remembered must not be told every five minutes.
        memory.write(_TOLD, now)
        ways = ways_of(publication, secrets, Message(troubles=(trouble,)), now)
        failed = go(ways)
        if ways and len(failed) == len(ways):
            memory.forget(_TOLD)
        return failed


def outage_is_over(publication: Publication, secrets: Secrets, *, now: datetime) -> list[PublisherError]:
    """The database served a whole run: whoever was told of an outage an hour ago is told that it is over."""
    for folder in _folders(publication):
        memory = _Memory(folder)
        seen, told = memory.read(_SEEN), memory.read(_TOLD)
        if seen is None or now - seen < OVER_AFTER:
            continue
        memory.forget(_SEEN)
        if told is not None:
            memory.forget(_TOLD)
            return go(ways_of(publication, secrets, Message(over=("the database could not be used",)), now))
    return []


def _folders(publication: Publication) -> list[Path]:
    """Where it may be remembered, the first that can be written."""
    name = "-".join(publication.root.resolve().parts[1:])
    return [publication.state, Path(tempfile.gettempdir()) / f"publisher-{os.getuid()}-{name[-60:]}"]


@dataclass(frozen=True, slots=True)
class _Memory:
    """Empty files whose times are what is remembered."""

    folder: Path

    def read(self, name: str) -> datetime | None:
        try:
            return datetime.fromtimestamp((self.folder / name).stat().st_mtime, UTC)
        except OSError:
            return None

    def write(self, name: str, moment: datetime) -> None:
        """Raises OutputError."""
        path = self.folder / name
        try:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600))
            os.utime(path, (moment.timestamp(), moment.timestamp()))
        except OSError as error:
            raise OutputError(f"cannot be written ({error.strerror})", where=str(path)) from error

    def forget(self, name: str) -> None:
        with suppress(OSError):
            (self.folder / name).unlink(missing_ok=True)
