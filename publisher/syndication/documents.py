"""The feeds of a publication as documents: each in its formats, with its archive pages and its old addresses."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from publisher import __version__
from publisher.model.article import Article, Author
from publisher.model.feed import Feed, FeedFormat
from publisher.model.publication import Publication
from publisher.syndication.addresses import alias_format, feed_path, feed_url, file_of, home
from publisher.syndication.archives import Leaf, Places, cut, leaves, newest_fitting, placed
from publisher.syndication.atom import atom_document
from publisher.syndication.discovery import FeedLink
from publisher.syndication.entries import Entry, Head, History, entry_of, head_of
from publisher.syndication.jsonfeed import json_document
from publisher.syndication.rss import rss_document
from publisher.syndication.selecting import feed_selections, selected
from publisher.syndication.sizes import HEAD, Measure, Sizes, measure, remembered
from publisher.theme.media import logo_looks, logo_of

__all__ = [
    "ArticlePage",
    "Document",
    "FeedLeaves",
    "Later",
    "documents_of",
    "feed_documents",
    "feed_leaves",
    "feed_selections",
]


@dataclass(frozen=True, slots=True)
class Document:
    """A file of public/: ``path`` relative to it, with ``/``."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """What another process has to know to write an article's page: its file, the page's address, links to feeds."""

    article: str
    address: str
    alternates: Sequence[FeedLink]


@dataclass(frozen=True, slots=True)
class Later:
    """A document that is written only if it is not there yet: of equal ``made``, ``write`` gives equal bytes.

    ``seldom``: few ask for it, so compressed copies are made on request only. ``page``: whose it is, if an article's.
    """

    path: str
    made: str
    write: Callable[[], bytes]
    seldom: bool = False
    page: ArticlePage | None = None

    @property
    def content(self) -> bytes:
        """Written now."""
        return self.write()


@dataclass(frozen=True, slots=True)
class FeedLeaves:
    """A feed and its documents, newest first. ``places``: what has to be remembered of its closed pages."""

    feed: Feed
    leaves: tuple[Leaf, ...]
    places: tuple[Places, ...]
    sizes: Sizes
    measured: Callable[[Article], Measure]


class _Writer(Protocol):
    def __call__(
        self, head: Head, entries: Sequence[Entry], *, address: str, full: bool, history: History
    ) -> bytes: ...


_KEPT = 500  # entries that are kept for other formats and feeds; a long history would fill the memory
_WRITERS: dict[FeedFormat, _Writer] = {"rss": rss_document, "atom": atom_document, "json": json_document}


def feed_documents(
    publication: Publication, articles: Sequence[Article], closed: Mapping[str, Sequence[Places]] | None = None
) -> Iterator[Document | Later]:
    """Every feed in each of its formats. Pure: touches nothing, and the same input gives the same bytes.

    ``articles``: the public ones, newest first. ``closed``: what is remembered of the feeds' archives.
    """
    yield from documents_of(publication, feed_leaves(publication, articles, closed or {}))


def feed_leaves(
    publication: Publication,
    articles: Sequence[Article],
    closed: Mapping[str, Sequence[Places]],
    *,
    measured: Callable[[Article], Measure] = measure,
) -> list[FeedLeaves]:
    """Which article stands in which document of each feed that is published. Pure.

    ``measured`` may answer from an index: then the texts of articles in pages that do not change are not needed.
    """
    measured = remembered(measured)
    place_of = {article.id: place for place, article in zip(placed(articles), articles, strict=True)}
    found = []
    for feed, own in selected(publication, articles):
        if not feed.formats:
            continue
        room = feed.max_size - HEAD
        sizes = Sizes(measured, home=home(publication), full=feed.content == "full", room=room)
        pairs = [(place_of[article.id], article) for article in own]
        before = tuple(closed.get(feed.name, ()))
        if feed.history:
            made = cut(pairs, before, limit=feed.limit, room=room, size=sizes)
            found.append(FeedLeaves(feed, tuple(leaves(made, room=room, size=sizes)), made.places, sizes, measured))
        else:  # what is remembered of its pages stays, for when it has them again
            newest = newest_fitting(own, limit=feed.limit, room=room, size=sizes)
            found.append(FeedLeaves(feed, (Leaf(name="", articles=newest, previous=None),), before, sizes, measured))
    return found


def documents_of(
    publication: Publication,
    feeds: Sequence[FeedLeaves],
    *,
    whole: Callable[[Article], Article] = lambda one: one,
    frame: str = "",
) -> Iterator[Document | Later]:
    """The documents of feeds. Pure, but for the logo's size and ``whole``, which gives an article with its text.

    A feed's come together: those at its addresses, the older ones, its aliases. ``frame``: changes with the program and
    whatever else all depend on, but the closed pages, which change as seldom as can be.
    """
    written = _Written(publication, whole, frame)
    for one in feeds:
        for leaf in one.leaves[1:]:  # pages before what links to them
            yield from (written.later(one, leaf, format) for format in one.feed.formats)
        own = {format: written.later(one, one.leaves[0], format) for format in one.feed.formats}
        yield from own.values()
        taken = {document.path for document in own.values()}
        for alias in one.feed.aliases:
            format = alias_format(one.feed, alias)
            path = file_of(publication, home(publication) + alias.lstrip("/"))
            if format is not None and path is not None and path not in taken:
                taken.add(path)  # /feed and /feed/ are one file
                yield replace(own[format], path=path)


class _Written:
    """One build's documents; what feeds have in common is made once."""

    def __init__(self, publication: Publication, whole: Callable[[Article], Article], frame: str) -> None:
        self._publication = publication
        self._whole = whole
        self._frame = frame
        self._entries: dict[str, Entry] = {}
        self._people: dict[Author, Author | None] = {}
        settings = (publication.title, publication.url, publication.language, publication.sections, publication.web)
        self._settings = repr((__version__, settings, logo_looks(publication)))
        self._logo_size: tuple[int, int] | None = None

    def later(self, one: FeedLeaves, leaf: Leaf, format: FeedFormat) -> Later:
        head = head_of(self._publication, one.feed, ())
        whole = [one.sizes.whole(article) for article in leaf.articles]
        basis = "" if leaf.closed else self._frame
        known = [self._settings, basis, format, one.feed.content, head, whole, self._history(one.feed, leaf, format)]
        made = "\n".join((*map(repr, known), *(one.measured(article).print for article in leaf.articles)))
        return Later(
            feed_path(one.feed, format, leaf.name),
            hashlib.sha256(made.encode("utf-8", "surrogatepass")).hexdigest(),
            lambda: self._bytes(one, leaf, format),
            seldom=leaf.name != "",
        )

    def _bytes(self, one: FeedLeaves, leaf: Leaf, format: FeedFormat) -> bytes:
        entries = [self._entry(article, whole=one.sizes.whole(article)) for article in leaf.articles]
        return _WRITERS[format](
            head_of(self._publication, one.feed, entries, logo_size=self._size_of_logo()),
            entries,
            address=feed_url(self._publication, one.feed, format, leaf.name),
            full=one.feed.content == "full",
            history=self._history(one.feed, leaf, format),
        )

    def _size_of_logo(self) -> tuple[int, int]:
        """Looked up once, and only where a document is written."""
        if self._logo_size is None:
            logo = logo_of(self._publication)
            self._logo_size = (logo.width, logo.height) if logo else (0, 0)
        return self._logo_size

    def _history(self, feed: Feed, leaf: Leaf, format: FeedFormat) -> History:
        def address(name: str | None) -> str:
            return "" if name is None else feed_url(self._publication, feed, format, name)

        return History(
            previous=address(leaf.previous),
            following=address(leaf.following),
            current=address("") if leaf.name else "",
            closed=leaf.closed,
        )

    def _entry(self, article: Article, *, whole: bool) -> Entry:
        entry = self._entries.get(article.id)
        if entry is None:
            if len(self._entries) >= _KEPT:
                del self._entries[next(iter(self._entries))]
            entry = self._entries[article.id] = entry_of(self._publication, self._whole(article), people=self._people)
        return entry if whole else replace(entry, html="")
