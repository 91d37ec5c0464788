"""Opening an edition in the database: everybody is counted, cursors move with their deliveries, and it resumes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from publisher.model.edition import Decision, EditionState
from publisher.model.errors import StoreError
from publisher.model.subscriber import BY_FEED
from publisher.store import Store, groups, openings
from publisher.store import editions as edition_store
from publisher.store.schema import variants
from tests.store import readers as r


def test_a_slot_has_one_edition_whoever_comes_second(store: Store) -> None:
    """mautic#2215: overlapping crons sent twice."""
    with store.writing() as connection:
        assert edition_store.pass_slot(connection, "world", "daily", r.SLOT)
        assert not edition_store.pass_slot(connection, "world", "daily", r.SLOT)
        assert not edition_store.pass_slot(connection, "world", "daily", r.SLOT - timedelta(days=1))
        assert edition_store.pass_slot(connection, "world", "daily", r.SLOT + timedelta(days=1))


def test_the_database_itself_refuses_a_second_edition_of_a_slot(store: Store) -> None:
    with store.writing() as connection:
        r.begin(connection)
    with pytest.raises((IntegrityError, StoreError)), store.writing() as connection:
        r.begin(connection)


def test_each_reader_gets_one_delivery_and_the_cursor_moves_with_it(store: Store) -> None:
    with store.writing() as connection:
        r.number_articles(connection, 2)
        for number in (1, 2, 3):
            r.add_reader(connection, number)
        edition = r.open_edition(connection)
        assert r.states(connection) == {1: "queued", 2: "queued", 3: "queued"}
        assert r.cursors(connection) == {1: 2, 2: 2, 3: 2}
        sums = edition_store.sums(connection, edition.id)
        assert (sums.candidates, sums.outstanding) == (3, 3)
        assert sums.adds_up


def test_everybody_is_accounted_for(store: Store) -> None:
    """Candidates = excluded + accepted + failed + withdrawn + outstanding."""
    with store.writing() as connection:
        r.number_articles(connection, 2)
        r.add_reader(connection, 1)
        r.add_reader(connection, 2, snoozed_until=r.SLOT + timedelta(days=3))
        r.add_reader(connection, 3)
        r.suppress(connection, 3)
        r.add_reader(connection, 4, state="pending")
        r.add_reader(connection, 5, state="unsubscribed")
        r.add_reader(connection, 6, cadence="weekly")
        r.add_reader(connection, 7, snoozed_until=r.SLOT - timedelta(days=3))
        r.add_reader(connection, 9, snoozed_until=BY_FEED)
        edition = r.begin(connection)
        r.decide_all(connection, edition)
        r.add_reader(connection, 8, cursor=1)  # its group was not there when the groups were decided
        while openings.open_chunk(connection, edition, size=2):
            pass
        sums = edition_store.sums(connection, edition.id)
        assert r.states(connection) == {1: "queued", 7: "queued"}
        assert sums.candidates == 6
        assert sums.excluded == {"changed while it opened": 1, "snoozed": 1, "suppressed": 1, "by feed": 1}
        assert sums.adds_up
        assert r.cursors(connection) == {1: 2, 2: 0, 3: 0, 4: 0, 5: 0, 6: 0, 7: 2, 8: 1, 9: 0}


def test_readers_with_nothing_new_are_moved_on_and_those_who_wait_are_not(store: Store) -> None:
    with store.writing() as connection:
        r.add_reader(connection, 1, cursor=0)
        r.add_reader(connection, 2, cursor=1)
        edition = r.begin(connection, cutoff=5)
        groups.decide_group(connection, edition.id, Decision(group=r.group_of(0), to=5), None)
        groups.decide_group(connection, edition.id, Decision(group=r.group_of(1), to=1), None)
        assert openings.open_chunk(connection, edition)
        assert not openings.open_chunk(connection, edition)
        assert r.cursors(connection) == {1: 5, 2: 1}
        assert edition_store.sums(connection, edition.id).excluded == {
            "nothing new for them": 1,
            "waiting for more articles": 1,
        }


def test_a_reader_with_nothing_new_stays_while_a_live_delivery_ends_at_the_cursor(store: Store) -> None:
    """Otherwise the cursor could not go back when that delivery fails."""
    with store.writing() as connection:
        r.number_articles(connection, 2)
        r.add_reader(connection, 1)
        r.open_edition(connection)
        later = r.begin(connection, slot=r.SLOT + timedelta(days=1), cutoff=3)
        r.decide_all(connection, later, listed=())
        assert openings.open_chunk(connection, later)
        assert r.cursors(connection) == {1: 2}


def test_an_opening_resumes_where_it_was_killed(store: Store) -> None:
    with store.writing() as connection:
        r.number_articles(connection, 2)
        for number in range(1, 8):
            r.add_reader(connection, number)
        edition = r.begin(connection)
        r.decide_all(connection, edition)
        openings.open_chunk(connection, edition, size=3)
    with store.writing() as connection:
        assert openings.progress_of(connection, edition.id) == 3
        r.decide_all(connection, edition)  # decided anew: what is frozen stays
        while openings.open_chunk(connection, edition, size=3):
            pass
        assert list(r.states(connection).values()) == ["queued"] * 7
        assert len(connection.execute(select(variants.c.id)).all()) == 1
        assert edition_store.sums(connection, edition.id).adds_up


def test_nothing_more_opens_once_the_edition_is_going_out(store: Store) -> None:
    with store.writing() as connection:
        r.add_reader(connection, 1)
        edition = r.open_edition(connection)
        r.add_reader(connection, 2)
        assert not openings.open_chunk(connection, edition)
        assert not edition_store.set_state(
            connection, edition.id, EditionState.GOING_OUT, came_from=EditionState.OPENING
        )


def test_the_migrations_make_the_schema(sqlite_store: Store) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from publisher.store.migrating import scripts
    from publisher.store.schema import HEAD, metadata

    assert scripts().get_current_head() == HEAD
    with sqlite_store.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_chunk_is_as_large_as_its_time_allows() -> None:
    """One that took long is followed by a smaller one: other writers wait for its transaction."""
    assert openings.next_chunk(4_000, 0.01) == 8_000, "at most twice as many at once"
    assert openings.next_chunk(12_000, 0.3) == 6_000
    assert openings.next_chunk(20_000, 10) == 5_000, "one odd hiccup does not make it crawl"
    assert openings.next_chunk(2_500, 10) == 2_000
    assert openings.next_chunk(20_000, 0.001) == 20_000
