"""Private feeds: the link that a reader has to one, which a new link ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, exists, func, insert, select, update

from publisher.model.subscriber import SubscriptionState
from publisher.store.schema import consents, private_feeds, subscribers, subscriptions, suppressions

__all__ = ["PrivateFeed", "current", "end", "find", "renew"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateFeed:
    """Whose feed it is, and what that reader has chosen; ``changed_at``: when it was last changed."""

    subscription: int
    newsletter: str
    topics: str
    language: str
    changed_at: datetime


def renew(connection: Connection, subscription: int, now: datetime) -> int:
    """A new link of a subscription: its number. The one before has ended; numbers are never used again."""
    mine = select(subscriptions.c.id).where(subscriptions.c.id == subscription)
    connection.execute(mine.with_for_update(key_share=True)).first()  # two at once: the later one's link holds
    end(connection, subscription, now)
    generation = select(subscriptions.c.generation).where(subscriptions.c.id == subscription).scalar_subquery()
    inserted = connection.execute(
        insert(private_feeds)
        .values(subscription_id=subscription, generation=generation, made_at=now)
        .returning(private_feeds.c.id)
    )
    return int(inserted.scalar_one())


def current(connection: Connection, subscription: int) -> tuple[int, datetime] | None:
    """The number of the subscription's link, and when it was made; None if it has none."""
    row = connection.execute(
        select(private_feeds.c.id, private_feeds.c.made_at)
        .join(subscriptions, subscriptions.c.id == private_feeds.c.subscription_id)
        .where(
            private_feeds.c.subscription_id == subscription,
            private_feeds.c.ended_at.is_(None),
            private_feeds.c.generation == subscriptions.c.generation,
            subscriptions.c.state == SubscriptionState.ACTIVE,
        )
    ).first()
    return (row.id, row.made_at) if row else None


def end(connection: Connection, subscription: int, now: datetime) -> bool:
    """Ends the subscription's link; False if it has none."""
    mine = (private_feeds.c.subscription_id == subscription, private_feeds.c.ended_at.is_(None))
    return connection.execute(update(private_feeds).where(*mine).values(ended_at=now)).rowcount > 0


def find(connection: Connection, number: int) -> PrivateFeed | None:
    """What the link of that number leads to; None once it has ended: a newer one, or its reader has left, was erased,
    or must not be mailed.
    """
    chosen_at = (
        select(func.max(consents.c.at))
        .where(
            consents.c.subscriber_id == subscriptions.c.subscriber_id,
            consents.c.newsletter == subscriptions.c.newsletter,
        )
        .scalar_subquery()
    )
    suppressed = exists().where(suppressions.c.address_hash == subscribers.c.address_hash)
    row = connection.execute(
        select(
            subscriptions.c.id.label("subscription"),
            subscriptions.c.newsletter,
            subscriptions.c.topics,
            subscriptions.c.language,
            private_feeds.c.made_at,
            chosen_at.label("chosen_at"),
        )
        .join(private_feeds, private_feeds.c.subscription_id == subscriptions.c.id)
        .join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
        .where(
            private_feeds.c.id == number,
            private_feeds.c.ended_at.is_(None),
            private_feeds.c.generation == subscriptions.c.generation,
            subscriptions.c.state == SubscriptionState.ACTIVE,
            subscribers.c.erased_at.is_(None),
            ~suppressed,
        )
    ).first()
    if row is None:
        return None
    return PrivateFeed(
        subscription=row.subscription,
        newsletter=row.newsletter,
        topics=row.topics,
        language=row.language,
        changed_at=max(row.made_at, row.chosen_at or row.made_at),
    )
