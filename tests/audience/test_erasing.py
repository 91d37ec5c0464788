"""Erasing, exporting and moving people, on both databases."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from publisher.audience import joining
from publisher.audience.addresses import parse_address
from publisher.audience.admitting import Admission, admit, candidate_of
from publisher.audience.erasing import erase, export, person_of
from publisher.audience.hashing import address_hash
from publisher.audience.moving import Moved, ask_to_move, move
from publisher.model.edition import Digest
from publisher.model.subscriber import SubscriptionState, Suppression
from publisher.store import Store, consents, subscribers, subscriptions, suppressions
from publisher.store.schema import metadata, notices
from tests.store import readers as r

ANA, NEW = "ana@example.com", "ana@example.org"
DIGEST = Digest(subject="x", preheader="", html="x", text="x")


class People:
    """Readers of ``world``."""

    def __init__(self, store: Store, publication: Any, keys: Any, now: datetime) -> None:
        self.store, self.publication, self.keys, self.now = store, publication, keys, now

    def add(self, address: str = ANA, *, event: Any = "added") -> Admission:
        wanted = candidate_of(self.publication, address=address, newsletter="world", name="Ana", fields={"town": "X"})
        with self.store.writing() as connection:
            [result] = admit(connection, [wanted], event=event, source="a test", keys=self.keys, now=self.now)
        return result

    def number(self, address: str = ANA) -> int:
        with self.store.reading() as connection:
            person = person_of(connection, parse_address(address), self.keys)
        return person.id if person else 0

    def erase(self, number: int = 1) -> bool:
        with self.store.writing() as connection:
            return erase(connection, number, now=self.now, source="a test")

    def ask_to_move(self, address: str = NEW) -> bool:
        with self.store.writing() as connection:
            subscription = subscriptions.get(connection, 1)
            assert subscription is not None
            return ask_to_move(
                connection,
                subscription,
                parse_address(address),
                keys=self.keys,
                digest=DIGEST,
                link=lambda old, new, ends: f"{old} {new}",
                now=self.now,
            )

    def move(self, old: int = 1, new: int = 2) -> Moved:
        with self.store.writing() as connection:
            return move(connection, old, new, now=self.now, ip="192.0.2.1", source="a test")


@pytest.fixture
def people(store: Store, publication: Any, keys: Any, now: datetime) -> People:
    return People(store, publication, keys, now)


def test_nothing_personal_is_left_of_somebody_erased_but_a_keyed_hash(people: People) -> None:
    people.add()
    with people.store.writing() as connection:
        r.number_articles(connection, 2)
        r.open_edition(connection)
        joining.remember(
            connection,
            subscriptions.get(connection, 1),  # type: ignore[arg-type]
            "changed",
            now=people.now,
            ip="192.0.2.77",
        )
    assert people.erase()
    assert not people.erase()
    with people.store.reading() as connection:
        everything = repr([connection.execute(select(table)).all() for table in metadata.sorted_tables])
        subscription = subscriptions.get(connection, 1)
        history = consents.history(connection, 1)
    for personal in (ANA, "Ana", "town", "192.0.2.77"):
        assert personal not in everything
    assert subscription is not None
    assert subscription.state is SubscriptionState.UNSUBSCRIBED
    assert [event.event for event in history] == ["added", "changed", "unsubscribed"]
    with people.store.reading() as connection:
        assert r.states(connection) == {1: "withdrawn"}


def test_no_import_brings_an_erased_reader_back_until_the_operator_lifts_it(people: People) -> None:
    people.add()
    people.erase()
    assert people.add(event="imported") is Admission.SUPPRESSED
    with people.store.writing() as connection:
        assert suppressions.lift(connection, address_hash(parse_address(ANA), people.keys), ["erased"])
    assert people.add() is Admission.SUBSCRIBED
    assert people.number() == 2


def test_erasing_somebody_who_complained_keeps_the_complaint(people: People) -> None:
    people.add()
    hashed = address_hash(parse_address(ANA), people.keys)
    with people.store.writing() as connection:
        suppressions.suppress(connection, Suppression(address_hash=hashed, reason="complaint", at=people.now))
    people.erase()
    with people.store.reading() as connection:
        assert suppressions.of_hashes(connection, [hashed])[hashed].reason == "complaint"


def test_an_export_has_all_that_is_kept(people: People) -> None:
    people.add()
    with people.store.writing() as connection:
        r.number_articles(connection, 2)
        r.open_edition(connection)
        person = person_of(connection, parse_address(ANA), people.keys)
        assert person is not None
        kept: Any = export(connection, person)
    assert (kept["address"], kept["name"], kept["fields"]) == (ANA, "Ana", {"town": "X"})
    assert [(one["newsletter"], one["topics"]) for one in kept["subscriptions"]] == [("world", "everything")]
    assert [event["event"] for event in kept["consents"]] == ["added"]
    assert [(one["edition"], one["state"]) for one in kept["deliveries"]] == [(1, "queued")]


def test_another_address_holds_once_it_is_confirmed_and_twice_is_as_good_as_once(people: People) -> None:
    people.add()
    assert people.ask_to_move()
    assert people.number(ANA) == 1
    with people.store.reading() as connection:
        assert connection.execute(select(notices.c.kind, notices.c.fields)).all() == [
            ("address", '{"confirm_url": "1 2"}')
        ]
    assert people.move() is people.move() is Moved.DONE
    assert (people.number(NEW), people.number(ANA)) == (1, 0)
    with people.store.reading() as connection:
        assert [one.address for one in subscribers.listing(connection)] == [NEW]
        changed = [(event.event, event.wording) for event in consents.history(connection, 1)]
    assert changed == [("added", ""), ("changed", "another address")]


def test_an_address_that_reads_already_is_not_taken_over(people: People) -> None:
    people.add()
    people.add(NEW)
    assert people.ask_to_move()
    assert people.move() is Moved.READS_ALREADY
    assert (people.number(ANA), people.number(NEW)) == (1, 2)


def test_a_suppressed_address_and_one_that_was_asked_are_not_mailed(people: People) -> None:
    people.add()
    assert not people.ask_to_move(ANA)
    assert people.ask_to_move()
    assert not people.ask_to_move()
    people.now += timedelta(minutes=11)
    assert people.ask_to_move()
    with people.store.writing() as connection:
        hashed = address_hash(parse_address("gone@example.org"), people.keys)
        suppressions.suppress(connection, Suppression(address_hash=hashed, reason="complaint", at=people.now))
    assert not people.ask_to_move("gone@example.org")
