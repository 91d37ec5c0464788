"""The outbox and the ledger, relays, and what went wrong."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from publisher.store.schema.base import Key, UtcDateTime, metadata

__all__ = ["OUTSTANDING", "attempts", "deliveries", "missed", "relay_minutes", "relays", "sub_batches", "troubles"]

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Key, primary_key=True),
    Column("edition_id", Key, ForeignKey("editions.id")),
    Column("variant_id", Key, ForeignKey("variants.id")),
    Column("notice_id", Key, ForeignKey("notices.id")),
    Column("subscriber_id", Key, ForeignKey("subscribers.id"), nullable=False, index=True),
    Column("subscription_id", Key, ForeignKey("subscriptions.id"), index=True),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("cursor_from", BigInteger, nullable=False, server_default="0"),
    Column("cursor_to", BigInteger, nullable=False, server_default="0"),
    Column("state", Text, nullable=False),
    Column("priority", Integer, nullable=False),
    # due_at is the message's Date and stays; try_at is when it may be claimed (next).
    Column("due_at", UtcDateTime, nullable=False),
    Column("try_at", UtcDateTime, nullable=False),
    Column("first_tried_at", UtcDateTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("fence", Integer, nullable=False, server_default="0"),
    Column("worker", Text, nullable=False, server_default=""),
    Column("lease_until", UtcDateTime),
    Column("was_unknown", Boolean, nullable=False, server_default=text("false")),
    Column("reply", Text, nullable=False, server_default=""),
    Column("ended_at", UtcDateTime),
    UniqueConstraint("edition_id", "subscription_id"),
    CheckConstraint(
        "state IN ('queued', 'claimed', 'accepted', 'deferred', 'failed', 'withdrawn')",
        name="state",
    ),
    CheckConstraint("(edition_id IS NULL) <> (notice_id IS NULL)", name="edition_or_notice"),
)
# Queries that are to use the outbox's index must say this letter for letter: SQLite compares the words.
OUTSTANDING = text("state IN ('queued', 'claimed', 'deferred')")
Index(
    "ix_deliveries_outbox",
    deliveries.c.priority,
    deliveries.c.try_at,
    deliveries.c.id,
    sqlite_where=OUTSTANDING,
    postgresql_where=OUTSTANDING,
)
Index("ix_deliveries_states", deliveries.c.edition_id, deliveries.c.state)

# The ledger: append-only.
attempts = Table(
    "attempts",
    metadata,
    Column("id", Key, primary_key=True),
    Column("delivery_id", Key, ForeignKey("deliveries.id"), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("worker", Text, nullable=False),
    Column("relay", Text, nullable=False),
    Column("result", Text, nullable=False),
    Column("code", Integer, nullable=False),
    Column("reply", Text, nullable=False),
    Column("seconds", Float, nullable=False),
)

# What a worker is about to send, where machines share the database: a JSON array of [delivery, fence] each.
sub_batches = Table(
    "sub_batches",
    metadata,
    Column("id", Key, primary_key=True),
    Column("worker", Text, nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
    Column("deliveries", Text, nullable=False),
)

missed = Table(
    "missed",
    metadata,
    Column("subscription_id", Key, ForeignKey("subscriptions.id"), primary_key=True),
    Column("sequence", BigInteger, primary_key=True),
    Column("edition_id", Key, ForeignKey("editions.id")),
    Column("reason", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

# What all delivering processes know about a relay. Moments are seconds since 1970.
relays = Table(
    "relays",
    metadata,
    Column("relay", Text, primary_key=True),
    # The first moment that no process has been granted.
    Column("next_at", Double, nullable=False, server_default="0"),
    # The part of its rates and lanes that it gets, as of share_at: it grows by itself.
    Column("share", Double, nullable=False, server_default="1"),
    Column("share_at", Double, nullable=False, server_default="0"),
    Column("aside_until", Double, nullable=False, server_default="0"),
    Column("reason", Text, nullable=False, server_default=""),
)

# Messages given to a relay by minute since 1970, for its rates an hour and a day.
relay_minutes = Table(
    "relay_minutes",
    metadata,
    Column("relay", Text, primary_key=True),
    Column("minute", BigInteger, primary_key=True, autoincrement=False),
    Column("messages", BigInteger, nullable=False),
)

# What runs found wrong, and when somebody was told of it.
troubles = Table(
    "troubles",
    metadata,
    Column("key", Text, primary_key=True),
    Column("text", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
    Column("told_at", UtcDateTime),
)
