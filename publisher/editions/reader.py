"""The reader of a preview: a subscriber, or somebody made up who subscribes today. Nothing is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from publisher.audience.addresses import parse_address
from publisher.audience.hashing import address_hash
from publisher.editions.slots import due, first_moment, slots_after
from publisher.model.correction import Correction
from publisher.model.edition import Group
from publisher.model.errors import UsageError
from publisher.model.feed import Cadence, Newsletter
from publisher.model.subscriber import EVERYTHING
from publisher.store import Connection, groups, subscriptions
from publisher.store import editions as edition_store

__all__ = ["Reader", "cadence_of", "made_up", "next_slot", "subscribed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whom the preview is for; ``subscription`` 0 is somebody made up, whose links lead nowhere.

    ``start``, ``snoozed`` and ``corrections`` are the group's (`publisher.model.edition.Group`); -1: it starts at the
    cursor. ``fields``: the publisher's own. ``barred``: why this reader would get nothing at all; ``""`` for nobody
    else.
    """

    address: str
    name: str = ""
    subscription: int = 0
    cursor: int = 0
    start: int = -1
    snoozed: bool = False
    topics: str = EVERYTHING
    language: str = ""
    timezone: str = ""
    corrections: tuple[int, ...] = ()
    fields: Mapping[str, str] = field(default_factory=dict)
    barred: str = ""

    @property
    def group(self) -> Group:
        """The reader as the only one of a group."""
        return Group(self.cursor, self.topics, self.language, 1, self.start, self.snoozed, self.corrections)


def cadence_of(newsletter: Newsletter, name: str) -> Cadence:
    """The cadence of that name. Raises UsageError, which names the others."""
    cadence = newsletter.cadence(name)
    if cadence is None:
        raise UsageError(
            f'"{newsletter.name}" has no cadence "{name}"',
            remedy=f"choose from: {', '.join(known.name for known in newsletter.cadences)}",
        )
    return cadence


def next_slot(connection: Connection, newsletter: Newsletter, cadence: Cadence, *, now: datetime) -> datetime:
    """The slot of the edition that awaits approval, else the one that the next run opens: one that is due and not
    opened yet, else the first to come; ``now`` where each article is a slot.
    """
    if awaiting := edition_store.awaiting(connection, newsletter.name, cadence.name):
        return awaiting[-1].slot
    last = edition_store.last_slot(connection, newsletter.name, cadence.name) or first_moment(newsletter)
    waiting = due(newsletter, cadence, last=last, now=now) if last is not None else None
    return waiting.slot if waiting else next(slots_after(cadence, newsletter.timezone, now), now)


def made_up(connection: Connection, newsletter: Newsletter, cadence: str) -> Reader:
    """Somebody who subscribes today."""
    cursor = subscriptions.starting_cursor(connection, newsletter.name, cadence)
    return Reader(address="reader@example.org", cursor=cursor)


def subscribed(
    connection: Connection,
    newsletter: Newsletter,
    address: str,
    cadence_name: str | None,
    *,
    pending: Sequence[Correction] = (),
    keys: Sequence[bytes],
    now: datetime,
) -> tuple[Reader, str]:
    """The subscriber of that address, and the name of the cadence: the given one, else the reader's own.

    ``pending``: corrections that readers may be owed. Raises AddressError, UsageError for somebody who does not
    subscribe.
    """
    found = subscriptions.of_address(connection, address_hash(parse_address(address), keys), newsletter.name)
    if found is None:
        raise UsageError(
            f'{address} does not subscribe to "{newsletter.name}"',
            remedy="see: publisher subscribers list, or leave --as out",
        )
    subscriber, subscription = found
    cadence = cadence_of(newsletter, cadence_name or subscription.cadence)
    slot = next_slot(connection, newsletter, cadence, now=now)
    group = groups.group_of(connection, subscription.id, slot=slot, newsletter=newsletter.name, pending=pending)
    barred = ""
    if group is None:
        is_snoozed = subscription.snoozed_until is not None and subscription.snoozed_until > slot
        why = "suppressed" if subscription.state.value == "active" else subscription.state.value
        barred = f"snoozed until {subscription.snoozed_until:%Y-%m-%d}" if is_snoozed else why
        if subscription.by_feed:
            barred = "reading by feed instead of mail"
        group = Group(subscription.cursor, subscription.topics, subscription.language)
    return (
        Reader(
            address=subscriber.address,
            name=subscriber.name,
            subscription=subscription.id,
            cursor=group.cursor,
            start=group.start,
            snoozed=group.snoozed,
            topics=group.topics,
            language=group.language,
            timezone=subscriber.timezone,
            corrections=group.corrections,
            fields=subscriber.fields,
            barred=barred,
        ),
        cadence.name,
    )
