"""Numbering corrections: an article's ``correction`` takes a number when it is first seen, in the order of mailing.

Guarantees: one transaction under the counter's lock; a correction is numbered once, in whatever words it says the same
(`minor = true` with other words is the same correction).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from publisher.model.article import Article
from publisher.model.correction import Correction
from publisher.store import Store, corrections
from publisher.store import articles as article_store

__all__ = ["number_corrections", "uncounted"]


def number_corrections(store: Store, articles: Sequence[Article], *, now: datetime) -> list[Correction]:
    """Numbers what is new, and gives all there are, oldest first. ``articles`` have their numbers."""
    with store.reading() as connection:
        known = corrections.every(connection)
    if not uncounted(articles, known):
        return known
    with store.writing() as connection:
        newest = article_store.lock_counter(connection)
        # Another run may have numbered them since.
        fresh = uncounted(articles, corrections.every(connection))
        for article in fresh:
            earlier = [one for one in corrections.every(connection) if one.article == article.id]
            if article.minor and earlier:
                corrections.reword(connection, earlier[-1].sequence, article.correction)
                continue
            newest += 1
            corrections.add(
                connection,
                Correction(sequence=newest, article=article.id, text=article.correction, numbered_at=now),
            )
        article_store.take_numbers(connection, newest)
        return corrections.every(connection)


def uncounted(articles: Iterable[Article], known: Iterable[Correction]) -> list[Article]:
    """Articles in the mail whose correction has no number yet, oldest first. Pure."""
    numbered = {(one.article, one.text) for one in known}
    return sorted(
        (
            article
            for article in articles
            if article.correction
            and article.sequence is not None
            and not article.draft
            and (article.id, article.correction) not in numbered
        ),
        key=lambda article: (article.published, article.id),
    )
