"""Where a key stands in a TOML file. tomllib gives values without positions; a person needs the line."""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["line_of"]

_TABLE = re.compile(r"^\s*\[{1,2}\s*([^\]]+?)\s*\]{1,2}\s*(?:#.*)?$")
_KEY = re.compile(r"""^\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")


def line_of(text: str, path: Sequence[str]) -> int | None:
    """The 1-based line of the longest prefix of ``path`` that is written in ``text``; None if none is. Pure."""
    best: tuple[int, int] | None = None
    table: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if found := _TABLE.match(line):
            table = _names(found[1])
            here = table
        elif found := _KEY.match(line):
            here = table + _names(found[1])
        else:
            continue
        length = len(here)
        if here == tuple(path[:length]) and (best is None or length > best[0]):
            best = (length, number)
    return best[1] if best else None


def _names(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
