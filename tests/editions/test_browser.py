"""What everybody may read of an edition: the digest without anything personal, as a part of a page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import lxml.html
import pytest

from publisher.editions.browser import browser_url, chosen, public_text
from publisher.model.edition import Digest
from publisher.model.publication import Publication
from publisher.store.edition_pages import Choice
from publisher.theme.fields import TOKEN
from tests.editions.conftest import article

FOLLOW = "https://news.example.org/follow/"


@pytest.fixture(params=["full", "summary", "headlines", "letter"])
def digest(request: pytest.FixtureRequest, compose: Callable[..., Digest]) -> Digest:
    articles = [article(number) for number in range(1 if request.param == "letter" else 3)]
    return compose(
        articles, [article(7)], style=request.param, browser_url="https://news.example.org/editions/letter/1/"
    )


def test_nothing_personal_and_nothing_of_the_mail_s_frame_is_left(digest: Digest) -> None:
    text = public_text(digest.html, follow=FOLLOW)
    assert TOKEN.search(digest.html)
    assert TOKEN.search(text) is None
    for mail in ("You get this because", "Unsubscribe", "style=", "<!--", "presentation", "&#847;", "<style", "<body"):
        assert mail not in text
    assert "1 Example Street" not in text


def test_every_article_is_there_under_headings_that_skip_no_level(digest: Digest) -> None:
    root = lxml.html.fragment_fromstring(public_text(digest.html, follow=FOLLOW), create_parent="main")
    words = root.text_content()
    for number in (0, 7):
        assert article(number).title in words
    levels = [1, *(int(heading.tag[1]) for heading in root.iter("h1", "h2", "h3", "h4", "h5", "h6"))]
    assert 1 not in levels[1:]
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(image.get("alt") and image.get("width") for image in root.iter("img"))


def test_data_keeps_its_table_and_code_its_blank_lines(compose: Callable[..., Digest]) -> None:
    html = "<table><thead><tr><th>Pier</th></tr></thead><tbody><tr><td>7.5</td></tr></tbody></table>"
    code = "<pre><code>one\n\n\ntwo</code></pre>"
    text = public_text(compose([article(0, html=html + code)]).html, follow=FOLLOW)
    assert text.count("<table") == 1
    assert "one\n\n\ntwo" in text


def test_a_theme_s_own_links_that_act_for_a_reader_lead_to_the_page_for_everybody() -> None:
    own = (
        '<html><body><p class="greeting">Hello zqfnameqfz!</p><p>Text</p>'
        '<a href="zqfunsubscribe_urlqfz">Stop</a><script>alert(1)</script></body></html>'
    )
    text = public_text(own, follow=FOLLOW)
    assert text == f'<p>Hello !</p><p>Text</p><a href="{FOLLOW}">Stop</a>'


def test_a_picture_that_travelled_inside_the_message_is_the_published_one_or_none() -> None:
    html = '<body><p>A</p><img src="cid:abc@example.org" alt="B"><img src="cid:lost@example.org" alt="C"></body>'
    known = {"abc@example.org": "https://news.example.org/media/b.png"}
    text = public_text(html, follow=FOLLOW, picture=known.get)
    assert text == '<p>A</p><img src="https://news.example.org/media/b.png" alt="B">'


@pytest.mark.parametrize("html", ["", "<body></body>", "<p>a<table><tr><td", "<!--", "\x00\ud800"])
def test_a_broken_digest_is_no_reason_to_fail(html: str) -> None:
    text = public_text(html.encode("utf-8", "replace").decode(), follow=FOLLOW)
    assert "<body" not in text


def choice(variant: int, **given: Any) -> Choice:
    return Choice(**{"variant": variant, "language": "", "articles": 5, "topics": "*", "start": 10, **given})


@pytest.mark.parametrize(
    ("choices", "variant"),
    [
        ([], None),
        ([choice(1, language="de"), choice(2, articles=1)], 2),
        ([choice(1, topics="tag:sea"), choice(2, articles=1)], 2),
        ([choice(1, snoozed=True, articles=50), choice(2)], 2),
        ([choice(1, corrected=True), choice(2, topics="tag:sea")], 2),
        ([choice(1, start=3, articles=12), choice(2, start=10), choice(3, start=14, articles=1)], 2),
        ([choice(1, start=3, articles=12), choice(2, start=12, articles=3)], 1),
        ([choice(1, language="de", topics="tag:sea")], 1),
    ],
)
def test_the_variant_that_stands_for_the_edition_is_the_one_for_readers_of_everything_who_are_up_to_date(
    choices: list[Choice], variant: int | None
) -> None:
    found = chosen(choices, before=10)
    assert (found.variant if found else None) == variant


def test_without_pages_there_is_no_address_to_read_it_at(publication: Publication) -> None:
    assert browser_url(publication, "letter", 7) == "https://news.example.org/editions/letter/7/"
    assert browser_url(replace(publication, web=replace(publication.web, pages=False)), "letter", 7) == ""
