"""Joining and leaving, on a real database."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from publisher.audience.addresses import parse_address
from publisher.audience.admitting import admit, candidate_of
from publisher.audience.hashing import address_hash
from publisher.audience.joining import (
    CONFIRMATION_LASTS,
    Confirmed,
    SignedUp,
    change_cadence,
    confirm,
    confirmation_due,
    sign_up,
    unsubscribe,
)
from publisher.model.edition import Digest
from publisher.model.publication import Publication
from publisher.model.subscriber import Subscription, SubscriptionState, Suppression
from publisher.store import Store, consents, notices, outbox, subscribers, subscriptions, suppressions
from publisher.store.schema import deliveries
from publisher.store.schema import notices as notice_table
from publisher.store.schema import subscribers as subscriber_table

DIGEST = Digest(subject="Please confirm", preheader="", html="", text="")
WELCOME = Digest(subject="Welcome", preheader="", html="", text="")
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass
class Town:
    """A publication with a store, and what people do there."""

    store: Store
    publication: Publication
    keys: tuple[bytes, ...]
    now: datetime
    links: list[tuple[int, datetime]] = field(default_factory=list)

    def sign_up(self, address: str = "ana@example.org", newsletter: str = "world", cadence: str = "daily") -> SignedUp:
        def link(subscription: int, ends: datetime) -> str:
            self.links.append((subscription, ends))
            return f"https://news.example.org/confirm/{subscription}"

        found = self.publication.newsletter(newsletter)
        assert found is not None
        with self.store.writing() as connection:
            return sign_up(
                connection,
                parse_address(address),
                found,
                cadence=cadence,
                keys=self.keys,
                digest=DIGEST,
                link=link,
                ip="192.0.2.1",
                source="the form on the website",
                wording="Subscribe to World (daily).",
                now=self.now,
            )

    def confirm(self, welcome: Digest | None = None) -> Confirmed:
        subscription = self.subscription()
        assert subscription is not None
        with self.store.writing() as connection:
            return confirm(
                connection,
                subscription,
                welcome=welcome,
                ip="192.0.2.2",
                source="link in the confirmation",
                wording="Yes",
                now=self.now,
            )

    def unsubscribe(self) -> bool:
        subscription = self.subscription()
        assert subscription is not None
        with self.store.writing() as connection:
            return unsubscribe(connection, subscription.id, now=self.now, source="one-click")

    def subscription(self, address: str = "ana@example.org", newsletter: str = "world") -> Subscription | None:
        with self.store.reading() as connection:
            found = subscriptions.of_address(connection, self.hash(address), newsletter)
        return found[1] if found else None

    def hash(self, address: str = "ana@example.org") -> str:
        return address_hash(parse_address(address), self.keys)

    def suppress(self, reason: str) -> None:
        with self.store.writing() as connection:
            suppressions.suppress(
                connection, Suppression(address_hash=self.hash(), reason=reason, at=self.now), weaker=["hard bounce"]
            )

    def mail(self) -> list[tuple[str, datetime]]:
        with self.store.reading() as connection:
            rows = connection.execute(
                select(notice_table.c.kind, deliveries.c.due_at)
                .join_from(notice_table, deliveries, deliveries.c.notice_id == notice_table.c.id)
                .order_by(deliveries.c.due_at)
            )
            return [(row.kind, row.due_at) for row in rows]

    def history(self) -> list[str]:
        subscription = self.subscription()
        assert subscription is not None
        with self.store.reading() as connection:
            return [event.event for event in consents.history(connection, subscription.subscriber)]


@pytest.fixture
def town(store: Any, publication: Any, keys: Any, now: datetime) -> Town:
    return Town(store, publication, keys, now)


def test_a_sign_up_is_pending_and_mails_one_confirmation_that_lasts_a_week(town: Town) -> None:
    assert town.sign_up() is SignedUp.ASKED
    subscription = town.subscription()
    assert subscription is not None
    assert subscription.state is SubscriptionState.PENDING
    assert town.mail() == [("confirmation", town.now)]
    assert town.links == [(subscription.id, town.now + CONFIRMATION_LASTS)]
    with town.store.writing() as connection:
        (claimed,) = outbox.claim(connection, worker="one", now=town.now, lease=MINUTE, limit=9)
        assert claimed.notice is not None
        assert claimed.address == "ana@example.org"
        notice = notices.get(connection, claimed.notice)
        assert notice.fields == {"confirm_url": f"https://news.example.org/confirm/{subscription.id}"}
        (event,) = consents.history(connection, subscription.subscriber)
    assert (event.event, event.ip, event.source, event.at) == (
        "subscribed",
        "192.0.2.1",
        "the form on the website",
        town.now,
    )
    assert event.wording == "Subscribe to World (daily)."


def test_confirming_makes_active_records_it_and_welcomes(town: Town) -> None:
    town.sign_up(cadence="weekly")
    town.now += DAY
    assert town.confirm(WELCOME) is Confirmed.ACTIVE
    subscription = town.subscription()
    assert subscription is not None
    assert (subscription.state, subscription.cadence) == (SubscriptionState.ACTIVE, "weekly")
    assert town.history() == ["subscribed", "confirmed"]
    assert town.mail()[-1] == ("welcome", town.now)


def test_confirming_twice_changes_nothing_the_second_time(town: Town) -> None:
    town.sign_up()
    town.confirm(WELCOME)
    assert town.confirm(WELCOME) is Confirmed.BEFORE
    assert town.history() == ["subscribed", "confirmed"]
    assert [kind for kind, _ in town.mail()] == ["confirmation", "welcome"]


def test_a_known_and_a_suppressed_address_are_mailed_nothing(town: Town) -> None:
    town.sign_up()
    town.confirm()
    mailed = town.mail()
    town.now += DAY
    assert town.sign_up(cadence="weekly") is SignedUp.ACTIVE
    subscription = town.subscription()
    assert subscription is not None
    assert subscription.cadence == "daily"
    town.suppress("complaint")
    assert town.sign_up() is SignedUp.SUPPRESSED
    assert town.mail() == mailed


def test_signing_up_a_suppressed_stranger_leaves_no_trace(town: Town) -> None:
    town.suppress("erased")
    assert town.sign_up() is SignedUp.SUPPRESSED
    with town.store.reading() as connection:
        assert connection.execute(select(subscriber_table)).all() == []


def test_one_confirmation_in_ten_minutes_and_three_a_day_however_often_somebody_tries(town: Town) -> None:
    start = town.now
    results = []
    for minutes in range(0, 60, 3):
        town.now = start + minutes * MINUTE
        results.append(town.sign_up())
    assert [due - start for _, due in town.mail()] == [timedelta(0), 12 * MINUTE, 24 * MINUTE]
    assert results.count(SignedUp.ASKED) == 3
    assert town.history() == ["subscribed"] * 3
    town.now = start + DAY + MINUTE
    assert town.sign_up() is SignedUp.ASKED


def test_a_second_newsletter_waits_its_ten_minutes_and_is_not_lost(town: Town) -> None:
    town.sign_up()
    town.now += MINUTE
    assert town.sign_up(newsletter="science", cadence="weekly") is SignedUp.ASKED
    assert [due for _, due in town.mail()] == [town.now - MINUTE, town.now + 9 * MINUTE]


def test_the_times_of_confirmations_are_decided_without_a_database(now: datetime) -> None:
    assert confirmation_due([], "world", now) == now
    assert confirmation_due([("world", now - 9 * MINUTE)], "world", now) is None
    assert confirmation_due([("world", now + MINUTE)], "world", now) is None
    assert confirmation_due([("world", now - 10 * MINUTE)], "world", now) == now
    assert confirmation_due([("science", now - 4 * MINUTE)], "world", now) == now + 6 * MINUTE
    assert confirmation_due([("science", now - 100 * MINUTE)] * 3, "world", now) is None


def test_unsubscribing_is_remembered_once_and_an_old_confirmation_brings_nobody_back(town: Town) -> None:
    town.sign_up()
    town.confirm()
    assert town.unsubscribe()
    assert not town.unsubscribe()
    assert town.confirm() is Confirmed.LEFT
    assert town.history() == ["subscribed", "confirmed", "unsubscribed"]


def test_unsubscribing_withdraws_a_confirmation_that_has_not_left_yet(town: Town) -> None:
    town.sign_up()
    town.unsubscribe()
    with town.store.writing() as connection:
        assert outbox.claim(connection, worker="one", now=town.now, lease=MINUTE, limit=9) == []


def test_who_comes_back_confirms_anew_and_keeps_the_history(town: Town) -> None:
    town.sign_up()
    town.confirm()
    town.unsubscribe()
    town.now += DAY
    assert town.sign_up(cadence="weekly") is SignedUp.ASKED
    assert town.confirm() is Confirmed.ACTIVE
    assert town.history() == ["subscribed", "confirmed", "unsubscribed", "subscribed", "confirmed"]


def test_a_stranger_who_signs_somebody_up_again_does_not_open_the_door_for_an_import(town: Town) -> None:
    town.sign_up()
    town.confirm()
    town.unsubscribe()
    town.now += DAY
    town.sign_up()
    candidate = candidate_of(town.publication, address="ana@example.org", newsletter="world")
    with town.store.writing() as connection:
        (result,) = admit(connection, [candidate], event="imported", source="x", keys=town.keys, now=town.now)
    assert result == "unsubscribed before: left alone"


@pytest.mark.parametrize("reason", ["hard bounce", "soft bounces"])
def test_confirming_by_mail_lifts_the_suppression_of_a_bounce(town: Town, reason: str) -> None:
    town.sign_up()
    town.suppress(reason)
    assert town.confirm() is Confirmed.ACTIVE
    with town.store.reading() as connection:
        assert suppressions.of_hashes(connection, [town.hash()]) == {}


@pytest.mark.parametrize("reason", ["complaint", "operator"])
def test_confirming_lifts_no_other_suppression(town: Town, reason: str) -> None:
    town.sign_up()
    town.suppress(reason)
    assert town.confirm() is Confirmed.SUPPRESSED
    subscription = town.subscription()
    assert subscription is not None
    assert subscription.state is SubscriptionState.PENDING


def test_a_changed_cadence_is_a_line_in_the_history(town: Town) -> None:
    town.sign_up()
    town.confirm()
    subscription, newsletter = town.subscription(), town.publication.newsletter("world")
    assert subscription is not None
    assert newsletter is not None
    with town.store.writing() as connection:
        for cadence, changed in (("weekly", True), ("weekly", False), ("hourly", False)):
            result = change_cadence(
                connection, subscription, cadence, newsletter, now=town.now, ip="192.0.2.1", source="preferences"
            )
            assert result is changed
        event = consents.history(connection, subscription.subscriber)[-1]
    assert (event.event, event.wording, event.ip) == ("changed", "cadence: weekly", "192.0.2.1")


def test_the_same_mailbox_in_other_capitals_is_the_same_person(town: Town) -> None:
    town.sign_up("Ana@Example.org")
    assert town.sign_up("ana@example.ORG") is SignedUp.ASKED_BEFORE
    with town.store.reading() as connection:
        assert len(subscribers.listing(connection)) == 1


def test_an_unknown_cadence_is_the_default(town: Town) -> None:
    town.sign_up(cadence="hourly")
    subscription = town.subscription()
    assert subscription is not None
    assert subscription.cadence == "daily"


def test_ten_sign_ups_at_the_same_moment_are_one_subscription_and_one_confirmation(town: Town) -> None:
    with ThreadPoolExecutor(10) as pool:
        results = list(pool.map(lambda _: town.sign_up(), range(10)))
    assert sorted(results) == sorted([SignedUp.ASKED] + [SignedUp.ASKED_BEFORE] * 9)
    assert len(town.mail()) == 1
    assert town.history() == ["subscribed"]
