"""Watching what a publication is made of, by looking again and again: no dependency, no limit of watches.

Guarantees: a change of publication.toml, feeds/, templates/ or the articles' folder is seen, pictures included; what
a build itself writes is not looked at. A file that comes or goes while it is looked at is no failure.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["Snapshot", "snapshot"]

Snapshot = Mapping[str, tuple[int, int]]
"""A file's path → its time of modification in nanoseconds, and its size. Two that differ: something changed."""

# Where the articles' folder is the publication's own, these lie in it.
_OURS = {"public", "mail", "preview"}


def snapshot(root: Path, articles: Path | None) -> Snapshot:
    """The files that a build reads. ``articles`` None: the settings cannot be read, only they are watched."""
    found: dict[str, tuple[int, int]] = {}
    for path in (root / "publication.toml", root / "feeds", root / "templates", articles):
        if path is None:
            continue
        for entry, status in _files(path, skip={str(root / name) for name in _OURS}):
            found[entry] = status.st_mtime_ns, status.st_size
    return found


def _files(path: Path, *, skip: set[str]) -> Iterator[tuple[str, os.stat_result]]:
    try:
        if not path.is_dir():
            yield str(path), path.stat()
            return
        entries = list(os.scandir(path))
    except OSError:
        return
    for entry in entries:
        if entry.name.startswith((".", "publisher.db")) or entry.path in skip:
            continue
        try:
            if entry.is_dir(follow_symlinks=False):
                yield from _files(Path(entry.path), skip=skip)
            else:
                yield entry.path, entry.stat()
        except OSError:
            continue
