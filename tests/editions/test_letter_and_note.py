"""A letter: one article and little around it. The editor's note: at the head of an edition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import lxml.html
import pytest

from publisher.model.article import Article
from publisher.model.edition import Digest
from publisher.theme.fields import token

Compose = Callable[..., Digest]
Articles = tuple[Article, ...]


def page(digest: Digest) -> Any:
    return lxml.html.document_fromstring(digest.html)


def headings(digest: Digest) -> list[tuple[str, str]]:
    found = page(digest).iter("h1", "h2", "h3", "h4", "h5", "h6")
    return [(heading.tag, " ".join(heading.text_content().split())) for heading in found]


@pytest.fixture
def note(article: Any) -> Article:
    """A note with a heading and a link in it."""
    html = '<p>Dear readers, <a href="https://example.org/why">why</a> so late?</p><h4>Fog</h4><p>It was foggy.</p>'
    made: Article = article(90, "", html, kind="note", summary="", section="world")
    return made


# the letter


def test_a_letter_has_its_articles_title_as_its_own(compose: Compose, articles: Articles) -> None:
    letter = compose(articles[:1], style="letter")
    assert headings(letter)[0] == ("h1", "The ice leaves early")
    assert [tag for tag, _ in headings(letter)].count("h1") == 1
    assert ("h2", "What the numbers say") in headings(letter)
    assert "The Morning Letter · Monday, 20 January 2025" in page(letter).text_content()
    assert letter.text.startswith("The Morning Letter · Monday, 20 January 2025 · No. 12\n\nThe ice leaves early\n----")
    assert token("unsubscribe_url") in letter.html
    assert token("unsubscribe_url") in letter.text


def test_an_untitled_letter_is_headed_by_the_newsletter(compose: Compose, articles: Articles) -> None:
    assert headings(compose(articles[2:3], style="letter"))[0] == ("h1", "The Morning Letter")


def test_several_articles_are_a_digest_even_in_letter_style(compose: Compose, articles: Articles) -> None:
    assert compose(articles, style="letter") == compose(articles, style="full")


def test_a_letter_that_is_too_long_ends_in_a_link(compose: Compose, article: Any) -> None:
    long = article(0, "Long", "<p>" + "word " * 30_000 + "</p>")
    letter = compose([long], style="letter")
    assert len(letter.html.encode()) < 102_400
    assert headings(letter)[0] == ("h1", "Long")
    assert "In short, what article 0 says." in letter.html
    nothing = compose([long], style="letter", limit=14_000)
    assert [tag for tag, _ in headings(nothing)].count("h1") == 1


def test_a_letter_shows_what_is_only_linked_below_it(compose: Compose, articles: Articles) -> None:
    letter = compose(articles[:1], articles[1:2], style="letter")
    assert ("h2", "More headlines") in headings(letter)
    assert "=== More headlines" in letter.text


# the note


@pytest.mark.parametrize("style", ["full", "summary", "headlines"])
def test_a_note_stands_at_the_head_in_full_whatever_the_style(
    compose: Compose, articles: Articles, note: Article, style: str
) -> None:
    digest = compose(articles, style=style, note=note)
    levels = [int(tag[1]) for tag, _ in headings(digest)]
    assert headings(digest)[1:3] == [("h2", "From the editor"), ("h3", "Fog")]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    for part in (page(digest).text_content(), digest.text):
        assert part.index("It was foggy.") < part.rindex("The ice leaves early")
        assert "By Ana Example" in part
    assert "[1] https://example.org/why" in digest.text
    assert note.url not in digest.html
    assert digest.subject == compose(articles, style=style).subject


def test_a_note_with_a_title_is_headed_by_it_and_speaks_its_own_language(
    compose: Compose, articles: Articles, note: Article
) -> None:
    digest = compose(articles, note=replace(note, title="Liebe Leserinnen", language="de"))
    assert headings(digest)[1] == ("h2", "Liebe Leserinnen")
    assert page(digest).xpath("//h2[@lang='de']")
    assert "From the editor" not in digest.html


def test_a_note_before_a_letter_has_no_heading_of_its_own(compose: Compose, articles: Articles, note: Article) -> None:
    plain = replace(note, html="<p>It was foggy.</p>")
    letter = compose(articles[:1], style="letter", note=plain)
    assert headings(letter)[0] == ("h1", "The ice leaves early")
    text = page(letter).text_content()
    assert text.index("It was foggy.") < text.rindex("The ice leaves early")


def test_a_note_brings_no_token_and_does_not_crowd_out_the_articles(
    compose: Compose, articles: Articles, note: Article
) -> None:
    stolen = token("unsubscribe_url")
    assert compose(articles, note=replace(note, html=f"<p>{stolen}</p>")).html.count(stolen) == 1
    endless = compose(articles, note=replace(note, html="<p>" + "word " * 30_000 + "</p>"))
    assert "Council agrees to meet" in endless.html
    assert len(endless.html.encode()) < 102_400
