"""What mail programs do with a digest: what it weighs, and what some of them drop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from publisher.editions.mail_programs import lost_features, weigh, without_styles
from publisher.model.edition import Digest


def test_what_breaks_a_layout_comes_first_with_who_drops_it() -> None:
    html = (
        "<html><head><style>@media (prefers-color-scheme: dark) { p { color: #fff } }</style></head><body>"
        '<p style="border-radius: 4px">a</p><div style="color: red; display: flex">b</div>'
        '<div style="background: url(x.png); width: calc(1px + 2px)">c</div><img src="a.webp?x=1" alt="">'
        '<p style="height: auto; opacity:.5">d</p></body></html>'
    )
    found = lost_features(html)
    names = [lost.name for lost in found]
    assert set(names) == {
        *("<style>", "prefers-color-scheme", "border-radius", "display:flex", "background-image", "calc(", ".webp"),
        "opacity",
    }
    assert [lost.feature.layout for lost in found] == sorted((lost.feature.layout for lost in found), reverse=True)
    assert all(lost.feature.programs and lost.feature.effect for lost in found)


def test_our_own_digest_needs_nothing_that_a_layout_hangs_on(compose: Callable[..., Digest], articles: Any) -> None:
    for style in ("full", "summary", "headlines"):
        assert not [lost.name for lost in lost_features(compose(articles, style=style).html) if lost.feature.layout]


def test_the_weight_counts_octets_and_pictures_once() -> None:
    html = "<style>p { }</style><p>ä</p>" + '<img alt="" src="https://x.org/a.png?b=1&amp;c=2">' * 2
    html += '<img src="https://x.org/b.png"><img src="https://x.org/c.png">'
    sizes = {"https://x.org/a.png?b=1&c=2": 1000, "https://x.org/b.png": 50}
    weight = weigh(html, "ä", b"message", sizes=sizes, embedded=["https://x.org/b.png"])
    assert weight.html == len(html.encode())
    assert weight.style == len("<style>p { }</style>")
    assert (weight.text, weight.message) == (2, 7)
    assert [picture.octets for picture in weight.pictures] == [1000, 50, None]
    assert weight.to_load == 1000
    assert weight.left == 102_400 - weight.html
    assert without_styles(html).startswith("<p>")
