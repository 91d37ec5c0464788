"""Editions: their rows, states, variants and sums."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sqlalchemy import Connection, Row, and_, exists, func, insert, select, update

from publisher.model.delivery import DeliveryState
from publisher.model.edition import Digest, Edition, EditionState, Variant
from publisher.store import meta
from publisher.store.inserting import insert_missing
from publisher.store.pictures import shown_in
from publisher.store.schema import attempts, deliveries, editions, exclusions, folded, slots, variants

__all__ = [
    "NOT_APPROVED",
    "Sums",
    "approve",
    "awaiting",
    "by_state",
    "decide_number",
    "decided_number",
    "digest_of",
    "doubtful",
    "ended_since",
    "finish",
    "get",
    "hold",
    "in_state",
    "insert_edition",
    "last_slot",
    "listing",
    "newest_of_each",
    "pass_slot",
    "pause",
    "resume",
    "resume_due",
    "resumes_at",
    "set_reason",
    "set_state",
    "states",
    "states_of",
    "sums",
    "unfinished",
    "variants_of",
]

# When a paused edition goes on by itself is a fact of `meta`: a column for it would be empty in all but a few rows.
_RESUME = "resume edition "
# So is the newest number of a cadence on publish: its slots are times, and two numbers may have been taken at one.
_DECIDED = "decided on publish "
NOT_APPROVED = 0
"""The cut-off of an edition that nobody has approved yet: it takes one then. Others have a greater one."""

OUTSTANDING = (DeliveryState.QUEUED, DeliveryState.CLAIMED, DeliveryState.DEFERRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """candidates = excluded + accepted + failed + withdrawn + outstanding, always (while it is opening: so far)."""

    candidates: int
    excluded: dict[str, int]
    accepted: int
    failed: int
    withdrawn: int
    outstanding: int
    deferred: int
    unknown: int

    @property
    def adds_up(self) -> bool:
        """Whether nobody is unaccounted for."""
        parts = sum(self.excluded.values()) + self.accepted + self.failed + self.withdrawn + self.outstanding
        return self.candidates == parts


def _edition(row: Row[tuple[object, ...]]) -> Edition:
    values = dict(row._mapping)
    values.pop("progress", None)
    values["state"] = EditionState(values["state"])
    return Edition(**values)


def last_slot(connection: Connection, newsletter: str, cadence: str) -> datetime | None:
    """The newest slot that has been decided."""
    return connection.execute(
        select(slots.c.slot).where(slots.c.newsletter == newsletter, slots.c.cadence == cadence)
    ).scalar()


def pass_slot(connection: Connection, newsletter: str, cadence: str, slot: datetime) -> bool:
    """Marks a slot as decided; False if it, or a later one, already was. Slots never go back."""
    before = datetime(1, 1, 2, tzinfo=UTC)
    row = {"newsletter": newsletter, "cadence": cadence, "slot": before}
    insert_missing(connection, slots, [row], "newsletter", "cadence")
    passed = connection.execute(
        update(slots)
        .where(slots.c.newsletter == newsletter, slots.c.cadence == cadence, slots.c.slot < slot)
        .values(slot=slot)
    )
    return passed.rowcount == 1


def decided_number(connection: Connection, newsletter: str, cadence: str) -> int:
    """The newest number that a cadence on publish has opened an edition for, or that nobody wanted; 0: none yet."""
    return int(meta.read(connection, f"{_DECIDED}{newsletter} {cadence}") or 0)


def decide_number(connection: Connection, newsletter: str, cadence: str, number: int) -> None:
    """Remembers it."""
    meta.write(connection, f"{_DECIDED}{newsletter} {cadence}", str(number))


def insert_edition(
    connection: Connection,
    *,
    newsletter: str,
    cadence: str,
    slot: datetime,
    cutoff: int,
    now: datetime,
    state: EditionState = EditionState.OPENING,
) -> int:
    """A new edition, opening or awaiting approval. UNIQUE (newsletter, cadence, slot) stands behind `pass_slot`."""
    inserted = connection.execute(
        insert(editions)
        .values(
            newsletter=newsletter,
            cadence=cadence,
            slot=slot,
            state=state,
            cutoff=cutoff,
            opened_at=now,
        )
        .returning(editions.c.id)
    )
    return int(inserted.scalar_one())


def get(connection: Connection, number: int) -> Edition | None:
    """The edition of that number."""
    if not 0 < number < 2**63:
        return None
    row = connection.execute(select(editions).where(editions.c.id == number)).first()
    return _edition(row) if row else None


def in_state(connection: Connection, state: EditionState) -> list[Edition]:
    """Editions in a state, oldest first."""
    rows = connection.execute(select(editions).where(editions.c.state == state).order_by(editions.c.id))
    return [_edition(row) for row in rows]


def listing(connection: Connection, *, newsletter: str | None = None, limit: int = 50) -> list[Edition]:
    """The newest editions, newest first."""
    statement = select(editions).order_by(editions.c.id.desc()).limit(limit)
    if newsletter is not None:
        statement = statement.where(editions.c.newsletter == newsletter)
    return [_edition(row) for row in connection.execute(statement)]


def awaiting(connection: Connection, newsletter: str, cadence: str) -> list[Edition]:
    """The cadence's editions that nobody has approved or cancelled yet; held ones among them."""
    rows = connection.execute(
        select(editions)
        .where(
            editions.c.newsletter == newsletter,
            editions.c.cadence == cadence,
            editions.c.state.in_([EditionState.AWAITING_APPROVAL, EditionState.HELD]),
            editions.c.cutoff == NOT_APPROVED,
        )
        .order_by(editions.c.id)
    )
    return [_edition(row) for row in rows]


