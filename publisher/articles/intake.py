"""The articles of the folder as the database knows them: identified and remembered.

Guarantees: what another run decided meanwhile is what counts; a transaction is begun only if something changed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from publisher.articles.identity import Identified, identify, number, placed
from publisher.articles.rendering import render_articles
from publisher.articles.sources import Source, read_sources
from publisher.model.article import Article, Record
from publisher.model.errors import ArticleError
from publisher.model.publication import Publication
from publisher.store import Store, meta
from publisher.store import articles as article_store

__all__ = ["Looked", "look_at", "remember"]


def remember(
    publication: Publication,
    store: Store,
    sources: list[Source],
    unreadable: list[ArticleError],
    *,
    now: datetime,
) -> tuple[list[Identified], list[ArticleError]]:
    """Identifies the sources and saves what changed; a transaction only if something did."""
    broken = [error.where for error in unreadable if error.where]

    def decide(records: dict[str, Record]) -> tuple[list[Identified], list[Record], list[ArticleError]]:
        identified, gone, errors = identify(sources, records, publication=publication, unreadable=broken, now=now)
        identified = placed(identified, records)
        changed = [
            item.record
            for item in identified
            if (known := records.get(item.record.id)) is not item.record and known != item.record
        ]
        return identified, [*changed, *gone], errors

    with store.reading() as connection:
        identified, changed, errors = decide(article_store.records(connection))
    if changed:
        with store.writing() as connection:
            article_store.lock_counter(connection)
            records = article_store.records(connection)
            identified, changed, errors = decide(records)
            article_store.save(connection, changed, records)
    return identified, errors


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What a run would see and decide. ``records`` are the database's, ``decided`` what it would add to them."""

    identified: tuple[Identified, ...]
    articles: tuple[Article, ...]
    records: dict[str, Record]
    decided: tuple[Record, ...]
    errors: tuple[ArticleError, ...]


def look_at(publication: Publication, store: Store, *, now: datetime) -> Looked:
    """What a run at ``now`` would see and decide; saves nothing. Raises OutputError without an articles' folder."""
    sources, errors = read_sources(publication)
    with store.reading() as connection:
        records = article_store.records(connection)
        newest = article_store.counter(connection)
        last_run = meta.read_moment(connection, "last_run")
    identified, _, more = identify(
        sources,
        records,
        publication=publication,
        unreadable=[error.where for error in errors if error.where],
        now=now,
    )
    articles, faults = render_articles(identified, publication)
    rendered = {article.id for article in articles}
    decided = number(
        [item for item in identified if item.record.id in rendered],
        last_run=last_run,
        now=now,
        next_number=newest + 1,
    )
    sequences = {record.id: record.sequence for record in decided}
    return Looked(
        identified=tuple(identified),
        articles=tuple(replace(article, sequence=sequences.get(article.id, article.sequence)) for article in articles),
        records=records,
        decided=tuple(decided),
        errors=(*errors, *more, *faults),
    )
