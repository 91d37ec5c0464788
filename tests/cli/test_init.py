"""`publisher init`: by options, by questions, or a copy of the demo; all of it or nothing."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
import time_machine

from publisher.publication import load
from publisher.publication.starter import starter
from tests.cli.conftest import Program
from tests.relay import Relay

GOOD = {
    "--title": 'The "Quay" \\ News',
    "--url": "https://news.example.org/",
    "--sender": '"Desk, World" <desk@example.org>',
    "--postal-address": "1 Example Quay",
    "--timezone": "Asia/Tokyo",
    "--hour": "7",
    "--relay": "desk@relay.example.org:2525",
}


def words(**changes: str) -> list[str]:
    options = GOOD | {f"--{name.replace('_', '-')}": value for name, value in changes.items()}
    return [word for pair in options.items() for word in pair]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@time_machine.travel("2026-11-20T08:10Z")
def test_options_make_a_publication_that_loads(here: Path, program: Program) -> None:
    answer = program("init", "news", *words())
    assert answer.status == 0
    made = load(here / "news")
    assert (made.title, made.url, made.timezone) == ('The "Quay" \\ News', "https://news.example.org", "Asia/Tokyo")
    assert made.delivery.transport == "smtp://desk@relay.example.org:2525"
    [newsletter] = made.newsletters
    assert (newsletter.sender_name, newsletter.sender_address) == ("Desk, World", "desk@example.org")
    assert [cadence.cron for cadence in newsletter.cadences] == ["0 7 * * *"]
    assert str(newsletter.since) == "2026-11-20"
    names = {path.name for path in (here / "news").iterdir()}
    assert names == {".gitignore", "articles", "feeds", "publication.toml", "secrets.toml", "templates"}
    assert "/secrets.toml" in (here / "news" / ".gitignore").read_text()
    assert list((here / "news" / "articles").iterdir()) == []


def test_the_next_commands_are_printed(program: Program) -> None:
    lines = program("init", "my news", *words(relay="")).out.splitlines()
    assert lines[0].startswith("Made my news: ")
    assert [line.partition("   #")[0] for line in lines[2:7]] == [
        "  cd 'my news'",
        '  publisher new "The first article"',
        "  publisher preview all",
        "  publisher subscribers add ADDRESS",
        "  publisher run",
    ]
    assert "run --quiet --publication" in lines[7]


def test_the_next_commands_do_what_they_say(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    program("init", "news", *words(relay=""))
    monkeypatch.chdir("news")
    assert program("new", "The first article").status == 0
    refused = program("preview", "all")
    assert refused.status == 2
    assert "take the draft line out" in refused.err
    assert "1 article read, 1 draft among them;" in program("run").out
    article = Path("articles/the-first-article.md")
    article.write_text(article.read_text().replace("draft   = true\n", ""))
    assert program("preview", "all").status == 0
    assert program("subscribers", "add", "ana@example.org").status == 0
    assert "published: 1 article read; " in program("run").out


def test_what_nobody_can_be_asked_for_is_wrong_usage(here: Path, program: Program) -> None:
    answer = program("init", "news", "--title", "News")
    assert answer.status == 2
    assert "--url, --sender, --postal-address are missing" in answer.err
    assert list(here.iterdir()) == []


def test_every_wrong_value_is_one_line_and_nothing_is_written(here: Path, program: Program) -> None:
    wrong = words(title=" ", url="news", sender="desk", timezone="Mars", hour="25:00", relay="smtp://u:p@relay")
    answer = program("init", "news", *wrong)
    assert answer.status == 2
    lines = answer.err.splitlines()
    options = ["--title", "--url", "--timezone", "--sender", "--hour", "--relay"]
    assert [line.split(": ")[1] for line in lines] == options
    assert "secrets.toml" in lines[-1]
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("title", ["two\nlines", "\udcff", "bell\a"])
def test_a_title_that_no_file_can_hold_is_refused(here: Path, program: Program, title: str) -> None:
    answer = program("init", "news", *words(title=title))
    assert answer.status == 2
    assert answer.err == "publisher: --title: must be one line of readable text\n"
    assert list(here.iterdir()) == []


def test_a_folder_with_a_publication_is_refused(here: Path, program: Program) -> None:
    (here / "publication.toml").write_text("title = 'Mine'\n")
    for more in (words(), ["--demo"]):
        answer = program("init", ".", *more)
        assert answer.status == 2
        assert "there is a publication.toml already" in answer.err
    assert [path.name for path in here.iterdir()] == ["publication.toml"]


def test_the_demo_is_the_starter_without_its_templates(here: Path, program: Program) -> None:
    answer = program("init", "deep/down/demo", "--demo")
    assert answer.status == 0
    made = here / "deep" / "down" / "demo"
    source = starter()
    for name in ("publication.toml", "subscribers.csv", "feeds/all.toml"):
        assert (made / name).read_bytes() == (source / name).read_bytes()
    assert {path.name for path in (made / "articles").glob("*.md")} == {
        path.name for path in (source / "articles").glob("*.md")
    }
    assert list((made / "templates").iterdir()) == []
    assert answer.out.splitlines()[2:] == [
        "  cd deep/down/demo",
        "  publisher subscribers import subscribers.csv",
        "  publisher run --now 2026-11-20T08:10",
        "  publisher serve",
    ]


def test_the_demo_takes_no_settings(here: Path, program: Program) -> None:
    answer = program("init", "demo", "--demo", "--title", "Mine")
    assert answer.status == 2
    assert "--title" in answer.err
    assert list(here.iterdir()) == []


def test_an_existing_folder_keeps_what_it_has(here: Path, program: Program) -> None:
    (here / "articles").mkdir()
    (here / "articles" / "old.md").write_text("Old.\n")
    (here / ".gitignore").write_text("/mine\n")
    assert program("init", ".", *words(relay="")).status == 0
    assert (here / "articles" / "old.md").read_text() == "Old.\n"
    assert (here / ".gitignore").read_text() == "/mine\n"
    assert load(here).title == GOOD["--title"]


def test_a_file_in_the_way_is_not_overwritten_and_nothing_is_half_made(here: Path, program: Program) -> None:
    (here / "feeds").mkdir()
    (here / "feeds" / "all.toml").write_text("# mine\n")
    answer = program("init", ".", *words())
    assert answer.status == 2
    assert "feeds/all.toml: in the way" in answer.err
    assert [path.name for path in here.iterdir()] == ["feeds"]
    assert (here / "feeds" / "all.toml").read_text() == "# mine\n"


def test_a_place_that_cannot_be_written_gets_one_line(program: Program) -> None:
    answer = program("init", "/proc/news", "--demo")
    assert answer.status == 1
    assert answer.err.startswith("publisher: /proc/news: cannot be written")
    assert answer.err.count("\n") == 1


def test_questions_are_asked_on_a_terminal_until_the_answer_will_do(here: Path) -> None:
    answers = ["News", "not a url", "https://news.example.org", "Europe/Berlin", "Desk <desk@example.org>", "", "7", ""]
    ours, theirs = pty.openpty()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "TERM": "dumb"}
    with subprocess.Popen(
        [sys.executable, "-m", "publisher", "init", "news"], stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        os.write(ours, "".join(f"{answer}\n" for answer in answers).encode())
        said = b""
        while chunk := _read(ours):
            said += chunk
    os.close(ours)
    assert process.returncode == 0, said.decode()
    assert b"not a web address" in said
    made = load(here / "news")
    assert (made.title, made.url, made.postal_address) == ("News", "https://news.example.org", "")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when the other side has closed
        return b""


def test_a_test_message_goes_through_the_relay(here: Path, program: Program) -> None:
    with Relay() as relay:
        answer = program("init", "news", *words(relay=relay.url), "--test-message", "ana@example.com")
        assert answer.status == 0
        assert "Sent a test message to ana@example.com: 250" in answer.out
        [message] = [item.message for item in relay.accepted]
    assert message["Subject"] == 'Test message of The "Quay" \\ News'
    assert message["From"] == '"Desk, World" <desk@example.org>'
    assert "mail leaves as it should" in message.get_body(("plain",)).get_content()


def test_a_test_message_that_is_refused_is_told_and_the_publication_is_made(here: Path, program: Program) -> None:
    with Relay(refuse=lambda _recipient: "550 5.1.1 no such user") as relay:
        answer = program("init", "news", *words(relay=relay.url), "--test-message", "ana@example.com")
    assert answer.status == 1
    assert answer.err.startswith("publisher: ana@example.com: the test message was not accepted: 550")
    assert load(here / "news").title.startswith("The")


def test_a_relay_that_is_away_is_told_and_the_publication_is_made(here: Path, program: Program) -> None:
    answer = program("init", "news", *words(relay="smtp://127.0.0.1:9"), "--test-message", "ana@example.com")
    assert answer.status == 1
    assert "127.0.0.1:9" in answer.err
    assert load(here / "news").title.startswith("The")
