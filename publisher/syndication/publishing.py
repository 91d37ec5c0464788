"""Publishing: the articles' folder becomes public/, and what can be mailed gets its turn.

Only what has changed is read, rendered and written: `Library` knows the articles by the looks of their files, a page or
feed is written where its print differs from the one that the manifest has, and where nothing looks any different,
`as_before` says so without reading anything. Guarantees: public/ is what a publication without any cache would get.
"""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

from publisher.articles.correcting import number_corrections
from publisher.articles.crew import MANY
from publisher.articles.intake import remember
from publisher.articles.library import Library
from publisher.articles.numbering import number_articles
from publisher.articles.rendering import render_articles
from publisher.audience.offers import remember_offers
from publisher.model.article import Article, Record
from publisher.model.errors import PublisherError
from publisher.model.publication import Publication
from publisher.publication import load
from publisher.publication.freshness import Looked, forget, frame_of, fresh, program
from publisher.publication.freshness import look as look_at_files
from publisher.publication.freshness import remember as keep_fresh
from publisher.store import Store
from publisher.store import articles as article_store
from publisher.store.index import Index
from publisher.syndication.building import build_public, without_place
from publisher.syndication.public import Written
from publisher.syndication.sharing import jobs_of, share
from publisher.syndication.shelf import notes_of, shelf_of
from publisher.theme.environment import Environment
from publisher.theme.media import theme_media

__all__ = ["Published", "as_before", "publish", "settle"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What was read and built.

    ``as_before`` nothing had changed since the last pass: nothing was read, and ``articles`` is empty
    ``articles``  everything that could be read, newest first, drafts too, without their texts: ``whole`` gives them
    ``read``, ``drafts``  how many they are, and how many of them are drafts
    ``seen``      the newest sequence number up to which nothing can be missing from ``articles``: an edition that
                  took more could pass an article by that another process numbered while we were reading
    ``left_out``  never to be mailed, and why
    """

    articles: tuple[Article, ...]
    read: int
    drafts: int
    written: Written
    seen: int
    as_before: bool = False
    whole: Callable[[Article], Article] = lambda article: article
    numbered: tuple[Record, ...] = ()
    left_out: tuple[Record, ...] = ()
    errors: tuple[PublisherError, ...] = ()
    looked: Looked | None = None


def publish(
    publication: Publication,
    store: Store,
    *,
    environment: Environment,
    now: datetime,
    mailing: bool,
    compress: bool = False,
    verify: bool = False,
    many: int = MANY,
    looked: Looked | None = None,
) -> Published:
    """Articles → feeds and pages in public/. ``mailing``: number what is to be mailed from now on (a run does).
    ``compress``: pages get compressed copies, too. ``verify``: what is in the files of public/ is looked at, too.
    ``looked``: how everything looked just now, if that is known.
    ``many``: articles that have changed, from which on several processes read and render them.

    Raises OutputError; faults of single articles are in the answer. While an article cannot be read nothing is
    removed from public/: it may be the one whose page would go.
    """
    forget(publication)
    frame = frame_of(publication)
    library = _library(publication, partial(jobs_of, publication, environment, frame), many, looked)
    try:
        with _seldom_collecting():
            published = _publish(
                publication,
                store,
                library,
                environment=environment,
                frame=frame,
                now=now,
                mailing=mailing,
                compress=compress,
                verify=verify,
            )
            library.save()
    except BaseException:
        library.close()
        raise
    if not mailing:
        settle(publication, published, now=now, numbered=False)
    return published


@contextmanager
def _seldom_collecting() -> Iterator[None]:
    """A pass makes many values that live as long as it does: Python would look through them all again and again."""
    before = gc.get_threshold()
    gc.set_threshold(max(before[0], 50_000), 20, 1_000)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _publish(
    publication: Publication,
    store: Store,
    library: Library,
    *,
    environment: Environment,
    frame: str,
    now: datetime,
    mailing: bool,
    compress: bool,
    verify: bool,
) -> Published:
    with store.reading() as connection:
        seen = article_store.counter(connection)  # before the folder is read, not after
    sources, errors = library.sources()
    identified, more = remember(publication, store, sources, errors, now=now)
    errors += more
    library.make_ahead(identified)
    articles, more = render_articles(identified, publication, make=library.article)
    errors += more
    numbered: list[Record] = []
    left_out: list[Record] = []
    if mailing:
        rendered = {article.id for article in articles}
        readable = [item for item in identified if item.record.id in rendered]
        decided, sequences = number_articles(store, readable, now=now)
        numbered = [record for record in decided if record.sequence is not None]
        left_out = [record for record in decided if record.sequence is None]
        articles = [replace(article, sequence=sequences.get(article.id)) for article in articles]
        corrections = number_corrections(store, articles, now=now)
        known = {*sequences.values(), *(correction.sequence for correction in corrections)}
        while seen + 1 in known:
            seen += 1
    public = [article for article in articles if article.is_public(now)]
    written = build_public(
        publication,
        store,
        public,
        environment=environment,
        keep_others=bool(errors),
        compress=compress,
        verify=verify,
        shelf=shelf_of(library),
        frame=frame,
        share=partial(share, library),
    )
    if mailing:
        remember_offers(publication, store, public)
    return Published(
        articles=tuple(articles),
        whole=library.whole,
        read=len(articles),
        drafts=sum(article.draft for article in articles),
        written=written,
        seen=seen,
        numbered=tuple(numbered),
        left_out=tuple(left_out),
        errors=(*errors, *without_place(written)),
        looked=library.looked if _is_current(publication) else None,
    )


def _library(
    publication: Publication,
    jobs: Callable[[Library], Mapping[str, Callable[[Any], Any]]],
    many: int,
    looked: Looked | None,
) -> Library:
    """The articles' folder as it looks now, with its index: nobody else builds meanwhile."""
    made_by = hashlib.sha256(f"{program()} {replace(publication, feeds=())}".encode()).hexdigest()
    index = Index.open(publication.state / "index.db", made_by=made_by)
    if looked is None or looked.articles != publication.articles_folder:
        looked = look_at_files(publication.root, publication.articles_folder)
    return Library(publication, index, looked, partial(notes_of, publication), jobs=jobs, many=many)


def _is_current(publication: Publication) -> bool:
    """Whether the settings that we go by are still those in the files."""
    try:
        return load(publication.root) == publication
    except PublisherError:
        return False


def as_before(publication: Publication, *, now: datetime, mailing: bool) -> Published | None:
    """What `publish` would answer, if nothing has changed since the last pass; else None. Looks at files only."""
    last = fresh(publication.root, now)
    if last is None or (mailing and not last.numbered):
        return None
    return Published(
        articles=(),
        read=last.articles,
        drafts=last.drafts,
        written=Written((), last.files, ()),
        seen=last.seen,
        as_before=True,
    )


def settle(publication: Publication, published: Published, *, now: datetime, numbered: bool) -> None:
    """The next pass may stop at a look at the files, unless there are faults: those are told again."""
    if published.looked is None or published.errors:
        return
    written = published.written
    waiting = [
        article.published
        for article in published.articles
        if article.published > now and not article.is_public(now) and article.is_public(article.published)
    ]
    keep_fresh(
        publication,
        published.looked,
        public=written.look,
        media=[file for article in published.articles for file, _ in article.media]
        + [str(file) for file, _ in theme_media(publication)],
        now=now,
        until=min(waiting, default=None),
        numbered=numbered,
        seen=published.seen,
        articles=published.read,
        drafts=published.drafts,
        files=len(written.changed) + written.unchanged,
    )
