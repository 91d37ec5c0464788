"""What the database says about late and stuck things, at one moment. Reading only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from publisher.model.edition import Edition
from publisher.model.publication import Publication
from publisher.store import Connection, meta, outbox, troubles
from publisher.store import editions as edition_store
from publisher.store.outbox import Stalled
from publisher.store.troubles import Remembered

__all__ = ["WAITS", "Standing", "read_standing"]

WAITS = "outbox waits until"
"""The fact of `meta` that a run leaves when it ended because of a rate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """``unfinished``: editions that have not ended, oldest first, and when a paused one goes on by itself.

    ``decided``     the newest slot that was decided, by newsletter and cadence
    ``stalled``     what is due in the outbox, and when the newest attempt was
    ``waits_until``  when the relay may be given more: its rate, or what it said
    ``remembered``  what the last run found wrong
    """

    last_run: datetime | None = None
    unfinished: tuple[tuple[Edition, datetime | None], ...] = ()
    decided: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    stalled: Stalled | None = None
    waits_until: datetime | None = None
    remembered: tuple[Remembered, ...] = ()


def read_standing(connection: Connection, publication: Publication, now: datetime) -> Standing:
    """How things stand."""
    last_run = meta.read_moment(connection, "last_run")
    return Standing(
        last_run=last_run,
        unfinished=tuple(
            (edition, edition_store.resumes_at(connection, edition.id))
            for edition in edition_store.unfinished(connection)
        ),
        decided={
            (newsletter.name, cadence.name): slot
            for newsletter in publication.newsletters
            for cadence in newsletter.cadences
            if (slot := edition_store.last_slot(connection, newsletter.name, cadence.name)) is not None
        },
        stalled=outbox.stalled(connection, now, [newsletter.name for newsletter in publication.newsletters]),
        waits_until=meta.read_moment(connection, WAITS),
        remembered=tuple(troubles.since(connection, last_run)) if last_run else (),
    )
