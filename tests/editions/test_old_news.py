"""Never old news: what is not mailed, what is all the same, and where a new reader begins."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from publisher import pipeline
from publisher.audience import joining
from publisher.model.subscriber import SubscriptionState
from publisher.publication import load
from publisher.store import Store, subscriptions
from publisher.store.schema import subscriptions as rows
from tests.cli.conftest import Program, program
from tests.editions.test_corrections import mailed, part
from tests.editions.test_explaining import ANA, DAY, MONDAY, Desk
from tests.relay import Relay

__all__ = ["program"]

ZOE = "zoe@example.com"


@pytest.fixture
def desk(folder: Path, store: Store, relay: Relay) -> Desk:
    desk = Desk(folder, store, relay.url)
    desk.set("since = 2026-03-02", "since = 2026-01-01", "feeds/world.toml")
    desk.walk(MONDAY - 3 * DAY)
    return desk


def subjects(relay: Relay, address: str = ANA) -> list[str]:
    return [str(message["Subject"]) for message in mailed(relay, address)]


def test_imported_restored_and_backdated_articles_are_not_mailed_unless_asked(desk: Desk, relay: Relay) -> None:
    desk.reader()
    desk.article("storm")
    desk.article("old", at=MONDAY - 30 * DAY)
    desk.article("old-and-asked-for", at=MONDAY - 30 * DAY, head="mail = true")
    desk.walk()
    assert subjects(relay) == ["The storm and 1 more"]
    assert "The old-and-asked-for" in part(mailed(relay, ANA)[0], "plain")
    assert desk.why("articles/old.md")[0] == "old news"


def test_a_draft_that_was_written_for_weeks_is_mailed_when_it_is_published(desk: Desk, relay: Relay) -> None:
    desk.reader()
    written = MONDAY - 2 * DAY
    desk.article("essay", at=written, head="draft = true")
    desk.walk(written + timedelta(hours=1))
    published = written + 30 * DAY
    desk.walk(published - DAY)
    desk.article("essay", at=written)
    desk.walk(published + 2 * DAY)
    assert subjects(relay) == ["The essay"]


def test_a_draft_with_a_date_of_years_ago_is_old_news_all_the_same(desk: Desk, relay: Relay) -> None:
    desk.reader()
    old = MONDAY - 20 * DAY
    desk.article("essay", at=old, head="draft = true")
    desk.walk(MONDAY - DAY)
    desk.article("essay", at=old)
    desk.walk()
    assert subjects(relay) == []


def test_what_was_only_built_for_months_is_not_mailed_by_the_first_run(
    folder: Path, store: Store, relay: Relay
) -> None:

    desk = Desk(folder, store, relay.url)
    desk.reader()
    then = MONDAY - 60 * DAY
    desk.article("ancient", at=then)
    pipeline.publish(
        desk.publication,
        store,
        environment=pipeline.environment_of(desk.publication),
        now=then + timedelta(hours=1),
        mailing=False,
    )
    desk.walk()
    assert subjects(relay) == []


def test_a_new_readers_first_digest_starts_at_the_last_edition(desk: Desk, relay: Relay) -> None:
    desk.reader()
    desk.article("storm")
    desk.walk()
    desk.reader(ZOE, at=MONDAY + timedelta(hours=1))
    desk.article("flood", at=MONDAY + timedelta(hours=2))
    desk.walk(MONDAY + DAY)
    assert subjects(relay, ZOE) == ["The flood"]


def sign_up_and_confirm(desk: Desk, address: str) -> None:
    """As the form and the link do it."""
    desk.reader(address, at=MONDAY + timedelta(hours=1))
    with desk.store.writing() as connection:
        connection.execute(update(rows).where(rows.c.id == 2).values(state="pending"))
        pending = subscriptions.get(connection, 2)
        assert pending is not None
        newsletter = desk.publication.newsletter("world")
        assert newsletter is not None
        for _ in range(2):
            joining.confirm(
                connection,
                pending,
                welcome=None,
                ip="",
                source="a test",
                wording="",
                now=MONDAY + timedelta(hours=1),
                latest=newsletter.welcome == "latest",
            )
        after = subscriptions.get(connection, 2)
    assert after is not None
    assert after.state is SubscriptionState.ACTIVE


def test_welcome_latest_mails_the_last_edition_at_once_and_the_next_repeats_nothing(desk: Desk, relay: Relay) -> None:
    desk.set('sender = "World', 'welcome = "latest"\nsender = "World', "feeds/world.toml")
    desk.reader()
    desk.article("storm")
    desk.walk()
    sign_up_and_confirm(desk, ZOE)
    desk.walk(MONDAY + timedelta(hours=1))
    assert subjects(relay, ZOE) == ["The storm"]
    [message] = mailed(relay, ZOE)
    assert message["List-Unsubscribe"]
    assert message["List-Id"]
    assert mailed(relay, ANA)[0]["List-Unsubscribe"] != message["List-Unsubscribe"]
    desk.article("flood", at=MONDAY + timedelta(hours=2))
    desk.walk(MONDAY + DAY)
    assert subjects(relay, ZOE) == ["The storm", "The flood"]


def test_without_it_nothing_is_mailed_before_the_next_edition(desk: Desk, relay: Relay) -> None:
    desk.reader()
    desk.article("storm")
    desk.walk()
    sign_up_and_confirm(desk, ZOE)
    desk.walk(MONDAY + timedelta(hours=1))
    assert subjects(relay, ZOE) == []


def test_run_says_what_it_left_out_and_why(
    folder: Path, sqlite_store: Store, relay: Relay, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(folder, sqlite_store, relay.url)
    monkeypatch.chdir(folder)
    desk.article("old", at=MONDAY - 30 * DAY)
    said = program("run", "--now", "2026-03-02T07:05").out
    assert "not mailed: articles/old.md (old news); set mail = true in it to mail it all the same" in said


def test_what_is_imported_is_mailed_only_if_it_is_asked_for(
    folder: Path, sqlite_store: Store, relay: Relay, program: Program, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    desk = Desk(folder, sqlite_store, relay.url)
    monkeypatch.chdir(folder)
    desk.reader()
    for name, words in (("quiet", []), ("loud", ["--mail"])):
        file = tmp_path / f"{name}.txt"
        file.write_text(f"A {name} text\n\nIt has some sentences. They are about nothing much. That is all.\n")
        answer: Any = program("import", str(file), "--date", "2026-03-02T05:00", *words)
        assert answer.status == 0, answer.err
    desk.publication = load(folder)
    desk.walk()
    assert subjects(relay) == ["A loud text"]
