"""Joining and leaving: what a sign-up, an import, a confirmation or an unsubscription does.

Guarantees: whoever signs up on the web is mailed nothing but one confirmation until they confirm; the outside sees
the same for a new, a known and a suppressed address; suppression wins over everything; an import never subscribes
again somebody who left; every change of consent has its line in the history, in the same transaction.
Everything here is one step of the caller's transaction and can be repeated without harm.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from publisher.audience.addresses import Address
from publisher.audience.hashing import address_hash
from publisher.model.edition import Digest
from publisher.model.feed import Newsletter
from publisher.model.subscriber import ConsentEvent, Subscription, SubscriptionState
from publisher.store import Connection, consents, editions, notices, subscribers, subscriptions, suppressions
from publisher.store.subscribers import NewSubscriber
from publisher.store.subscriptions import NewSubscription

__all__ = [
    "CONFIRMATION_LASTS",
    "Confirmed",
    "SignedUp",
    "change_cadence",
    "confirm",
    "confirmation_due",
    "remember",
    "send_confirmation",
    "sign_up",
    "unsubscribe",
]

CONFIRMATION_LASTS = timedelta(days=7)
_PAUSE = timedelta(minutes=10)
_A_DAY = timedelta(days=1)
_MOST_A_DAY = 3
_BOUNCES = ("hard bounce", "soft bounces")


class SignedUp(StrEnum):
    """What a sign-up came to. For tests and counts: whoever signed up must not see a difference."""

    ASKED = "asked to confirm"
    ASKED_BEFORE = "asked to confirm before"
    ACTIVE = "subscribed already"
    SUPPRESSED = "suppressed"


class Confirmed(StrEnum):
    """What a confirmation came to."""

    ACTIVE = "active"
    BEFORE = "confirmed before"
    LEFT = "unsubscribed since"
    SUPPRESSED = "suppressed"


def sign_up(
    connection: Connection,
    address: Address,
    newsletter: Newsletter,
    *,
    cadence: str,
    keys: Sequence[bytes],
    digest: Digest,
    link: Callable[[int, datetime], str],
    ip: str,
    source: str,
    wording: str,
    now: datetime,
    language: str = "",
) -> SignedUp:
    """A sign-up by anybody for an address: pending, and a confirmation goes to the address (double opt-in).

    ``digest`` is the confirmation, ``link(subscription, ends)`` makes its ``confirm_url``; ``source`` names the form
    and ``wording`` is what it said. An unknown cadence is the newsletter's default. ``language`` is the page's, and a
    new reader's; who has signed up before keeps their own.
    """
    hashed = address_hash(address, keys)
    if suppressions.of_hashes(connection, [hashed]):
        return SignedUp.SUPPRESSED
    chosen = cadence if newsletter.cadence(cadence) else newsletter.default_cadence
    person = NewSubscriber(address=address.text, address_hash=hashed, name="", language="", fields={})
    subscribers.insert_new(connection, [person], now)
    subscriber = subscribers.by_hash(connection, [hashed])[hashed].id
    subscribers.lock(connection, subscriber)
    start = NewSubscription(
        subscriber=subscriber,
        newsletter=newsletter.name,
        cadence=chosen,
        state=SubscriptionState.PENDING,
        cursor=0,
        topics="*",
        language="" if language.lower() == newsletter.language.lower() else language,
    )
    subscriptions.insert_new(connection, [start], now)
    subscription = subscriptions.of_subscribers(connection, [subscriber])[subscriber, newsletter.name]
    if not subscriptions.await_confirmation(connection, subscription.id, cadence=chosen):
        return SignedUp.ACTIVE
    if not send_confirmation(connection, subscription, digest=digest, link=link, now=now):
        return SignedUp.ASKED_BEFORE
    remember(connection, subscription, "subscribed", ip=ip, source=source, wording=wording, now=now)
    return SignedUp.ASKED


def send_confirmation(
    connection: Connection,
    subscription: Subscription,
    *,
    digest: Digest,
    link: Callable[[int, datetime], str],
    now: datetime,
    kind: Literal["confirmation", "settings"] = "confirmation",
    lasts: timedelta = CONFIRMATION_LASTS,
) -> bool:
    """Puts a confirmation into the outbox, unless the address has had enough of them; whether it did.

    ``kind`` "settings": a link to the reader's settings, under the same limits.
    """
    subscribers.lock(connection, subscription.subscriber)
    earlier = notices.times(connection, subscription.subscriber, kind, now - _A_DAY)
    due_at = confirmation_due(earlier, subscription.newsletter, now)
    if due_at is None:
        return False
    notices.insert_notice(
        connection,
        kind=kind,
        newsletter=subscription.newsletter,
        digest=digest,
        fields={"confirm_url": link(subscription.id, due_at + lasts)},
        subscriber=subscription.subscriber,
        subscription=subscription.id,
        due_at=due_at,
        now=now,
    )
    return True


def confirmation_due(earlier: Sequence[tuple[str, datetime]], newsletter: str, now: datetime) -> datetime | None:
    """When a confirmation may go to an address: at most one in ten minutes and three a day. Pure.

    ``earlier``: newsletter and due time of those of the last day, oldest first. None: not at all, because there were
    three, or because one for this newsletter has just gone or is about to go.
    """
    if len(earlier) >= _MOST_A_DAY:
        return None
    if any(name == newsletter and due_at > now - _PAUSE for name, due_at in earlier):
        return None
    return max(now, earlier[-1][1] + _PAUSE) if earlier else now


def confirm(
    connection: Connection,
    subscription: Subscription,
    *,
    welcome: Digest | None,
    ip: str,
    source: str,
    wording: str,
    now: datetime,
    latest: bool = False,
) -> Confirmed:
    """Makes a pending subscription active, from the next edition on; ``welcome`` is mailed then, and with ``latest``
    the edition that it begins behind.

    The link came by mail, so an address that bounced once works again: that suppression is lifted. No other is.
    """
    if subscription.state is SubscriptionState.UNSUBSCRIBED:
        return Confirmed.LEFT
    hashed = subscribers.hash_of(connection, subscription.subscriber)
    suppressions.lift(connection, hashed, _BOUNCES)
    if suppressions.of_hashes(connection, [hashed]):
        return Confirmed.SUPPRESSED
    activated = subscriptions.activate(
        connection,
        subscription.id,
        came_from=SubscriptionState.PENDING,
        cursor=subscriptions.starting_cursor(connection, subscription.newsletter, subscription.cadence),
        now=now,
    )
    if not activated:
        return Confirmed.BEFORE
    remember(connection, subscription, "confirmed", ip=ip, source=source, wording=wording, now=now)
    if welcome is not None:
        notices.insert_notice(
            connection,
            kind="welcome",
            newsletter=subscription.newsletter,
            digest=welcome,
            fields={},
            subscriber=subscription.subscriber,
            subscription=subscription.id,
            due_at=now,
            now=now,
        )
    if latest:
        _send_latest(connection, subscription, now)
    return Confirmed.ACTIVE


def _send_latest(connection: Connection, subscription: Subscription, now: datetime) -> None:
    """The last edition as a notice: it has everything, in the reader's language if some reader has it in that."""
    number = subscriptions.starting_edition(connection, subscription.newsletter, subscription.cadence)
    fitting = [
        variant
        for variant in (editions.variants_of(connection, number) if number else [])
        if variant.digest.html and variant.articles and not variant.corrections
    ]
    if number is None or not fitting:
        return
    best = max(fitting, key=lambda one: (one.language == subscription.language, len(one.articles), -one.id))
    notices.insert_notice(
        connection,
        kind="latest edition",
        newsletter=subscription.newsletter,
        digest=best.digest,
        fields={"edition": str(number), "language": best.language},
        subscriber=subscription.subscriber,
        subscription=subscription.id,
        due_at=now,
        now=now,
    )


