"""Readers: subscribers, what they agreed to, what must not be mailed, their private feeds."""

from __future__ import annotations

from sqlalchemy import BigInteger, CheckConstraint, Column, ForeignKey, Index, Integer, Table, Text, UniqueConstraint

from publisher.store.schema.base import Key, UtcDateTime, metadata

__all__ = ["consents", "private_feeds", "subscribers", "subscriptions", "suppressions"]

subscribers = Table(
    "subscribers",
    metadata,
    Column("id", Key, primary_key=True),
    Column("address", Text),
    Column("address_hash", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("language", Text, nullable=False, server_default=""),
    Column("timezone", Text, nullable=False, server_default=""),
    Column("fields", Text, nullable=False, server_default="{}"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("erased_at", UtcDateTime),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("id", Key, primary_key=True),
    Column("subscriber_id", Key, ForeignKey("subscribers.id"), nullable=False),
    Column("newsletter", Text, nullable=False),
    Column("cadence", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("cursor", BigInteger, nullable=False),
    # Where the cursor began: what is older was never for this reader.
    Column("began", BigInteger, nullable=False, server_default="0"),
    Column("topics", Text, nullable=False, server_default="*"),
    Column("language", Text, nullable=False, server_default=""),
    Column("snoozed_until", UtcDateTime),
    # Counts sign-ups: a delivery of an earlier subscription returns nothing to a later one.
    Column("generation", Integer, nullable=False, server_default="1"),
    Column("created_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    UniqueConstraint("subscriber_id", "newsletter"),
    CheckConstraint("state IN ('pending', 'active', 'unsubscribed')", name="state"),
)
Index("ix_subscriptions_groups", subscriptions.c.newsletter, subscriptions.c.cadence, subscriptions.c.id)

consents = Table(
    "consents",
    metadata,
    Column("id", Key, primary_key=True),
    Column("subscriber_id", Key, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("newsletter", Text, nullable=False),
    Column("event", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("ip", Text, nullable=False, server_default=""),
    Column("source", Text, nullable=False, server_default=""),
    Column("wording", Text, nullable=False, server_default=""),
)

suppressions = Table(
    "suppressions",
    metadata,
    Column("address_hash", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("source", Text, nullable=False, server_default=""),
)

# The links to private feeds. A row is never deleted: its number must not be another reader's later.
private_feeds = Table(
    "private_feeds",
    metadata,
    Column("id", Key, primary_key=True),
    Column("subscription_id", Key, ForeignKey("subscriptions.id"), nullable=False, index=True),
    Column("generation", Integer, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
)
