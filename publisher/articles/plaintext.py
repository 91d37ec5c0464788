"""The structure of a plain text: its paragraphs, list items and headings, though nothing marks them.

Guarantees: the blocks of a text hold all its letters in their order; only line ends and white space beside
them are gone, and a bullet stands apart from its item. Everything here is pure and takes any text at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from publisher.articles.columns import CLOSERS, STOPS, Column, between, column_of, is_open, width_of

__all__ = ["Block", "blocks", "dateline", "heading_places", "is_line", "is_prose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A paragraph, a heading or a list's item, on one line.

    ``text``    its words; an item's without its bullet or number
    ``marker``  "•" (or another bullet), "-", "*", "+", "." or ")" (an item's of a numbered list); "": no item
    ``number``  a numbered item's
    ``indent``  columns before the first line
    ``lines``   how many lines of the text it was
    """

    text: str
    marker: str = ""
    number: int = 0
    indent: int = 0
    lines: int = 1

    @property
    def whole(self) -> str:
        """The text as it was written, with what marks it as an item."""
        if not self.marker:
            return self.text
        return f"{self.number or ''}{self.marker} {self.text}"


_LINE_END = re.compile("\r\n|[\n\r\v\f\x1c-\x1e\x85\u2028]")
# What XML cannot have (https://www.w3.org/TR/xml/#charsets), an article cannot have.
_FORBIDDEN = re.compile("[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
# White space, also of no width.
_BLANK = re.compile("[\\s\u00ad\u200b-\u200f\u2060\ufeff]*")
_LONE = re.compile("[\ud800-\udfff]")
_BULLET = re.compile(r"(?P<marker>[•‣◦▪●○■∙⁃])\s*(?=\S)(?![•‣◦▪●○■∙⁃])|(?P<plain>[-*+])\s+(?=\S)")
_NUMBER = re.compile(r"(?P<number>[1-9][0-9]{0,3})(?P<marker>[.)])\s+(?=\S)")

_QUOTES = "\"'”’»“›」』"
_OPENERS = "\"'“‘«»„‚‹「『"
_ABBREVIATION = re.compile(r"\b(?:[A-Z]\.){2,}$")
# A dateline: place, perhaps day and agency, dash.
_DATELINE = re.compile(
    r"(?P<place>[^\W\d_][\w .,'’/-]{1,50}?)(?P<day>,[^,—–()]{3,30})?(?P<agency> ?\([^()]{2,30}\))?"
    r"(?:\s*(?:—|–|--)|\s-)(?:\s|$)"
)


def blocks(text: str) -> list[Block]:
    """The blocks of a text with any line ends, hard-wrapped or not, with blank lines or without. Pure."""
    lines = _lines(text)
    column = column_of(lines, is_item=lambda line: bool(_block(line).marker))
    found: list[Block] = []
    pieces: list[list[str]] = []  # of each block: its lines, and what goes between them
    before = ""
    for at, line in enumerate(lines):
        block = _block(line)
        if line and found and _joins(found, pieces[-1], before, block, column, lines[at + 1 : at + 2]):
            written = line.strip()
            pieces[-1] += (between(pieces[-1][-1], written), written)
        elif line:
            found.append(block)
            pieces.append([block.text])
        before = line
    return _listed(
        [replace(block, text="".join(own), lines=len(own) // 2 + 1) for block, own in zip(found, pieces, strict=True)]
    )


def is_line(block: Block) -> bool:
    """Whether it could be a heading or a caption: short, on one line, and not a sentence. Pure."""
    text = block.whole
    if block.lines > 1 or width_of(text) > 100 or len(text.split()) > 14:
        return False
    bare = text.rstrip(CLOSERS)
    if not bare or not any(character.isalpha() for character in text):
        return False
    if text[0] in _OPENERS and text[-1] in _QUOTES:
        return False  # a quote that stands alone
    last = "" if _ABBREVIATION.search(bare) else bare[-1]
    if last and last in "?？؟":
        return _begins_well(text)
    if last and last in "!！":
        return _is_title_case(text)
    if last and last in STOPS + ",،、—–-":
        return False
    placed = dateline(text)
    return (
        "://" not in text
        and "@" not in text
        and _begins_well(text)
        and not (placed and (placed["day"] or placed["agency"]))
    )


def is_prose(block: Block) -> bool:
    """Whether it is a paragraph or a list's item, and so can follow a heading. Pure."""
    return bool(block.marker) or not is_line(block)


def heading_places(found: Sequence[Block]) -> frozenset[int]:
    """Which blocks are headings: short lines, at most two together, with prose after them. Pure."""
    places: set[int] = set()
    run: list[int] = []
    for at, block in enumerate(found):
        if not block.marker and is_line(block):
            run.append(at)
            continue
        if len(run) <= 2:
            places.update(run)
        run = []
    return frozenset(places)


def dateline(text: str) -> re.Match[str] | None:
    """The dateline that begins a paragraph ("MOSCOW, Jan 20 —"), with groups place, day, agency. Pure."""
    found = _DATELINE.match(text)
    if found is None:
        return None
    place = found["place"].split(",")[0]
    known = place.isupper() or found["agency"] or (found["day"] and any(c.isdigit() for c in found["day"]))
    return found if known else None


def _lines(text: str) -> list[str]:
    """The lines, cleaned of what no article can have. A paragraph separator (U+2029) is a blank line."""
    text = _LONE.sub("\ufffd", _FORBIDDEN.sub("", text.removeprefix("\ufeff")))
    lines = _LINE_END.split(text.replace("\u2029", "\n\n"))
    return ["" if _BLANK.fullmatch(line) else line.rstrip() for line in lines]


def _joins(
    found: Sequence[Block],
    pieces: Sequence[str],
    before: str,
    block: Block,
    column: Column | None,
    following: Sequence[str],
) -> bool:
    """Whether a line goes on with the last block found, which has these ``pieces`` and ends with ``before``."""
    last = found[-1]
    if len(found) == 1:
        # The title; of two lines, it has a blank line after it.
        return bool(before) and not any(following) and column is not None and column.is_past(before, block.whole)
    if len(pieces) == 1 and _is_bare_dateline(last):
        return True
    if not before or column is None:
        return False
    full = column.is_full(before, block.whole)
    if block.marker:
        return not last.marker and full and is_open(before)
    if not last.marker and len(pieces) > 1 and block.indent >= _indent(before) + 2:
        return False  # paragraphs that begin with an indent
    return full or block.text[0].islower()


def _block(line: str) -> Block:
    text = line.strip()
    indent = _indent(line)
    if found := _BULLET.match(text):
        return Block(text=text[found.end() :], marker=found["marker"] or found["plain"], indent=indent)
    if found := _NUMBER.match(text):
        return Block(text=text[found.end() :], marker=found["marker"], number=int(found["number"]), indent=indent)
    return Block(text=text, indent=indent)


def _indent(line: str) -> int:
    return len(line[: len(line) - len(line.lstrip())].expandtabs(4))


def _listed(found: Sequence[Block]) -> list[Block]:
    """Items that stand alone are paragraphs ("1. The start"), but for a bullet's, which is nothing else."""
    return [
        block
        if not block.marker or block.marker not in "-*+.)" or _has_neighbour(found, at)
        else replace(block, text=block.whole, marker="", number=0)
        for at, block in enumerate(found)
    ]


def _has_neighbour(found: Sequence[Block], at: int) -> bool:
    block = found[at]
    near = [(found[at - 1], -1)] if at else []
    near += [(found[at + 1], 1)] if at + 1 < len(found) else []
    return any(
        other.marker == block.marker and other.number == (block.number + step if block.number else 0)
        for other, step in near
    )


def _is_bare_dateline(block: Block) -> bool:
    """A dateline on a line of its own belongs to the paragraph after it."""
    found = None if block.marker else dateline(block.text)
    return found is not None and found.end() == len(block.text)


def _begins_well(text: str) -> bool:
    first = text.lstrip(_OPENERS + "([¿¡#")[:1]
    return bool(first) and first.isalnum() and not first.islower() and text[0] not in "(["


def _is_title_case(text: str) -> bool:
    words = [word for word in text.split() if word[0].isalpha() and len(word) > 3]
    return bool(words) and not any(word[0].islower() for word in words)
