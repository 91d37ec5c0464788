"""Fitting: how much of each article an edition can show without being clipped by the reader's mail program.

An edition has layouts, from the richest to the poorest. Each one is a step shorter than the one before it,
and always at the end: first the last articles become excerpts, then the last excerpts become headlines, then
the last headlines are left out, for one link to all that is missing. Pure; knows nothing of templates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

__all__ = ["Form", "Layout", "Style", "first_that_fits", "layout_at", "layouts"]

Style = Literal["full", "summary", "headlines"]
Form = Literal["full", "excerpt", "headline"]


@dataclass(frozen=True, slots=True)
class Layout:
    """The form of each article, in their order; those left out at the end have none.

    ``rest`` is how many of the articles that are only linked anyway are linked one by one.
    """

    forms: tuple[Form, ...]
    rest: int


def layouts(style: Style, articles: int, rest: int) -> range:
    """The steps that an edition of that many articles has; its richest layout is the first step. Pure."""
    first = {"full": 0, "summary": articles, "headlines": 2 * articles}[style]
    return range(first, 3 * articles + rest + 1)


def layout_at(step: int, articles: int, rest: int) -> Layout:
    """The layout at a step. Pure.

    Steps 0 to n: full to excerpts, from the end; n to 2n: excerpts to headlines; then the rest, and then the
    headlines themselves, are left out.
    """
    full: Form = "full"
    excerpt: Form = "excerpt"
    headline: Form = "headline"
    if step <= articles:
        return Layout((full,) * (articles - step) + (excerpt,) * step, rest)
    if step <= 2 * articles:
        excerpts = 2 * articles - step
        return Layout((excerpt,) * excerpts + (headline,) * (articles - excerpts), rest)
    left_out = step - 2 * articles
    return Layout((headline,) * (articles - max(0, left_out - rest)), max(0, rest - left_out))


def first_that_fits(steps: range, fits: Callable[[int], bool]) -> int | None:
    """The first of ``steps`` that ``fits``, or None, found by halving: later steps are no larger. Pure."""
    if not steps:
        return None
    if fits(steps[0]):
        return steps[0]
    low, high = 0, len(steps) - 1
    if not fits(steps[high]):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if fits(steps[middle]):
            high = middle
        else:
            low = middle
    return steps[high]
