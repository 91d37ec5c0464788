"""Tokens: where a reader's own values will stand in a digest that is rendered once for all its readers.

A token is ``zqfNAMEqfz`` with NAME of ``a-z 0-9 _``; one with a default, for readers who lack the field, is
``zqfNAME__HEXqfz`` with the default's UTF-8 in hexadecimal. It has no character that HTML, a URL or the CSS inliner
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

__all__ = ["TOKEN", "Field", "fill", "is_name", "names", "parted", "strip", "token"]

TOKEN = re.compile(r"zqf([a-z0-9_]+?)qfz")

_WITH_DEFAULT = re.compile(r"([a-z0-9_]+?)__((?:[0-9a-f]{2})+)")

# A name with the end of a token in it would end too early.
_NAME = re.compile(r"(?:(?!qfz)[a-z0-9_])+")


def is_name(name: str) -> bool:
    """True for a field's name that can stand in a token."""
    return _NAME.fullmatch(name) is not None


def token(name: str, default: str = "") -> str:
    """The token of the field ``name``. Raises ValueError unless it is made of ``a-z 0-9 _``."""
    if not is_name(name):
        raise ValueError(f"a field's name has only the characters a-z, 0-9 and _: {name!r}")
    hexed = default.encode("utf-8", "replace").hex()
    return f"zqf{name}__{hexed}qfz" if hexed else f"zqf{name}qfz"


def parted(inside: str) -> tuple[str, str]:
    """The field's name and its default, of what stands between ``zqf`` and ``qfz``. Pure."""
    found = _WITH_DEFAULT.fullmatch(inside)
    return (found[1], bytes.fromhex(found[2]).decode("utf-8", "replace")) if found else (inside, "")


class Field(str):
    """A token as templates get it: it can be printed, not asked whether it is there, which differs by reader."""

    __slots__ = ()

    def __bool__(self) -> bool:
        name = parted(self[3:-3])[0]
        raise TypeError(
            f"reader.{name} is not known while a digest is rendered for all its readers; "
            f'write {{{{ reader.{name}|default("…") }}}} for those who lack it'
        )


def names(text: str) -> frozenset[str]:
    """The names of all fields that ``text`` has tokens of."""
    return frozenset(parted(inside)[0] for inside in TOKEN.findall(text))


def strip(text: str) -> str:
    """``text`` without any token: for everything that others wrote, after HTML entities were decoded.

    Removing one token can join the halves of another, so it goes on until none is left.
    """
    removed = 1
    while removed:
        text, removed = TOKEN.subn("", text)
    return text


def fill(text: str, values: Mapping[str, str], *, escaped: bool = False) -> str:
    """``text`` with every token replaced by its value, its default where there is none; ``escaped`` for HTML."""

    def value(found: re.Match[str]) -> str:
        name, default = parted(found[1])
        plain = values.get(name) or default
        return escape(plain) if escaped else plain

    return TOKEN.sub(value, text)
