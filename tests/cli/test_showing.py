"""`publisher preview --serve`, in a process of its own: what the page shows, and that it follows what is edited."""

from __future__ import annotations

import base64
import http.client
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.cli.test_watching import PATIENCE, Watched

ARTICLE = '+++\ntitle = "{0}"\ndate = 2026-01-02\nmail = true\n+++\nText of {0}. ![A dot](dot.png)\n'
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@contextmanager
def showing(publication: Path, *options: str) -> Iterator[Watched]:
    words = ["preview", "all", "--serve", "--port", "0", "--publication", str(publication), *options]
    command = [sys.executable, "-u", "-m", "publisher", *words]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            yield Watched(process)
        finally:
            process.kill()


def ask(url: str, path: str = "", host: str = "") -> tuple[int, str]:
    connection = http.client.HTTPConnection(url.removeprefix("http://").rstrip("/"), timeout=PATIENCE)
    try:
        connection.request("GET", f"/{path}", headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace")
    finally:
        connection.close()


@pytest.fixture
def article(publication: Path) -> Path:
    (publication / "articles" / "dot.png").write_bytes(DOT)
    file = publication / "articles" / "a.md"
    file.write_text(ARTICLE.format("Fog"))
    return file


def test_the_page_follows_articles_templates_and_feeds_and_names_faults(publication: Path, article: Path) -> None:
    with showing(publication) as watched:
        url = watched.line("serving http://127.0.0.1:").removeprefix("serving ")
        watched.line("Fog: ")
        page = ask(url)[1]
        assert "EventSource" in page
        assert "more until Gmail clips it" in page
        for frame in ("light.htm", "dark.htm", "bare.htm", "blind.htm"):
            shown = ask(url, frame)[1]
            assert "Text of Fog." in shown
            assert "EventSource" not in shown
        assert ask(url, "media/dot.png")[0] == 200
        assert ask(url, "message.eml")[1].startswith("From: ")
        assert ask(url, host="evil.example")[0] == 421

        article.write_text(ARTICLE.format("Frost"))
        watched.line("Frost: ")
        assert "Frost" in ask(url)[1]

        override = publication / "templates" / "email" / "masthead.html"
        override.parent.mkdir(parents=True)
        override.write_text("<tr><td>\n{{ nobody.knows }}\n</td></tr>\n")
        watched.line("publisher: templates/email/masthead.html:2: ")
        page = ask(url)[1]
        assert "templates/email/masthead.html:2" in page
        assert "{{ nobody.knows }}" in page
        assert "Traceback" not in page
        assert "EventSource" in page
        override.write_text("<tr><td><h1>Mended</h1></td></tr>\n")
        watched.line("Frost: ")
        assert "Mended" in ask(url, "light.htm")[1]

        feed = publication / "feeds" / "all.toml"
        settings = feed.read_text()
        feed.write_text(settings.replace("[newsletter]\n", "[newsletter]\nnonsense = 1\n", 1))
        watched.line("publisher: feeds/all.toml:")
        assert "nonsense" in ask(url)[1]
        feed.write_text(settings.replace("[newsletter]\n", '[newsletter]\nsubject = "On {{ articles[0].title }}"\n', 1))
        watched.line("On Frost: ")
        assert watched.stop() == 0


@pytest.mark.usefixtures("article")
def test_nothing_is_left_when_it_is_ended(publication: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setenv("TMPDIR", str(scratch))
    with showing(publication) as watched:
        watched.line("Fog: ")
        (folder,) = scratch.iterdir()
        assert folder.stat().st_mode & 0o077 == 0, "nobody else on this machine reads it"
        watched.process.terminate()
        assert watched.process.wait(timeout=PATIENCE) == 0
    assert list(scratch.iterdir()) == []


@pytest.mark.usefixtures("article")
def test_words_that_are_off_end_it_at_once(publication: Path, program: Program) -> None:
    assert program("preview", "nothing", "--serve").status == 2
    assert program("preview", "all", "--serve", "--as", "ben@example.com").status == 2
    assert program("preview", "all", "--serve", "--cadence", "hourly").status == 2
    assert "--serve goes alone" in program("preview", "all", "--serve", "--send", "ed@example.org").err
