"""Tables in plain text: columns that line up, cells wrapped where the row would be wider than the page.

Guarantees: every cell's text is there. Columns are as wide as their text; if the row does not fit, the widest
ones are narrowed and their cells take several lines, down to a width at which words would be torn; from there
on the row stays wider than the page. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from itertools import zip_longest

from publisher.editions.wrapping import columns, wrap

__all__ = ["table_lines"]

_GAP = "  "
_NARROWEST = 10
_NUMBER = re.compile(r"[-+−±~≈<>]?[$€£¥]?\s?\d[\d.,  '’]*\s?(%|‰|°|[$€£¥])?|[-–—]")


def table_lines(rows: Sequence[Sequence[str]], heads: int, right: Set[int], width: int) -> list[str]:
    """The lines of a table: its first ``heads`` rows set off by dashes, columns in ``right`` flush right."""
    if not rows:
        return []
    cells = [list(column) for column in zip_longest(*rows, fillvalue="")]
    widths = _fitted([max(map(columns, column)) for column in cells], width)
    ends_right = right | {
        index
        for index, column in enumerate(cells)
        if any(column[heads:]) and all(_NUMBER.fullmatch(cell) for cell in column[heads:] if cell)
    }
    tall = False
    lines: list[str] = []
    for number, row in enumerate(zip(*cells, strict=True)):
        wrapped = [wrap(cell, size) for cell, size in zip(row, widths, strict=True)]
        if lines and number > heads and (tall or max(map(len, wrapped)) > 1):
            lines.append("")
        tall = max(map(len, wrapped)) > 1
        for parts in zip_longest(*wrapped, fillvalue=""):
            lines.append(_GAP.join(_set(*part) for part in _sized(parts, widths, ends_right)).rstrip())
        if number == heads - 1:
            lines.append(_GAP.join("-" * size for size in widths))
    return lines


def _fitted(widths: list[int], width: int) -> list[int]:
    """Column widths whose row fits ``width``, taken from the widest; none is made narrower than ten."""
    widths = [min(max(1, size), width) for size in widths]
    room = width - len(_GAP) * (len(widths) - 1)
    while sum(widths) > room:
        widest = max(range(len(widths)), key=lambda index: widths[index])
        if widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    return widths


def _sized(parts: Sequence[str], widths: Sequence[int], ends_right: Set[int]) -> list[tuple[str, int, bool]]:
    return [(part, widths[index], index in ends_right) for index, part in enumerate(parts)]


def _set(part: str, size: int, to_the_right: bool) -> str:
    padding = " " * max(0, size - columns(part))
    return padding + part if to_the_right else part + padding
