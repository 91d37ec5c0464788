"""Where a key stands in a TOML file. tomllib gives values without positions; a person needs the line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Positions", "line_of"]

_TABLE = re.compile(r"^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")


def line_of(text: str, path: Sequence[str]) -> int | None:
    """The 1-based line of the longest prefix of ``path`` that is written in ``text``; None if none is. Pure.

    Of ``[[tables]]`` with one name each has its number, from 0: ``("delivery", "relays", "1", "rate")``.
    """
    best: tuple[int, int] | None = None
    table: tuple[str, ...] = ()
    arrays: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _TABLE.match(line):
            names = _names(found[1])
            if line.lstrip().startswith("[["):
                arrays[names] = arrays.get(names, -1) + 1
            table = _numbered(names, arrays)
            here = names if arrays.get(names) == 0 and len(path) == len(names) else table
        elif found := _KEY.match(line):
            here = table + _names(found[1])
        else:
            continue
        length = len(here)
        if here == tuple(path[:length]) and (best is None or length > best[0]):
            best = (length, number)
    return best[1] if best else None


def _numbered(names: tuple[str, ...], arrays: dict[tuple[str, ...], int]) -> tuple[str, ...]:
    """With the number of the table where there are several of one name."""
    for length in range(1, len(names) + 1):
        if names[:length] in arrays:
            return (*names[:length], str(arrays[names[:length]]), *names[length:])
    return names


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))


@dataclass(slots=True)
class Positions:
    """Where settings stand in the publication's files: ``positions("feeds/all.toml", ["newsletter", "sender"])``.

    A file is read when it is first asked for; one that cannot be read has no lines.
    """

    root: Path
    _texts: dict[str, str] = field(default_factory=dict)

    def __call__(self, file: str, path: Sequence[str]) -> int | None:
        """The line of the longest prefix of ``path`` that is written there."""
        if file not in self._texts:
            try:
                self._texts[file] = (self.root / file).read_bytes().decode("utf-8-sig", "replace")
            except OSError:
                self._texts[file] = ""
        return line_of(self._texts[file], path)
