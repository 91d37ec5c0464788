"""The feeds of a publication as documents: which there are, what each carries, in each of its formats."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Protocol

from publisher.model.article import Article
from publisher.model.feed import Feed, FeedFormat, Selection
from publisher.model.publication import Publication
from publisher.syndication.addresses import feed_path, feed_url, slug
from publisher.syndication.atom import atom_document
from publisher.syndication.entries import Entry, Head, entry_of, head_of
from publisher.syndication.jsonfeed import json_document
from publisher.syndication.rss import rss_document

__all__ = ["Document", "feed_documents", "feed_selections"]


@dataclass(frozen=True, slots=True)
class Document:
    """A file of public/: ``path`` relative to it, with ``/``."""

    path: str
    content: bytes


class _Writer(Protocol):
    def __call__(self, head: Head, entries: Sequence[Entry], *, address: str, full: bool) -> bytes: ...


_WRITERS: dict[FeedFormat, _Writer] = {"rss": rss_document, "atom": atom_document, "json": json_document}


def feed_documents(publication: Publication, articles: Sequence[Article]) -> Iterator[Document]:
    """Every feed in each of its formats. Pure: touches nothing, and the same input gives the same bytes.

    ``articles``: the public ones, newest first. A feed's documents come together, in its order.
    """
    entries: dict[str, Entry] = {}
    for feed in feed_selections(publication, articles):
        if not feed.formats:
            continue
        carried = []
        for article in islice(filter(feed.selection.matches, articles), feed.limit):
            if article.id not in entries:
                entries[article.id] = entry_of(publication, article)
            carried.append(entries[article.id])
        head = head_of(publication, feed, carried)
        for format in feed.formats:
            yield Document(
                feed_path(feed, format),
                _WRITERS[format](
                    head, carried, address=feed_url(publication, feed, format), full=feed.content == "full"
                ),
            )


def feed_selections(publication: Publication, articles: Sequence[Article]) -> tuple[Feed, ...]:
    """The publication's feeds, and those of their ``each``: one a section, tag, author or language. Pure.

    A feed made so is named ``FEED-VALUE``; a name that is taken already stays with the feed that has it.
    """
    feeds = {feed.name: feed for feed in publication.feeds}
    for feed in publication.feeds:
        for kind in feed.each:
            for value, label in _values(publication, kind, filter(feed.selection.matches, articles)):
                made = replace(
                    feed,
                    name=f"{feed.name}-{slug(value)}",
                    title=f"{feed.title}: {label}",
                    selection=_narrowed(feed.selection, kind, value),
                    each=(),
                    aliases=(),
                    newsletter=None,
                )
                feeds.setdefault(made.name, made)
    return tuple(feeds.values())


_OF: dict[str, Callable[[Article], tuple[tuple[str, str], ...]]] = {
    "section": lambda article: ((article.section, article.section),) if article.section else (),
    "tag": lambda article: tuple((tag, tag) for tag in article.tags),
    "author": lambda article: tuple((author.key, author.name) for author in article.authors),
    "language": lambda article: ((article.language, article.language),),
}


def _values(publication: Publication, kind: str, articles: Iterator[Article]) -> list[tuple[str, str]]:
    found = {value: label for article in articles for value, label in _OF[kind](article)}
    if kind == "section":
        found = {value: publication.section_label(value) for value in found}
    return sorted(found.items())


def _narrowed(selection: Selection, kind: str, value: str) -> Selection:
    match kind:
        case "section":
            return replace(selection, sections=(value,))
        case "tag":
            return replace(selection, tags=(value,))
        case "author":
            return replace(selection, authors=(value,))
    return replace(selection, languages=(value,))