def unsubscribe(connection: Connection, subscription: int, *, now: datetime, ip: str = "", source: str) -> bool:
    """Ends a subscription and withdraws its deliveries that are not claimed yet; False if it had ended already."""
    known = subscriptions.get(connection, subscription)
    if known is None or not subscriptions.end(connection, subscription, now):
        return False
    remember(connection, known, "unsubscribed", ip=ip, source=source, now=now)
    return True


def change_cadence(
    connection: Connection,
    subscription: Subscription,
    cadence: str,
    newsletter: Newsletter,
    *,
    now: datetime,
    ip: str = "",
    source: str,
) -> bool:
    """Another cadence, from the next edition on; False if it is the same, unknown, or the reader has left."""
    if newsletter.cadence(cadence) is None or not subscriptions.change_cadence(connection, subscription.id, cadence):
        return False
    remember(connection, subscription, "changed", ip=ip, source=source, wording=f"cadence: {cadence}", now=now)
    return True


def remember(
    connection: Connection,
    subscription: Subscription,
    event: Literal["subscribed", "confirmed", "changed", "unsubscribed"],
    *,
    now: datetime,
    ip: str = "",
    source: str = "",
    wording: str = "",
) -> None:
    """Adds a line to the consent history."""
    consents.record(
        connection,
        [
            (
                subscription.subscriber,
                ConsentEvent(
                    event=event, at=now, newsletter=subscription.newsletter, ip=ip, source=source, wording=wording
                ),
            )
        ],
    )
