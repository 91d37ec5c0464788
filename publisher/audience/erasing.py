"""Erasing and exporting: what a person may ask of whoever keeps data about them (GDPR articles 15, 17 and 20).

Guarantees: after erasing, nothing personal is left but the address's keyed hash among the suppressions, so that no
import mails it again; the ledger holds numbers only. Erasing twice is as good as once; it is one transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from publisher.audience.addresses import Address
from publisher.audience.hashing import address_hash
from publisher.audience.joining import remember
from publisher.audience.preferring import written
from publisher.model.subscriber import Subscriber, Suppression
from publisher.store import (
    Connection,
    consents,
    histories,
    notices,
    private_feeds,
    subscribers,
    subscriptions,
    suppressions,
)

__all__ = ["erase", "export", "person_of"]


def person_of(connection: Connection, address: Address, keys: Sequence[bytes]) -> Subscriber | None:
    """The subscriber of an address; None also for one who was erased."""
    hashed = address_hash(address, keys)
    found = subscribers.by_hash(connection, [hashed]).get(hashed)
    return found if found is not None and found.address else None


def erase(connection: Connection, subscriber: int, *, now: datetime, source: str) -> bool:
    """Ends all subscriptions and removes all that is personal; False if that was done before."""
    subscribers.lock(connection, subscriber)
    person = subscribers.get(connection, subscriber)
    if person is None or not person.address:
        return False
    hashed = subscribers.hash_of(connection, subscriber)
    for subscription in subscriptions.of_subscribers(connection, [subscriber]).values():
        if subscriptions.end(connection, subscription.id, now):
            remember(connection, subscription, "unsubscribed", source=source, now=now)
    notices.withdraw(connection, subscriber, now)
    # A complaint stays one: it needs the operator to be lifted.
    suppressions.suppress(
        connection,
        Suppression(address_hash=hashed, reason="erased", at=now, source=source),
        weaker=("hard bounce", "soft bounces", "operator"),
    )
    consents.forget_addresses(connection, subscriber)
    subscribers.erase(connection, subscriber, now)
    return True


def export(connection: Connection, subscriber: Subscriber) -> dict[str, object]:
    """All that is kept about somebody, for JSON: times are aware datetimes."""
    return {
        "address": subscriber.address,
        "name": subscriber.name,
        "language": subscriber.language,
        "timezone": subscriber.timezone,
        "fields": subscriber.fields,
        "subscriptions": [
            {
                "newsletter": newsletter,
                "cadence": subscription.cadence,
                "state": subscription.state,
                "topics": written(subscription.topics),
                "language": subscription.language,
                "snoozed_until": None if subscription.by_feed else subscription.snoozed_until,
                "by_feed": subscription.by_feed,
                "private_feed_since": (private_feeds.current(connection, subscription.id) or (0, None))[1],
                "ended_at": subscription.ended_at,
            }
            for (_, newsletter), subscription in sorted(
                subscriptions.of_subscribers(connection, [subscriber.id]).items()
            )
        ],
        "consents": [
            {
                "newsletter": event.newsletter,
                "event": event.event,
                "at": event.at,
                "ip": event.ip,
                "source": event.source,
                "wording": event.wording,
            }
            for event in consents.history(connection, subscriber.id)
        ],
        "deliveries": histories.received(connection, subscriber.id),
    }
