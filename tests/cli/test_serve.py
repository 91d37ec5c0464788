"""`publisher serve`, as a process of its own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from .conftest import Program


@contextmanager
def serving(folder: Path, *, every: int = 1) -> Iterator[tuple[Path, Path]]:
    """The command in that folder, a pass ``every`` so many seconds; the files of its output and errors."""
    out, err = folder.parent / "serve.out", folder.parent / "serve.err"
    words = "import sys; from publisher.cli import main; sys.exit(main())"
    with out.open("w") as said, err.open("w") as failed:
        process = subprocess.Popen(
            [sys.executable, "-c", words, "serve", "--port", "0", "--every", str(every)],
            cwd=folder,
            stdout=said,
            stderr=failed,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        try:
            yield out, err
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0


def until(true: Callable[[], bool]) -> bool:
    """Whether it becomes true within half a minute."""
    deadline = time.monotonic() + 30
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_a_server_goes_by_settings_that_were_changed_while_it_runs(publication: Path, program: Program) -> None:
    feed = publication / "public" / "feeds" / "all.rss"
    with serving(publication) as (out, _):
        assert until(feed.exists)
        assert program("config", "set", "url", "https://paper.example.org").status == 0
        assert until(lambda: "https://paper.example.org/" in feed.read_text())
        assert until(lambda: "the settings have changed" in out.read_text())
        assert program("build").status == 0
        time.sleep(2.5)
        assert "https://paper.example.org/" in feed.read_text()
        assert out.read_text().count("the settings have changed") == 1


def test_a_server_names_a_setting_that_became_wrong_once_and_goes_on_when_it_is_mended(publication: Path) -> None:
    feed, settings = publication / "public" / "feeds" / "all.rss", publication / "publication.toml"
    right = settings.read_text()
    with serving(publication) as (_, err):
        assert until(feed.exists)
        settings.write_text(right.replace("title  ", "titel  "))
        assert until(lambda: "titel" in err.read_text())
        settings.write_text(right.replace("The Test Gazette", "The New Gazette"))
        assert until(lambda: "The New Gazette" in (publication / "public" / "index.html").read_text())
        assert err.read_text().count("titel") == 1


def test_a_server_does_nothing_while_the_settings_name_another_database(publication: Path, program: Program) -> None:
    with serving(publication) as (_, err):
        assert until((publication / "publisher.db").exists)
        assert program("config", "set", "database", "sqlite:other.db").status == 0
        assert until(lambda: "stop serve and start it again" in err.read_text())
    assert not (publication / "other.db").exists()


def address(out: Path) -> str:
    """Where it answers."""
    assert until(lambda: "serving http" in out.read_text())
    found = re.search(r"serving (http://\S+)", out.read_text())
    assert found
    return found[1]


def stamped(site: str) -> str:
    found = re.search(r'name="stamp" value="([^"]+)"', httpx2.get(f"{site}/follow/").text)
    assert found
    return found[1]


def test_whoever_signs_up_is_mailed_the_confirmation_at_once_and_no_edition_opens(publication: Path) -> None:
    mailbox = publication / "mail" / "new"
    with serving(publication, every=3600) as (out, _):
        assert until((publication / "public" / "follow" / "index.html").exists)
        site = address(out)
        assert until(lambda: httpx2.get(f"{site}/follow/").status_code == 200)
        form = {"address": "ana@example.com", "newsletter": "all", "stamp": stamped(site)}
        time.sleep(2.1)
        started = time.monotonic()
        assert "Look into your mailbox" in httpx2.post(f"{site}/subscribe", data=form).text
        assert until(lambda: mailbox.is_dir() and any(mailbox.iterdir()))
        assert time.monotonic() - started < 5
        [message] = mailbox.iterdir()
        assert b"Please confirm" in message.read_bytes()


def test_forms_go_by_settings_that_were_changed_while_it_runs(publication: Path) -> None:
    feed = publication / "feeds" / "all.toml"
    with serving(publication) as (out, _):
        site = address(out)
        assert until((publication / "public" / "follow" / "index.html").exists)
        form = {"address": "ana@example.com", "newsletter": "news", "stamp": stamped(site)}
        time.sleep(2.1)
        assert httpx2.post(f"{site}/subscribe", data=form).status_code == 404
        feed.rename(feed.with_name("news.toml"))
        assert until(lambda: httpx2.post(f"{site}/subscribe", data=form).status_code == 200)
