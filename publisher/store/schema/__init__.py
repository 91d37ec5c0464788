"""The tables, for SQLite and PostgreSQL alike. A change here comes with a migration; a test compares the two.

Times are aware UTC. What readers' rows point at is never deleted while they live.
"""

from publisher.store.schema.base import HEAD, Key, UtcDateTime, metadata
from publisher.store.schema.issued import (
    edition_pages,
    editions,
    exclusions,
    folded,
    groups,
    notices,
    pictures,
    slots,
    variants,
)
from publisher.store.schema.outgoing import (
    OUTSTANDING,
    attempts,
    deliveries,
    missed,
    relay_minutes,
    relays,
    sub_batches,
    troubles,
)
from publisher.store.schema.people import consents, private_feeds, subscribers, subscriptions, suppressions
from publisher.store.schema.published import (
    archive_pages,
    articles,
    corrections,
    counters,
    hub_topics,
    meta,
    readership,
)

__all__ = [
    "HEAD",
    "OUTSTANDING",
    "Key",
    "UtcDateTime",
    "archive_pages",
    "articles",
    "attempts",
    "consents",
    "corrections",
    "counters",
    "deliveries",
    "edition_pages",
    "editions",
    "exclusions",
    "folded",
    "groups",
    "hub_topics",
    "meta",
    "metadata",
    "missed",
    "notices",
    "pictures",
    "private_feeds",
    "readership",
    "relay_minutes",
    "relays",
    "slots",
    "sub_batches",
    "subscribers",
    "subscriptions",
    "suppressions",
    "troubles",
    "variants",
]
