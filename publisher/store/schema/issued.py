"""Editions: slots, digests frozen, what each group of readers gets, pages on the web."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from publisher.store.schema.base import Key, UtcDateTime, metadata

__all__ = ["edition_pages", "editions", "exclusions", "folded", "groups", "notices", "pictures", "slots", "variants"]

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
