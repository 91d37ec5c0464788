"""Readers who have chosen a private feed instead of mail: nothing is mailed, and coming back brings one digest."""

from __future__ import annotations

from datetime import datetime, timedelta

from publisher.audience import joining, preferring
from publisher.audience.addresses import parse_address
from publisher.audience.hashing import address_hash
from publisher.model.subscriber import Subscription
from publisher.store import editions, private_feeds, subscriptions
from tests.relay import Relay
from tests.test_pipeline import MONDAY, Road

ANA = "ana@example.com"
DAY = timedelta(days=1)


def hers(road: Road) -> Subscription:
    hashed = address_hash(parse_address(ANA), road.secrets.signing)
    with road.store.reading() as connection:
        found = subscriptions.of_address(connection, hashed, "world")
    assert found is not None
    return found[1]


def by_feed(road: Road, now: datetime) -> bool:
    with road.store.writing() as connection:
        return preferring.read_by_feed(connection, hers(road), now=now, source="test")


def by_mail(road: Road, now: datetime) -> bool:
    with road.store.writing() as connection:
        return preferring.read_by_mail(connection, hers(road), now=now, source="test")


def subjects(relay: Relay) -> list[str]:
    return [item.message["Subject"] for item in relay.accepted if item.recipient == ANA]


def test_nothing_is_mailed_and_the_way_back_brings_one_digest_with_all_of_it(road: Road, relay: Relay) -> None:
    road.walk(MONDAY)
    assert len(subjects(relay)) == 1
    assert by_feed(road, MONDAY)
    assert not by_feed(road, MONDAY), "twice does no harm"
    for day in (1, 2, 3):
        road.article(f"a{day}", "News.", date=MONDAY + day * DAY - timedelta(hours=6))
        road.walk(MONDAY + day * DAY)
    assert len(subjects(relay)) == 1
    with road.store.reading() as connection:
        newest = editions.listing(connection, newsletter="world")[0]
        sums = editions.sums(connection, newest.id)
        assert private_feeds.current(connection, hers(road).id) is not None
    assert sums.excluded == {"by feed": 1}
    assert sums.adds_up
    assert by_mail(road, MONDAY + 3 * DAY)
    assert not by_mail(road, MONDAY + 3 * DAY)
    road.article("a4", "News.", date=MONDAY + 4 * DAY - timedelta(hours=6))
    road.walk(MONDAY + 4 * DAY)
    assert subjects(relay)[1:] == ["a4 and 3 more"]
    with road.store.reading() as connection:
        assert private_feeds.current(connection, hers(road).id) is not None, "the feed goes on"


def test_ending_the_feed_of_who_reads_by_it_alone_brings_mail_again(road: Road) -> None:
    by_feed(road, MONDAY)
    with road.store.writing() as connection:
        assert preferring.end_feed(connection, hers(road), now=MONDAY, source="test")
        assert private_feeds.current(connection, hers(road).id) is None
    assert not hers(road).by_feed
    with road.store.writing() as connection:
        assert not preferring.end_feed(connection, hers(road), now=MONDAY, source="test")


def test_who_left_and_returns_reads_by_mail(road: Road, relay: Relay) -> None:
    road.walk(MONDAY)
    by_feed(road, MONDAY)
    with road.store.writing() as connection:
        joining.unsubscribe(connection, hers(road).id, now=MONDAY + DAY, source="test")
    with road.store.writing() as connection:
        subscription = hers(road)
        assert subscriptions.activate(
            connection, subscription.id, came_from=subscription.state, cursor=subscription.cursor, now=MONDAY + DAY
        )
    assert not hers(road).by_feed
    with road.store.reading() as connection:
        assert private_feeds.current(connection, hers(road).id) is None
