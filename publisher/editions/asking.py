"""Asking about an article: what was published and mailed of it, and why one reader did or did not get it.

Loads from the folder and the database, and hands on to `publisher.editions.explaining`, which decides. Saves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from publisher.articles.finding import find_article
from publisher.articles.intake import Looked, look_at
from publisher.audience.addresses import parse_address
from publisher.audience.hashing import address_hash
from publisher.editions.compiling import candidates
from publisher.editions.explaining import Answer, Asked, explain_reader
from publisher.model.publication import Publication
from publisher.store import Store, histories, subscribers, suppressions
from publisher.store.histories import Carried

__all__ = ["Found", "ask", "ask_for_reader"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The article that was meant, the folder around it, and the editions that carry it, oldest first."""

    asked: Asked
    looked: Looked
    carried: tuple[Carried, ...]


def ask(publication: Publication, store: Store, article: str, *, now: datetime) -> Found:
    """The article that ``article`` names. Raises UsageError for none, and for several."""
    looked = look_at(publication, store, now=now)
    known = looked.records | {item.record.id: item.record for item in looked.identified}
    record = find_article(article, known, looked.articles)
    with store.reading() as connection:
        carried = histories.carried(connection, record.id)
    asked = Asked(
        record=record,
        article=next((one for one in looked.articles if one.id == record.id), None),
        fault=next((error.cause for error in looked.errors if error.where == record.path), ""),
        next_run=any(one.id == record.id and one.sequence is not None for one in looked.decided),
    )
    return Found(asked=asked, looked=looked, carried=tuple(carried))


def ask_for_reader(
    publication: Publication, store: Store, found: Found, address: str, *, keys: Sequence[bytes], now: datetime
) -> list[Answer]:
    """For each newsletter that the reader subscribes to, or that takes the article, why. Raises AddressError."""
    asked, looked = found.asked, found.looked
    hashed = address_hash(parse_address(address), keys)
    with store.reading() as connection:
        person = subscribers.by_hash(connection, [hashed]).get(hashed)
        suppression = suppressions.of_hashes(connection, [hashed]).get(hashed)
        if person is None:
            why = f"; the address is suppressed: {suppression.reason}" if suppression else ""
            return [Answer(newsletter="", state="unknown reader", sentence=f"Nobody reads at {address}{why}.")]
        readings = histories.readings(
            connection, person.id, asked.record.id, asked.record.sequence, ledger=publication.ledger
        )
        erased = histories.erased(connection, person.id)
        unfinished = {
            newsletter.name: histories.unfinished(connection, newsletter.name) for newsletter in publication.newsletters
        }
    answers: list[Answer] = []
    for feed in publication.feeds:
        newsletter = feed.newsletter
        if newsletter is None:
            continue
        reading = readings.pop(newsletter.name, None)
        if reading is None and (asked.article is None or not feed.selection.matches(asked.article)):
            continue
        answers += explain_reader(
            asked,
            feed,
            newsletter,
            reading,
            suppression=suppression,
            erased=erased,
            unfinished=unfinished[newsletter.name],
            mailable=candidates(feed, newsletter, looked.articles, now=now),
            records=list(looked.records.values()),
            now=now,
        )
    answers += [
        Answer(newsletter=name, state="no newsletter", sentence=f"There is no newsletter {name} any more.")
        for name in readings
    ]
    return answers or [Answer(newsletter="", state="no newsletter", sentence="No newsletter takes it.")]
