"""Numbering articles in the database: what is seen public for the first time, and what comes back.

An article that has its number can be away for a while: a typo in its front matter, a picture that is missing, a draft
again. Editions that open meanwhile pass it by. When it is back it is numbered anew, unless some reader has it or is
about to get it. Guarantees: one transaction; no number is taken twice; nothing is decided on what another run has
changed since.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from publisher.articles.identity import Identified, number
from publisher.model.article import AWAY, Record
from publisher.store import Connection, Store, meta, missed
from publisher.store import articles as article_store

__all__ = ["back", "gone_away", "number_articles", "take_back"]


def number_articles(
    store: Store, identified: Sequence[Identified], *, now: datetime
) -> tuple[list[Record], dict[str, int]]:
    """What was decided now, and all the numbers by article id. ``identified``: all that could be read and rendered."""
    with store.reading() as connection:
        last_run = meta.read_moment(connection, "last_run")
        numbered = article_store.numbers(connection)
    present = {item.record.id for item in identified if not item.source.draft}
    if not (
        number(identified, last_run=last_run, now=now, next_number=1)
        or gone_away(numbered.values(), present)
        or any(record.left_out == AWAY and record.id in present for record in numbered.values())
    ):
        return [], _numbers(item.record for item in identified)
    with store.writing() as connection:
        newest = article_store.lock_counter(connection)
        # Another run may have numbered them since: what the database says now is what counts.
        records = article_store.records(connection)
        current = [replace(item, record=records[item.record.id]) for item in identified]
        decided = number(current, last_run=last_run, now=now, next_number=newest + 1)
        taken = newest + sum(record.sequence is not None for record in decided)
        article_store.save(connection, [*decided, *gone_away(records.values(), present)], records)
        returned, anew = take_back(connection, records, present, newest=taken, now=now)
    return [*decided, *anew], _numbers([*(item.record for item in current), *decided, *returned])


def take_back(
    connection: Connection, records: dict[str, Record], present: Collection[str], *, newest: int, now: datetime
) -> tuple[list[Record], list[Record]]:
    """Saves what `back` decides, and moves the counter, which is held: all that returned, and those numbered anew."""
    returned = back(records.values(), present, had=_had(connection, records), next_number=newest + 1, now=now)
    anew = [record for record in returned if (record.sequence or 0) > newest]
    article_store.save(connection, returned, records)
    missed.forget(connection, [number for one in anew if (number := records[one.id].sequence) is not None])
    article_store.take_numbers(connection, newest + len(anew))
    return returned, anew


def gone_away(records: Iterable[Record], present: Collection[str]) -> list[Record]:
    """Those with a number that are not there now, though their files are. Pure."""
    return [
        replace(record, left_out=AWAY)
        for record in records
        if record.sequence is not None and record.gone_at is None and not record.left_out and record.id not in present
    ]


def back(
    records: Iterable[Record], present: Collection[str], *, had: Collection[str], next_number: int, now: datetime
) -> list[Record]:
    """Those that were away and are there again, oldest first: numbered anew if nobody ``had`` them. Pure."""
    returned: list[Record] = []
    for record in sorted(records, key=lambda record: (record.published, record.id)):
        if record.left_out != AWAY or record.id not in present:
            continue
        if record.id in had:
            returned.append(replace(record, left_out=""))
        else:
            returned.append(replace(record, left_out="", sequence=next_number, numbered_at=now))
            next_number += 1
    return returned


def _had(connection: Connection, records: dict[str, Record]) -> set[str]:
    return article_store.had(connection, [record.id for record in records.values() if record.left_out == AWAY])


def _numbers(records: Iterable[Record]) -> dict[str, int]:
    return {record.id: record.sequence for record in records if record.sequence is not None}
