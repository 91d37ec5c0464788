"""A publication and articles of our own: plain ones, and ones with everything that has broken feeds."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from publisher.model.article import Article, Author, Image
from publisher.model.feed import Cadence, Feed, Newsletter, Selection
from publisher.model.publication import Publication, Web

URL = "https://news.example.org"
START = datetime(2026, 3, 2, 7, 30, tzinfo=UTC)

ANA = Author("ana", "Ana Pereira", "Writes about harbours & tides.", "https://ana.example.org/", "")
BO = Author("bo", "Bo Łęcki", "Draws maps.", "", "pictures/bo.png")

BODY = (
    "<p>The ferry left at dawn, and nobody aboard knew its new name. “Ask the captain,” said the cook.</p>\n"
    f'<h2 id="the-route">The route</h2>\n<p>It goes <a href="{URL}/2026/harbour/">by the harbour</a>.'
    f'<sup><a href="{URL}/2026/ferry/#fn1" id="fnref1">1</a></sup></p>\n'
    f'<figure><img src="{URL}/media/ferry.jpg" alt="A ferry" width="640" height="480"'
    f' srcset="{URL}/media/ferry-2x.jpg 2x" loading="lazy">'
    "<figcaption>The ferry at dawn</figcaption></figure>\n"
    "<table><thead><tr><th>Port</th><th>Time</th></tr></thead>"
    "<tbody><tr><td>North</td><td>07:10</td></tr></tbody></table>\n"
    '<pre><code class="language-sh">sail --to north &amp;&amp; echo "done"\n</code></pre>\n'
    "<blockquote><p>A harbour is a promise.</p></blockquote>\n<ul><li>Ropes</li><li>Lamps</li></ul>\n"
    '<section class="footnotes"><ol><li id="fn1"><p>Since 1911. '
    f'<a href="{URL}/2026/ferry/#fnref1">↩</a></p></li></ol></section>'
)


def article(name: str = "ferry", **changes: Any) -> Article:
    """An article; every value can be changed by name. ``age`` (hours) moves it back in time."""
    published = START - timedelta(hours=changes.pop("age", 0))
    values: dict[str, Any] = {
        "id": f"tag:news.example.org,2026-03-02:{name}",
        "path": f"articles/{name}.md",
        "url": f"{URL}/2026/{name}/",
        "slug": name,
        "title": f"The {name} leaves at dawn",
        "html": BODY,
        "summary": "Nobody aboard knew its new name.",
        "published": published,
        "updated": published + timedelta(hours=1),
        "language": "en",
        "content_hash": "0" * 64,
        "section": "world",
        "tags": ("Sea & sky", "C++"),
        "authors": (ANA, BO),
        "image": Image(
            f"{URL}/media/ferry.jpg",
            "A ferry",
            "The ferry at dawn",
            "Bo Łęcki",
            640,
            480,
            48_211,
            "image/jpeg",
        ),
    }
    return Article(**(values | changes))


def publication(root: Path, **changes: Any) -> Publication:
    """A publication with a feed of everything, two of one section and one of a summary."""
    newsletter = Newsletter(
        name="world",
        title="World by mail",
        description="The world, twice.",
        sender_name="World Desk",
        sender_address="world@example.org",
        subject="{{ articles[0].title }}",
        timezone="Europe/Berlin",
        language="en",
        cadences=(
            Cadence("daily", "mon-fri 07:00", "0 7 * * 1-5"),
            Cadence("weekly", "sun 08:00", "0 8 * * 0"),
        ),
        default_cadence="daily",
    )
    values: dict[str, Any] = {
        "root": root,
        "title": "The Example & Daughters",
        "url": URL,
        "description": "News from <everywhere> & nowhere",
        "rights": "© 2026 The Example",
        "postal_address": "1 Example Street, 10115 Berlin",
        "sections": {"world": "World", "science": "Science"},
        "authors": {"ana": ANA, "bo": BO},
        "web": Web(),
        "feeds": (
            Feed(
                name="all",
                title="The Example",
                description="Everything",
                file="feeds/all.toml",
                language="en",
            ),
            Feed(
                name="world",
                title="World",
                description="The world",
                file="feeds/world.toml",
                language="en",
                selection=Selection(sections=("world",)),
                newsletter=newsletter,
            ),
            Feed(
                name="brief",
                title="In brief",
                description="Sea in short",
                file="feeds/brief.toml",
                language="en",
                selection=Selection(sections=("world", "science"), tags=("Sea & sky",)),
                content="summary",
                limit=3,
            ),
            Feed(
                name="nothing",
                title="Nothing yet",
                description="Empty so far",
                file="feeds/nothing.toml",
                language="de",
                selection=Selection(sections=("science",)),
            ),
        ),
    }
    return Publication(**(values | changes))


def plain_articles() -> list[Article]:
    """Twelve ordinary articles, newest first."""
    return [article(f"ferry-{number}", age=number * 24, section="world" if number % 3 else "") for number in range(12)]


def hostile_articles() -> list[Article]:
    """Articles with everything that has broken somebody's feed, newest first."""
    controls = "".join(map(chr, range(32))) + "\x7f\x80\x85\x92\x9f\ufffe\uffff\ufdd0\ufffd\U0001fffe"
    texts = {
        "controls": f"Bad {controls} bytes",
        "surrogates": "Lone \ud800 and \udc00, joined \ud83d\ude00",
        "cdata": "End ]]> of ]]&gt; section <![CDATA[x]]>",
        "entities": "Q&A &nbsp; &amp; &copy; &bogus; AT&T &#x26; &#0; a&b",
        "markup": "<b>Bold</b> <script>alert(1)</script> claims <a href='x'>here</a> <br/> 1 < 2 > 0",
        "emoji": "🎉 Zażółć “quotes” 👩‍👩‍👧 ‮reversed‬",
        "comment": "<!-- a comment --> <?php echo 1 ?> <!DOCTYPE html>",
        "arabic": "ميناء قديم ومركب جديد",
        "long": "word " * 400,
        "lines": "  A title\n on two\r\nlines\tand a tab ",
    }
    hostile = []
    for number, (name, text) in enumerate(texts.items()):
        hostile.append(
            article(
                name,
                age=number,
                title=text,
                summary=text,
                html=f'<p title="]]>">{html.escape(text)}&nbsp;&copy; ]]&gt;</p>',
                tags=(text, f"{text}!"),
                authors=(Author(name, text, text),),
                image=Image(f"{URL}/media/{name} ü.jpg", text, text, text, 0, 0, 0, ""),
            )
        )
    hostile += [
        article("untitled", age=20, title=""),
        article("bare", age=21, title="", html="", summary="", tags=(), authors=(), image=None, section=""),
        article("no-summary", age=22, summary=""),
        article("guid", age=23, id="post-12345 of the old blog <&>"),
        article("url-guid", age=24, id="https://old.example.org/?p=42&lang=en"),
        article("foreign", age=25, language="pt-BR", title="A balsa parte ao amanhecer"),
        article("idn", age=26, url="https://пример.example.org/2026/паром/?a=b c&d=[1]#ü"),
        article("huge", age=27, html="<p>" + "A long sentence about the sea. " * 8_000 + "</p>"),
        article("microseconds", age=28, published=START.replace(microsecond=123456) - timedelta(hours=28)),
        article("tags", age=29, tags=("", "  ", "../..", "/", "?", "Tag", "tag", "TAG", "ß" * 300)),
    ]
    return hostile


Maker = Callable[..., Any]


@pytest.fixture
def make_article() -> Maker:
    return article


@pytest.fixture
def make_publication(tmp_path: Path) -> Maker:
    return lambda **changes: publication(tmp_path, **changes)


@pytest.fixture
def plain() -> list[Article]:
    return plain_articles()


@pytest.fixture
def hostile() -> list[Article]:
    return hostile_articles()
