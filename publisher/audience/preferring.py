"""Preferring: what a reader chooses about a subscription.

Guarantees: only what is offered, or was chosen before, can be chosen; topics chosen later bring no old articles back
(``publisher.audience.topics``); each change has its line in the consent history, in the same transaction; repeating a
choice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from publisher.audience.joining import change_cadence, remember
from publisher.audience.offers import Offer, offers_of
from publisher.audience.topics import change_wishes, wishes_of
from publisher.model.feed import Newsletter
from publisher.model.subscriber import Subscription
from publisher.store import Connection, subscriptions

__all__ = ["choosable", "choose", "written"]


def choosable(offers: Sequence[Offer], chosen: str) -> tuple[Offer, ...]:
    """What a reader with the stored topics ``chosen`` may pick: what is offered, and what was picked before. Pure."""
    known = {(offer.kind, offer.value) for offer in offers}
    held = [Offer(kind, value, value) for kind, value in wishes_of(chosen) if (kind, value) not in known]
    return (*offers, *held)


def choose(
    connection: Connection,
    subscription: Subscription,
    newsletter: Newsletter,
    *,
    cadence: str,
    topics: Iterable[str] | None,
    now: datetime,
    ip: str = "",
    source: str,
) -> bool:
    """How often, and which topics (``section:world``; none at all: everything; None: as they are), from the next
    edition on. Whether anything changed. What is not on offer is passed over.
    """
    changed = change_cadence(connection, subscription, cadence, newsletter, now=now, ip=ip, source=source)
    if topics is None:
        return changed
    picked = set(topics)
    offers = choosable(offers_of(connection, newsletter.name), subscription.topics)
    wishes = [(offer.kind, offer.value) for offer in offers if f"{offer.kind}:{offer.value}" in picked]
    if (picked and not wishes) or set(wishes) == set(wishes_of(subscription.topics)):
        return changed
    newest = subscriptions.starting_sequence(connection)
    after = change_wishes(subscription.topics, wishes, newest)
    if not subscriptions.change_topics(connection, subscription.id, before=subscription.topics, after=after):
        return changed
    remember(connection, subscription, "changed", ip=ip, source=source, wording=f"topics: {written(after)}", now=now)
    return True


def written(chosen: str) -> str:
    """Stored topics as a person reads them: ``section world, tag sea``, or ``everything``. Pure."""
    return ", ".join(f"{kind} {value}" for kind, value in wishes_of(chosen)) or "everything"