def approve(connection: Connection, number: int, *, cutoff: int, now: datetime) -> bool:
    """Freezes the cut-off of an edition that awaits approval, which opens now; False if it awaits none."""
    approved = connection.execute(
        update(editions)
        .where(
            editions.c.id == number,
            editions.c.state.in_([EditionState.AWAITING_APPROVAL, EditionState.HELD]),
            editions.c.cutoff == NOT_APPROVED,
        )
        .values(state=EditionState.OPENING, cutoff=cutoff, opened_at=now, reason="")
    )
    return approved.rowcount == 1


def set_reason(connection: Connection, number: int, reason: str, *, state: EditionState) -> None:
    """Says in an edition's account why it is in its state."""
    connection.execute(update(editions).where(editions.c.id == number, editions.c.state == state).values(reason=reason))


def unfinished(connection: Connection) -> list[Edition]:
    """Editions that have not ended, however old, oldest first."""
    ended = [EditionState.FINISHED, EditionState.CANCELLED]
    rows = connection.execute(select(editions).where(editions.c.state.not_in(ended)).order_by(editions.c.id))
    return [_edition(row) for row in rows]


def by_state(connection: Connection) -> dict[str, int]:
    """How many editions there are in each state."""
    rows = connection.execute(select(editions.c.state, func.count()).group_by(editions.c.state).order_by("state"))
    return dict(rows.all())


def ended_since(connection: Connection, moment: datetime) -> list[Edition]:
    """Editions that finished or were cancelled after ``moment``, oldest first."""
    rows = connection.execute(select(editions).where(editions.c.finished_at > moment).order_by(editions.c.id))
    return [_edition(row) for row in rows]


def newest_of_each(connection: Connection) -> list[Edition]:
    """The newest edition of each newsletter and cadence, newest first."""
    newest = select(func.max(editions.c.id)).group_by(editions.c.newsletter, editions.c.cadence)
    rows = connection.execute(select(editions).where(editions.c.id.in_(newest)).order_by(editions.c.id.desc()))
    return [_edition(row) for row in rows]


def set_state(
    connection: Connection, number: int, state: EditionState, *, came_from: EditionState, reason: str = ""
) -> bool:
    """Moves an edition from one state to another; False if somebody else moved it first."""
    changed = connection.execute(
        update(editions)
        .where(editions.c.id == number, editions.c.state == came_from)
        .values(state=state, reason=reason)
    )
    return changed.rowcount == 1


def pause(connection: Connection, number: int, reason: str, *, until: datetime | None) -> bool:
    """Stops an edition that is going out, if need be until a moment; False if it was not going out any more."""
    paused = set_state(connection, number, EditionState.PAUSED, came_from=EditionState.GOING_OUT, reason=reason)
    if paused and until is not None:
        meta.write_moment(connection, f"{_RESUME}{number}", until)
    return paused


def resume_due(connection: Connection, now: datetime) -> list[int]:
    """Paused editions whose time is up go on; their numbers."""
    due = [
        edition.id
        for edition in in_state(connection, EditionState.PAUSED)
        if (until := meta.read_moment(connection, f"{_RESUME}{edition.id}")) is not None and until <= now
    ]
    return [number for number in due if resume(connection, number)]


def resumes_at(connection: Connection, number: int) -> datetime | None:
    """When a paused edition goes on by itself."""
    return meta.read_moment(connection, f"{_RESUME}{number}")


def hold(connection: Connection, number: int) -> bool:
    """Holds an edition that is going out, paused or awaiting approval; False if it was none of them."""
    meta.forget(connection, f"{_RESUME}{number}")
    return any(
        set_state(connection, number, EditionState.HELD, came_from=state, reason="held by the operator")
        for state in (EditionState.GOING_OUT, EditionState.PAUSED, EditionState.AWAITING_APPROVAL)
    )


def resume(connection: Connection, number: int) -> bool:
    """Lets a held or paused edition go on, with what the relay refused at once; False if it was neither.

    One that was held before it was approved awaits approval again.
    """
    meta.forget(connection, f"{_RESUME}{number}")
    waits = connection.execute(
        update(editions)
        .where(editions.c.id == number, editions.c.state == EditionState.HELD, editions.c.cutoff == NOT_APPROVED)
        .values(state=EditionState.AWAITING_APPROVAL, reason="")
    )
    if waits.rowcount:
        return True
    resumed = any(
        set_state(connection, number, EditionState.GOING_OUT, came_from=state)
        for state in (EditionState.HELD, EditionState.PAUSED)
    )
    if resumed:
        connection.execute(
            update(deliveries)
            .where(
                deliveries.c.edition_id == number,
                deliveries.c.state == DeliveryState.QUEUED,
                deliveries.c.try_at > deliveries.c.due_at,
            )
            .values(try_at=deliveries.c.due_at)
        )
    return resumed


