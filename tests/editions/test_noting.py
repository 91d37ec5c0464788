"""The editor's note: an article for the next edition, once; or words for one edition."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from publisher import pipeline
from publisher.editions.noting import pick, say
from publisher.editions.recomposing import recompose
from publisher.model.edition import EditionState
from publisher.store import Store, returns
from publisher.store import editions as edition_store
from tests.cli.conftest import Program, program
from tests.editions.test_corrections import mailed, part
from tests.editions.test_explaining import ANA, DAY, MONDAY, Desk
from tests.relay import Relay

__all__ = ["program"]

ZOE = "zoe@example.com"
NOTE = "We are on holiday from Friday on."


@pytest.fixture
def desk(folder: Path, store: Store, relay: Relay) -> Desk:
    return Desk(folder, store, relay.url)


def write_note(desk: Desk, name: str = "note", text: str = NOTE, head: str = "") -> None:
    path = desk.folder / "articles" / f"{name}.md"
    path.write_text(f'+++\nkind = "note"\n{head}\n+++\n{text}\n', "utf-8")


def noted(relay: Relay, address: str, text: str = NOTE) -> list[bool]:
    return [text in part(message, "plain") and text in part(message, "html") for message in mailed(relay, address)]


def test_a_note_stands_at_the_head_of_the_next_edition_of_each_cadence_once_and_nowhere_else(
    desk: Desk, relay: Relay
) -> None:
    desk.reader()
    desk.reader(ZOE, cadence="weekly")
    write_note(desk)
    desk.article("storm")
    desk.walk()
    desk.article("flood", at=MONDAY + timedelta(hours=2))
    desk.walk(MONDAY + DAY)
    desk.walk(MONDAY + 6 * DAY + timedelta(hours=1))
    desk.article("frost", at=MONDAY + 7 * DAY)
    desk.walk(MONDAY + 13 * DAY + timedelta(hours=1))
    assert noted(relay, ANA)[:2] == [True, False]
    assert noted(relay, ZOE) == [True, False]
    text = part(mailed(relay, ANA)[0], "plain")
    assert text.index(NOTE) < text.index("The storm")
    assert mailed(relay, ANA)[0]["Subject"] == "The storm"
    assert not (desk.folder / "public/2026/note/index.html").exists()
    assert NOTE not in (desk.folder / "public/feeds/world.rss").read_text("utf-8")


def test_a_note_waits_until_somebody_has_something_to_read(desk: Desk, relay: Relay) -> None:
    desk.reader()
    write_note(desk)
    desk.walk()
    assert mailed(relay, ANA) == []
    desk.article("storm", at=MONDAY + timedelta(hours=2))
    desk.walk(MONDAY + DAY)
    assert noted(relay, ANA) == [True]


def test_of_two_notes_the_older_one_comes_first_and_drafts_and_other_sections_wait(desk: Desk, relay: Relay) -> None:
    desk.reader()
    write_note(desk, "a-draft", "A draft.", "draft = true")
    write_note(desk, "later", "The second.", "date = 2026-03-02T05:30:00Z")
    write_note(desk, "first", "The first.", "date = 2026-03-02T05:00:00Z")
    write_note(desk, "to-come", "To come.", "date = 2026-03-09T05:00:00Z")
    for day, name in enumerate(("storm", "flood", "frost")):
        desk.article(name, at=MONDAY + day * DAY - timedelta(hours=1))
        desk.walk(MONDAY + day * DAY)
    texts = [part(message, "plain") for message in mailed(relay, ANA)]
    assert ["The first." in text for text in texts] == [True, False, False]
    assert ["The second." in text for text in texts] == [False, True, False]
    assert not any("A draft." in text or "To come." in text for text in texts)


def test_the_note_of_a_cancelled_edition_comes_with_the_next(desk: Desk, relay: Relay) -> None:
    desk.reader()
    write_note(desk)
    desk.article("storm")
    environment = pipeline.environment_of(desk.publication)
    published = pipeline.publish(desk.publication, desk.store, environment=environment, now=MONDAY, mailing=True)
    opener = pipeline.opener_of(desk.publication, desk.store, published, environment=environment, now=MONDAY)
    opener.open_due()
    with desk.store.writing() as connection:
        returns.cancel(connection, 1, "a wrong picture", MONDAY)
    desk.walk(MONDAY + DAY)
    assert noted(relay, ANA) == [True]


def test_a_note_that_is_a_month_old_says_nothing_any_more(desk: Desk) -> None:
    write_note(desk, head="date = 2026-01-02")
    articles, _ = pipeline.look(desk.publication, desk.store, now=MONDAY)
    feed = desk.publication.feed("world")
    assert feed is not None
    assert pick(feed, articles, {}, now=MONDAY) is None
    write_note(desk, head="date = 2026-03-01")
    articles, _ = pipeline.look(desk.publication, desk.store, now=MONDAY)
    [note] = articles
    assert pick(feed, articles, {}, now=MONDAY) == note
    assert pick(feed, articles, {note.id: (True, MONDAY - DAY)}, now=MONDAY) is None
    assert pick(feed, articles, {note.id: (False, MONDAY - DAY)}, now=MONDAY) == note
    assert pick(feed, articles, {note.id: (False, MONDAY - 40 * DAY)}, now=MONDAY) is None


def test_words_for_a_held_edition_are_rendered_into_it(desk: Desk, relay: Relay) -> None:
    desk.reader()
    desk.article("storm")
    environment = pipeline.environment_of(desk.publication)
    published = pipeline.publish(desk.publication, desk.store, environment=environment, now=MONDAY, mailing=True)
    opener = pipeline.opener_of(desk.publication, desk.store, published, environment=environment, now=MONDAY)
    opener.open_due()
    with desk.store.writing() as connection:
        assert edition_store.hold(connection, 1)
        say(connection, 1, "With *care*.")
    assert recompose(opener, 1).changed == 1
    with desk.store.writing() as connection:
        assert edition_store.resume(connection, 1)
    desk.walk(MONDAY + timedelta(minutes=5))
    assert "<em>care</em>" in part(mailed(relay, ANA)[0], "html").replace(' style=""', "")


def test_the_command_gives_a_held_edition_its_note(
    folder: Path, sqlite_store: Store, relay: Relay, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(folder, sqlite_store, relay.url)
    monkeypatch.chdir(folder)
    desk.reader()
    desk.article("storm")
    environment = pipeline.environment_of(desk.publication)
    published = pipeline.publish(desk.publication, desk.store, environment=environment, now=MONDAY, mailing=True)
    opener = pipeline.opener_of(desk.publication, desk.store, published, environment=environment, now=MONDAY)
    opener.open_due()
    refused = program("editions", "note", "1", NOTE)
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "only one that awaits approval or is held" in refused.err
    assert program("editions", "hold", "1").status == 0
    assert (
        program("editions", "note", "1", NOTE).out == "Edition 1 has its note; it is held: publisher editions show 1\n"
    )
    with desk.store.reading() as connection:
        [variant] = edition_store.variants_of(connection, 1)
    assert NOTE in variant.digest.html
    assert program("editions", "note", "1", "").status == 0
    with desk.store.reading() as connection:
        [variant] = edition_store.variants_of(connection, 1)
        edition = edition_store.get(connection, 1)
    assert NOTE not in variant.digest.html
    assert edition is not None
    assert edition.state is EditionState.HELD
    assert program("editions", "note", "7", NOTE).status == 2
