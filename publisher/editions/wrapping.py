"""Wrapping: lines no wider than a terminal likes, for text in any script.

Guarantees: no line is wider than asked except one that is a single URL or token, which must stay whole to
work; nothing is lost but spaces at the ends of lines. Width is counted in terminal columns: East Asian wide
characters take two and may be parted anywhere, combining marks take none. Pure; standard library only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from publisher.theme.fields import TOKEN

__all__ = ["columns", "wrap", "wrap_code"]

_SPACES = re.compile(r"[ \t\r\n\f\v]+")
_WHOLE = re.compile(rf"\w+://|mailto:|{TOKEN.pattern}")
# Japanese and Chinese typography (JIS X 4051): these do not begin a line.
_NO_BEGINNING = "、。，．：；？！）」』】〉》〕］｝…‥ー々〜"


def columns(text: str) -> int:
    """How many terminal columns ``text`` takes (https://www.unicode.org/reports/tr11/)."""
    if text.isascii():
        return len(text)
    return sum(_columns_of(character) for character in text)


def wrap(text: str, width: int, *, first: str = "", rest: str | None = None) -> list[str]:
    """``text`` in lines of at most ``width`` columns, prefixes included; ``\\n`` in it stays a line end.

    ``first`` stands before the first line, ``rest`` (the same if None) before all others.
    """
    rest = first if rest is None else rest
    lines: list[str] = []
    for paragraph in text.split("\n"):
        prefix = rest if lines else first
        line, filled = prefix, columns(prefix)
        empty = True
        for glue, piece in _pieces(paragraph, width - columns(rest)):
            taken = columns(piece)
            if not empty and filled + len(glue) + taken > width:
                lines.append(line.rstrip(" "))
                line, filled, empty = rest, columns(rest), True
            joined = piece if empty else glue + piece
            line, filled, empty = line + joined, filled + columns(joined), False
        lines.append(line.rstrip(" "))
    return lines


def wrap_code(line: str, width: int) -> list[str]:
    """A line of code in lines of at most ``width`` columns; its spaces stay as they are."""
    lines = []
    while columns(line) > width:
        end = _fitting(line, width)
        space = line.rfind(" ", width // 2, end)
        end = space + 1 if space > 0 else end
        lines.append(line[:end].rstrip())
        line = line[end:]
    return [*lines, line.rstrip()]


def _pieces(paragraph: str, width: int) -> Iterator[tuple[str, str]]:
    """What may begin a line, each with what joins it to the piece before it (a space or nothing)."""
    for word in _SPACES.split(paragraph):
        if not word:
            continue
        narrow = columns(word) <= width and (word.isascii() or columns(word) == len(word))
        if narrow or _WHOLE.search(word):
            yield " ", word
        else:
            glue = " "
            for piece in _parts(word, width):
                yield glue, piece
                glue = ""


def _parts(word: str, width: int) -> Iterator[str]:
    """A word parted around its wide characters, and anywhere once it is wider than a line."""
    part = ""
    for character in word:
        wide = _columns_of(character) == 2 or (part and _columns_of(part[-1]) == 2)
        may_part = wide and character not in _NO_BEGINNING and not unicodedata.combining(character)
        if part and (may_part or columns(part) + _columns_of(character) > width):
            yield part
            part = ""
        part += character
    if part:
        yield part


def _fitting(line: str, width: int) -> int:
    taken = 0
    for index, character in enumerate(line):
        taken += _columns_of(character)
        if taken > width:
            return max(1, index)
    return len(line)


def _columns_of(character: str) -> int:
    if unicodedata.east_asian_width(character) in "WF":
        return 2
    return 0 if unicodedata.category(character) in ("Mn", "Me", "Cf") else 1
