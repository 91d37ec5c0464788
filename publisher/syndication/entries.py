"""What the formats of a feed have in common: its head, and its articles as entries. Pure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from publisher.model.article import Article, Author, Image
from publisher.model.feed import Feed
from publisher.model.publication import Publication
from publisher.syndication.addresses import ascii_url, feed_page, home, listing_url, slug
from publisher.syndication.characters import clean, excerpt, one_line, text_of
from publisher.theme.media import theme_url

__all__ = ["NEVER", "Category", "Entry", "Head", "entry_of", "head_of", "rfc3339"]

NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # an empty feed's date: never the clock, and not so old that a judge doubts it

_GENERATOR = "publisher"
# What Atom takes as an id (RFC 4287 section 4.2.6): an absolute URI, as in RFC 3986, RFC 4151 and RFC 8141.
_URI = re.compile(
    r"(?:tag:(?:[a-z0-9._-]+@)?[a-z0-9.-]+,\d{4}(?:-\d\d(?:-\d\d)?)?:[\w;/?:@&=+$.!~*'()%,#-]*"
    r"|urn:(?!uuid:)[a-z0-9][a-z0-9-]{1,31}:(?:[\w()+,.:=@;$!*'-]|%[0-9a-f]{2})+"
    r"|urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|https?://(?:[\w;/?:@&=+$.!~*'(),#-]|%[0-9a-f]{2})+)",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Category:
    """``term`` is the slug, ``scheme`` the URI of its kind, ``url`` the two together."""

    term: str
    label: str
    scheme: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An article as every format takes it: clean text, ASCII addresses, whole seconds.

    ``uri``      the id where a URI is needed: the id itself if it is one, else a UUID made from it
    ``title``    ``""`` for an untitled article; ``heading`` never is
    ``summary``  plain text, never ``""``
    """

    id: str
    uri: str
    url: str
    title: str
    heading: str
    summary: str
    html: str
    published: datetime
    updated: datetime
    language: str
    authors: tuple[Author, ...]
    categories: tuple[Category, ...]
    image: Image | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a feed says of itself. ``page`` is its HTML page, ``updated`` its newest entry's."""

    uri: str
    title: str
    description: str
    page: str
    language: str
    rights: str
    updated: datetime
    generator: str
    author: str
    home: str
    logo: str


def rfc3339(moment: datetime) -> str:
    """``2026-11-20T09:30:00Z``."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def head_of(publication: Publication, feed: Feed, entries: Sequence[Entry]) -> Head:
    """The head of a feed that carries ``entries``."""
    title = one_line(feed.title) or one_line(publication.title) or feed.name
    return Head(
        uri=uuid.uuid5(uuid.NAMESPACE_URL, f"//{publication.host}/feeds/{feed.name}").urn,
        title=title,
        description=one_line(feed.description) or title,
        page=feed_page(publication, feed),
        language=feed.language or publication.language,
        rights=one_line(publication.rights),
        updated=max((entry.updated for entry in entries), default=NEVER),
        generator=_GENERATOR,
        author=one_line(publication.title) or title,
        home=home(publication),
        logo=theme_url(publication, publication.theme.logo),
    )


def entry_of(publication: Publication, article: Article) -> Entry:
    """An article as an entry."""
    published, updated = (_whole(moment) for moment in (article.published, article.updated))
    title = one_line(article.title)
    html = clean(article.html).strip()
    words = one_line(article.summary) or excerpt(text_of(html), 280)
    heading = title or excerpt(words, 80) or f"{published:%Y-%m-%d}"
    guid = clean(article.id)
    return Entry(
        id=guid,
        uri=guid if _URI.fullmatch(guid) else uuid.uuid5(uuid.NAMESPACE_URL, guid).urn,
        url=ascii_url(article.url),
        title=title,
        heading=heading,
        summary=words or heading,
        html=html,
        published=published,
        updated=max(updated, published),
        language=article.language or publication.language,
        authors=_authors(publication, article),
        categories=_categories(publication, article),
        image=_image(article.image),
    )


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _authors(publication: Publication, article: Article) -> tuple[Author, ...]:
    found = []
    for author in article.authors:
        if name := one_line(author.name):
            own = ascii_url(author.url) if author.url else ""
            url = own or (listing_url(publication, "author", author.key) if publication.web.pages else "")
            picture = theme_url(publication, author.picture)
            found.append(Author(author.key, name, one_line(author.bio), url, picture))
    return tuple(found)


def _categories(publication: Publication, article: Article) -> tuple[Category, ...]:
    named = [("section", article.section, publication.section_label(article.section))] if article.section else []
    named += [("tag", tag, tag) for tag in article.tags]
    found = {
        (kind, slug(name)): Category(
            slug(name), one_line(label), f"{home(publication)}{kind}/", listing_url(publication, kind, name)
        )
        for kind, name, label in reversed(named)
        if one_line(label)
    }
    return tuple(reversed(found.values()))


def _image(image: Image | None) -> Image | None:
    if image is None or not image.url.startswith(("http://", "https://")):
        return None
    return Image(
        ascii_url(image.url),
        one_line(image.alt),
        one_line(image.caption),
        one_line(image.credit),
        image.width,
        image.height,
        image.length,
        image.media_type,
    )
