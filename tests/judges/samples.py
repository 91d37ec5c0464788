"""What is judged: digests of the starter publication and of a nasty one, in every style and three languages."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from publisher.editions.preview import Reader, preview_edition
from publisher.model.article import Article, Author, Image
from publisher.model.feed import Feed
from publisher.model.publication import Publication, Secrets, Theme
from publisher.pipeline import look
from publisher.publication import load
from publisher.publication.starter import starter
from publisher.store import open_store
from publisher.theme.environment import environment_of

NOW = datetime(2026, 11, 20, 8, 10, tzinfo=UTC)
STYLES = ("full", "summary", "headlines", "letter")
LANGUAGES = ("en", "de", "ar")


@dataclass(frozen=True)
class Sample:
    """A digest as one reader gets it."""

    name: str
    html: str
    text: str
    message: bytes

    @property
    def without_style(self) -> str:
        """The HTML as mail programs show it that drop every ``<style>``."""
        parts = self.html.split("<style")
        return parts[0] + "".join(part.partition("</style>")[2] for part in parts[1:])


def samples(
    styles: tuple[str, ...] = STYLES,
    languages: tuple[str, ...] = LANGUAGES,
    kinds: tuple[str, ...] = ("starter", "nasty"),
) -> Iterator[Sample]:
    """All samples. ``kinds``: which publications."""
    with tempfile.TemporaryDirectory() as folder:
        made = {"starter": starter_publication, "nasty": nasty_publication}
        for kind in kinds:
            publication, articles = made[kind](Path(folder) / kind)
            for style in styles:
                for language in languages:
                    yield _sample(publication, articles, f"{kind}-{style}-{language}", style, language)


def _sample(publication: Publication, articles: list[Article], name: str, style: Any, language: str) -> Sample:
    feed = publication.feeds[0]
    assert feed.newsletter is not None
    newsletter = replace(feed.newsletter, style=style, max_items=40)
    public = [article for article in articles if article.is_public(NOW)]
    titled = [article for article in public if article.title]
    chosen = titled[:1] if style == "letter" else public
    reader = Reader(address="ana@example.com", name="Ana Example", language=language)
    seen = preview_edition(
        publication,
        Secrets(signing=(b"a signing key of enough length..",)),
        environment_of(publication),
        replace(feed, newsletter=newsletter),
        newsletter,
        newsletter.default_cadence,
        reader,
        chosen,
        number=214,
        now=NOW,
    )
    return Sample(name, seen.html, seen.text, seen.message)


def starter_publication(folder: Path) -> tuple[Publication, list[Article]]:
    """The demo, as a newcomer has it."""
    folder.mkdir()
    for name in ("articles", "feeds"):
        shutil.copytree(starter() / name, folder / name)
    shutil.copy(starter() / "publication.toml", folder)
    publication = load(folder)
    store = open_store(publication.database, folder)
    articles, errors = look(publication, store, now=NOW)
    store.close()
    assert not errors
    return publication, articles


def nasty_publication(folder: Path) -> tuple[Publication, list[Article]]:
    """One with everything that has broken a digest: it is sanitised HTML, but nobody has written it for mail."""
    folder.mkdir()
    feed = load(_plain(folder)).feeds[0]
    publication = replace(
        load(folder),
        theme=Theme(accent="#ffe600", text="#777777", background="#fafafa", width=640),
        sections={"a": "A section with a name so long that no phone shows it on one line", "b": "ب"},
    )
    return publication, list(_nasty_articles(feed))


def _plain(folder: Path) -> Path:
    (folder / "articles").mkdir()
    (folder / "feeds").mkdir()
    (folder / "publication.toml").write_text(
        'title = "A Publication With <Marks> & a Long Name, Donaudampfschifffahrtsgesellschaftskapitänsmütze"\n'
        'url = "https://news.example.org"\npostal_address = "1 Example Street, 10115 Berlin"\n',
        "utf-8",
    )
    (folder / "feeds" / "all.toml").write_text(
        'title = "Donaudampfschifffahrtsgesellschaftskapitänsmützenabzeichen"\n[newsletter]\n'
        'sender = "Desk <desk@example.org>"\ndefault_cadence = "daily"\nsince = 2026-01-01\n'
        '[newsletter.cadences]\ndaily = "07:00"\n',
        "utf-8",
    )
    return folder


_WORD = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogoch" * 2
_ADDRESS = "https://example.org/" + "a-very-long-path/" * 12
_WIDE = "".join(f"<th>Column {number}</th>" for number in range(12))
_ROW = "".join(f"<td>{number * 1_000_003}</td>" for number in range(12))
_BODIES = (
    f"<p>{_WORD} and <code>{_WORD}</code>, <a href='{_ADDRESS}'>{_ADDRESS}</a></p>"
    f"<table><thead><tr>{_WIDE}</tr></thead><tbody><tr>{_ROW}</tr></tbody></table>",
    "<h1>One</h1><h5>Five</h5><h2>Two</h2><pre><code>" + "x = 'no space to break at';" * 12 + "</code></pre>",
    '<figure><img src="https://news.example.org/media/wide.jpg" alt="" width="4000" height="400">'
    "<figcaption>Wide</figcaption></figure>"
    '<p><a href="https://example.org/"><img src="https://example.org/pixel.png" alt=""></a></p>'
    '<img src="https://news.example.org/media/a.webp" alt="A map"><img src="https://news.example.org/a.svg" alt="">',
    "<ul><li>a<ul><li>b<ul><li>c<ul><li>d</li></ul></li></ul></li></ul></li></ul>" * 2
    + "<blockquote><blockquote><blockquote><p>Deep</p></blockquote></blockquote></blockquote>",
    '<p dir="rtl" lang="ar">نص عربي طويل داخل مقال إنجليزي، مع رقم 1234 وكلمة English في الوسط.</p><p></p><hr><hr>',
    '<details><summary>More</summary><p>Inside</p></details><video src="https://example.org/v.mp4"></video>'
    '<p>A note.<sup class="footnote-reference"><a href="#fn-1">1</a></sup></p>'
    '<div class="footnote-definition" id="fn-1"><sup class="footnote-definition-label">1</sup><p>The note.</p></div>',
)


def _nasty_articles(feed: Feed) -> Iterator[Article]:
    titles = ("", _WORD, "1 < 2 & “quotes”", "مقال بالعربية", "A title", "Ein Titel")
    for number in range(30):
        yield Article(
            id=f"tag:news.example.org,2026:n{number}",
            path=f"articles/n{number}.md",
            url=f"https://news.example.org/2026/n{number}/",
            slug=f"n{number}",
            title=f"{titles[number % 6]} {number}".strip() if titles[number % 6] else "",
            html=_BODIES[number % 6],
            summary=(_WORD if number % 5 == 0 else "A summary of what is said.") + f" {number}",
            published=NOW - timedelta(hours=number + 1),
            updated=NOW - timedelta(hours=number + 1),
            language=("en", "en", "de", "ar", "en", "de")[number % 6],
            content_hash=f"{number:064x}",
            section="ab"[number % 2],
            authors=(Author("x", f"{_WORD} <b>", bio=f"{_WORD} writes.", url=_ADDRESS), Author("y", "Y")),
            image=Image(f"https://news.example.org/media/{number}.jpg", alt="", caption=_WORD, width=3000, height=200)
            if number % 3 == 0
            else None,
            correction="It was the other one." if number % 4 == 0 else "",
            sequence=number + 1,
        )
