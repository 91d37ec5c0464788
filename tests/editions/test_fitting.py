"""Layouts: from the richest to the poorest, one step at a time, always at the end."""

from __future__ import annotations

import pytest

from publisher.editions.fitting import first_that_fits, layout_at, layouts


def sketch(step: int, articles: int, rest: int) -> str:
    layout = layout_at(step, articles, rest)
    return "".join(form[0] for form in layout.forms) + "+" * layout.rest


def test_the_last_articles_give_way_first() -> None:
    steps = layouts("full", 2, 1)
    assert [sketch(step, 2, 1) for step in steps] == ["ff+", "fe+", "ee+", "eh+", "hh+", "hh", "h", ""]


@pytest.mark.parametrize(("style", "richest"), [("full", "fff"), ("summary", "eee"), ("headlines", "hhh")])
def test_a_style_begins_at_its_richest(style: str, richest: str) -> None:
    assert sketch(layouts(style, 3, 0)[0], 3, 0) == richest  # type: ignore[arg-type]


@pytest.mark.parametrize("smallest", [0, 1, 5, 99, 100])
def test_the_first_that_fits_is_found_by_halving(smallest: int) -> None:
    asked = []

    def fits(step: int) -> bool:
        asked.append(step)
        return step >= smallest

    assert first_that_fits(range(101), fits) == smallest
    assert len(asked) <= 9


def test_nothing_fits_says_so() -> None:
    assert first_that_fits(range(5), lambda step: False) is None
    assert first_that_fits(range(0), lambda step: True) is None
