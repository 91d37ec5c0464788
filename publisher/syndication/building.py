"""Building public/ from articles: pages, feeds with their archive pages, pictures.

Guarantees: archive pages that are closed now are remembered before they are written. Fails with OutputError and
TemplateError.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from publisher.model.article import Article
from publisher.model.errors import OutputError
from publisher.model.publication import Publication
from publisher.store import Store, archives
from publisher.store import articles as article_store
from publisher.syndication.archives import Places
from publisher.syndication.documents import Document, FeedLeaves, Later, documents_of, feed_leaves
from publisher.syndication.pages import page_documents
from publisher.syndication.public import Written, write_public
from publisher.syndication.shelf import WHOLE, Shelf
from publisher.syndication.sizes import Measure
from publisher.theme.environment import Environment
from publisher.theme.media import theme_media

__all__ = ["build_public", "without_place"]

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
) -> Written:
    """Writes what differs. ``public``: the articles that may appear, newest first; the rest as `write_public` and
    `page_documents`.
    """
    return write_public(
        publication,
        _documents(publication, public, _leaves(publication, store, public, shelf), environment, shelf, frame),
        _media(publication, public),
        keep_others=keep_others,
        compress=compress,
        verify=verify,
    )


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
    shelf: Shelf,
    frame: str,
) -> Iterable[Document | Later]:
    # Pages first: a feed must not point at a page that is not there yet.
    yield from page_documents(publication, public, environment, shelf=shelf, frame=frame)
    yield from documents_of(publication, feeds, whole=shelf.whole, frame=frame)


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
