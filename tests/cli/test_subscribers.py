"""`publisher subscribers`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from tests.cli.conftest import Program


def test_a_reader_is_added_once(publication: Path, program: Program) -> None:
    first = program("subscribers", "add", "ana@example.com", "--name", "Ana")
    assert first.out == "ana@example.com reads all, daily, from the next edition on.\n"
    again = program("subscribers", "add", "Ana@Example.com", "--newsletter", "all")
    assert again.status == 0
    assert "already" in again.out
    [listed] = program("subscribers", "list", "--json").json
    assert (listed["address"], listed["newsletter"], listed["state"]) == ("ana@example.com", "all", "active")


def test_what_is_wrong_with_a_reader_is_one_line(publication: Path, program: Program) -> None:
    for words, cause in (
        (["ana"], "not an e-mail address"),
        (["ana@example.com", "--newsletter", "al"], 'no newsletter "al"; did you mean "all"?'),
        (["ana@example.com", "--cadence", "hourly"], "it has: daily"),
    ):
        answer = program("subscribers", "add", *words)
        assert answer.status != 0
        assert cause in answer.err
        assert answer.err.count("\n") == 1
    assert program("subscribers", "list", "--json").json == []


def test_a_file_is_imported_with_its_bad_rows_by_line(publication: Path, program: Program, tmp_path: Path) -> None:
    file = tmp_path / "readers.csv"
    file.write_text("address,name\nana@example.com,Ana\nnobody,X\nben@example.com,Ben\nana@example.com,Ana\n")
    answer = program("subscribers", "import", str(file))
    assert answer.status == 1
    assert answer.err.startswith(f"publisher: {file.name}:3: ") or answer.err.startswith(f"publisher: {file}:3: ")
    assert answer.err.count("\n") == 1
    assert answer.out == f"{file}: 4 rows: 2 subscribed, 1 subscribed already, 1 not usable.\n"
    counted = program("subscribers", "import", str(file), "--json").json
    assert counted["results"] == {"subscribed already": 3}
    assert counted["bad"] == 1


def test_a_file_that_is_not_there_is_wrong_usage(publication: Path, program: Program) -> None:
    answer = program("subscribers", "import", "readers.csv")
    assert answer.status == 2
    assert answer.err == "publisher: readers.csv: cannot be read (No such file or directory)\n"


def test_the_list_is_a_table_and_can_be_cut(publication: Path, program: Program) -> None:
    for name in ("ana", "ben", "zoe"):
        program("subscribers", "add", f"{name}@example.com")
    lines = program("subscribers", "list", "--limit", "2").out.splitlines()
    assert lines[0].split() == ["address", "name", "newsletter", "cadence", "topics", "state", "since"]
    assert lines[1].startswith("ana@example.com ")
    assert lines[3] == "There are more: --limit 20"
    assert program("subscribers", "list", "--newsletter", "weekly").status == 2


def test_one_person_is_shown_with_the_history_of_consent(publication: Path, program: Program) -> None:
    program("subscribers", "add", "ana@example.com", "--name", "Ana", "--topics", "section:world")
    lines = program("subscribers", "show", "Ana@example.com").out.splitlines()
    assert lines[0] == "ana@example.com (Ana), subscriber 1"
    assert lines[1] == "all: active, daily, section world"
    assert lines[2].endswith("all: added (publisher subscribers add)")
    kept = program("subscribers", "show", "ana@example.com", "--json").json
    assert kept["subscriptions"][0]["topics"] == "section world"
    nobody = program("subscribers", "show", "ben@example.com")
    assert (nobody.status, nobody.err.count("\n")) == (2, 1)
    assert "ben@example.com: nobody reads at this address" in nobody.err


def test_a_person_is_unsubscribed_once_and_twice_does_no_harm(publication: Path, program: Program) -> None:
    program("subscribers", "add", "ana@example.com")
    assert program("subscribers", "unsubscribe", "ana@example.com", "--newsletter", "daily").status == 2
    assert program("subscribers", "unsubscribe", "ana@example.com").out == "ana@example.com: unsubscribed from all.\n"
    assert program("subscribers", "unsubscribe", "ana@example.com").out == "ana@example.com: had left already.\n"
    assert program("subscribers", "list", "--json").json[0]["state"] == "unsubscribed"


def test_who_reads_by_feed_is_shown_and_the_feed_can_be_ended(publication: Path, program: Program) -> None:
    from publisher.audience import preferring
    from publisher.publication import load
    from publisher.store import open_store, subscriptions

    program("subscribers", "add", "ana@example.com")
    store = open_store(load(publication).database, publication)
    with store.writing() as connection:
        subscription = subscriptions.get(connection, 1)
        assert subscription is not None
        preferring.read_by_feed(connection, subscription, now=datetime(2026, 3, 2, 9, tzinfo=UTC), source="test")
    store.close()
    shown = program("subscribers", "show", "ana@example.com").out.splitlines()
    assert shown[1] == "all: active, daily, everything, by feed instead of mail, private feed since 2026-03-02"
    kept = program("subscribers", "show", "ana@example.com", "--json").json["subscriptions"][0]
    assert (kept["by_feed"], kept["snoozed_until"]) == (True, None)
    assert kept["private_feed_since"].startswith("2026-03-02T09:00:00")
    assert "daily, by feed" in program("subscribers", "list").out
    assert program("subscribers", "export").err == "0 subscriptions\n"
    assert program("subscribers", "end-feed", "ana@example.com", "--newsletter", "daily").status == 2
    ended = program("subscribers", "end-feed", "ana@example.com")
    assert ended.out == "ana@example.com: the private feed of all has ended.\n"
    assert program("subscribers", "end-feed", "ana@example.com", "--json").json["ended"] == []
    assert program("subscribers", "list", "--json").json[0]["by_feed"] is False


def test_erasing_has_to_be_meant(publication: Path, program: Program) -> None:
    program("subscribers", "add", "ana@example.com")
    asked = program("subscribers", "erase", "ana@example.com")
    assert (asked.status, asked.err) == (2, "publisher: nobody is here to be asked; if you are sure: --yes\n")
    assert program("subscribers", "erase", "ana@example.com", "--yes").status == 0
    assert program("subscribers", "list", "--json").json == []
    added = program("subscribers", "add", "ana@example.com")
    assert "suppressed" in added.err
    lifted = program("subscribers", "unsuppress", "ana@example.com")
    assert lifted.out == "ana@example.com: no longer suppressed; it was: erased.\n"
    assert program("subscribers", "unsuppress", "ana@example.com").status == 2
    assert program("subscribers", "add", "ana@example.com").status == 0


def test_what_is_exported_can_be_imported(publication: Path, program: Program, tmp_path: Path) -> None:
    given = tmp_path / "given.csv"
    given.write_text(
        "address,name,topics,timezone,city\n"
        'ana@example.com,"Ana, of X",section:world;tag:sea,Asia/Kathmandu,Patan\nben@example.com,,,,\n'
    )
    program("subscribers", "import", str(given))
    program("subscribers", "unsubscribe", "ben@example.com")
    exported = program("subscribers", "export")
    assert exported.out == (
        "address,name,newsletter,cadence,topics,language,timezone,city\n"
        'ana@example.com,"Ana, of X",all,daily,section:world;tag:sea,,Asia/Kathmandu,Patan\n'
    )
    assert exported.err == "1 subscription\n"
    file = tmp_path / "readers.csv"
    file.write_text(exported.out)
    assert program("subscribers", "import", str(file), "--json").json["results"] == {"subscribed already": 1}
    assert len(program("subscribers", "export", "--json").json) == 1
