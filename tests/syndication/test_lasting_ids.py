"""The id of an article lasts, whatever becomes of its file, its address, its publication or the machine; and it is
never used again (RFC 4287 section 4.2.6, JSON Feed 1.1).
"""

from __future__ import annotations

import json
import os
import shutil
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from publisher import pipeline
from publisher.publication.loading import load
from publisher.store import open_store
from publisher.theme.environment import environment_of

FERRY = """\
+++
title = "{title}"
date = 2026-03-01T08:00:00Z
section = "{section}"
slug = "{slug}"
+++
Nobody aboard knew it yet.
"""


class Paper:
    """A publication that is built; ``ids`` are those of a feed, by title."""

    def __init__(self, folder: Path, now: datetime) -> None:
        self.folder = folder
        self.now = now

    def build(self) -> dict[str, str]:
        about = load(self.folder)
        store = open_store(about.database, self.folder)
        try:
            pipeline.publish(about, store, environment=environment_of(about), now=self.now, mailing=False)
        finally:
            store.close()
        self.now += timedelta(minutes=5)
        feed = json.loads((self.folder / "public" / "feeds" / "world.json").read_bytes())
        return {item["title"]: item["id"] for item in feed["items"]}

    def dates(self) -> dict[str, str]:
        """When the ferry's article was published and updated (without its fraction), after a build; in all formats."""
        self.build()
        feeds = self.folder / "public" / "feeds"
        (item,) = json.loads((feeds / "world.json").read_bytes())["items"]
        atom, rss = ((feeds / f"world.{format}").read_text("utf-8") for format in ("atom", "rss"))
        assert f"<updated>{item['date_modified']}</updated>" in atom
        assert f"<published>{item['date_published']}</published>" in atom
        assert f"<atom:updated>{item['date_modified']}</atom:updated>" in rss
        return {"published": item["date_published"], "updated": item["date_modified"][:19]}

    def write(self, name: str, *, title: str = "The ferry", section: str = "world", slug: str = "ferry") -> None:
        text = FERRY.format(title=title, section=section, slug=slug)
        (self.folder / "articles" / name).write_text(text, "utf-8")


@pytest.fixture
def paper(folder: Path, sqlite_database: str, now: datetime) -> Paper:
    assert sqlite_database
    paper = Paper(folder, now)
    paper.write("ferry.md")
    return paper


def test_it_survives_a_new_name_slug_title_section_domain_and_scheme(paper: Paper) -> None:
    [(_, minted)] = paper.build().items()
    (paper.folder / "articles" / "ferry.md").rename(paper.folder / "articles" / "renamed.md")
    assert list(paper.build().values()) == [minted]
    paper.write("renamed.md", slug="another-slug")
    assert list(paper.build().values()) == [minted]
    paper.write("renamed.md", slug="another-slug", title="The ferry, renamed")
    assert paper.build() == {"The ferry, renamed": minted}
    paper.write("renamed.md", slug="another-slug", title="The ferry, renamed", section="science")
    assert list(paper.build().values()) == [minted]
    settings = paper.folder / "publication.toml"
    for url in ("http://news.example.org", "https://gazette.example.com/news"):
        text = settings.read_text("utf-8")
        old = next(line for line in text.splitlines() if line.startswith("url"))
        settings.write_text(text.replace(old, f'url = "{url}"'), "utf-8")
        assert list(paper.build().values()) == [minted]


def test_7_updated_moves_on_an_edit_of_the_text_alone(paper: Paper, tmp_path: Path) -> None:
    file = paper.folder / "articles" / "ferry.md"
    first = paper.dates()
    assert first["published"] == "2026-03-01T08:00:00Z"
    text = file.read_text("utf-8")
    for same in (text + "\n\n", text.replace("Nobody aboard", "Nobody  aboard"), text.replace("\n", "\r\n")):
        file.write_bytes(same.encode())
        assert paper.dates() == first, "white space is no edit"
    file.write_text(text.replace("knew it yet", "knew of it yet").replace("slug", "minor = true\nslug"), "utf-8")
    assert paper.dates() == first, "nor is one that is marked as minor"
    os.utime(file, (1_700_000_000, 1_700_000_000))
    assert paper.dates() == first, "nor a file that looks older"
    checkout = Paper(tmp_path / "checkout", paper.now)
    shutil.copytree(paper.folder, checkout.folder, copy_function=shutil.copy, ignore=shutil.ignore_patterns("public"))
    assert checkout.dates() == first, "nor a fresh checkout"
    file.write_text(text.replace("knew it yet", "had been told"), "utf-8")
    now = paper.now
    edited = paper.dates()
    assert edited == {"published": first["published"], "updated": f"{now:%Y-%m-%dT%H:%M:%S}"}
    assert paper.dates() == edited, "and then it stays"


def test_it_survives_a_restored_copy_and_a_public_folder_made_anew(paper: Paper, tmp_path: Path) -> None:
    before = paper.build()
    shutil.copytree(paper.folder, tmp_path / "restored", ignore=shutil.ignore_patterns("public", ".publisher"))
    restored = Paper(tmp_path / "restored", paper.now)
    assert restored.build() == before
    assert (tmp_path / "restored/public/feeds/world.atom").read_bytes() == (
        paper.folder / "public/feeds/world.atom"
    ).read_bytes()


def test_what_comes_to_the_path_of_one_that_is_gone_has_its_own_id(paper: Paper) -> None:
    [(_, minted)] = paper.build().items()
    (paper.folder / "articles" / "ferry.md").unlink()
    assert paper.build() == {}
    paper.write("ferry.md", title="A harbour")
    [(title, other)] = paper.build().items()
    assert title == "A harbour"
    assert other != minted


def test_an_article_that_is_away_for_a_moment_comes_back_as_itself(paper: Paper) -> None:
    before = paper.build()
    (paper.folder / "articles" / "ferry.md").unlink()
    assert paper.build() == {}
    paper.write("ferry.md", slug="edited-meanwhile")
    assert paper.build() == before


def test_importing_the_same_piece_twice_is_recognised(
    paper: Paper, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from publisher.cli import call

    piece = tmp_path / "piece.md"
    piece.write_text('+++\ntitle = "The weir"\ndate = 2026-03-01T07:00:00Z\n+++\nWater falls.\n', "utf-8")
    for _ in range(2):
        call(["import", str(piece), "--publication", str(paper.folder)])
    capsys.readouterr()
    ids = paper.build()
    assert sorted(ids) == ["The ferry", "The weir"]
    assert len(set(ids.values())) == 2
