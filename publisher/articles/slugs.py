"""Slugs: an article's name in file names and addresses.

Guarantees: never empty, never longer than `LONGEST` characters; only lower-case letters, digits and single
hyphens. The slug of a slug is the slug itself.
"""

from __future__ import annotations

import unicodedata

__all__ = ["LONGEST", "slugify"]

LONGEST = 60

# Letters that Unicode does not decompose, as they are usually written in ASCII.
_SPELLED = str.maketrans(
    {
        "ß": "ss", "ẞ": "ss", "æ": "ae", "Æ": "ae", "œ": "oe", "Œ": "oe", "ø": "o", "Ø": "o", "ı": "i",
        "đ": "d", "Đ": "d", "ð": "d", "Ð": "d", "þ": "th", "Þ": "th", "ł": "l", "Ł": "l",
    }
)  # fmt: skip
_APOSTROPHES = "'’‘ʼ`´"


def slugify(title: str, *, fallback: str = "article") -> str:
    """The slug of a title: ASCII where its letters have an ASCII form (NFKD), else as they are. Pure."""
    slug = unicodedata.normalize("NFC", _hyphenated(title))
    if len(slug) > LONGEST:
        head, hyphen, _ = slug[: LONGEST + 1].rpartition("-")
        slug = head if hyphen else slug[:LONGEST]
    return slug.strip("-") or fallback


def _hyphenated(title: str) -> str:
    decomposed = unicodedata.normalize("NFKD", title.translate(_SPELLED))
    kept: list[str] = []
    for character in unicodedata.normalize("NFKD", decomposed.lower()):
        category = unicodedata.category(character)
        if character.isascii() and character.isalnum():
            kept.append(character)
        elif character in _APOSTROPHES:
            continue
        elif category[0] == "M":
            # An accent falls away from a Latin letter; in other scripts it is part of the word.
            if kept and not kept[-1].isascii():
                kept.append(character)
        elif category[0] == "L" or category == "Nd":
            kept.append(character)
        elif kept and kept[-1] != "-":
            kept.append("-")
    return "".join(kept)
