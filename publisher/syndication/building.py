"""Building public/ from articles: pages, feeds with their archive pages, pictures.

Guarantees: archive pages that are closed now are remembered before they are written. Fails with OutputError and
TemplateError.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from publisher.editions.browser import browser_url, refresh_pages
from publisher.model.article import Article
from publisher.model.edition import EditionPage
from publisher.model.errors import OutputError
from publisher.model.publication import Publication
from publisher.publication.freshness import frame_of
from publisher.store import Store, archives, edition_pages
from publisher.store import articles as article_store
from publisher.syndication.archives import Places
from publisher.syndication.documents import Document, FeedLeaves, Later, documents_of, feed_leaves
from publisher.syndication.edition_pages import entries_of, past_editions
from publisher.syndication.pages import edition_pages as documents_of_editions
from publisher.syndication.pages import page_documents
from publisher.syndication.private_feeds import write_selections
from publisher.syndication.public import Build, Written, write_public
from publisher.syndication.shelf import WHOLE, Shelf
from publisher.syndication.sitemap import with_page
from publisher.syndication.sizes import Measure
from publisher.theme.environment import Environment
from publisher.theme.media import theme_media

__all__ = ["build_edition", "build_public", "without_place"]

_TOLD = 5  # pages without a place that are told one by one: a file in their folder's place makes hundreds


def build_public(
    publication: Publication,
    store: Store,
    public: Sequence[Article],
    *,
    environment: Environment,
    keep_others: bool,
    compress: bool,
    verify: bool = False,
    shelf: Shelf = WHOLE,
    frame: str = "",
    share: Callable[[Build, Iterable[Document | Later]], Iterable[Document | Later]] = lambda _build, all: all,
) -> Written:
    """Writes what differs. ``public``: the articles that may appear, newest first; the rest as `write_public` and
    `page_documents`.
    """
    write_selections(publication, public, shelf, frame)
    editions = _editions(publication, store)
    feeds = _leaves(publication, store, public, shelf)
    of_editions = _edition_leaves(publication, store, editions, environment)
    return write_public(
        publication,
        chain(
            _documents(publication, public, feeds, environment, editions, shelf, frame),
            documents_of(publication, of_editions, frame=frame),
        ),
        _media(publication, public),
        keep_others=keep_others,
        compress=compress,
        verify=verify,
        share=share,
    )


def build_edition(
    publication: Publication,
    store: Store,
    public: Sequence[Article],
    number: int,
    *,
    environment: Environment,
) -> Written:
    """Writes the page of an edition that is about to go out, its newsletter's list, what leads to them and the feeds of
    editions, and leaves everything else as it is. ``public`` as for `build_public`.

    Raises OutputError, TemplateError, StoreError.
    """
    frame = frame_of(publication)
    editions = _editions(publication, store, number)
    feeds = _edition_leaves(publication, store, editions, environment)
    documents = (
        *documents_of_editions(publication, public, environment, editions, frame=frame),
        *documents_of(publication, feeds, frame=frame),
        *_sitemap(publication, editions, number),
    )
    return write_public(publication, documents, (), keep_others=True)


def _sitemap(publication: Publication, editions: Sequence[EditionPage], number: int) -> Iterable[Document]:
    """The sitemap as it is, with the edition's page."""
    with contextlib.suppress(OSError):
        content = (publication.public / "sitemap.xml").read_bytes()
        for edition in editions:
            if edition.number == number:
                address = browser_url(publication, edition.newsletter, edition.number)
                yield Document("sitemap.xml", with_page(content, address, edition.slot))


def without_place(written: Written) -> Iterable[OutputError]:
    """What could not be put into public/; the rest is there. Pure."""
    if others := written.clashes[_TOLD:]:
        yield OutputError(f"{len(others):,} more files have no place", where="public")
    for path in written.clashes[:_TOLD]:
        yield OutputError(
            "has no place: another page or file of public/ has its name, or no file can have it",
            where=f"public/{path}",
            remedy="give the article, its section or its alias another address",
        )
    for path in written.missing:
        yield OutputError(
            "has no picture to be copied from: it is not in the articles' folder, or cannot be read",
            where=f"public/{path}",
            remedy="add the picture, or take it out of publication.toml",
        )


def _documents(
    publication: Publication,
    public: Sequence[Article],
    feeds: Sequence[FeedLeaves],
    environment: Environment,
    editions: Sequence[EditionPage],
    shelf: Shelf,
    frame: str,
) -> Iterable[Document | Later]:
    # Pages first: a feed must not point at a page that is not there yet.
    yield from page_documents(publication, public, environment, editions, shelf=shelf, frame=frame)
    yield from documents_of(publication, feeds, whole=shelf.whole, frame=frame)


def _editions(publication: Publication, store: Store, number: int | None = None) -> list[EditionPage]:
    """What everybody may read of the editions that go out, or have; and of ``number``, whatever its state."""
    if not (publication.web.pages and publication.newsletters):
        return []
    refresh_pages(publication, store, number)
    with store.reading() as connection:
        return edition_pages.shown(connection, number)


def _edition_leaves(
    publication: Publication, store: Store, editions: Sequence[EditionPage], environment: Environment
) -> list[FeedLeaves]:
    """The documents of the editions' feeds."""
    pasts = past_editions(publication, environment.words(publication.language), editions)
    if not pasts:
        return []
    identity = edition_pages.identity(store)
    found = []
    for past in pasts:
        for cadence, feed in past.feeds:
            alone = replace(publication, feeds=(feed,))
            found += _leaves(alone, store, entries_of(publication, past, cadence, identity), WHOLE)
    return found


def _leaves(publication: Publication, store: Store, public: Sequence[Article], shelf: Shelf) -> list[FeedLeaves]:
    """The feeds' documents; archive pages that are closed now are remembered before they are written."""

    def fresh(feeds: list[FeedLeaves], closed: Mapping[str, Sequence[Places]]) -> dict[str, Sequence[Places]]:
        return {one.feed.name: one.places for one in feeds if one.places != tuple(closed.get(one.feed.name, ()))}

    def measured(article: Article) -> Measure:
        return shelf.known(publication, article).measure

    with store.reading() as connection:
        closed = archives.closed_pages(connection)
    feeds = feed_leaves(publication, public, closed, measured=measured)
    if fresh(feeds, closed):
        with store.writing() as connection:
            article_store.lock_counter(connection)
            closed = archives.closed_pages(connection)  # another run may have closed them since
            feeds = feed_leaves(publication, public, closed, measured=measured)
            archives.save_closed(connection, fresh(feeds, closed), closed)
    return feeds


def _media(publication: Publication, public: Sequence[Article]) -> Iterable[tuple[Path, str]]:
    yield from theme_media(publication)
    for article in public:
        for file, target in article.media:
            yield Path(file), target
