"""`publisher status`, `publisher editions` and `publisher` alone, before and after an edition went out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import insert

from publisher.cli import call
from publisher.store import editions as edition_store
from publisher.store import open_store, rates
from tests.cli.conftest import Program


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo after its three editions went out."""
    folder = tmp_path_factory.mktemp("status") / "demo"
    assert call(["init", str(folder), "--demo", "--quiet"]) == 0
    file = str(folder / "subscribers.csv")
    assert call(["subscribers", "import", file, "--publication", str(folder), "--quiet"]) == 0
    assert call(["run", "--now", "2026-11-20T08:10", "--publication", str(folder), "--quiet"]) == 0
    return folder


@pytest.fixture
def inside(delivered: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(delivered)
    return delivered


def test_without_a_publication_it_says_how_to_get_one(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = program()
    assert answer.status == 0
    assert "publisher init demo --demo" in answer.out
    assert program("--publication", "nowhere").status == 2


def test_looking_at_a_new_publication_makes_no_database(publication: Path, program: Program) -> None:
    answer = program()
    assert answer.out.splitlines()[1] == "Nothing has run yet."
    assert answer.out.splitlines()[-1].startswith("Next: write something: publisher new")
    program("new", "One")
    assert "publisher subscribers add ADDRESS --newsletter all" in program().out
    assert not (publication / "publisher.db").exists()


@time_machine.travel("2026-11-20T08:00Z")
def test_alone_it_is_three_lines_and_the_next_step(inside: Path, program: Program) -> None:
    lines = program().out.splitlines()
    assert lines[0] == "The Harbour Gazette: 3 feeds, 2 newsletters, 4 subscriptions."
    assert lines[1] == "3 science weekly of Fri 20 Nov 2026 07:30: 2 of 2 accepted; finished."
    assert lines[2] == "The next edition is all daily, Mon 23 Nov 2026 07:00 (Europe/Berlin)."
    assert lines[3].startswith("Next: settings that are still an example (url, postal_address")
    assert lines[3].endswith("publisher config set url https://YOUR.ADDRESS")
    assert len(lines) == 4


@pytest.mark.parametrize(
    ("pretended", "following"), [("2026-11-21T07:10", "Sun 22 Nov"), ("2026-12-04T07:10", "Sat 21 Nov")]
)
def test_after_a_time_that_was_pretended_it_says_so_and_when_the_next_edition_opens(
    publication: Path, program: Program, pretended: str, following: str
) -> None:
    program("config", "set", "feeds.all.newsletter.since", "2026-01-01")
    program("new", "One")
    article = publication / "articles" / "one.md"
    article.write_text(article.read_text().replace("draft   = true\n", ""))
    program("subscribers", "add", "ana@example.org")
    with time_machine.travel("2026-11-20T08:00Z"):
        assert "is due Sat 21 Nov 2026 07:00" in program("status").out
        assert "opened: edition 1" in program("run", "--now", pretended).out
        out = program("status").out
        assert "(Europe/Berlin), which --now pretended." in out
        assert f"The next all daily is due {following} 2026 07:00 (Europe/Berlin)." in out


@time_machine.travel("2026-11-20T08:00Z")
def test_status_tells_each_cadence_the_outbox_and_the_next_slots(inside: Path, program: Program) -> None:
    out = program("status").out
    assert "1 all daily of Fri 20 Nov 2026 07:00: 1 of 1 accepted; finished." in out
    assert "The outbox is empty." in out
    assert "The next science weekly is due Fri 27 Nov 2026 07:30 (Europe/Berlin)." in out
    told = program("status", "--json").json
    assert told["subscriptions"] == 4
    assert [edition["state"] for edition in told["editions"]] == ["finished"] * 3
    assert told["outbox"] == {"due": 0, "later": 0, "claimed": 0, "next_try": None}
    assert told["next"][0] == {"newsletter": "all", "cadence": "daily", "slot": "2026-11-23T06:00:00Z"}


def test_editions_are_listed_newest_first(inside: Path, program: Program) -> None:
    lines = program("editions", "list").out.splitlines()
    assert [line.split()[0] for line in lines] == ["number", "3", "2", "1"]
    [science] = program("editions", "list", "--newsletter", "science", "--json").json
    assert (science["number"], science["accepted"], science["candidates"]) == (3, 2, 2)
    assert program("editions", "list", "--newsletter", "sience").status == 2


def test_an_edition_shows_its_account_and_its_subject(inside: Path, program: Program) -> None:
    out = program("editions", "show", "3").out
    shown = [line.split() for line in out.splitlines()]
    assert ["candidates", "2"] in shown
    assert ["=", "accepted", "2"] in shown
    assert ["+", "outstanding", "0"] in shown
    told = program("editions", "show", "3", "--json").json
    parts = told["accepted"] + told["failed"] + told["withdrawn"] + told["outstanding"]
    assert told["candidates"] == sum(told["excluded"].values()) + parts
    assert all(variant["subject"] in out for variant in told["variants"])
    assert told["doubtful"] == []


def test_an_edition_that_is_not_there_is_wrong_usage(inside: Path, program: Program) -> None:
    answer = program("editions", "show", "99")
    assert answer.status == 2
    assert answer.err == "publisher: there is no edition 99; see: publisher editions list\n"


@time_machine.travel("2026-11-20T08:00Z")
def test_status_tells_how_many_read_a_feed_through_aggregators(inside: Path, program: Program) -> None:
    from publisher.store import open_store, readership

    assert "Through aggregators" not in program("status").out
    store = open_store("sqlite:publisher.db", inside)
    with store.writing() as connection:
        readership.add(
            connection,
            {
                (date(2026, 11, 19), "feeds/all.rss", "Feedly"): 1200,
                (date(2026, 11, 20), "feeds/all.rss", "Feedly"): 1204,
                (date(2026, 11, 19), "feeds/all.atom", "Inoreader"): 30,
                (date(2026, 11, 19), "feeds/world.rss", "Feedly"): 12,
                (date(2026, 11, 1), "feeds/science.rss", "Feedly"): 9,
            },
        )
    store.close()
    told = "Through aggregators all is read by 1,234, world by 12 (announced in the last 7 days)."
    assert told in program("status").out.splitlines()
    assert program("status", "--json").json["readership"] == [
        {"day": "2026-11-20", "feed": "all", "subscribers": 1204},
        {"day": "2026-11-19", "feed": "all", "subscribers": 1230},
        {"day": "2026-11-19", "feed": "world", "subscribers": 12},
    ]


def test_readers_of_a_cadence_that_is_gone_are_told(
    tmp_path: Path, delivered: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "demo"
    shutil.copytree(delivered, folder)
    monkeypatch.chdir(folder)
    (folder / "feeds" / "science.toml").unlink()
    assert "2 subscriptions of science, weekly: no feed offers that any more; they wait." in program("status").out
    # Without a command, too, the answer is JSON if that was asked for.
    assert program("--json").json["unserved"] == [{"newsletter": "science", "cadence": "weekly", "subscriptions": 2}]


@pytest.mark.parametrize("words", [("editions", "show", str(10**22)), ("editions", "list", "--limit", str(10**22))])
def test_a_number_beyond_all_reason_is_wrong_usage(inside: Path, program: Program, words: tuple[str, ...]) -> None:
    answer = program(*words)
    assert answer.status == 2
    assert "fault of ours" not in answer.err


def test_json_is_json_whatever_the_terminal_speaks(inside: Path) -> None:
    for encoding in ("ascii", "latin-1", "utf-8"):
        answer = subprocess.run(
            [sys.executable, "-m", "publisher", "--json", "subscribers", "list"],
            capture_output=True,
            check=True,
            env={**os.environ, "PYTHONIOENCODING": encoding, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert [one["name"] for one in json.loads(answer.stdout)][1] == "Jürgen Weiß"


def test_a_monitor_hears_of_what_is_late_in_a_line_each_and_by_the_exit_status(
    publication: Path, program: Program
) -> None:
    answer = program("status", "--check")
    assert (answer.status, answer.out) == (1, "Nothing has run yet; publisher run, or its line in cron\n")
    with time_machine.travel("2026-11-20T08:00Z", tick=False):
        assert program("run").status == 0
        assert program("status", "--check").out == "Nothing is late or stuck.\n"
        assert program("status", "--check", "--json").json == []
    with time_machine.travel("2026-11-20T11:30Z", tick=False):
        answer = program("status", "--check")
        assert (answer.status, answer.out) == (
            1,
            "The last run was 3 hours ago; see whether cron or publisher serve is alive\n",
        )
        assert program("status", "--check", "--json").json[0]["key"] == "run"


def test_what_the_last_run_found_wrong_is_told_until_it_is_mended(publication: Path, program: Program) -> None:
    broken = publication / "articles" / "broken.md"
    with time_machine.travel("2026-11-20T08:00Z", tick=False):
        broken.write_text("+++\ntitle = \n+++\n")
        assert program("run").status == 1
        answer = program("status", "--check")
        assert answer.status == 1
        assert answer.out.startswith("articles/broken.md:2: ")
        assert "To mend: articles/broken.md:2: " in program("status").out
        broken.unlink()
    with time_machine.travel("2026-11-20T08:05Z", tick=False):
        assert program("run").status == 0
        assert program("status", "--check").status == 0


def test_an_old_edition_that_never_ended_is_shown_however_many_came_after(inside: Path, program: Program) -> None:
    store = open_store("sqlite:publisher.db", inside)
    with store.writing() as connection:
        old = edition_store.listing(connection)[0]
        rows = [
            {
                "newsletter": old.newsletter,
                "cadence": old.cadence,
                "slot": old.slot + timedelta(minutes=number),
                "state": "held" if number == 1 else "finished",
                "cutoff": 1,
                "opened_at": old.slot,
            }
            for number in range(1, 61)
        ]
        connection.execute(insert(edition_store.editions), rows)
    store.close()
    with time_machine.travel("2026-11-21T08:00Z", tick=False):
        lines = program("status").out.splitlines()
    assert any(line.startswith("4 ") and "held" in line for line in lines)
    assert any(line.startswith("To mend: Edition 4, ") and "publisher editions resume 4" in line for line in lines)


def test_a_relay_that_is_left_alone_or_slow_is_told_with_its_reason(
    inside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: Program
) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(inside, folder)
    monkeypatch.chdir(folder)
    now = datetime.now(UTC)
    store = open_store("sqlite:publisher.db", folder)
    with store.writing() as connection:
        rates.set_aside(connection, "a.example.org:587", until=now + timedelta(hours=1), reason="it said '421 enough'")
        rates.slow_down(connection, "b.example.org:587", now=now)
        rates.set_aside(connection, "c.example.org:587", until=now - timedelta(hours=1), reason="long ago")
    store.close()
    told = program("status").out
    assert "The relay a.example.org:587 is left alone until " in told
    assert "it said '421 enough'." in told
    assert "The relay b.example.org:587 has slowed down: it is given 50%" in told
    assert "c.example.org" not in told
    assert set(json.loads(program("status", "--json").out)["relays"]) == {"a.example.org:587", "b.example.org:587"}
