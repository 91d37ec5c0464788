"""A build after any history of changes leaves what a build without caches makes of the same state, byte for byte."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.publication import load
from publisher.store import open_store
from publisher.syndication.publishing import Published, as_before, publish
from publisher.theme.environment import environment_of

START = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SETTINGS = """\
title = "{title}"
url = "https://news.example.org"
timezone = "Europe/Berlin"
[web]
permalink = "{permalink}"
[sections]
world = "World"
[authors.ana]
name = "Ana Example"
bio = "{bio}"
"""
FEEDS = {
    "all": 'title = "All"\nlimit = {limit}\nmax_size = 20\neach = ["section", "tag"]\naliases = ["/feed/"]\n',
    "sea": 'title = "Sea"\nselect = {{ tags = ["sea"] }}\nlimit = {limit}\ncontent = "summary"\n',
}
PICTURE = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00%c\x00\x00\x00\x05\x08\x02\x00\x00\x00"


class World:
    """A publication that changes by chance; ``folder`` is what is built again and again."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder / "news"
        self.chance = random.Random(seed)
        self.now = START
        self.count = 0
        self.values = {"title": "News", "permalink": "/{year}/{slug}/", "bio": "Writes.", "limit": "3"}
        for name in ("articles", "feeds", "templates/web"):
            (self.folder / name).mkdir(parents=True)
        self.settings()
        for _ in range(6):
            self.add()
        self.steps: list[Callable[[], object]] = [
            *(self.add, self.edit, self.edit, self.minor, self.rename, self.delete, self.retag, self.redate, self.wait),
            *(self.draft, self.alias, self.template, self.setting, self.lose, self.forget, self.spoil, self.picture),
            *(self.collide, self.untitled, self.nothing, self.leave),
        ]

    def step(self) -> str:
        """Changes something; its name."""
        self.now += timedelta(minutes=1)
        step = self.chance.choice(self.steps)
        step()
        return getattr(step, "__name__", "")

    def settings(self) -> None:
        (self.folder / "publication.toml").write_text(SETTINGS.format(**self.values), "utf-8")
        for name, text in FEEDS.items():
            (self.folder / "feeds" / f"{name}.toml").write_text(text.format(**self.values), "utf-8")

    def files(self) -> list[Path]:
        return sorted((self.folder / "articles").rglob("*.md"))

    def one(self) -> Path:
        return self.chance.choice(self.files())

    def add(self) -> None:
        self.count += 1
        date = self.now + timedelta(hours=self.chance.choice([-900, -50, -3, -2, -1, 1]))
        tags = self.chance.choice([[], ["sea"], ["Sea", "night"], ["night"]])
        section = self.chance.choice(["", "world", "science"])
        self.write(
            self.folder / "articles" / self.chance.choice(["", "deep"]) / f"piece-{self.count}.md",
            f'+++\ntitle = "Piece {self.count}"\ndate = {date.isoformat()}\ntags = {json.dumps(tags)}\n'
            f'section = "{section}"\nauthors = ["ana"]\n+++\n{"Words of it. " * self.chance.choice([3, 300, 900])}\n',
        )

    def write(self, file: Path, text: str) -> None:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, "utf-8")

    def set(self, key: str, line: str) -> None:
        file = self.one()
        head, _, body = file.read_text("utf-8").removeprefix("+++\n").partition("\n+++\n")
        lines = [kept for kept in head.split("\n") if not kept.startswith(f"{key} =")]
        self.write(file, "+++\n" + "\n".join([*lines, *filter(None, [line])]) + f"\n+++\n{body}")

    def edit(self) -> None:
        file = self.one()
        text = file.read_text("utf-8")
        # Often as long as before, and always within two seconds of the last build.
        changed = text.replace("Words", "Terms", 1) if "Words" in text else f"{text}More.\n"
        file.write_text(changed, "utf-8")

    def minor(self) -> None:
        self.set("minor", "minor = true")
        self.edit()

    def rename(self) -> None:
        file = self.one()
        file.rename(file.with_name(f"renamed-{self.count}-{file.name}"))

    def delete(self) -> None:
        if len(self.files()) > 3:
            self.one().unlink()

    def retag(self) -> None:
        self.set("tags", f"tags = {json.dumps(self.chance.choice([[], ['sea'], ['rope'], ['night', 'sea']]))}")
        self.set("section", f'section = "{self.chance.choice(["", "world", "town"])}"')

    def redate(self) -> None:
        self.set("date", f"date = {(self.now + timedelta(hours=self.chance.choice([-400, -2, 2]))).isoformat()}")

    def wait(self) -> None:
        self.now += timedelta(hours=1)

    def draft(self) -> None:
        self.set("draft", self.chance.choice(["draft = true", ""]))

    def alias(self) -> None:
        self.set("aliases", f'aliases = ["/old-{self.chance.randrange(3)}/", "/2026/piece-1/"]')

    def collide(self) -> None:
        self.set("slug", self.chance.choice(['slug = "piece-2"', ""]))

    def untitled(self) -> None:
        self.set("title", "")

    def template(self) -> None:
        word = self.chance.choice(["one", "two"])
        self.write(self.folder / "templates" / "web" / "imprint.html", f"<footer>{word}</footer>")

    def setting(self) -> None:
        key, values = self.chance.choice(
            [
                ("title", ["News", "Other News"]),
                ("permalink", ["/{year}/{slug}/", "/p/{slug}/"]),
                ("bio", ["Writes.", ""]),
                ("limit", ["2", "3", "5"]),
            ]
        )
        self.values[key] = self.chance.choice(values)
        self.settings()

    def lose(self) -> None:
        found = sorted(path for path in (self.folder / "public").rglob("*") if path.is_file())
        lost = self.chance.choice(found)
        lost.unlink()
        if len(lost.relative_to(self.folder / "public").parts) > 2:  # so deep a build that has nothing to do looks not
            (self.folder / ".publisher" / "fresh.json").unlink(missing_ok=True)

    def forget(self) -> None:
        """What public/ had is remembered in one file, which may go only with public/."""
        for name in self.chance.sample(["index.db", "fresh.json"], 1):
            (self.folder / ".publisher" / name).unlink(missing_ok=True)

    def leave(self) -> None:
        shutil.rmtree(self.folder / "public")

    def spoil(self) -> None:
        (self.folder / ".publisher" / "index.db").write_bytes(self.chance.randbytes(9000))

    def picture(self) -> None:
        width = bytes([self.chance.randrange(1, 200)])
        (self.folder / "articles" / "x.png").write_bytes(PICTURE.replace(b"%c", b"\x00" + width))
        file = self.chance.choice(sorted((self.folder / "articles").glob("*.md")))
        file.write_text(file.read_text("utf-8") + "\n![x](x.png)\n", "utf-8")

    def nothing(self) -> None:
        """A pass that has nothing to do."""


