"""Finding the publication that a command is about. Standard library only: a build with nothing to do needs no more."""

from __future__ import annotations

from pathlib import Path

from publisher.model.errors import UsageError

__all__ = ["FILE", "find_root"]

FILE = "publication.toml"


def find_root(start: Path) -> Path:
    """The nearest folder upwards from ``start`` that has a publication.toml. Raises UsageError."""
    start = start.absolute()
    for folder in (start, *start.parents):
        if (folder / FILE).is_file():
            return folder
    raise UsageError(
        "no publication here: there is no publication.toml in this folder or above it",
        where=str(start),
        remedy="go into one, name it with --publication DIR, or make one with: publisher init DIR --demo",
    )
