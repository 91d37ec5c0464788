"""`publisher explain`."""

from __future__ import annotations

from pathlib import Path

import pytest
import time_machine

from tests.cli.conftest import Program

pytestmark = pytest.mark.usefixtures("here")


@pytest.fixture
def here(folder: Path, sqlite_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)


@time_machine.travel("2026-03-02T09:00Z")
def test_page_feeds_number_editions_and_the_reader_are_told_in_sentences(program: Program) -> None:
    assert program("subscribers", "add", "ana@example.com", "--newsletter", "world").status == 0
    assert program("run", "--now", "2026-03-02T08:10").status == 0
    answer = program("explain", "ferry", "--subscriber", "ana@example.com")
    assert answer.status == 0
    title, published, numbered, edition, reader = answer.out.splitlines()
    assert title == "The ferry has a new name (articles/ferry.md)"
    assert published == "Published at https://news.example.org/2026/ferry/, and in the feeds: world."
    assert numbered == "Number 1 in the order of mailing, since Mon 02 Mar 2026 08:10."
    assert edition == "In edition 1 (world daily of Mon 02 Mar 2026 07:00), finished: 1 accepted."
    assert reader.startswith("ana@example.com, world: Included in edition 1 (world daily of")


@time_machine.travel("2026-03-02T09:00Z")
def test_json_has_the_same_for_programs(program: Program) -> None:
    assert program("subscribers", "add", "ana@example.com", "--newsletter", "world").status == 0
    assert program("run", "--now", "2026-03-02T08:10").status == 0
    found = program("explain", "ferry", "--subscriber", "ana@example.com", "--json").json
    assert found["published"]["feeds"] == [{"feed": "world", "archive": False}]
    assert [edition["number"] for edition in found["editions"]] == [1]
    assert [(answer["newsletter"], answer["state"], answer["edition"]) for answer in found["answers"]] == [
        ("world", "accepted", 1)
    ]
    assert found["answers"][0]["attempts"][0]["result"] == "accepted"


def test_a_draft_is_told(program: Program, folder: Path) -> None:
    path = folder / "articles/ferry.md"
    path.write_text(path.read_text("utf-8").replace("section", "draft = true\nsection"), "utf-8")
    answer = program("explain", "ferry")
    assert answer.out.splitlines()[1] == "Not published. It is a draft."


def test_what_fits_nothing_is_one_line(program: Program) -> None:
    answer = program("explain", "the storm")
    assert (answer.status, answer.out) == (2, "")
    assert answer.err == 'publisher: no article "the storm"; name its file, slug, id or a part of its title\n'
