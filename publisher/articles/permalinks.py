"""Permalinks: the address of an article's page below the publication's, from a pattern such as ``/{year}/{slug}/``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

__all__ = ["Permalink", "address_of"]

_FIELD = re.compile(r"\{(\w+)\}")
_SLASHES = re.compile(r"/{2,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permalink:
    """What a pattern may say. ``path``: the file's place among the articles, without its ending; ``day`` is local."""

    slug: str
    path: str
    section: str = ""
    categories: tuple[str, ...] = ()
    day: datetime | None = None


def address_of(pattern: str, known: Permalink) -> str:
    """The path of the page, percent-encoded. Pure. What is not known leaves no empty segment behind."""
    path = _FIELD.sub(lambda field: _said(field[1], known), pattern)
    return _SLASHES.sub("/", path) if "//" in path else path


def _said(field: str, known: Permalink) -> str:
    if field in ("slug", "path"):
        return quote(known.slug if field == "slug" else known.path)
    if field == "section":
        return quote(known.section or "articles")
    if field == "categories":
        return "/".join(quote(category.lower()) for category in known.categories)
    if field not in ("year", "month", "day") or known.day is None:
        return ""
    return f"{known.day.year:04}" if field == "year" else f"{getattr(known.day, field):02}"
