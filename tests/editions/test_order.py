"""The order of a digest, its headings, and what a subject template makes of the last editions."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.store import Store
from tests.cli.conftest import Program, program
from tests.editions.test_corrections import mailed, part
from tests.editions.test_explaining import ANA, DAY, MONDAY, Desk
from tests.relay import Relay

__all__ = ["program"]

HOUR = timedelta(hours=1)


@pytest.fixture
def desk(folder: Path, sqlite_store: Store, relay: Relay) -> Desk:
    desk = Desk(folder, sqlite_store, relay.url)
    desk.reader()
    desk.article("oldest", at=MONDAY - 5 * HOUR, head='section = "world"\nweight = 1')
    desk.article("older", at=MONDAY - 4 * HOUR, head='section = "science"\nweight = 5')
    desk.article("newer", at=MONDAY - 3 * HOUR, head='section = "world"')
    desk.article("newest", at=MONDAY - 2 * HOUR, head='section = "science"')
    return desk


def order(relay: Relay) -> tuple[list[str], list[str]]:
    """Titles and sections' headings, in the order in which the text part has them."""
    text = part(mailed(relay, ANA)[-1], "plain")
    titles = sorted(("oldest", "older", "newer", "newest"), key=lambda name: text.rindex(f"The {name}"))
    return titles, re.findall(r"^=== (\w+) =", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("setting", "titles", "sections"),
    [
        ("", ["older", "newest", "oldest", "newer"], ["Science", "World"]),
        ('order = "section"', ["older", "newest", "oldest", "newer"], ["Science", "World"]),
        ('order = "weight"', ["older", "oldest", "newest", "newer"], []),
        ('order = "newest"', ["newest", "newer", "older", "oldest"], []),
    ],
)
def test_articles_stand_by_section_by_weight_or_the_newest_first(
    desk: Desk, relay: Relay, setting: str, titles: list[str], sections: list[str]
) -> None:
    desk.set('sender = "World', f'{setting}\nsender = "World', "feeds/world.toml")
    desk.walk()
    assert order(relay) == (titles, sections)
    html = part(mailed(relay, ANA)[-1], "html")
    assert ("|Science|" in re.sub("<[^>]+>", "|", html)) == bool(sections)


@pytest.mark.parametrize("setting", ["newest", "weight", "section"])
def test_a_pinned_article_leads_whatever_the_order_and_names_the_subject(
    desk: Desk, relay: Relay, setting: str
) -> None:
    desk.set('sender = "World', f'order = "{setting}"\nsender = "World', "feeds/world.toml")
    desk.article("oldest", at=MONDAY - 5 * HOUR, head='section = "world"\npin = true')
    desk.walk()
    assert mailed(relay, ANA)[-1]["Subject"] == "The oldest and 3 more"


def test_a_pin_arranges_and_takes_nobodys_place(desk: Desk, relay: Relay) -> None:
    desk.set('sender = "World', 'max_items = 2\nsender = "World', "feeds/world.toml")
    desk.article("oldest", at=MONDAY - 5 * HOUR, head="pin = true")
    desk.walk()
    assert mailed(relay, ANA)[-1]["Subject"].endswith("and 1 more")
    assert "The oldest" not in str(mailed(relay, ANA)[-1]["Subject"])


def test_a_subject_template_is_tried_on_the_last_ten_editions(
    desk: Desk, program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    empty = program("preview", "world", "--subjects")
    assert empty.out == "world has no edition yet: publisher preview world shows the first one.\n"
    desk.walk()
    for day in range(1, 5):
        desk.article(f"day{day}", at=MONDAY + day * DAY - HOUR)
        desk.walk(MONDAY + day * DAY)
    (folder / "articles" / "day1.md").unlink()
    template = "{{ newsletter.title }} {{ edition_number }}: {{ articles[0].title }}"
    assert program("config", "set", "feeds.world.newsletter.subject", template).status == 0
    found = program("preview", "world", "--subjects", "--json").json
    assert [(one["edition"], one["subject"], one["sent"]) for one in found] == [
        (5, "World 5: The day4", "The day4"),
        (4, "World 4: The day3", "The day3"),
        (3, "World 3: The day2", "The day2"),
        (2, "", "The day1"),
        (1, "World 1: The older", "The older and 3 more"),
    ]
    lines = program("preview", "world", "--subjects").out.splitlines()
    assert [" ".join(line.split()) for line in lines[:2]] == [
        "edition slot subject now as it was sent",
        "5 Fri 06 Mar 2026 07:00 World 5: The day4 The day4",
    ]
    assert "(its articles are gone)" in lines[4]
    assert program("preview", "world", "--subjects", "--open").status == 2
    assert program("preview", "word", "--subjects").err.endswith('did you mean "world"?\n')
    assert program("config", "set", "feeds.world.newsletter.subject", "{{ nothing.at.all }}").status in (0, 2)


def test_a_subject_template_that_fails_names_the_setting(
    desk: Desk, program: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    desk.walk()
    desk.set('sender = "World', 'subject = "{{ nothing.here }}"\nsender = "World', "feeds/world.toml")
    answer = program("preview", "world", "--subjects")
    assert answer.status == 1
    assert answer.err.startswith("publisher: feeds/world.toml: newsletter.subject: ")
    assert answer.err.count("\n") == 1
