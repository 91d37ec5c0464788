"""The pages of editions in the database: runs save them at the same moment, and a final one stays as it is."""

from __future__ import annotations

import threading
from dataclasses import replace

from publisher.model.edition import EditionPage
from publisher.store import Store, edition_pages
from tests.store import readers as r


def page_of(store: Store) -> EditionPage:
    with store.writing() as connection:
        edition = r.begin(connection)
    return EditionPage(
        number=edition.id,
        newsletter=edition.newsletter,
        cadence=edition.cadence,
        slot=edition.slot,
        opened_at=edition.opened_at,
        language="en",
        subject="News",
        preheader="",
        html="<p>News</p>",
    )


def shown(store: Store, page: EditionPage) -> EditionPage:
    with store.reading() as connection:
        (found,) = edition_pages.shown(connection, page.number)
    return found


def test_two_runs_that_save_the_same_page_at_once_both_go_on(store: Store) -> None:
    page = page_of(store)
    failures: list[Exception] = []

    def second() -> None:
        try:
            with store.writing() as connection:
                edition_pages.save(connection, replace(page, subject="Newer"), final=False)
        except Exception as error:
            failures.append(error)

    other = threading.Thread(target=second)
    with store.writing() as connection:
        edition_pages.save(connection, page, final=False)
        other.start()
        other.join(0.3)  # it waits for this transaction, which has saved the page and not committed
        assert other.is_alive()
    other.join()
    assert failures == []
    assert shown(store, page).subject == "Newer"


def test_a_final_page_stays_whatever_a_late_run_saves(store: Store) -> None:
    page = page_of(store)
    with store.writing() as connection:
        edition_pages.save(connection, page, final=True)
        edition_pages.save(connection, replace(page, subject="Late"), final=False)
    assert shown(store, page).subject == "News"
