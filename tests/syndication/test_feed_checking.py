"""The rules for feeds and for old addresses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.articles.identity import identify
from publisher.articles.inspecting import Inspected, inspect_articles
from publisher.articles.rendering import render_articles
from publisher.articles.sources import read_sources
from publisher.model.article import Article
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.publication.loading import load
from publisher.publication.positions import Positions
from publisher.syndication.feed_checking import check_aliases, check_feeds
from tests.conftest import NOW


def read(folder: Path) -> tuple[Publication, list[Article], list[Inspected]]:
    publication = load(folder)
    identified, _, _ = identify(read_sources(publication)[0], {}, publication=publication, now=NOW)
    articles, _ = render_articles(identified, publication)
    return publication, articles, inspect_articles(identified, articles, publication)


def feeds(folder: Path) -> list[Finding]:
    publication, articles, _ = read(folder)
    return list(check_feeds(publication, articles, Positions(folder)))


def aliases(folder: Path, claims: Mapping[str, int] | None = None, **of_feeds: tuple[str, ...]) -> list[Finding]:
    publication, _, inspected = read(folder)
    changed = tuple(replace(feed, aliases=of_feeds.get(feed.name, ())) for feed in publication.feeds)
    return list(check_aliases(inspected, replace(publication, feeds=changed), claims or {}, Positions(folder)))


def article(folder: Path, name: str, keys: str) -> None:
    (folder / "articles" / f"{name}.md").write_text(f'+++\ntitle = "{name}"\ndate = 2026-02-01\n{keys}\n+++\nText.\n')


def test_a_feed_that_selects_nothing_is_a_warning_until_an_article_comes(folder: Path) -> None:
    [found] = feeds(folder)
    assert (found.rule, found.file, found.line, found.severity) == (
        "empty-feed",
        "feeds/science.toml",
        2,
        Severity.WARNING,
    )
    article(folder, "late", 'section = "science"')
    assert feeds(folder) == []


def test_a_publication_without_articles_has_no_empty_feeds(folder: Path) -> None:
    (folder / "articles" / "ferry.md").unlink()
    assert feeds(folder) == []


@pytest.mark.parametrize(
    ("select", "near"),
    [('tags = ["fogg"]', "fog"), ('authors = ["anna"]', "ana"), ('languages = ["enn"]', "en")],
)
def test_a_value_that_no_article_has_is_a_warning_where_one_like_it_is_there(
    folder: Path, select: str, near: str
) -> None:
    settings = folder / "publication.toml"
    settings.write_text(settings.read_text() + '\n[authors.ana]\nname = "Ana Example"\n')
    article(folder, "fog", 'section = "science"\ntags = ["fog"]\nauthors = ["ana"]')
    (folder / "feeds" / "extra.toml").write_text(f'title = "Extra"\n[select]\n{select}\n')
    [found] = [one for one in feeds(folder) if one.rule == "unmatched-selection"]
    assert (found.file, found.line, found.remedy) == ("feeds/extra.toml", 3, f'did you mean "{near}"?')
    (folder / "feeds" / "extra.toml").write_text(
        'title = "Extra"\n[select]\ntags = ["something else entirely", "fog"]\n'
    )
    assert [one for one in feeds(folder) if one.rule == "unmatched-selection"] == []


def test_two_feeds_with_one_title_are_a_warning(folder: Path) -> None:
    article(folder, "late", 'section = "science"')
    (folder / "feeds" / "zebra.toml").write_text('title = "world"\n')
    [found] = feeds(folder)
    assert (found.rule, found.file, found.line) == ("repeated-feed-title", "feeds/zebra.toml", 1)
    (folder / "feeds" / "zebra.toml").write_text('title = "world"\nformats = []\n')
    assert feeds(folder) == []


def test_two_newsletters_with_one_title_are_a_warning(folder: Path) -> None:
    article(folder, "late", 'section = "science"')
    file = folder / "feeds" / "science.toml"
    file.write_text(file.read_text().replace("since =", 'title = "World"\nsince ='))
    [found] = feeds(folder)
    assert (found.rule, found.file, found.line) == ("repeated-feed-title", "feeds/world.toml", 4)
    assert "newsletter" in found.what


def test_aliases_of_their_own_are_no_finding(folder: Path) -> None:
    article(folder, "one", 'aliases = ["/old/", "https://news.example.org/older/"]')
    assert aliases(folder, world=("/index.xml", "/feed/")) == []


@pytest.mark.parametrize(
    ("alias", "cause"),
    [
        ("/2026/ferry/", "is articles/ferry.md's address already"),
        ("/feeds/world.rss", "is feeds/world.toml's address already"),
        ("/", "is the front page's address already"),
        ("/second/", "is articles/another.md's address already"),
        ("https://elsewhere.example/", "lies outside this publication"),
        ("/../../etc/", "lies outside this publication"),
    ],
)
def test_an_alias_that_is_taken_is_an_error(folder: Path, alias: str, cause: str) -> None:
    article(folder, "another", 'aliases = ["/second/"]')
    article(folder, "one", f'aliases = ["{alias}"]')
    [found] = aliases(folder)
    assert (found.rule, found.file, found.line, found.severity) == (
        "colliding-alias",
        "articles/one.md",
        4,
        Severity.ERROR,
    )
    assert cause in found.what


def test_an_alias_at_a_page_of_the_archive_is_an_error(folder: Path) -> None:
    article(folder, "one", 'aliases = ["/follow/"]')
    [found] = aliases(folder, {"follow/index.html": 2})
    assert "is the address of another page" in found.what


def test_two_feeds_cannot_share_an_alias(folder: Path) -> None:
    [found] = aliases(folder, science=("/feed/",), world=("/feed/",))
    assert (found.rule, found.file) == ("colliding-alias", "feeds/world.toml")


def test_an_alias_of_a_draft_takes_no_address(folder: Path) -> None:
    article(folder, "one", 'aliases = ["/2026/ferry/"]\ndraft = true')
    assert aliases(folder) == []
