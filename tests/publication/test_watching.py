"""What is watched: everything a build reads, and nothing that it writes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from publisher.publication.watching import snapshot


@pytest.mark.parametrize(
    "path",
    [
        "publication.toml",
        "feeds/world.toml",
        "feeds/new.toml",
        "templates/web/front.html",
        "articles/ferry.md",
        "articles/deep/er/new.md",
        "articles/images/boat.png",
    ],
)
def test_a_change_of_what_a_build_reads_is_seen(folder: Path, path: str) -> None:
    before = snapshot(folder, folder / "articles")
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text("changed\n")
    assert snapshot(folder, folder / "articles") != before


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "articles" / "ferry.md").unlink(),
        lambda folder: (folder / "articles" / "ferry.md").rename(folder / "articles" / "boat.md"),
        lambda folder: (folder / "publication.toml").unlink(),
    ],
    ids=["deleted", "renamed", "settings deleted"],
)
def test_what_goes_is_seen_too(folder: Path, change: Callable[[Path], object]) -> None:
    before = snapshot(folder, folder / "articles")
    change(folder)
    assert snapshot(folder, folder / "articles") != before


@pytest.mark.parametrize(
    "path", ["public/index.html", "publisher.db", "publisher.db-wal", ".publisher/x", "mail/new/1"]
)
def test_what_a_run_writes_is_not_looked_at_even_if_the_articles_are_the_whole_folder(folder: Path, path: str) -> None:
    before = snapshot(folder, folder)
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_text("written\n")
    assert snapshot(folder, folder) == before


def test_a_link_in_a_circle_ends(folder: Path) -> None:
    (folder / "articles" / "again").symlink_to(folder / "articles")
    assert snapshot(folder, folder / "articles")
