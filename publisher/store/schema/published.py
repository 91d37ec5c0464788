"""What is published: articles, their archive pages, feeds' readers, and what hubs were told."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, Integer, Table, Text, UniqueConstraint

from publisher.store.schema.base import UtcDateTime, metadata

__all__ = ["archive_pages", "articles", "corrections", "counters", "hub_topics", "meta", "readership"]

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
