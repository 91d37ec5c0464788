"""What everybody may read of editions on the web, once they go out; it stays when their digests leave the database."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

from sqlalchemy import Connection, func, or_, select

from publisher.model.edition import Edition, EditionPage, EditionState
from publisher.store import articles, meta
from publisher.store.database import Store
from publisher.store.editions import get
from publisher.store.inserting import inserting
from publisher.store.schema import edition_pages, editions, groups, variants

__all__ = ["Choice", "cutoff_before", "digest", "identity", "save", "shown", "unsettled", "wanted"]

_PUBLIC = (EditionState.GOING_OUT, EditionState.PAUSED, EditionState.FINISHED)
_IDENTITY = "identity of editions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """A variant, and for which readers it was made. ``start``: after which number their articles begin;
    ``corrected``: they had something that was wrong.
    """

    variant: int
    language: str
    articles: int
    corrected: bool = False
    topics: str = ""
    snoozed: bool = False
    start: int = 0


def unsettled(connection: Connection, number: int | None = None) -> list[Edition]:
    """The editions that go out, or have, whose page may still change; also ``number``, whatever its state."""
    found = connection.scalars(
        select(editions.c.id)
        .outerjoin(edition_pages, edition_pages.c.edition_id == editions.c.id)
        .where(
            or_(editions.c.state.in_(_PUBLIC), editions.c.id == (number or 0)),
            func.coalesce(edition_pages.c.final, False).is_(False),
        )
        .order_by(editions.c.id)
    )
    return [edition for one in found if (edition := get(connection, one)) is not None]


def wanted(connection: Connection, number: int) -> list[Choice]:
    """The variants of an edition whose digests are in the database, with the readers that each was made for."""
    rows = connection.execute(
        select(
            variants.c.id,
            variants.c.language,
            variants.c.articles,
            variants.c.rest,
            variants.c.corrections,
            groups.c.topics,
            groups.c.snoozed,
            groups.c.start,
        )
        .outerjoin(groups, groups.c.variant_id == variants.c.id)
        .where(variants.c.edition_id == number, variants.c.html != "")
        .order_by(variants.c.id)
    )
    return [
        Choice(
            variant=row.id,
            language=row.language,
            articles=len(json.loads(row.articles)) + len(json.loads(row.rest)),
            corrected=bool(json.loads(row.corrections)),
            topics=row.topics or "",
            snoozed=bool(row.snoozed),
            start=row.start or 0,
        )
        for row in rows
    ]


def cutoff_before(connection: Connection, edition: Edition) -> int:
    """The cut-off of the edition before this one, of its newsletter and cadence; 0: it is the first."""
    return (
        connection.execute(
            select(func.max(editions.c.cutoff)).where(
                editions.c.newsletter == edition.newsletter,
                editions.c.cadence == edition.cadence,
                editions.c.id < edition.id,
                editions.c.cutoff < edition.cutoff,
            )
        ).scalar()
        or 0
    )


def digest(connection: Connection, variant: int) -> tuple[str, str, str]:
    """Subject, preheader and HTML of a variant."""
    row = connection.execute(
        select(variants.c.subject, variants.c.preheader, variants.c.html).where(variants.c.id == variant)
    ).one()
    return row.subject, row.preheader, row.html


def save(connection: Connection, page: EditionPage, *, final: bool) -> None:
    """Remembers the page, in the place of what was; a final one stays. Another run may be saving the same page."""
    values = {
        "final": final,
        "language": page.language,
        "subject": page.subject,
        "preheader": page.preheader,
        "html": page.html,
    }
    connection.execute(
        inserting(connection, edition_pages)
        .values(edition_id=page.number, **values)
        .on_conflict_do_update(index_elements=["edition_id"], set_=values, where=edition_pages.c.final.is_(False))
    )


def shown(connection: Connection, number: int | None = None) -> list[EditionPage]:
    """The pages of editions that go out, or have, newest slot first; also that of ``number``, whatever its state."""
    rows = connection.execute(
        select(
            editions.c.id.label("number"),
            editions.c.newsletter,
            editions.c.cadence,
            editions.c.slot,
            editions.c.opened_at,
            edition_pages.c.language,
            edition_pages.c.subject,
            edition_pages.c.preheader,
            edition_pages.c.html,
        )
        .join(edition_pages, edition_pages.c.edition_id == editions.c.id)
        .where(or_(editions.c.state.in_(_PUBLIC), editions.c.id == (number or 0)))
        .order_by(editions.c.slot.desc(), editions.c.id.desc())
    )
    return [EditionPage(**row._mapping) for row in rows]


def identity(store: Store) -> uuid.UUID:
    """What the ids of all editions are made from: made up once, and kept with the database."""
    with store.reading() as connection:
        known = meta.read(connection, _IDENTITY)
    if known is None:
        with store.writing() as connection:
            articles.lock_counter(connection)
            known = meta.read(connection, _IDENTITY)
            if known is None:
                known = str(uuid.uuid4())
                meta.write(connection, _IDENTITY, known)
    return uuid.UUID(known)
