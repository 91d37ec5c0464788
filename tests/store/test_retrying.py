"""Failed deliveries tried once more: only where the reader would still get the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text, update

from publisher.model.delivery import DeliveryState
from publisher.store import Store, retrying, returns
from publisher.store.schema import articles, deliveries, subscriptions
from tests.store import readers as r


@pytest.fixture
def failed(store: Store) -> int:
    """An edition for three readers whose deliveries have failed; each cursor is back at the beginning."""
    with store.writing() as connection:
        r.number_articles(connection, 2)
        r.add_readers(connection, 3)
        number = r.open_edition(connection).id
        chosen = deliveries.c.edition_id == number
        returns.end(connection, chosen, DeliveryState.FAILED, reason="550 no", now=r.NOW + timedelta(minutes=1))
        assert set(r.cursors(connection).values()) == {0}
    return number


def retry(store: Store, number: int, *, failed: bool = True, unknown: bool = False) -> int:
    with store.writing() as connection:
        return retrying.retry(connection, number, failed=failed, unknown=unknown)


def test_failed_deliveries_go_back_into_the_queue_and_cursors_to_their_end(store: Store, failed: int) -> None:
    assert retry(store, failed) == 3
    with store.reading() as connection:
        assert set(r.states(connection).values()) == {"queued"}
        assert set(r.cursors(connection).values()) == {2}


def test_a_reader_whose_cursor_has_gone_on_is_left_out(store: Store, failed: int) -> None:
    with store.writing() as connection:
        connection.execute(update(subscriptions).where(subscriptions.c.id == 2).values(cursor=1))
    assert retry(store, failed) == 2
    with store.reading() as connection:
        assert r.states(connection) == {1: "queued", 2: "failed", 3: "queued"}


@pytest.mark.parametrize("change", [{"topics": "tag:sport@0"}, {"language": "de"}])
def test_a_reader_who_has_chosen_anew_gets_it_with_the_next_edition(
    store: Store, failed: int, change: dict[str, str]
) -> None:
    with store.writing() as connection:
        connection.execute(update(subscriptions).where(subscriptions.c.id == 2).values(**change))
    assert retry(store, failed) == 2
    with store.reading() as connection:
        assert r.states(connection)[2] == "failed"
        assert r.cursors(connection)[2] == 0


def test_an_article_that_was_withdrawn_since_is_not_mailed_again(store: Store, failed: int) -> None:
    with store.writing() as connection:
        connection.execute(update(articles).where(articles.c.id == "a1").values(sequence=None))
    assert retry(store, failed) == 0


def test_who_has_left_since_is_left_out(store: Store, failed: int) -> None:
    with store.writing() as connection:
        connection.execute(update(subscriptions).where(subscriptions.c.id == 2).values(state="unsubscribed"))
        connection.execute(text("UPDATE subscriptions SET generation = generation + 1 WHERE id = 3"))
    assert retry(store, failed) == 1


def test_those_in_doubt_are_tried_again_only_when_asked_for_and_move_no_cursor(store: Store, failed: int) -> None:
    with store.writing() as connection:
        connection.execute(update(deliveries).where(deliveries.c.subscription_id == 2).values(was_unknown=True))
    assert retry(store, failed, failed=False, unknown=True) == 1
    with store.reading() as connection:
        assert r.states(connection) == {1: "failed", 2: "queued", 3: "failed"}
        assert r.cursors(connection)[2] == 0
    assert retry(store, failed) == 2
