"""How files look from outside, without reading any: names, sizes, times of modification and of change.

Guarantees: a file that was changed, added, removed or replaced makes another scan, as far as the file system tells.
It tells times to a tick of its clock: a file touched within two seconds of a scan may change again unseen, so whoever
keeps a scan also keeps what was in such files (`Scan.recent`, `contents`). Standard library only, and quick: this is
all that a build with nothing to do does.
"""

from __future__ import annotations

import hashlib
import marshal
import os
import stat
from collections.abc import Collection, Iterable, Iterator

__all__ = ["Scan", "Stamp", "contents", "scan", "stamp"]

Stamp = tuple[int, int, int]
"""Size in bytes, times of modification and of change in nanoseconds."""

RECENT = 2_000_000_000
"""Nanoseconds within which a file system may not tell two changes apart."""


class Scan:
    """The files of several folders. ``folders``: (name, size, modified, changed) of each one's files, as they came."""

    def __init__(self) -> None:
        self.folders: dict[str, list[tuple[str, int, int, int]]] = {}

    def digest(self) -> str:
        """The same for the same files, as long as the file system lists them in the same order."""
        digest = hashlib.blake2b(digest_size=20)
        for folder in self.folders.items():
            digest.update(marshal.dumps(folder, 2))
        return digest.hexdigest()

    def stamps(self) -> Iterator[tuple[str, Stamp]]:
        """Every file's path, and how it looked."""
        for folder, files in self.folders.items():
            for name, size, modified, changed in files:
                yield f"{folder}/{name}", (size, modified, changed)

    def recent(self, started: int) -> list[str]:
        """The files that may change again unseen, for a scan that ``started`` then (nanoseconds)."""
        since = started - RECENT
        return [
            f"{folder}/{name}"
            for folder, files in self.folders.items()
            for name, _, modified, changed in files
            if modified >= since or changed >= since
        ]


def scan(places: Iterable[str], *, skip: Collection[str] = ()) -> Scan:
    """The files at and below ``places``, but hidden ones, Python's caches, and those whose paths are in ``skip``.

    Folders behind symbolic links are not entered. What cannot be looked at has the size -1.
    """
    found = Scan()
    guarded = {os.path.dirname(path) for path in skip}
    waiting = []
    for place in places:
        if os.path.isdir(place):
            waiting.append(place)
        elif (seen := stamp(place)) is not None:
            found.folders.setdefault(os.path.dirname(place), []).append((os.path.basename(place), *seen))
    while waiting:
        path = waiting.pop()
        files = found.folders.setdefault(path, [])
        skipping = path in guarded  # a path is made of an entry only where it may matter
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.name[0] == "." or entry.name == "__pycache__":
                        continue
                    try:
                        status = entry.stat()
                        if stat.S_ISDIR(status.st_mode):
                            if not entry.is_symlink() and not (skipping and entry.path in skip):
                                waiting.append(entry.path)
                            continue
                    except OSError:
                        files.append((entry.name, -1, 0, 0))  # a link that leads nowhere
                        continue
                    if not (skipping and entry.path in skip):
                        files.append((entry.name, status.st_size, status.st_mtime_ns, status.st_ctime_ns))
        except OSError:
            files.append((".", 0, 0, 0))  # not the same as an empty folder
    return found


def stamp(path: str) -> Stamp | None:
    """How one file looks; None where there is none."""
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def contents(paths: Iterable[str]) -> dict[str, str]:
    """Digests of what is in these files; ``""`` where one cannot be read."""
    found = {}
    for path in paths:
        try:
            with open(path, "rb", buffering=0) as file:
                found[path] = hashlib.blake2b(file.read(), digest_size=16).hexdigest()
        except OSError:
            found[path] = ""
    return found
