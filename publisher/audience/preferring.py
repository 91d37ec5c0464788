"""Preferring: what a reader chooses about a subscription.

Guarantees: only what is offered, or was chosen before, can be chosen; topics chosen later bring no old articles back
(``publisher.audience.topics``); each change has its line in the consent history, in the same transaction; repeating a
choice changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from publisher.audience.joining import change_cadence, remember
from publisher.audience.offers import Offer, offers_of
from publisher.audience.topics import change_wishes, wishes_of
from publisher.model.feed import Newsletter
from publisher.model.subscriber import BY_FEED, Subscription
from publisher.store import Connection, private_feeds, subscribers, subscriptions

__all__ = [
    "LONGEST_SNOOZE",
    "change_language",
    "change_timezone",
    "choosable",
    "choose",
    "end_feed",
    "read_by_feed",
    "read_by_mail",
    "snooze",
    "snooze_end",
    "written",
]

LONGEST_SNOOZE = timedelta(days=366)


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


def snooze(
    connection: Connection,
    subscription: Subscription,
    newsletter: Newsletter,
    day: date | None,
    *,
    now: datetime,
    ip: str = "",
    source: str,
) -> bool:
    """Nothing before ``day`` begins in the newsletter's zone; None, or a day that has begun: mail from now on, first
    what came meanwhile. A year at most. Whether anything changed.
    """
    until = snooze_end(newsletter, day, now=now)
    before = subscription.snoozed_until if subscription.snoozed_until and subscription.snoozed_until > now else None
    if until == before or not subscriptions.snooze(connection, subscription.id, until or now):
        return False
    wording = f"snooze until: {day}" if until else "snooze: ended"
    remember(connection, subscription, "changed", ip=ip, source=source, wording=wording, now=now)
    return True


def read_by_feed(
    connection: Connection, subscription: Subscription, *, now: datetime, ip: str = "", source: str
) -> bool:
    """A private feed instead of mail, from the next edition on: a snooze without an end. Makes a link where there is
    none. Whether anything changed.
    """
    if subscription.by_feed or not subscriptions.snooze(connection, subscription.id, BY_FEED):
        return False
    if private_feeds.current(connection, subscription.id) is None:
        private_feeds.renew(connection, subscription.id, now)
    remember(connection, subscription, "changed", ip=ip, source=source, wording="by feed instead of mail", now=now)
    return True


def read_by_mail(
    connection: Connection, subscription: Subscription, *, now: datetime, ip: str = "", source: str
) -> bool:
    """Mail again, first what came meanwhile, in one digest, as after any snooze. The feed goes on. Whether anything
    changed.
    """
    if not subscription.by_feed or not subscriptions.snooze(connection, subscription.id, now):
        return False
    remember(connection, subscription, "changed", ip=ip, source=source, wording="by mail again", now=now)
    return True


def end_feed(connection: Connection, subscription: Subscription, *, now: datetime, ip: str = "", source: str) -> bool:
    """Ends the link to the private feed; who read by it alone gets mail again. Whether there was one."""
    read_by_mail(connection, subscription, now=now, ip=ip, source=source)
    if not private_feeds.end(connection, subscription.id, now):
        return False
    remember(connection, subscription, "changed", ip=ip, source=source, wording="private feed ended", now=now)
    return True


def snooze_end(newsletter: Newsletter, day: date | None, *, now: datetime) -> datetime | None:
    """When a snooze until ``day`` ends; None: at once. Pure."""
    zone = ZoneInfo(newsletter.timezone)
    if day is None or day <= now.astimezone(zone).date():
        return None
    day = min(day, (now + LONGEST_SNOOZE).astimezone(zone).date())
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def change_language(
    connection: Connection,
    subscription: Subscription,
    newsletter: Newsletter,
    language: str,
    *,
    now: datetime,
    ip: str = "",
    source: str,
) -> bool:
    """The language of the words around the articles; the newsletter's own is no wish. Whether anything changed."""
    wanted = "" if language.lower() == newsletter.language.lower() else language
    if not subscriptions.change_language(connection, subscription.id, wanted):
        return False
    remember(connection, subscription, "changed", ip=ip, source=source, wording=f"language: {language}", now=now)
    return True


def change_timezone(
    connection: Connection, subscription: Subscription, timezone: str, *, now: datetime, ip: str = "", source: str
) -> bool:
    """The reader's time zone, for newsletters that come by the reader's own clock. Whether anything changed."""
    person = subscribers.get(connection, subscription.subscriber)
    if person is None or person.timezone == timezone:
        return False
    subscribers.set_timezone(connection, subscription.subscriber, timezone)
    remember(connection, subscription, "changed", ip=ip, source=source, wording=f"time zone: {timezone}", now=now)
    return True


def written(chosen: str) -> str:
    """Stored topics as a person reads them: ``section world, tag sea``, or ``everything``. Pure."""
    return ", ".join(f"{kind} {value}" for kind, value in wishes_of(chosen)) or "everything"
