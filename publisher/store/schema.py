"""The tables, for SQLite and PostgreSQL alike. A change here comes with a migration; a test compares the two.

Times are aware UTC. What readers' rows point at is never deleted while they live.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Dialect,
    Double,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

__all__ = ["HEAD", "OUTSTANDING", "UtcDateTime", "metadata"]

HEAD = "0013"
"""The newest migration. Held against the migrations by a test."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment. SQLite has no zones: there it is kept as UTC text, which sorts as time does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# SQLite numbers rows only through INTEGER PRIMARY KEY; PostgreSQL needs 64 bits for the ledger.
Key = BigInteger().with_variant(Integer(), "sqlite")

meta = Table(
    "meta",
    metadata,
    Column("key", Text, primary_key=True),
    Column("value", Text, nullable=False),
)

# One row a counter. Whoever takes a number keeps the row locked until commit: a number taken and not yet
# committed would otherwise be passed by for ever by an edition that reads the newer one.
counters = Table(
    "counters",
    metadata,
    Column("name", Text, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

articles = Table(
    "articles",
    metadata,
    Column("id", Text, primary_key=True),
    Column("path", Text, nullable=False, index=True),
    Column("title", Text, nullable=False),
    Column("content_hash", Text, nullable=False, index=True),
    Column("published", UtcDateTime, nullable=False),
    Column("updated", UtcDateTime, nullable=False),
    Column("first_seen", UtcDateTime, nullable=False),
    Column("public_since", UtcDateTime),
    Column("gone_at", UtcDateTime),
    Column("sequence", BigInteger, unique=True),
    Column("numbered_at", UtcDateTime),
    Column("left_out", Text, nullable=False, server_default=""),
    Column("place", BigInteger),
    # What selections and topics go by, as of the last run ("": it was away): a change makes readers miss it.
    Column("marks", Text),
)

# The closed pages of feeds' archives (RFC 5005): which articles each has, by their places ("1-50,53").
archive_pages = Table(
    "archive_pages",
    metadata,
    Column("feed", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("places", Text, nullable=False),
)

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

# The newest slot of each cadence that has been decided, opened or empty: what is due lies after it.
slots = Table(
    "slots",
    metadata,
    Column("newsletter", Text, primary_key=True),
    Column("cadence", Text, primary_key=True),
    Column("slot", UtcDateTime, nullable=False),
)

editions = Table(
    "editions",
    metadata,
    Column("id", Key, primary_key=True),
    Column("newsletter", Text, nullable=False),
    Column("cadence", Text, nullable=False),
    Column("slot", UtcDateTime, nullable=False),
    Column("state", Text, nullable=False, index=True),
    Column("cutoff", BigInteger, nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("reason", Text, nullable=False, server_default=""),
    Column("candidates", Integer, nullable=False, server_default="0"),
    # The last subscription that an opening has dealt with: a killed opening goes on after it.
    Column("progress", BigInteger, nullable=False, server_default="0"),
    Column("finished_at", UtcDateTime),
    # The file that has its deliveries and ledger; they leave the database once it is named here.
    Column("ledger", Text, nullable=False, server_default=""),
    Column("folded_at", UtcDateTime),
    UniqueConstraint("newsletter", "cadence", "slot"),
    CheckConstraint(
        "state IN ('opening', 'awaiting approval', 'going out', 'held', 'paused', 'finished', 'cancelled')",
        name="state",
    ),
)

variants = Table(
    "variants",
    metadata,
    Column("id", Key, primary_key=True),
    Column("edition_id", Key, ForeignKey("editions.id"), nullable=False),
    Column("key", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("articles", Text, nullable=False),
    Column("rest", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("preheader", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("corrections", Text, nullable=False, server_default="[]"),
    UniqueConstraint("edition_id", "key"),
)

# What variants embed, each picture once.
pictures = Table(
    "pictures",
    metadata,
    Column("cid", Text, primary_key=True),
    Column("media_type", Text, nullable=False),
    Column("content", LargeBinary, nullable=False),
)

# What was wrong in articles. A correction takes a number of the articles' counter.
corrections = Table(
    "corrections",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("article_id", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("numbered_at", UtcDateTime, nullable=False),
    UniqueConstraint("article_id", "text"),
)

# What everybody may read of an edition on the web: its digest without anything personal. ``final``: it has ended, and
# its digest does not change any more; the digest itself may be in a file by then.
edition_pages = Table(
    "edition_pages",
    metadata,
    Column("edition_id", Key, ForeignKey("editions.id"), primary_key=True),
    Column("final", Boolean, nullable=False),
    Column("language", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("preheader", Text, nullable=False),
    Column("html", Text, nullable=False),
)

# What an edition does with each group of subscriptions; SQL joins it to the readers.
groups = Table(
    "edition_groups",
    metadata,
    Column("edition_id", Key, ForeignKey("editions.id"), primary_key=True),
    Column("cursor", BigInteger, primary_key=True, autoincrement=False),
    Column("start", BigInteger, primary_key=True, autoincrement=False),
    Column("topics", Text, primary_key=True),
    Column("language", Text, primary_key=True),
    Column("snoozed", Boolean, primary_key=True),
    Column("corrections", Text, primary_key=True),
    Column("variant_id", Key, ForeignKey("variants.id")),
    Column("cursor_to", BigInteger, nullable=False),
    Column("takes_over", Boolean, nullable=False),
)

# How many deliveries of each kind have left the database for the edition's file: its sums go on adding up.
folded = Table(
    "folded",
    metadata,
    Column("edition_id", Key, ForeignKey("editions.id"), primary_key=True),
    Column("variant_id", Key, ForeignKey("variants.id"), primary_key=True, index=True),
    Column("state", Text, primary_key=True),
    Column("was_unknown", Boolean, primary_key=True),
    Column("count", Integer, nullable=False),
)

exclusions = Table(
    "exclusions",
    metadata,
    Column("edition_id", Key, ForeignKey("editions.id"), primary_key=True),
    Column("reason", Text, primary_key=True),
    Column("count", Integer, nullable=False),
)

notices = Table(
    "notices",
    metadata,
    Column("id", Key, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("newsletter", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("preheader", Text, nullable=False),
    Column("html", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("fields", Text, nullable=False, server_default="{}"),
    Column("created_at", UtcDateTime, nullable=False),
)

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

# What aggregators say in their User-Agent: for how many subscribers they fetch a document of public/.
readership = Table(
    "readership",
    metadata,
    Column("day", Date, primary_key=True),
    Column("document", Text, primary_key=True),
    Column("aggregator", Text, primary_key=True),
    Column("subscribers", BigInteger, nullable=False),
)

# The feed documents that a WebSub hub is told of: what is in place (content), and what it was last told (told).
hub_topics = Table(
    "hub_topics",
    metadata,
    Column("address", Text, primary_key=True),
    Column("seen", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("told", Text, nullable=False, server_default=""),
    Column("since", UtcDateTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("tried_at", UtcDateTime),
    Column("try_at", UtcDateTime),
    Column("answer", Text, nullable=False, server_default=""),
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
