"""Articles that come too late for some readers are recorded as missed for them, and for nobody else."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, update

from publisher import pipeline
from publisher.editions.opening import Opened
from publisher.editions.passing import AWAY, marks, wanting
from publisher.model.feed import Feed, Newsletter, Selection
from publisher.publication import load
from publisher.store import Store, missed, open_store
from publisher.store import editions as edition_store
from publisher.store.schema import articles, subscribers, subscriptions
from publisher.store.schema import missed as rows
from publisher.theme.environment import environment_of
from tests.editions.test_schedule import _article
from tests.editions.test_slots import newsletter
from tests.relay import Relay
from tests.store import readers as r
from tests.test_pipeline import MONDAY, Road

DAY = timedelta(days=1)


@pytest.fixture
def road(folder: Path, sqlite_database: str):  # type: ignore[no-untyped-def]
    """World takes the section world, every day; Ana and Jürgen read it."""
    with Relay() as relay:
        road = Road(folder, relay.url)
        road.set('description = "The world, every morning"', 'select = { sections = ["world"] }', "feeds/world.toml")
        road.set("mon-fri 07:00", "07:00", "feeds/world.toml")
        road.import_readers()
        road.walk(MONDAY)
        yield road
        road.store.close()


def missing(store: Store) -> list[tuple[str, str]]:
    """Who has missed which article."""
    with store.reading() as connection:
        found = connection.execute(
            select(subscribers.c.address, articles.c.title)
            .join_from(rows, subscriptions, subscriptions.c.id == rows.c.subscription_id)
            .join(subscribers, subscribers.c.id == subscriptions.c.subscriber_id)
            .join(articles, articles.c.sequence == rows.c.sequence)
            .order_by(subscribers.c.address)
        )
        return [(row.address, row.title) for row in found]


def titles_of(connection: Connection, edition: int) -> set[str]:
    """The titles of its articles."""
    (variant,) = edition_store.variants_of(connection, edition)
    return set(connection.scalars(select(articles.c.title).where(articles.c.id.in_(variant.articles))))


def two_days(road: Road) -> datetime:
    """Tuesday has an article of another section, Wednesday one of the world: everybody has moved on past the first."""
    road.article("atom", "Physics.", date=MONDAY + timedelta(hours=1), head='section = "science"')
    road.walk(MONDAY + DAY)
    road.article("quay", "A quay is built.", date=MONDAY + DAY, head='section = "world"')
    road.walk(MONDAY + 2 * DAY)
    return MONDAY + 2 * DAY


def test_an_article_that_is_edited_into_a_selection_behind_the_cursor_is_missed(road: Road) -> None:
    at = two_days(road)
    assert missing(road.store) == []
    road.set('section = "science"', 'section = "world"', "articles/atom.md")
    road.walk(at + timedelta(hours=1))
    expected = [("ana@example.com", "atom"), ("juergen@example.com", "atom")]
    assert missing(road.store) == expected
    road.set('section = "world"', 'section = "science"', "articles/atom.md")
    road.walk(at + timedelta(hours=2))
    road.set('section = "science"', 'section = "world"', "articles/atom.md")
    road.walk(at + timedelta(hours=3))
    assert missing(road.store) == expected, "once each"


def opened_by_a_run_that_was_killed_before_it_delivered(road: Road, at: datetime) -> list[Opened]:
    publication = load(road.folder)
    environment = environment_of(publication)
    published = pipeline.publish(publication, road.store, environment=environment, now=at, mailing=True)
    return pipeline.opener_of(publication, road.store, published, environment=environment, now=at).open_due()


def test_one_that_was_missed_is_not_any_more_when_an_edition_that_takes_over_brings_it(road: Road) -> None:
    """Wednesday's edition takes the place of Tuesday's, which nobody has got, and begins where that one began."""
    road.article("atom", "Physics.", date=MONDAY + timedelta(hours=1), head='section = "science"')
    road.article("quay", "A quay is built.", date=MONDAY + timedelta(hours=2), head='section = "world"')
    assert [one.subjects for one in opened_by_a_run_that_was_killed_before_it_delivered(road, MONDAY + DAY)] == [
        ("quay",)
    ]
    road.set('section = "science"', 'section = "world"', "articles/atom.md")
    assert opened_by_a_run_that_was_killed_before_it_delivered(road, MONDAY + DAY + timedelta(minutes=1)) == []
    assert missing(road.store) == [("ana@example.com", "atom"), ("juergen@example.com", "atom")]
    road.article("pier", "A pier is built.", date=MONDAY + DAY, head='section = "world"')
    passed = road.walk(MONDAY + 2 * DAY)
    assert (passed.opened[0].deliveries, passed.delivered.accepted) == (2, 2)
    with road.store.reading() as connection:
        assert titles_of(connection, passed.opened[0].edition.id) == {"atom", "quay", "pier"}
    assert missing(road.store) == []


def test_one_that_is_edited_in_before_anybody_has_passed_it_is_mailed(road: Road) -> None:
    road.article("atom", "Physics.", date=MONDAY + timedelta(hours=1), head='section = "science"')
    road.walk(MONDAY + timedelta(hours=1))
    road.set('section = "science"', 'section = "world"', "articles/atom.md")
    passed = road.walk(MONDAY + DAY)
    assert passed.opened[0].subjects == ("atom",)
    assert missing(road.store) == []


def test_who_came_later_has_missed_nothing_and_who_does_not_want_it_neither(road: Road) -> None:
    two_days(road)
    with road.store.writing() as connection:
        person = select(subscribers.c.id).where(subscribers.c.address == "ana@example.com").scalar_subquery()
        ana = subscriptions.c.subscriber_id == person
        connection.execute(update(subscriptions).where(ana).values(began=subscriptions.c.cursor))
        connection.execute(update(subscriptions).where(~ana).values(topics="tag:sea@0"))
    road.set('section = "science"', 'section = "world"', "articles/atom.md")
    road.walk(MONDAY + 2 * DAY + timedelta(hours=1))
    assert missing(road.store) == []


def test_an_article_that_some_have_is_missed_by_those_whom_it_passed_by_while_it_was_away(
    road: Road,
) -> None:
    """The weekly readers' edition opened while the article had a typo in its front matter."""
    road.article("quay", "A quay is built.", date=MONDAY + timedelta(hours=1), head='section = "world"')
    road.walk(MONDAY + DAY)  # the daily readers have it
    road.article("pier", "A pier is built.", date=MONDAY + DAY, head='section = "world"')
    path = road.folder / "articles/quay.md"
    good = path.read_text("utf-8")
    path.write_text(good.replace("+++", "+++\nthis is no TOML", 1), "utf-8")
    sunday = MONDAY + timedelta(days=6, hours=1)
    road.walk(sunday)
    path.write_text(good, "utf-8")
    road.walk(sunday + timedelta(hours=1))
    assert missing(road.store) == [("mei@example.com", "quay")]
    road.walk(sunday + timedelta(days=7))
    assert missing(road.store) == [("mei@example.com", "quay")]


