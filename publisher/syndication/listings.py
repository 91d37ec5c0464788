"""The pages that list articles: one for each section, tag and author, and the archive by year and month."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from publisher.model.article import Article, Author
from publisher.model.feed import Feed
from publisher.model.publication import Publication
from publisher.syndication.addresses import listing_path, slug
from publisher.syndication.characters import one_line

__all__ = ["Listing", "by_month", "by_year", "listings"]


@dataclass(frozen=True, slots=True)
class Listing:
    """``kind`` is section, tag or author; ``articles`` are newest first; ``author`` is an author page's."""

    kind: str
    name: str
    title: str
    author: Author | None = None
    articles: list[Article] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The page's file under public/."""
        return listing_path(self.kind, self.name)


def listings(publication: Publication, feeds: Sequence[Feed], articles: Sequence[Article]) -> list[Listing]:
    """The page of each section, tag and author that settings name, a feed selects or an article has. Pure.

    Names that share a slug share a page; the first one met gives it its title.
    """
    found: dict[tuple[str, str], Listing] = {}

    def listing(kind: str, name: str, title: str, author: Author | None = None) -> Listing:
        key = kind, slug(name)
        if key not in found:
            found[key] = Listing(kind, name, one_line(title) or key[1], author)
        return found[key]

    for section in publication.sections:
        listing("section", section, publication.section_label(section))
    for key, author in publication.authors.items():
        listing("author", key, author.name, author)
    for feed in feeds:
        for section in feed.selection.sections:
            listing("section", section, publication.section_label(section))
        for tag in feed.selection.tags:
            listing("tag", tag, tag)
    for article in articles:
        for kind, name, title, writer in _places(publication, article):
            place = listing(kind, name, title, writer)
            if not place.articles or place.articles[-1] is not article:
                place.articles.append(article)
    for feed in feeds:
        for key in feed.selection.authors:
            listing("author", key, key, Author(key, key))
    return list(found.values())


def by_year(articles: Sequence[Article], local: Callable[[datetime], datetime]) -> dict[int, list[Article]]:
    """The articles of each year of the publication's time zone, in their order. Pure."""
    years: dict[int, list[Article]] = {}
    for article in articles:
        years.setdefault(local(article.published).year, []).append(article)
    return years


def by_month(articles: Sequence[Article], local: Callable[[datetime], datetime]) -> dict[date, list[Article]]:
    """The articles of each month, which its first day stands for, in their order. Pure."""
    months: dict[date, list[Article]] = {}
    for article in articles:
        months.setdefault(local(article.published).date().replace(day=1), []).append(article)
    return months


def _places(publication: Publication, article: Article) -> Iterator[tuple[str, str, str, Author | None]]:
    if article.section:
        yield "section", article.section, publication.section_label(article.section), None
    for tag in article.tags:
        if one_line(tag):
            yield "tag", tag, tag, None
    for author in article.authors:
        yield "author", author.key, author.name, author
