"""`publisher new`."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import time_machine

from publisher.articles.sources import read_sources
from publisher.publication import load
from tests.cli.conftest import Program


@time_machine.travel("2026-11-20T23:30Z")
def test_an_article_is_a_draft_with_an_id_and_no_date(publication: Path, program: Program) -> None:
    answer = program("new", 'Tides: "high" & low')
    assert answer.out.startswith("articles/tides-high-low.md: a draft.")
    [source], errors = read_sources(load(publication))
    assert not errors
    assert source.draft
    assert source.date is None
    assert source.title == 'Tides: "high" & low'
    # Half past midnight in Berlin: the day is the publication's, not UTC's.
    assert source.id == "tag:news.example.org,2026-11-21:/tides-high-low"


def test_what_was_not_given_stands_there_as_a_comment(publication: Path, program: Program) -> None:
    program("config", "set", "authors.ana.name", "Ana Example", "sections.world", "World")
    program("new", "One", "--section", "world", "--author", "Ana Example", "--tags", "sea, fog")
    program("new", "Two")
    one = (publication / "articles" / "one.md").read_text().split("+++")[1]
    values = tomllib.loads(one)
    assert values["section"] == "world"
    assert values["authors"] == ["ana"]
    assert values["tags"] == ["sea", "fog"]
    two = (publication / "articles" / "two.md").read_text()
    assert '# section = "world"' in two
    assert set(tomllib.loads(two.split("+++")[1])) == {"id", "title", "draft"}


def test_a_title_that_is_taken_gets_a_number_and_an_id_of_its_own(publication: Path, program: Program) -> None:
    for _ in range(3):
        program("new", "Fog")
    names = sorted(path.name for path in (publication / "articles").iterdir())
    assert names == ["fog-2.md", "fog-3.md", "fog.md"]
    sources, _ = read_sources(load(publication))
    assert len({source.id for source in sources}) == 3


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        (["--section", "wrld"], 'unknown section "wrld"; did you mean "world"?'),
        (["--author", "anna"], 'unknown author "anna"; did you mean "ana"?'),
        (["--author", "zoe"], "publisher config set authors.zoe.name NAME"),
    ],
)
def test_unknown_sections_and_authors_are_wrong_usage(
    publication: Path, program: Program, words: list[str], cause: str
) -> None:
    program("config", "set", "authors.ana.name", "Ana Example", "sections.world", "World")
    answer = program("new", "Fog", *words)
    assert answer.status == 2
    assert cause in answer.err
    assert list((publication / "articles").iterdir()) == []


def test_a_title_of_several_lines_is_refused(publication: Path, program: Program) -> None:
    assert program("new", "\a").status == 2
    assert list((publication / "articles").iterdir()) == []
