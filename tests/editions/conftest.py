"""A publication and articles of our own, and digests made of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from publisher.editions.digest import render_digest
from publisher.model.article import Article, Author, Image
from publisher.model.edition import Digest
from publisher.model.feed import Cadence, Newsletter
from publisher.model.publication import Publication
from publisher.theme.environment import Environment, environment_of

ANA = Author("ana", "Ana Example", bio="Writes about harbours.", url="https://news.example.org/ana/")
BEN = Author("ben", "Ben Sample")

RICH = """<p>The harbour master had waited since <a href="https://news.example.org/2024/autumn/">autumn</a>.
“It is not the ice, it is the <em>quiet</em> after it.”<sup class="footnote-reference">
<a href="https://news.example.org/2025/a0/#fn-1">1</a></sup></p>
<h2 id="numbers">What the numbers say</h2>
<table><thead><tr><th>Pier</th><th style="text-align: right">Depth</th></tr></thead>
<tbody><tr><td>North</td><td style="text-align: right">7.5</td></tr></tbody></table>
<figure><img src="https://news.example.org/pics/boat.png" alt="A red boat" width="1200" height="700">
<figcaption>The first boat out.</figcaption></figure>
<h4>And what they do not</h4>
<ul><li>The timetable, still <code>TBC</code></li><li>The price of <strong>herring</strong></li></ul>
<blockquote><p>A harbour is a promise that somebody will come back.</p></blockquote>
<pre><code class="language-python">for pier in piers:
    print(pier.name, pier.depth, pier.state, pier.a_name_that_is_longer_than_any_phone_is_wide)
</code></pre>
<p><img src="https://news.example.org/pics/map.svg" alt="A map of the piers"> and
<a href="mailto:harbour@example.org">harbour@example.org</a></p>
<div class="footnote-definition" id="fn-1"><sup class="footnote-definition-label">1</sup>
<p>From a <a href="https://example.org/talk">talk</a> in the town hall.</p></div>"""


@pytest.fixture
def publication(tmp_path: Path) -> Publication:
    return Publication(
        root=tmp_path,
        title="The Example",
        url="https://news.example.org",
        postal_address="1 Example Street, 10115 Berlin",
        timezone="UTC",
        sections={"world": "The World"},
    )


@pytest.fixture
def environment(publication: Publication) -> Environment:
    return environment_of(publication)


@pytest.fixture
def newsletter() -> Newsletter:
    return Newsletter(
        name="letter",
        title="The Morning Letter",
        description="",
        sender_name="The Desk",
        sender_address="desk@example.org",
        subject="{{ headline }}",
        timezone="Europe/Berlin",
        language="en",
        cadences=(Cadence("daily", "mon-fri 07:00", "0 7 * * 1-5"),),
        default_cadence="daily",
    )


def article(number: int, title: str = "", html: str = "", **given: Any) -> Article:
    """The article with that number, later numbers being older."""
    at = datetime(2025, 1, 20, 5, tzinfo=UTC) - timedelta(hours=number)
    values: dict[str, Any] = {
        "id": f"tag:news.example.org,2025:a{number}",
        "path": f"articles/a{number}.md",
        "url": f"https://news.example.org/2025/a{number}/",
        "slug": f"a{number}",
        "title": title,
        "html": html or f"<p>What article {number} says.</p>",
        "summary": f"In short, what article {number} says.",
        "published": at,
        "updated": at,
        "language": "en",
        "content_hash": f"{number:064x}",
        "authors": (ANA,),
    }
    return Article(**values | given)


@pytest.fixture(name="article")
def _article() -> Callable[..., Article]:
    return article


@pytest.fixture
def articles() -> tuple[Article, ...]:
    """An edition's worth: sections, an untitled one, other languages, a lead with a picture."""
    harbour = Image(
        "https://news.example.org/pics/harbour.jpg",
        alt="The harbour at dawn",
        caption="The harbour on Sunday.",
        credit="Ana Example",
        width=1600,
        height=900,
    )
    return (
        article(0, "The ice leaves early", RICH, section="world", image=harbour, authors=(ANA, BEN)),
        article(1, "Council agrees to meet", section="politics"),
        article(
            2,
            html="<p>The library opens on Sundays from now on.</p>",
            summary="The library opens on Sundays.",
        ),
        article(3, "Die Brücke bleibt", "<p>Wir reißen nichts ab.</p>", section="world", language="de"),
        article(4, "مرفأ", "<p>نص قصير عن المرفأ.</p>", section="politics", language="ar"),
    )


@pytest.fixture
def compose(environment: Environment, publication: Publication, newsletter: Newsletter) -> Callable[..., Digest]:
    """A digest of the given articles; whatever else is given replaces the defaults."""

    def composed(articles: Any, rest: Any = (), *, style: Any = "full", subject: str = "", **given: Any) -> Digest:
        letter = replace(newsletter, style=style, subject=subject or newsletter.subject)
        values: dict[str, Any] = {
            "edition_number": 12,
            "slot": datetime(2025, 1, 20, 6, tzinfo=UTC),
            "cadence": "daily",
            "language": "en",
        }
        chosen = given.pop("publication", publication)
        return render_digest(environment, chosen, letter, articles=articles, rest=rest, **values | given)

    return composed
