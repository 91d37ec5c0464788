"""Columns: where a plain text was wrapped by hand or program, and how its lines go together again. Pure."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

__all__ = ["CLOSERS", "STOPS", "Column", "between", "column_of", "is_open", "width_of"]

STOPS = ".!?…:;。！？：；؟؛۔।"
CLOSERS = "\"'”’»“›」』)]}）】*\u200e\u200f"

# Wider, or narrower, than programs and people wrap at.
_WIDEST = 160
_NARROWEST = 30
# After these a hyphen is not a word's inside ("pre- and post-war").
_LINKS = frozenset(["and", "or", "und", "oder", "et", "ou", "y", "o", "to", "bis"])


@dataclass(frozen=True, slots=True)
class Column:
    """``width`` characters to a line; ``least`` is reached by a line that ends within a sentence."""

    width: int
    least: int

    def is_full(self, before: str, after: str) -> bool:
        """Whether the line ``before`` had no room for the first word of ``after``."""
        return _needed(before, after) >= self.least if is_open(before) else self.is_past(before, after)

    def is_past(self, before: str, after: str) -> bool:
        """Whether it had no room in ``width``, whatever it ends with."""
        return _needed(before, after) > self.width


def column_of(lines: Sequence[str], *, is_item: Callable[[str], bool]) -> Column | None:
    """The column at which a text was wrapped; None where each line is a paragraph.

    A line that was wrapped had no room for the next one's first word, and mostly ends within a sentence. The
    title is left out (nothing is wrapped with it), as are the first lines of a list's items.
    """
    first = next((at for at, line in enumerate(lines) if line), 0)
    pairs = [
        (before, after.strip())
        for before, after in zip(lines[first + 1 :], lines[first + 2 :], strict=False)
        if before and after and not is_item(after)
    ]
    if not pairs:
        return None
    lengths = sorted(len(before) for before, _ in pairs)
    width = lengths[(len(lengths) - 1) * 95 // 100]  # an address that could not be broken may be longer
    if width > _WIDEST or max(width_of(before) for before, _ in pairs) < _NARROWEST:
        return None
    # What was wrapped is no wider than its column. Where more lines are, these are short for reasons of their own.
    if sum(len(line) * 10 > width * 13 for line in lines[first + 1 :]) > len(pairs):
        return None
    # Some programs wrap a little early: a small letter shows that a sentence goes on.
    earliest = width * 85 // 100
    surely = [needed for b, a in pairs if a[0].islower() and (needed := _needed(b, a)) >= earliest]
    column = Column(width, min(width + 1, min(surely, default=earliest)))
    full = [(before, after) for before, after in pairs if column.is_full(before, after)]
    within = sum(is_open(before) or after[0].islower() for before, after in full)
    return column if len(full) * 2 >= len(pairs) and within * 3 >= len(pairs) else None


def is_open(line: str) -> bool:
    """Whether a line ends within a sentence."""
    bare = line.rstrip().rstrip(CLOSERS)
    return bool(bare) and bare[-1] not in STOPS


def between(before: str, after: str) -> str:
    """What goes between two lines of a paragraph: a space, but for ideographs and words broken at their hyphen."""
    if _is_ideograph(before[-1]) and _is_ideograph(after[0]):
        return ""
    hyphened = len(before) > 1 and before[-1] == "-" and before[-2].isalpha() and after[0].isalpha()
    return "" if hyphened and after.split(maxsplit=1)[0].lower() not in _LINKS else " "


def width_of(text: str) -> int:
    """Columns, an ideograph counted as three: it says as much as a short word."""
    if text.isascii():
        return len(text)
    return sum(3 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _needed(before: str, after: str) -> int:
    """How long the line would have been with the next word (of Chinese and Japanese: character) in it."""
    return len(before) + (1 if _is_ideograph(after[0]) else 1 + len(after.split(maxsplit=1)[0]))


def _is_ideograph(character: str) -> bool:
    """Of Chinese or Japanese writing, which has no spaces; not a Korean syllable or a pictograph."""
    wide = unicodedata.east_asian_width(character) in "WF"
    return wide and not "\uac00" <= character <= "\ud7a3" and not "\U0001f000" <= character <= "\U0001ffff"
