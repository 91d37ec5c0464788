"""Many articles are built by several processes: nothing else is different, also when one of them is killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from publisher.articles.crew import hands

ROOT = Path(__file__).resolve().parents[2]
ONE, SEVERAL = 1_000_000, 10
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x20\x00\x00\x00\x05\x08\x02\x00\x00\x00"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or len(os.sched_getaffinity(0)) < 2, reason="there is one core, and so no crew"
)


@pytest.fixture
def news(tmp_path: Path) -> Path:
    """A publication of 150 articles, some of them faulty."""
    folder = tmp_path / "news"
    (folder / "articles" / "deep").mkdir(parents=True)
    (folder / "feeds").mkdir()
    (folder / "publication.toml").write_text(
        'title = "News"\nurl = "https://news.example.org"\n[authors.ana]\nname = "Ana Example"\nbio = "Writes."\n'
    )
    (folder / "feeds" / "all.toml").write_text('title = "All"\nmax_size = 20\neach = ["section", "tag"]\n')
    (folder / "articles" / "boat.png").write_bytes(PICTURE)
    for number in range(150):
        head = f'title = "Piece {number}"\ndate = 2026-02-{1 + number % 27:02}T{number % 24:02}:00:00Z\n'
        head += f'tags = ["tag {number % 7}"]\nsection = "section-{number % 3}"\nauthors = ["ana"]\n'
        if number % 10 == 1:
            head += f'aliases = ["/old/{number}/"]\n'
        if number % 50 == 2:
            head += "draft = true\n"
        if number % 50 == 3:
            head += 'slug = "the-same"\n'
        picture = "../boat.png" if number % 2 else "boat.png"
        body = f"![A boat]({picture}) *Words* of [it](https://example.org/{number}). " * 3 + "<wbr>" * (number % 5)
        if number % 70 == 4:
            body += "![Not there](nowhere.png)"
        where = "deep/" if number % 2 else ""
        (folder / "articles" / f"{where}piece-{number}.md").write_text(f"+++\n{head}+++\n{body}\n")
    (folder / "articles" / "broken.md").write_text("+++\ntitle = \n+++\n")
    (folder / "articles" / "binary.md").write_bytes(b"\xff\xfe\x00")
    return folder


def start(folder: Path, many: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.syndication.crewed", str(folder), str(many)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


def built(folder: Path, many: int) -> dict[str, Any]:
    process = start(folder, many)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    report: dict[str, Any] = json.loads(output)
    return report


def files(folder: Path) -> dict[str, bytes]:
    public = folder / "public"
    return {str(file.relative_to(public)): file.read_bytes() for file in public.rglob("*") if file.is_file()}


def both(news: Path, tmp_path: Path, change: Callable[[Path], object]) -> tuple[Path, Path]:
    """The same publication and change, built by one process and by several."""
    alone = tmp_path / "alone" / "news"
    if not alone.exists():
        shutil.copytree(news, alone)
    change(alone)
    change(news)
    expected, found = built(alone, ONE), built(news, SEVERAL)
    assert found == expected
    assert files(news) == files(alone)
    return alone, news


def children(process: subprocess.Popen[str]) -> list[int]:
    try:
        return [int(one) for one in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]
    except OSError:
        return []


def wait_for(condition: Callable[[], Any]) -> Any:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.001)
    raise AssertionError("it never happened")


def test_a_process_with_threads_has_no_crew() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    assert hands() == 1
    stop.set()
    thread.join()


def test_several_processes_leave_what_one_leaves_and_report_the_same(news: Path, tmp_path: Path) -> None:
    both(news, tmp_path, lambda _folder: None)


def test_so_they_do_when_many_articles_have_changed(news: Path, tmp_path: Path) -> None:
    def edit(folder: Path) -> None:
        for file in sorted((folder / "articles").rglob("*.md"))[::3]:
            file.write_bytes(file.read_bytes() + b"\nMore of it.\n")
        (folder / "articles" / "piece-6.md").unlink()
        (folder / "articles" / "piece-8.md").rename(folder / "articles" / "moved.md")

    both(news, tmp_path, lambda _folder: None)
    both(news, tmp_path, edit)
    both(news, tmp_path, lambda folder: shutil.rmtree(folder / ".publisher"))


def test_pages_without_a_place_are_told_as_by_one_process(news: Path, tmp_path: Path) -> None:
    def block(folder: Path) -> None:
        place = folder / "public" / "2026" / "piece-12"
        place.parent.mkdir(parents=True)
        place.write_text("a file in the folder's place")

    both(news, tmp_path, block)
    assert any("piece-12" in path for path in built(news, SEVERAL)["clashes"])


def test_a_template_that_does_not_render_is_told_with_its_line(news: Path) -> None:
    (news / "templates" / "web").mkdir(parents=True)
    (news / "templates" / "web" / "article.html").write_text("<p>\n{{ article.nothing }}</p>\n")
    assert built(news, SEVERAL)["error"].startswith("templates/web/article.html:2: does not render")


@pytest.mark.parametrize("pages", [0, 1, 60])
def test_after_one_of_them_was_killed_the_build_says_so_and_the_next_one_completes_it(
    news: Path, tmp_path: Path, pages: int
) -> None:
    alone = tmp_path / "alone" / "news"
    shutil.copytree(news, alone)
    process = start(news, SEVERAL)
    wait_for(lambda: len(children(process)) > 1)
    wait_for(lambda: process.poll() is not None or len(list(news.glob("public/2026/*/index.html"))) >= pages)
    killed = children(process)
    if killed:
        os.kill(killed[-1], signal.SIGKILL)
    output, _ = process.communicate(timeout=60)
    report = json.loads(output)
    if "error" in report:
        assert report["error"].startswith("the build: was not finished: a process that rendered articles was killed")
    whole = [file.read_bytes() for file in news.glob("public/2026/*/index.html")]
    assert all(page.rstrip().endswith(b"</html>") for page in whole)
    built(news, SEVERAL)
    built(alone, ONE)
    ours = {path: content for path, content in files(news).items() if not path.rpartition("/")[2].startswith(".")}
    assert ours == files(alone)


def test_none_of_them_outlives_the_build(news: Path) -> None:
    process = start(news, SEVERAL)
    wait_for(lambda: len(children(process)) > 1)
    crew = children(process)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    wait_for(lambda: not any(Path(f"/proc/{child}/fd").exists() for child in crew))
    before = files(news)
    time.sleep(0.2)
    assert files(news) == before
