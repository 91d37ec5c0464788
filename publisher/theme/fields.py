"""Tokens: where a reader's own values will stand in a digest that is rendered once for all its readers.

A token is ``zqfNAMEqfz`` with NAME of ``a-z 0-9 _``. It has no character that HTML, a URL or the CSS inliner
would change, so it survives rendering and inlining and is replaced at the very end, a reader at a time
(``publisher.delivery.message``).

Guarantees: :func:`strip` leaves no token in a text, however they are nested; otherwise an article could
carry a reader's unsubscribe link off into a link of its own. Fails with ValueError for a name that cannot
be a token's. Standard library only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import escape

__all__ = ["TOKEN", "fill", "is_name", "names", "strip", "token"]

TOKEN = re.compile(r"zqf([a-z0-9_]+?)qfz")

# A name with the end of a token in it would end too early.
_NAME = re.compile(r"(?:(?!qfz)[a-z0-9_])+")


def is_name(name: str) -> bool:
    """True for a field's name that can stand in a token."""
    return _NAME.fullmatch(name) is not None


def token(name: str) -> str:
    """The token of the field ``name``. Raises ValueError unless it is made of ``a-z 0-9 _``."""
    if not is_name(name):
        raise ValueError(f"a field's name has only the characters a-z, 0-9 and _: {name!r}")
    return f"zqf{name}qfz"


def names(text: str) -> frozenset[str]:
    """The names of all fields that ``text`` has tokens of."""
    return frozenset(TOKEN.findall(text))


def strip(text: str) -> str:
    """``text`` without any token: for everything that others wrote, after HTML entities were decoded.

    Removing one token can join the halves of another, so it goes on until none is left.
    """
    removed = 1
    while removed:
        text, removed = TOKEN.subn("", text)
    return text


def fill(text: str, values: Mapping[str, str], *, escaped: bool = False) -> str:
    """``text`` with every token replaced by its value, "" where there is none; ``escaped`` for HTML."""

    def value(found: re.Match[str]) -> str:
        plain = values.get(found[1], "")
        return escape(plain) if escaped else plain

    return TOKEN.sub(value, text)
