"""Corrections: what was wrong in an article that readers have already."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

__all__ = ["Corrected", "Correction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Correction:
    """It takes a ``sequence`` number like an article, so that a reader's cursor says whether it was shown.

    ``article``: the id. ``text``: what was wrong, one line. Whoever has the article from an edition whose cut-off is
    below ``sequence`` has the faulty version.
    """

    sequence: int
    article: str
    text: str
    numbered_at: datetime


@dataclass(frozen=True, slots=True)
class Corrected:
    """A correction as a digest shows it: the article's title and address, and what was wrong in it."""

    title: str
    url: str
    text: str
    language: str = ""
