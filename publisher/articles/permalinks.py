"""Permalinks: the address of an article's page below the publication's, from a pattern such as ``/{year}/{slug}/``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

__all__ = ["Permalink", "address_of"]

_FIELD = re.compile(r"\{(\w+)\}")


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
    day = known.day
    values = {
        "slug": quote(known.slug),
        "path": quote(known.path),
        "section": quote(known.section or "articles"),
        "categories": "/".join(quote(category.lower()) for category in known.categories),
        "year": f"{day.year:04}" if day else "",
        "month": f"{day.month:02}" if day else "",
        "day": f"{day.day:02}" if day else "",
    }
    return re.sub(r"/{2,}", "/", _FIELD.sub(lambda field: values.get(field[1], ""), pattern))
