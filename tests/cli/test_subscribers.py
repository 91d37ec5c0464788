"""`publisher subscribers`."""

from __future__ import annotations

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