def build(folder: Path, now: datetime) -> Published:
    publication = load(folder)
    if (last := as_before(publication, now=now, mailing=False)) is not None:
        return last
    store = open_store(publication.database, folder)
    try:
        return publish(publication, store, environment=environment_of(publication), now=now, mailing=False)
    finally:
        store.close()


def contents(folder: Path) -> dict[str, bytes]:
    public = folder / "public"
    return {str(path.relative_to(public)): path.read_bytes() for path in public.rglob("*") if path.is_file()}


def manifest(folder: Path) -> dict[str, list[object]]:
    """What the build remembers of each file, but for its time."""
    saved = json.loads((folder / ".publisher" / "public.json").read_bytes())["files"]
    return {path: [made, size, content] for path, (made, size, _, content) in saved.items() if "media/" not in path}


def histories(tmp_path: Path, seed: int, steps: int) -> None:
    world = World(tmp_path, seed)
    build(world.folder, world.now)
    told = []
    for _ in range(steps):
        before = contents(world.folder)
        times = {path: (world.folder / "public" / path).stat().st_mtime_ns for path in before}
        told.append(world.step())
        published = build(world.folder, world.now)
        cold = tmp_path / "cold"
        shutil.rmtree(cold, ignore_errors=True)
        shutil.copytree(world.folder, cold, ignore=shutil.ignore_patterns("public", ".publisher"))
        errors = [str(error) for error in build(cold, world.now).errors]
        assert [str(error) for error in published.errors] == errors, told
        made, expected = contents(world.folder), contents(cold)
        if errors:  # then nothing is removed
            made = {path: content for path, content in made.items() if path in expected}
        assert made.keys() == expected.keys(), told
        assert [path for path in made if made[path] != expected[path]] == [], told
        if not errors:
            assert {path: of[1:] for path, of in manifest(world.folder).items()} == {
                path: of[1:] for path, of in manifest(cold).items()
            }
        same = [path for path, content in made.items() if before.get(path) == content and "media/" not in path]
        assert [p for p in same if (world.folder / "public" / p).stat().st_mtime_ns != times[p]] == [], told


def test_a_history_of_changes_leaves_what_a_cold_build_makes(tmp_path: Path) -> None:
    histories(tmp_path, 1, 14)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2, 8))
def test_longer_histories_of_changes_leave_what_a_cold_build_makes(tmp_path: Path, seed: int) -> None:
    histories(tmp_path, seed, 40)
