"""Subscribers and their subscriptions: who reads, what they agreed to, how far they have been served."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

__all__ = [
    "BY_FEED",
    "EVERYTHING",
    "ConsentEvent",
    "Subscriber",
    "Subscription",
    "SubscriptionState",
    "Suppression",
    "Topic",
]

EVERYTHING = "*"
BY_FEED = datetime(9999, 1, 1, tzinfo=UTC)
"""A snooze without an end: the reader has a private feed instead of mail."""

SuppressionReason = Literal["hard bounce", "soft bounces", "complaint", "operator", "erased"]


class SubscriptionState(StrEnum):
    """``pending`` until the reader confirms; only ``active`` ones are mailed editions."""

    PENDING = "pending"
    ACTIVE = "active"
    UNSUBSCRIBED = "unsubscribed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscriber:
    """A person: an address. ``fields`` are the publisher's own, from an import."""

    id: int
    address: str
    name: str = ""
    language: str = ""
    timezone: str = ""
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One person's consent to one newsletter. ``cursor``: the sequence through which it has been served.

    ``ended_at``: when the reader left; kept while the subscription is pending again, None once it is active.
    """

    id: int
    subscriber: int
    newsletter: str
    cadence: str
    state: SubscriptionState
    cursor: int
    topics: str = EVERYTHING
    language: str = ""
    snoozed_until: datetime | None = None
    ended_at: datetime | None = None

    @property
    def by_feed(self) -> bool:
        """Whether it is read as a private feed, and nothing is mailed."""
        return self.snoozed_until == BY_FEED


@dataclass(frozen=True, slots=True)
class Topic:
    """One wish of a reader: ``kind`` is section, tag, author or language; it matches articles after ``since``.

    The kind ``*`` with an empty value is "everything". A set of topics is one canonical string, so that
    the database groups readers by it: ``section:world@12,tag:trade@40``, or ``*`` for everything from the start.
    """

    kind: str
    value: str
    since: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvent:
    """What a person agreed to or withdrew, when, and how we know (GDPR article 7: proof of consent)."""

    event: Literal["imported", "added", "subscribed", "confirmed", "changed", "unsubscribed"]
    at: datetime
    newsletter: str
    ip: str = ""
    source: str = ""
    wording: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    """An address that must not be mailed, and why. Known by a keyed hash, so that it survives erasure."""

    address_hash: str
    reason: str
    at: datetime
    source: str = ""