def lock(connection: Connection, number: int) -> None:
    """Until this transaction ends, nobody else who locks does anything for this edition."""
    connection.execute(select(editions.c.id).where(editions.c.id == number).with_for_update(key_share=True)).first()


def states_of(connection: Connection, numbers: Iterable[int]) -> dict[int, EditionState]:
    """The states of these editions."""
    rows = connection.execute(select(editions.c.id, editions.c.state).where(editions.c.id.in_(list(numbers))))
    return {number: EditionState(state) for number, state in rows}


def finish(connection: Connection, now: datetime) -> list[int]:
    """Editions that are going out and have no outstanding delivery become finished; their numbers."""
    outstanding = exists().where(and_(deliveries.c.edition_id == editions.c.id, deliveries.c.state.in_(OUTSTANDING)))
    # Locked before anybody looks at deliveries: one that is being tried again meanwhile is not finished.
    going_out = select(editions.c.id).where(editions.c.state == EditionState.GOING_OUT).order_by(editions.c.id)
    numbers = connection.scalars(going_out.with_for_update(key_share=True, skip_locked=True)).all()
    done = connection.execute(
        update(editions)
        .where(editions.c.id.in_(numbers), editions.c.state == EditionState.GOING_OUT, ~outstanding)
        .values(state=EditionState.FINISHED, finished_at=now)
        .returning(editions.c.id)
    )
    return sorted(row.id for row in done)


def states(connection: Connection, number: int) -> Counter[str]:
    """How many of the edition's deliveries are in each state, with those that have left the database."""
    there = select(deliveries.c.state, func.count()).where(deliveries.c.edition_id == number)
    counted: Counter[str] = Counter(dict(connection.execute(there.group_by(deliveries.c.state)).all()))
    left = select(folded.c.state, func.sum(folded.c.count)).where(folded.c.edition_id == number)
    for state, count in connection.execute(left.group_by(folded.c.state)):
        counted[state] += int(count)
    return counted


def sums(connection: Connection, number: int) -> Sums:
    """The edition's account, counted from the rows, and from what is remembered of those that have left."""
    candidates = connection.execute(select(editions.c.candidates).where(editions.c.id == number)).scalar_one()
    counted = states(connection, number)
    unknown = connection.execute(
        select(func.count()).where(deliveries.c.edition_id == number, deliveries.c.was_unknown)
    ).scalar_one()
    left = select(func.sum(folded.c.count)).where(folded.c.edition_id == number, folded.c.was_unknown)
    unknown += connection.execute(left).scalar() or 0
    reasons = connection.execute(
        select(exclusions.c.reason, exclusions.c.count)
        .where(exclusions.c.edition_id == number)
        .order_by(exclusions.c.reason)
    )
    return Sums(
        candidates=candidates,
        excluded=dict(reasons.all()),
        accepted=counted.get(DeliveryState.ACCEPTED, 0),
        failed=counted.get(DeliveryState.FAILED, 0),
        withdrawn=counted.get(DeliveryState.WITHDRAWN, 0),
        outstanding=sum(counted.get(state, 0) for state in OUTSTANDING),
        deferred=counted.get(DeliveryState.DEFERRED, 0),
        unknown=unknown,
    )


def doubtful(connection: Connection, number: int) -> list[dict[str, object]]:
    """Deliveries with an attempt whose fate is unknown: the final dot left and no reply was read."""
    rows = connection.execute(
        select(deliveries.c.id, deliveries.c.subscriber_id, deliveries.c.state, attempts.c.at, attempts.c.relay)
        .join(attempts, attempts.c.delivery_id == deliveries.c.id)
        .where(deliveries.c.edition_id == number, attempts.c.result == "unknown")
        .order_by(attempts.c.id)
    )
    return [dict(row._mapping) for row in rows]


def _variant(row: Row[tuple[object, ...]]) -> Variant:
    values = row._mapping
    return Variant(
        id=values["id"],
        edition=values["edition_id"],
        key=values["key"],
        language=values["language"],
        articles=tuple(json.loads(values["articles"])),
        rest=tuple(json.loads(values["rest"])),
        corrections=tuple(json.loads(values["corrections"])),
        digest=Digest(
            subject=values["subject"], preheader=values["preheader"], html=values["html"], text=values["text"]
        ),
    )


def variants_of(connection: Connection, number: int) -> list[Variant]:
    """The edition's variants, with their digests."""
    rows = connection.execute(select(variants).where(variants.c.edition_id == number).order_by(variants.c.id))
    return [_variant(row) for row in rows]


def digest_of(connection: Connection, variant: int) -> Variant:
    """One variant by its id, with the pictures that its digest embeds."""
    found = _variant(connection.execute(select(variants).where(variants.c.id == variant)).one())
    return replace(found, digest=replace(found.digest, pictures=shown_in(connection, found.digest.html)))
