"""Slugs are fit for file names and addresses, whatever the title."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.articles.slugs import LONGEST, slugify


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("Drawbridge Opens After a Long Winter", "drawbridge-opens-after-a-long-winter"),
        ("The Mayor’s “Plan”: 50% & more?", "the-mayors-plan-50-more"),
        ("Straße nach Łódź, Ærø & Çeşme", "strasse-nach-lodz-aero-cesme"),
        ("Мост открыт, й", "мост-открыт-й"),
        ("老桥重新开放！", "老桥重新开放"),
        ("जल का पुल", "जल-का-पुल"),
        ("ＦＵＬＬ ½ Ⅷ", "full-1-2-viii"),
        ("../../etc/passwd", "etc-passwd"),
        ("?!", "article"),
        ("", "article"),
    ],
)
def test_a_slug_has_the_words_of_the_title(title: str, slug: str) -> None:
    assert slugify(title) == slug


def test_a_long_slug_ends_with_a_word() -> None:
    assert slugify("bridge " * 20) == "-".join(["bridge"] * 8)
    assert slugify("x" * 100) == "x" * LONGEST


@settings(deadline=None)
@given(st.text())
def test_a_slug_is_short_and_the_same_again(title: str) -> None:
    slug = slugify(title)
    assert 0 < len(slug) <= LONGEST
    assert slug == slugify(slug)
    assert not set(slug) & set(" /\\.\x00")
    assert "--" not in slug
