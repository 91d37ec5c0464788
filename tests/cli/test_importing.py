"""`publisher import`: what it finds is said, authors become data, and nothing comes twice."""

from __future__ import annotations

from pathlib import Path

import pytest
import time_machine

from publisher.articles.sources import read_sources
from publisher.publication import load
from tests.cli.conftest import Program

TEXT = """\
The Ferry That Waits
A ferry at the quay

The ferry leaves when everybody is on board, and not before. It has done so for forty years, in all weathers, and nobody has ever complained about it in writing.

“We know who is missing,” says the captain. “We wait for them.”

Why it works

There are two hundred people on the island. The captain went to school with half of them, and taught the other half to swim.
"""  # noqa: E501 - paragraphs are single lines in a copied text


@pytest.fixture
def text(tmp_path: Path) -> Path:
    path = tmp_path / "ferry.txt"
    path.write_text(TEXT)
    return path


@time_machine.travel("2026-11-20T08:10Z")
def test_without_a_date_it_says_what_was_used_instead(publication: Path, program: Program, text: Path) -> None:
    answer = program("import", str(text))
    assert answer.status == 0
    assert "title: The Ferry That Waits" in answer.out
    assert "the text has no date; now was used instead (Fri 20 Nov 2026 09:10)" in answer.out
    assert "it reaches the feeds and pages only" in answer.out
    [source], _ = read_sources(load(publication))
    assert source.date is not None
    assert source.date.isoformat().startswith("2026-11-20T")
    assert source.mail is False


def test_a_date_is_in_the_publications_zone(publication: Path, program: Program, text: Path) -> None:
    answer = program("import", str(text), "--date", "2025-01-20", "--mail", "--json")
    [imported] = answer.json
    assert imported["date"] == "2025-01-19T23:00:00Z"
    assert imported["date_from"] == "--date"
    assert "\ndate = 2025-01-20T00:00:00+01:00\n" in (publication / imported["file"]).read_text()
    assert imported["mail"] is True
    [source], _ = read_sources(load(publication))
    assert source.id == "tag:news.example.org,2025-01-20:/the-ferry-that-waits"
    assert source.mail is True


def test_the_same_text_twice_is_recognised(publication: Path, program: Program, text: Path) -> None:
    program("import", str(text))
    again = program("import", str(text), str(text), "--date", "2020-01-01", "--section", "world")
    assert again.status == 0
    assert again.out.count("is in articles/the-ferry-that-waits.md already; nothing was written.") == 2
    assert len(list((publication / "articles").iterdir())) == 1


def test_one_refused_source_does_not_keep_the_others(
    publication: Path, program: Program, text: Path, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "binary.txt").write_bytes(b"\x00\x01\x02" * 100)
    answer = program(
        "import", *(str(tmp_path / name) for name in ("empty.txt", "binary.txt", "missing.txt", "ferry.txt"))
    )
    assert answer.status == 1
    assert len(answer.err.splitlines()) == 3
    assert len(list((publication / "articles").iterdir())) == 1


def test_new_authors_become_data_and_known_ones_stay(publication: Path, program: Program, tmp_path: Path) -> None:
    program("config", "set", "authors.ana.name", "Ana Example", "authors.ana.bio", "Ours.")
    for number, name in enumerate(("Ana Example", "Ben Example")):
        (tmp_path / f"{number}.md").write_text(f'+++\ntitle = "T{number}"\nauthors = ["{name}"]\n+++\nText.\n')
    answer = program("import", str(tmp_path / "0.md"), str(tmp_path / "1.md"))
    assert answer.status == 0, answer.err
    assert "Ben Example (new: [authors.ben-example])" in answer.out
    made = load(publication)
    assert made.authors["ana"].bio == "Ours."
    assert made.authors["ben-example"].name == "Ben Example"
    sources, _ = read_sources(made)
    assert sorted(source.authors[0].key for source in sources) == ["ana", "ben-example"]


def test_a_file_of_another_program_keeps_its_id_and_date(publication: Path, program: Program, tmp_path: Path) -> None:
    page = tmp_path / "old.md"
    page.write_text('+++\nid = "https://old.example.org/?p=7"\ntitle = "Old"\ndate = 2019-05-04T10:00:00\n+++\nText.\n')
    answer = program("import", str(page))
    assert "date: Sat 04 May 2019 10:00, from the text" in answer.out
    [source], _ = read_sources(load(publication))
    assert source.id == "https://old.example.org/?p=7"


@pytest.mark.parametrize("words", [["--date", "soon"], ["--section", "wrld"], ["--author", "nobody"]])
def test_wrong_options_are_told_before_anything_is_written(
    publication: Path, program: Program, text: Path, words: list[str]
) -> None:
    program("config", "set", "sections.world", "World")
    answer = program("import", str(text), *words)
    assert answer.status == 2
    assert answer.err.count("\n") == 1
    assert list((publication / "articles").iterdir()) == []
