"""Articles that come too late for some: edited into a selection or a topic, or back again, behind a reader's cursor.

Such an article is recorded as missed for these readers; it is never mailed to them after the news of that day.
Guarantees: asked for before anything opens, and after what was begun has been completed, so that whoever was passed
by is found; what was looked at is remembered in the same transaction. Deciding (`marks`, `wanting`) is pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from publisher.audience.topics import parse_topics, wants
from publisher.editions.compiling import candidates
from publisher.model.article import Article
from publisher.model.edition import EditionState
from publisher.model.feed import Feed, Newsletter
from publisher.store import Store, missed
from publisher.store import articles as article_store
from publisher.store import editions as edition_store

__all__ = ["AWAY", "marks", "note_changes", "wanting"]

AWAY = ""
"""The marks of an article that has a number and is not public now."""


def marks(article: Article, now: datetime) -> str:
    """All of an article that a selection or a topic can go by, as one string. Pure."""
    if not article.is_public(now):
        return AWAY
    return json.dumps(
        [
            article.section,
            sorted(article.tags),
            sorted(author.key for author in article.authors),
            article.language,
            article.audio is not None,
            article.mail,
        ],
        ensure_ascii=False,
    )


def wanting(topics: Iterable[str], article: Article) -> list[str]:
    """Those of these stored topics that want the article. Pure."""
    return [text for text in topics if wants(parse_topics(text), article)]


def note_changes(
    store: Store,
    articles: Sequence[Article],
    newsletters: Sequence[tuple[Feed, Newsletter]],
    *,
    newest: int,
    now: datetime,
) -> None:
    """Records who was passed by. ``articles`` are complete up to the number ``newest``."""
    with store.reading() as connection:
        if not _changed(missed.read_marks(connection, newest), articles, now=now):
            return
    with store.writing() as connection:
        article_store.lock_counter(connection)
        changed = _changed(missed.read_marks(connection, newest), articles, now=now)
        opening = {edition.newsletter for edition in edition_store.in_state(connection, EditionState.OPENING)}
        known = {article.id: article for article in articles}
        settled: dict[str, str] = {}
        for identity, (before, after) in changed.items():
            article = known.get(identity)
            taking = [
                newsletter.name
                for feed, newsletter in newsletters
                if article is not None and candidates(feed, newsletter, [article], now=now)
            ]
            if opening & set(taking):
                continue  # its readers' cursors are moving: looked at again by the run that finds them at rest
            settled[identity] = after
            if before is None or article is None or article.sequence is None:
                continue
            for name in taking:
                behind = missed.topics_behind(connection, name, article.sequence)
                if topics := wanting(behind, article):
                    missed.passed_by(
                        connection, name, article=identity, sequence=article.sequence, topics=topics, now=now
                    )
        missed.save_marks(connection, settled)


def _changed(
    before: Mapping[str, str | None], articles: Sequence[Article], *, now: datetime
) -> dict[str, tuple[str | None, str]]:
    """The marks, before and after, of those whose marks are not what they were. Pure."""
    after = {article.id: marks(article, now) for article in articles}
    return {
        identity: (known, now_is)
        for identity, known in before.items()
        if (now_is := after.get(identity, AWAY)) != known
    }
