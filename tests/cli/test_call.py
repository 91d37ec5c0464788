"""Exit status and errors: one line each, no traceback, whoever's mistake it was."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Program


def test_common_options_stand_before_or_after_the_command(publication: Path, program: Program) -> None:
    before = program("--publication", str(publication), "--json", "config", "get", "title")
    between = program("config", "--json", "get", "--publication", str(publication), "title")
    after = program("config", "get", "title", "--publication", str(publication), "--json")
    assert before.json["value"] == "The Test Gazette"
    assert before == between == after


def test_a_folder_without_a_publication_is_wrong_usage(
    tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = program("config", "check")
    assert answer.status == 2
    assert "no publication here" in answer.err
    assert "publisher init DIR --demo" in answer.err
    named = program("config", "check", "--publication", "nowhere")
    assert named.status == 2
    assert named.err.startswith("publisher: --publication nowhere: there is no publication.toml in it;")


def test_a_publication_is_found_upwards_like_git(
    publication: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(publication / "articles")
    assert program("config", "get", "title").out == "The Test Gazette\n"


def test_every_fault_of_the_settings_is_one_line(publication: Path, program: Program) -> None:
    text = (publication / "publication.toml").read_text()
    (publication / "publication.toml").write_text(text.replace("pages ", "pagse ").replace("Europe/Berlin", "Mars"))
    answer = program("config", "check")
    assert answer.status == 2
    assert answer.out == ""
    lines = answer.err.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith('publisher: publication.toml:6: "timezone": unknown time zone "Mars"')
    assert lines[1].startswith('publisher: publication.toml:18: unknown key "web.pagse"; did you mean "pages"?')


def test_debug_shows_the_traceback_and_still_the_line(publication: Path, program: Program) -> None:
    plain, debug = program("config", "get", "titel"), program("config", "get", "titel", "--debug")
    assert "Traceback" not in plain.err
    assert "Traceback" in debug.err
    assert debug.err.endswith(plain.err)


def test_a_fault_of_ours_asks_for_a_report(
    publication: Path, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The settings' reader is broken on purpose: no input is known that makes a command fall over.
    monkeypatch.setattr("publisher.publication.settings.read_settings", lambda root: [][0])
    answer = program("config", "get")
    assert answer.status == 1
    assert answer.err.count("\n") == 1
    assert "run it again with --debug and report" in answer.err


def test_a_reader_that_has_enough_ends_the_program_without_a_word(publication: Path) -> None:
    command = [sys.executable, "-m", "publisher", "config", "get", "--publication", str(publication)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1


def test_ctrl_c_ends_the_program_without_a_traceback(tmp_path: Path) -> None:
    script = """if True:
        import sys, time
        import publisher.publication.finding
        from publisher.cli import main

        def wait(start):
            print("waiting", flush=True)
            time.sleep(60)

        publisher.publication.finding.find_root = wait
        sys.argv = ["publisher", "config", "check"]
        main()
    """
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"waiting\n"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert b"Traceback" not in err
