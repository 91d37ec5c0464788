"""How `run` speaks: once a day in cron, as JSON log lines, and in figures for Prometheus."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
import time_machine

from tests.cli.conftest import Program

BROKEN = "+++\ntitle = \n+++\n"


def at(moment: str, program: Program, *words: str) -> tuple[int, str, str]:
    with time_machine.travel(moment, tick=False):
        answer = program(*words)
    return answer.status, answer.out, answer.err


def test_in_cron_an_error_is_printed_when_it_is_new_then_once_a_day(publication: Path, program: Program) -> None:
    broken = publication / "articles" / "broken.md"
    at("2026-11-19T08:00Z", program, "run", "--quiet")
    broken.write_text(BROKEN)
    status, _, err = at("2026-11-20T08:00Z", program, "run", "--quiet")
    assert status == 1
    assert err.startswith("publisher: articles/broken.md:2: ")
    for moment in ("2026-11-20T08:05Z", "2026-11-20T08:50Z", "2026-11-20T09:45Z"):
        assert at(moment, program, "run", "--quiet") == (1, "", "")
    assert at("2026-11-20T09:50Z", program, "run")[2] == err, "who looks on sees it"
    for hour in range(10, 24):
        assert at(f"2026-11-20T{hour}:30Z", program, "run", "--quiet") == (1, "", "")
    for hour in range(8):
        assert at(f"2026-11-21T0{hour}:20Z", program, "run", "--quiet")[2] == ""
    assert at("2026-11-21T08:00Z", program, "run", "--quiet")[2] == err
    broken.unlink()
    assert at("2026-11-21T08:05Z", program, "run", "--quiet")[0] == 0
    at("2026-11-21T09:30Z", program, "run", "--quiet")
    broken.write_text(BROKEN)
    assert at("2026-11-21T09:35Z", program, "run", "--quiet")[2] == err, "it was over"


def test_in_cron_a_broken_setting_is_printed_once_too(publication: Path, program: Program) -> None:
    file = publication / "publication.toml"
    file.write_text(file.read_text().replace("title", "titel", 1))
    status, _, err = at("2026-11-20T08:00Z", program, "run", "--quiet")
    assert status == 2
    assert 'unknown key "titel"' in err
    assert at("2026-11-20T08:05Z", program, "run", "--quiet") == (2, "", "")
    assert at("2026-11-20T08:06Z", program, "run")[2] == err


@pytest.fixture
def one_edition(publication: Path, program: Program) -> Path:
    program("config", "set", "feeds.all.newsletter.since", "2026-01-01")
    program("new", "One")
    article = publication / "articles" / "one.md"
    article.write_text(article.read_text().replace("draft   = true\n", ""))
    program("subscribers", "add", "ana@example.org")
    program("subscribers", "add", "ben@example.org")
    return publication


def test_log_lines_have_the_numbers_of_edition_and_delivery_and_no_address(one_edition: Path, program: Program) -> None:
    answer = program("run", "--now", "2026-11-25T07:10", "--log", "json")
    assert (answer.status, answer.out) == (0, "")
    lines = [json.loads(line) for line in answer.err.splitlines()]
    assert [line["event"] for line in lines] == ["published", "opened", "attempt", "attempt", "finished", "ended"]
    assert [(line["edition"], line["delivery"], line["result"]) for line in lines if line["event"] == "attempt"] == [
        (1, 1, "accepted"),
        (1, 2, "accepted"),
    ]
    assert lines[-1]["accepted"] == 2
    assert "@" not in answer.err
    (one_edition / "articles" / "broken.md").write_text(BROKEN)
    answer = program("run", "--now", "2026-11-25T07:20", "--log", "json")
    assert answer.status == 1
    errors = [json.loads(line) for line in answer.err.splitlines() if '"error"' in line]
    assert [line["text"].partition(": ")[0] for line in errors] == ["articles/broken.md:2"]


def test_the_environment_can_ask_for_log_lines(
    publication: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLISHER_LOG", "json")
    assert json.loads(program("run").err.splitlines()[-1])["event"] == "ended"
    monkeypatch.setenv("PUBLISHER_LOG", "xml")
    assert program("run").status == 2


def test_a_run_leaves_figures_that_only_the_real_clock_makes(one_edition: Path, program: Program) -> None:
    file = one_edition / ".publisher" / "metrics.prom"
    program("run", "--now", "2026-11-25T07:10")
    assert not file.exists()
    with time_machine.travel("2026-11-26T06:10Z", tick=False):
        assert program("run").status == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    text = file.read_text()
    assert 'publisher_subscriptions{newsletter="all",cadence="daily"} 2\n' in text
    assert 'publisher_newest_edition_deliveries{newsletter="all",cadence="daily",state="accepted"} 2\n' in text


def test_a_section_that_nobody_knows_is_one_line(one_edition: Path, program: Program) -> None:
    (one_edition / "publication.toml").write_text(
        (one_edition / "publication.toml").read_text() + '\n[sections]\nworld = "World"\n'
    )
    article = one_edition / "articles" / "one.md"
    article.write_text(article.read_text().replace("title", 'section = "wrld"\ntitle', 1))
    out = program("run").out
    assert out.count("warning:") == 1
    assert 'warning: not in [sections]: "wrld", in articles/one.md; add it there, or see: publisher check' in out


def test_a_name_that_is_too_long_is_one_line(publication: Path, program: Program) -> None:
    answer = program("subscribers", "add", "ana@example.org", "--name", "x" * 1_204)
    assert answer.status == 2
    assert "the name has 1,204 characters, more than 200; shorten it" in answer.err
