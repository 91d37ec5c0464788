"""Subscribers in the database."""

from __future__ import annotations

from datetime import datetime, timedelta

from publisher.model.subscriber import ConsentEvent, Subscriber, SubscriptionState, Suppression
from publisher.store import Store, consents, subscribers, subscriptions, suppressions
from publisher.store.subscribers import NewSubscriber
from publisher.store.subscriptions import NewSubscription


def person(name: str, **fields: str) -> NewSubscriber:
    return NewSubscriber(
        address=f"{name}@example.org", address_hash=f"hash of {name}", name=name, language="", fields=fields
    )


def subscribe(store: Store, name: str, now: datetime, newsletter: str = "world") -> int:
    """Somebody with an active subscription; the subscription's number."""
    with store.writing() as connection:
        subscribers.insert_new(connection, [person(name)], now)
        number = subscribers.by_hash(connection, [f"hash of {name}"])[f"hash of {name}"].id
        new = NewSubscription(
            subscriber=number,
            newsletter=newsletter,
            cadence="daily",
            state=SubscriptionState.ACTIVE,
            cursor=0,
            topics="*",
            language="",
        )
        subscriptions.insert_new(connection, [new], now)
        return subscriptions.of_subscribers(connection, [number])[number, newsletter].id


def test_somebody_is_inserted_once_and_stays_as_they_were(store: Store, now: datetime) -> None:
    with store.writing() as connection:
        subscribers.insert_new(connection, [person("ana", city="Köln"), person("bo")], now)
        first = subscribers.by_hash(connection, ["hash of ana", "hash of nobody"])
        subscribers.insert_new(connection, [person("ana", city="Rome"), person("ci")], now)
        assert subscribers.by_hash(connection, ["hash of ana"]) == first
    assert first["hash of ana"] == Subscriber(
        id=first["hash of ana"].id, address="ana@example.org", name="ana", fields={"city": "Köln"}
    )


def test_details_are_replaced_and_the_address_stays(store: Store, now: datetime) -> None:
    with store.writing() as connection:
        subscribers.insert_new(connection, [person("ana", city="Köln")], now)
        known = subscribers.by_hash(connection, ["hash of ana"])["hash of ana"]
        newer = Subscriber(id=known.id, address=known.address, name="Ana R.", language="de", fields={"a": "b"})
        subscribers.update_details(connection, newer)
        assert subscribers.get(connection, known.id) == newer
        assert subscribers.hash_of(connection, known.id) == "hash of ana"
        assert subscribers.get(connection, known.id + 1) is None


def test_the_listing_goes_page_by_page_and_says_who_must_not_be_mailed(store: Store, now: datetime) -> None:
    for name in ("ana", "bo", "ci"):
        subscribe(store, name, now)
    subscribe(store, "bo", now, newsletter="science")
    with store.writing() as connection:
        suppressions.suppress(connection, Suppression(address_hash="hash of bo", reason="complaint", at=now))
    with store.reading() as connection:
        first = subscribers.listing(connection, newsletter="world", limit=2)
        rest = subscribers.listing(connection, newsletter="world", after=first[-1].subscription)
        of_bo = subscribers.listing(connection, address_hash="hash of bo")
        assert [row.address for row in first + rest] == ["ana@example.org", "bo@example.org", "ci@example.org"]
        assert [row.suppressed for row in first + rest] == ["", "complaint", ""]
        assert [row.newsletter for row in of_bo] == ["world", "science"]
        assert first[0].since == now
        assert subscribers.listing(connection, state=SubscriptionState.PENDING) == []
        assert subscribers.active(connection) == 4


def test_a_suppression_is_kept_unless_a_stronger_reason_comes(store: Store, now: datetime) -> None:
    later = now + timedelta(days=1)
    bounce = Suppression(address_hash="x", reason="hard bounce", at=now, source="554 5.1.1")
    complaint = Suppression(address_hash="x", reason="complaint", at=later)
    with store.writing() as connection:
        assert suppressions.suppress(connection, bounce)
        assert not suppressions.suppress(connection, complaint)
        assert suppressions.of_hashes(connection, ["x", "y"]) == {"x": bounce}
        assert suppressions.suppress(connection, complaint, weaker=["hard bounce", "soft bounces"])
        assert suppressions.of_hashes(connection, ["x"]) == {"x": complaint}
        assert not suppressions.lift(connection, "x", ["hard bounce"])
        assert suppressions.lift(connection, "x", ["complaint"])
        assert suppressions.of_hashes(connection, ["x"]) == {}


def test_the_consent_history_keeps_everything_in_order(store: Store, now: datetime) -> None:
    subscribe(store, "ana", now)
    joined = ConsentEvent(event="subscribed", at=now, newsletter="world", ip="192.0.2.1", source="form", wording="Yes")
    left = ConsentEvent(event="unsubscribed", at=now, newsletter="world")
    with store.writing() as connection:
        ana = subscribers.by_hash(connection, ["hash of ana"])["hash of ana"].id
        consents.record(connection, [(ana, joined)])
        consents.record(connection, [])
        consents.record(connection, [(ana, left)])
        assert consents.history(connection, ana) == [joined, left]
        assert consents.history(connection, ana + 1) == []


def test_own_fields_are_those_that_anybody_has(store: Store, now: datetime) -> None:
    with store.writing() as connection:
        assert subscribers.own_fields(connection) == frozenset()
        people = [person("ana", city="Köln"), person("bo"), person("cleo", city="Rome", plan="gold")]
        subscribers.insert_new(connection, people, now)
        assert subscribers.own_fields(connection) == {"city", "plan"}
