"""Aggregators say for how many people they fetch a feed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from publisher.model.errors import StoreError
from publisher.model.publication import Secrets
from publisher.store import Store, readership
from publisher.web.application import application
from publisher.web.readership import Readership
from tests.web.conftest import Clock, SiteMaker, running

FEEDLY = "Feedly/1.0 (+https://feedly.com/fetcher.html; {} subscribers; like FeedFetcher-Google)"
AGENTS = {
    FEEDLY.format(16): 16,
    "Mozilla/5.0 (compatible; inoreader.com; 3 subscribers)": 3,
    "NewsBlur Feed Fetcher - 5 subscribers - https://www.newsblur.com/site/42/news": 5,
    "Feedbin feed-id:1234 - 10 subscribers": 10,
    "Mozilla/5.0 (compatible; BazQux/2.4; +https://bazqux.com/fetcher; 1 subscriber)": 1,
    "Fever/1.38 (Feed Parser; https://feedafever.com; Allow like Gecko)": None,
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0": None,
    "": None,
}
MONDAY = date(2026, 3, 2)


@pytest.fixture
def clock(now: datetime) -> Clock:
    return Clock(now)


@pytest.fixture
def readers(clock: Clock) -> Readership:
    return Readership(timezone="Europe/Berlin", clock=clock)


def days(store: Store) -> list[tuple[date, str, int]]:
    with store.reading() as connection:
        return readership.by_day(connection, MONDAY - timedelta(days=7))


@pytest.mark.parametrize(("agent", "subscribers"), AGENTS.items())
def test_the_number_in_an_aggregator_s_name_is_read(
    readers: Readership, store: Store, agent: str, subscribers: int | None
) -> None:
    readers.note("feeds/all.rss", agent.encode())
    readers.save(store)
    assert days(store) == ([(MONDAY, "feeds/all.rss", subscribers)] if subscribers else [])


def test_of_a_day_the_greatest_number_of_each_aggregator_counts(
    readers: Readership, store: Store, clock: Clock
) -> None:
    for number in (16, 18, 17):
        readers.note("feeds/all.rss", FEEDLY.format(number).encode())
    readers.note("feeds/all.rss", b"Feedbin feed-id:1 - 10 subscribers")
    readers.note("feeds/all.rss", b"Feedbin feed-id:2 - 4 subscribers")
    readers.note("feeds/all.atom", FEEDLY.format(5).encode())
    readers.save(store)
    readers.note("feeds/all.rss", FEEDLY.format(12).encode())
    readers.save(store)
    assert days(store) == [(MONDAY, "feeds/all.atom", 5), (MONDAY, "feeds/all.rss", 18 + 10 + 4)]
    clock.now = datetime(2026, 3, 2, 23, 30, tzinfo=UTC)  # Tuesday in Berlin
    readers.note("feeds/all.rss", FEEDLY.format(12).encode())
    readers.save(store)
    assert days(store)[0] == (MONDAY + timedelta(days=1), "feeds/all.rss", 12)
    with store.reading() as connection:
        assert readership.newest(connection, MONDAY) == {"feeds/all.rss": 12 + 10 + 4, "feeds/all.atom": 5}


def test_what_could_not_be_saved_is_saved_the_next_time(readers: Readership, sqlite_store: Store) -> None:
    readers.note("feeds/all.rss", FEEDLY.format(16).encode())
    with sqlite_store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE readership RENAME TO elsewhere")
    with pytest.raises(StoreError):
        readers.save(sqlite_store)
    with sqlite_store.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO readership")
    readers.save(sqlite_store)
    assert days(sqlite_store) == [(MONDAY, "feeds/all.rss", 16)]


def test_made_up_aggregators_fill_neither_memory_nor_the_database(readers: Readership, sqlite_store: Store) -> None:
    for number in range(1000):
        readers.note("feeds/all.rss", f"Agent{'x' * number} 1 subscribers".encode())
    readers.save(sqlite_store)
    [(_, _, subscribers)] = days(sqlite_store)
    assert subscribers <= 60


def test_a_fetch_counts_whether_the_feed_changed_or_not_and_older_pages_do_not(
    publication: Any, sqlite_store: Store, site_of: SiteMaker, clock: Clock, readers: Readership
) -> None:
    import httpx2

    for name in ("world.rss", "world.atom", "world/2.rss"):
        file = publication.public / "feeds" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("<rss/>")
    app = application(publication, Secrets(signing=(b"k" * 40,)), sqlite_store, clock=clock, readership=readers)
    with running(app) as address:
        agent = {"user-agent": FEEDLY.format(7)}
        tag = httpx2.get(f"{address}/feeds/world.rss").headers["etag"]
        assert days(sqlite_store) == []
        answer = httpx2.get(f"{address}/feeds/world.rss", headers={**agent, "if-none-match": tag})
        assert answer.status_code == 304
        for path in ("/feeds/world.atom", "/feeds/world/2.rss", "/feeds/nothing.rss", "/"):
            httpx2.get(address + path, headers=agent)
    assert days(sqlite_store) == [], "nothing is written while a request waits"
    readers.save(sqlite_store)
    assert days(sqlite_store) == [(MONDAY, "feeds/world.atom", 7), (MONDAY, "feeds/world.rss", 7)]
