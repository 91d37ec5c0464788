"""Moving: another address for a subscriber, confirmed from the new one.

Guarantees: nothing changes before whoever reads at the new address has confirmed; a suppressed address gets no mail,
and the outside sees no difference; subscriptions, cursors, history and ledger stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from publisher.audience.addresses import Address
from publisher.audience.hashing import address_hash
from publisher.audience.joining import confirmation_due, remember
from publisher.model.edition import Digest
from publisher.model.subscriber import Subscription
from publisher.store import Connection, notices, subscribers, subscriptions, suppressions
from publisher.store.subscribers import NewSubscriber

__all__ = ["MOVE_LASTS", "Moved", "ask_to_move", "move"]

MOVE_LASTS = timedelta(days=1)
_A_DAY = timedelta(days=1)


class Moved(StrEnum):
    """What a confirmed move came to."""

    DONE = "moved"
    READS_ALREADY = "the new address has a subscription of its own"


def ask_to_move(
    connection: Connection,
    subscription: Subscription,
    address: Address,
    *,
    keys: Sequence[bytes],
    digest: Digest,
    link: Callable[[int, int, datetime], str],
    now: datetime,
) -> bool:
    """Mails the new address a link; ``link(old subscriber, new subscriber, ends)`` makes it. Whether it did.

    The same limits as for confirmations: one in ten minutes and three a day.
    """
    hashed = address_hash(address, keys)
    if suppressions.of_hashes(connection, [hashed]):
        return False
    person = NewSubscriber(address=address.text, address_hash=hashed, name="", language="", fields={})
    subscribers.insert_new(connection, [person], now)
    new = subscribers.by_hash(connection, [hashed])[hashed].id
    if new == subscription.subscriber:
        return False
    subscribers.lock(connection, new)
    due_at = confirmation_due(notices.times(connection, new, "address", now - _A_DAY), subscription.newsletter, now)
    if due_at is None:
        return False
    notices.insert_notice(
        connection,
        kind="address",
        newsletter=subscription.newsletter,
        digest=digest,
        fields={"confirm_url": link(subscription.subscriber, new, due_at + MOVE_LASTS)},
        subscriber=new,
        subscription=None,
        due_at=due_at,
        now=now,
    )
    return True


def move(connection: Connection, old: int, new: int, *, now: datetime, ip: str, source: str) -> Moved:
    """Gives the subscriber the new address; repeating it changes nothing."""
    for number in sorted((old, new)):
        subscribers.lock(connection, number)
    if not subscribers.move(connection, old, new):
        person = subscribers.get(connection, new)
        return Moved.DONE if person is None or not person.address else Moved.READS_ALREADY
    for subscription in subscriptions.of_subscribers(connection, [old]).values():
        remember(connection, subscription, "changed", ip=ip, source=source, wording="another address", now=now)
    return Moved.DONE
