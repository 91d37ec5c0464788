"""`publisher editions export`, before and after the edition has left the database."""

from __future__ import annotations

import csv
import gzip
import io
import json
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from publisher.publication import load
from publisher.store import open_store
from publisher.store.folding import fold_ended
from tests.cli.conftest import Program


@pytest.fixture
def delivered(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The demo after its three editions went out."""
    demo = tmp_path / "demo"
    assert program("init", str(demo), "--demo").status == 0
    monkeypatch.chdir(demo)
    program("subscribers", "import", "subscribers.csv")
    assert program("run", "--now", "2026-11-20T08:10").status == 0
    return demo


def fold(demo: Path) -> list[int]:
    store = open_store("sqlite:publisher.db", demo)
    now = datetime(2027, 3, 1, tzinfo=UTC)
    folded = fold_ended(load(demo), store, clock=lambda: now, stop=threading.Event())
    store.close()
    assert folded.errors == []
    return folded.editions


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_an_edition_is_exported_the_same_before_and_after_it_left_the_database(
    delivered: Path, program: Program
) -> None:
    asked = (("3",), ("3", "--attempts"), ("3", "--json"), ("3", "--attempts", "--json"))
    before = [program("editions", "export", *words).out for words in asked]
    deliveries = rows(before[0])
    assert [(row["edition"], row["state"], row["attempts"]) for row in deliveries] == [("3", "accepted", "1")] * 2
    assert all("@" in row["address"] for row in deliveries)
    assert [row["result"] for row in rows(before[1])] == ["accepted", "accepted"]
    assert [json.loads(line)["state"] for line in before[2].splitlines()] == ["accepted", "accepted"]
    with time_machine.travel("2027-03-01T08:00Z", tick=False):
        shown = program("editions", "show", "3", "--json").json
        assert fold(delivered) == [1, 2, 3]
        assert [program("editions", "export", *words).out for words in asked] == before
        after = program("editions", "show", "3", "--json").json
        assert after.pop("ledger") == "edition-000003.jsonl.gz"
        assert after == {key: value for key, value in shown.items() if key != "ledger"}
        assert "are in ledger/edition-000003.jsonl.gz" in program("editions", "show", "3").out
        assert "2 of 2 accepted" in program("status").out


def test_an_edition_that_has_left_the_database_is_not_tried_again(delivered: Path, program: Program) -> None:
    fold(delivered)
    answer = program("editions", "retry", "3")
    assert answer.status == 2
    assert "ledger/edition-000003.jsonl.gz: edition 3 ended " in answer.err
    assert "cannot be tried again; its deliveries: publisher editions export 3" in answer.err


def test_who_was_erased_has_no_address_in_it(delivered: Path, program: Program) -> None:
    addresses = {row["address"] for row in rows(program("editions", "export", "3").out)}
    fold(delivered)
    store = open_store("sqlite:publisher.db", delivered)
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE subscribers SET address = NULL")
    store.close()
    assert [row["address"] for row in rows(program("editions", "export", "3").out)] == ["", ""]
    kept = "".join(gzip.decompress(path.read_bytes()).decode() for path in (delivered / "ledger").glob("*.gz"))
    assert '"deliveries"' in kept
    assert not any(address in kept for address in addresses)


def test_an_export_goes_into_a_file_or_says_why_not(delivered: Path, program: Program) -> None:
    answer = program("editions", "export", "1", "--out", "out.csv")
    assert (answer.status, answer.out) == (0, "written: out.csv\n")
    assert len(rows((delivered / "out.csv").read_text())) == 1
    answer = program("editions", "export", "1", "--out", "nowhere/out.csv")
    assert answer.status == 1
    assert answer.err == "publisher: nowhere/out.csv: cannot be written (No such file or directory)\n"
    assert program("editions", "export", "99").status == 2
