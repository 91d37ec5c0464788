"""The rules for what newsletters take: steady overload, and articles that nobody gets by mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.editions.mailing_checking import articles_not_mailed, check_newsletter
from publisher.model.article import Article, Record
from publisher.model.finding import Finding, Severity
from publisher.publication.loading import load
from publisher.publication.positions import Positions
from tests.conftest import NOW
from tests.editions.test_checking import article, newsletter_of


def a_day(days: int, each: int) -> list[Article]:
    """``each`` articles on each of the last days."""
    return [
        article(day * 1000 + number, published=NOW - timedelta(days=day, hours=5, minutes=number))
        for day in range(days)
        for number in range(each)
    ]


def overload(folder: Path, articles: list[Article], **settings: object) -> list[Finding]:
    feed, newsletter = newsletter_of(load(folder), "world")
    newsletter = replace(newsletter, **settings)  # type: ignore[arg-type]
    return list(check_newsletter(feed, newsletter, articles, Positions(folder), now=NOW))


def test_more_than_max_items_again_and_again_is_a_warning(folder: Path) -> None:
    found = overload(folder, a_day(40, 3), max_items=2)
    assert [(one.rule, one.file, one.severity) for one in found] == [
        ("steady-overload", "feeds/world.toml", Severity.WARNING),
        ("steady-overload", "feeds/world.toml", Severity.WARNING),
    ]
    assert '"daily" has had 3, 3, 3, 9 articles a period, and max_items is 2' in found[0].what
    assert "mere list of links" in found[0].what
    assert "backlog grows" in overload(folder, a_day(40, 3), max_items=2, overflow="carry")[0].what


@pytest.mark.parametrize("articles", [a_day(40, 2), a_day(2, 30), []], ids=["as many as fit", "one busy day", "none"])
def test_what_fits_or_overflows_once_is_no_finding(folder: Path, articles: list[Article]) -> None:
    found = overload(folder, articles, max_items=14)
    assert found == []


def test_what_is_not_mailed_or_not_selected_does_not_count(folder: Path) -> None:
    feed, newsletter = newsletter_of(load(folder), "science")
    busy = replace(newsletter, max_items=2)
    assert list(check_newsletter(feed, busy, a_day(40, 3), Positions(folder), now=NOW)) == []
    unmailed = [replace(one, mail=False) for one in a_day(40, 3)]
    assert overload(folder, unmailed, max_items=2) == []


def not_mailed(folder: Path, *articles: Article, left_out: str = "", records: tuple[Record, ...] = ()) -> list[Finding]:
    publication = load(folder)
    reasons = {one.id: left_out for one in articles} if left_out else {}
    known = {record.id: record for record in records}
    return list(articles_not_mailed(publication, articles, known, reasons, now=NOW))


def test_old_news_is_a_hint_with_its_remedy(folder: Path) -> None:
    [found] = not_mailed(folder, article(sequence=None), left_out="old news")
    assert (found.rule, found.file, found.severity) == ("not-mailed", "articles/1.md", Severity.HINT)
    assert "published more than a week before" in found.what
    assert "mail = true" in found.remedy


def test_an_article_that_no_newsletter_selects_is_a_hint(folder: Path) -> None:
    (folder / "feeds" / "world.toml").write_text('title = "World"\n')
    [found] = not_mailed(folder, article(section="travel"))
    assert "no newsletter selects it" in found.what
    assert not_mailed(folder, article(section="science")) == []


def test_an_article_older_than_since_is_a_hint(folder: Path) -> None:
    [found] = not_mailed(folder, article(published=NOW - timedelta(days=90)))
    assert "older than since of world" in found.what
    assert "mail = true" in found.remedy


def test_many_articles_with_one_reason_are_one_finding(folder: Path) -> None:
    [found] = not_mailed(folder, *(article(number, sequence=None) for number in range(1200)), left_out="old news")
    assert (found.file, found.what[:38]) == ("articles", "1,200 articles will not be mailed (old")


def test_what_is_mailed_or_was_or_should_not_be_is_no_finding(folder: Path) -> None:
    numbered = Record(
        id=article(3).id,
        path="articles/3.md",
        title="",
        content_hash="",
        published=NOW,
        updated=NOW,
        first_seen=NOW,
        sequence=97,
    )
    those = [article(1), article(2, mail=False), article(3, section="travel"), article(4, draft=True, sequence=None)]
    assert not_mailed(folder, *those, records=(numbered,)) == []


def test_without_newsletters_nobody_expects_mail(folder: Path) -> None:
    for name in ("world", "science"):
        (folder / "feeds" / f"{name}.toml").write_text(f'title = "{name}"\n')
    assert not_mailed(folder, article(sequence=None), left_out="old news") == []