def test_what_is_numbered_anew_is_ahead_and_no_longer_missed(store: Store) -> None:
    with store.writing() as connection:
        r.number_articles(connection, 2)
        r.add_reader(connection, 1, cursor=2)
        arguments = {"article": "a1", "sequence": 1, "topics": ["*"], "now": r.NOW}
        missed.passed_by(connection, "world", **arguments)  # type: ignore[arg-type]
        missed.passed_by(connection, "world", **arguments)  # type: ignore[arg-type]
        assert len(connection.execute(select(rows)).all()) == 1
        missed.forget(connection, [1])
        assert connection.execute(select(rows)).all() == []


def test_who_has_it_in_a_delivery_has_not_missed_it(store: Store) -> None:
    with store.writing() as connection:
        r.number_articles(connection, 2)
        r.add_reader(connection, 1)
        r.open_edition(connection)
        r.add_reader(connection, 2, cursor=2)
        assert missed.topics_behind(connection, "world", 1) == ["*"]
        missed.passed_by(connection, "world", article="a1", sequence=1, topics=["*"], now=r.NOW)
        assert connection.execute(select(rows.c.subscription_id)).scalars().all() == [2]


def test_marks_change_with_what_selections_and_topics_go_by_and_with_nothing_else() -> None:
    article = _article(1)
    from dataclasses import replace

    now = r.NOW
    same = marks(article, now)
    assert marks(replace(article, title="another", html="<p>", pin=True, updated=now), now) == same
    for change in ({"section": "x"}, {"tags": ("x",)}, {"language": "de"}, {"mail": False}):
        assert marks(replace(article, **change), now) not in (same, AWAY)  # type: ignore[arg-type]
    assert marks(replace(article, draft=True), now) == AWAY
    assert wanting(["*", "section:x@0", "*@1"], article) == ["*"]


def test_an_edit_waits_while_its_newsletter_opens(sqlite_store: Store) -> None:
    from publisher.editions.passing import note_changes

    letter: Newsletter = newsletter()
    letter = type(letter)(**{**{name: getattr(letter, name) for name in letter.__slots__}, "name": "world"})
    feed = Feed(
        name="world", title="", description="", file="", language="en", selection=Selection(), newsletter=letter
    )
    article = _article(1)
    with sqlite_store.writing() as connection:
        r.number_articles(connection, 1)
        connection.execute(update(articles).values(marks="something else"))
        r.add_reader(connection, 1, cursor=1)
        number = r.begin(connection).id
    note_changes(sqlite_store, [article], [(feed, letter)], newest=1, now=r.NOW)
    assert missing(sqlite_store) == []
    with sqlite_store.writing() as connection:
        from publisher.store import returns

        returns.cancel(connection, number, "x", r.NOW)
    note_changes(sqlite_store, [article], [(feed, letter)], newest=1, now=r.NOW)
    assert missing(sqlite_store) == [("reader1@example.org", "a1")]


def test_a_database_from_before_blames_nobody(tmp_path: Path) -> None:
    """The migration takes every cursor as it stands for the beginning."""
    from alembic import command
    from sqlalchemy import create_engine, text

    from publisher.store.migrating import _config

    engine = create_engine(f"sqlite:///{tmp_path / 'publisher.db'}")
    with engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0007")
        connection.execute(text("INSERT INTO subscribers (id, address_hash, created_at) VALUES (1, 'h', '2026-01-01')"))
        connection.execute(
            text(
                "INSERT INTO subscriptions (subscriber_id, newsletter, cadence, state, cursor, created_at) "
                "VALUES (1, 'world', 'daily', 'active', 7, '2026-01-01')"
            )
        )
    engine.dispose()
    store = open_store("sqlite:publisher.db", tmp_path)
    with store.reading() as connection:
        assert connection.execute(select(subscriptions.c.began)).scalar_one() == 7
    store.close()
