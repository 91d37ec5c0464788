"""An article where a page lists it, or begins with it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.model.article import Article, Image
from publisher.syndication.characters import excerpt, one_line, text_of
from publisher.syndication.links import Links

__all__ = ["Card", "beginning", "card", "date_of", "title_print"]


@dataclass(frozen=True, slots=True)
class Card:
    """An article where it is listed. ``heading`` is never empty; ``image`` is linked from the page."""

    article: Article
    link: str
    heading: str
    summary: str
    image: Image | None


def card(links: Links, article: Article) -> Card:
    """The article on the page whose links these are."""
    title = one_line(article.title)
    summary = one_line(article.summary) or excerpt(text_of(article.html[:4000]), 280)
    heading = title or excerpt(summary, 140) or date_of(article)
    return Card(
        article, links.to(article.url), heading, excerpt(summary, 280) if title else "", links.image(article.image)
    )


def title_print(article: Article) -> str:
    """What changes with anything that a list of titles shows."""
    return repr((article.url, article.title or article.summary, article.language, article.published))


def date_of(article: Article) -> str:
    """What stands in for a title where there is no word."""
    return f"{article.published:%Y-%m-%d}"


def beginning(html: str, length: int) -> str:
    """At least the first ``length`` characters of a text's words, if it has so many."""
    for end in (4 * length, 16 * length):
        cut = html.rfind("<", 0, end)
        if end < len(html) and cut > 0:
            words = text_of(html[:cut])
            if len(words) > length + 100:  # the last word may be half of one
                return words
    return text_of(html)
