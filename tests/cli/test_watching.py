"""`publisher build --watch`, in a process of its own, stopped by Ctrl-C."""

from __future__ import annotations

import queue
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.cli.conftest import Program

ARTICLE = '+++\nid = "a:{0}"\ntitle = "{0}"\ndate = 2026-01-01\n+++\nText of {0}.\n'
PATIENCE = 30.0


class Watched:
    """The running program: its lines, as they come."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.Queue[str] = queue.Queue()
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            threading.Thread(target=self._read, args=(stream,), daemon=True).start()

    def _read(self, stream: IO[str]) -> None:
        for line in stream:
            self._lines.put(line.rstrip("\n"))

    def line(self, with_text: str) -> str:
        """The next line that has this text; those before it are passed over."""
        end = time.monotonic() + PATIENCE
        seen = []
        while True:
            try:
                line = self._lines.get(timeout=max(0, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"no {with_text!r} among {seen}") from None
            if with_text in line:
                return line
            seen.append(line)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=PATIENCE)


@contextmanager
def watching(publication: Path, *options: str) -> Iterator[Watched]:
    command = [sys.executable, "-u", "-m", "publisher", "build", "--watch", "--publication", str(publication), *options]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            yield Watched(process)
        finally:
            process.kill()


def test_every_change_is_built_and_faults_are_lines_until_ctrl_c(publication: Path) -> None:
    articles = publication / "articles"
    (articles / "fog.md").write_text(ARTICLE.format("Fog"))
    with watching(publication) as watched:
        watched.line("watching (stop with Ctrl-C)")
        watched.line("wrote public/2026/fog/index.html")
        watched.line("1 article read")
        (articles / "ice.md").write_text(ARTICLE.format("Ice"))
        watched.line("wrote public/2026/ice/index.html")
        (articles / "ice.md").write_text("+++\ntitle = \n+++\n")
        assert watched.line("publisher: articles/ice.md:2:")
        (articles / "ice.md").unlink()
        watched.line("removed public/2026/ice/index.html")

        settings = publication / "publication.toml"
        text = settings.read_text()
        settings.write_text(text.replace("title ", "titel ", 1))
        watched.line("publisher: publication.toml")
        settings.write_text(text.replace("The Test Gazette", "The Fog Gazette"))
        watched.line("wrote public/index.html")
        assert "The Fog Gazette" in (publication / "public" / "index.html").read_text()

        override = publication / "templates" / "web" / "style.css"
        override.parent.mkdir(parents=True, exist_ok=True)
        override.write_text("{{ nobody.knows }}")
        watched.line("publisher: templates/web/style.css:1:")
        override.write_text("p { color: green }")
        watched.line("wrote public/style.css")
        assert watched.stop() == 0
        watched.line("stopped")


def test_with_serve_the_pages_are_shown_and_follow(publication: Path) -> None:
    (publication / "articles" / "fog.md").write_text(ARTICLE.format("Fog"))
    with watching(publication, "--serve", "--port", "0") as watched:
        url = watched.line("serving http://127.0.0.1:").removeprefix("serving ")
        watched.line("1 article read")
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            assert b"EventSource" in answer.read()
        with urllib.request.urlopen(f"{url}.publisher/builds", timeout=PATIENCE) as events:
            (publication / "articles" / "ice.md").write_text(ARTICLE.format("Ice"))
            assert events.readline() == b"data: built\n"
        assert "EventSource" not in (publication / "public" / "index.html").read_text()
        assert watched.stop() == 0


def test_serve_without_watch_says_what_to_write(publication: Path, program: Program) -> None:
    answer = program("build", "--serve")
    assert answer.status == 2
    assert "publisher build --watch --serve" in answer.err
