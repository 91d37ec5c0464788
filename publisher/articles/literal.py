"""Plain text written as Markdown that shows the same letters: whatever could become markup is escaped.

Guarantees: CommonMark with tables, footnotes, strikethrough and heading attributes renders `paragraph` to one
``<p>``, `heading` to one ``<h2>`` and each item of `items` to one ``<li>``, letter for letter, for any
text on one line without white space at its ends.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

__all__ = ["heading", "inline", "items", "opened", "paragraph"]

# https://spec.commonmark.org/0.31.2/#backslash-escapes. An underscore between letters opens nothing (6.2),
# `<` a tag or an autolink only before these (6.5, 6.6), `&` an entity only where a semicolon follows (2.5).
_INLINE = re.compile(r"[\\`*\[~|]|(?<![^\W_])_|_(?![^\W_])|<(?=[A-Za-z/!?])|&(?=#?\w+;)")
# What begins a heading, list, quote, rule or underline (sections 4 and 5).
_OPENING = re.compile(r"#{1,6}(?!\S)|[-+](?=[\s-]|$)|[>=]")
_NUMBER = re.compile(r"([0-9]{1,9})(?=[.)](?:\s|$))")
_CLOSING_HASHES = re.compile(r"(?<!\S)#+$")


def paragraph(text: str) -> str:
    """One paragraph. Pure."""
    return opened(inline(text))


def heading(text: str) -> str:
    """A heading of the second level. Pure."""
    escaped = _CLOSING_HASHES.sub(r"\\\g<0>", inline(text))
    if escaped.endswith("}"):
        escaped = f"{escaped[:-1]}\\}}"  # not {#id}, the extension's attributes
    return f"## {escaped}"


def items(texts: Iterable[str], *, start: int | None = None, other: bool = False) -> str:
    """A list, numbered from ``start`` or bulleted. ``other``: it is not the list just before it. Pure."""
    if start is None:
        return "\n".join(f"{'*' if other else '-'} {paragraph(text)}" for text in texts)
    delimiter = ")" if other else "."
    return "\n".join(f"{number}{delimiter} {paragraph(text)}" for number, text in enumerate(texts, start))


def inline(text: str) -> str:
    """Text within a line: no emphasis, link, code, tag or entity comes of it. Pure."""
    return _INLINE.sub(r"\\\g<0>", text)


def opened(escaped: str) -> str:
    """A line of Markdown that begins a paragraph, and nothing else. Pure."""
    numbered = _NUMBER.match(escaped)
    if numbered:
        return f"{numbered[0]}\\{escaped[numbered.end() :]}"
    return f"\\{escaped}" if _OPENING.match(escaped) else escaped
