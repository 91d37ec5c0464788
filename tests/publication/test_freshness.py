"""A build that would change nothing stops at a look at the files; one that might does not."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher import pipeline
from publisher.publication import load
from publisher.publication.freshness import forget
from publisher.store import open_store
from publisher.theme.environment import environment_of

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


@pytest.fixture
def built(folder: Path) -> Path:
    """A publication that was built at NOW."""
    build(folder)
    return folder


def build(folder: Path, *, now: datetime = NOW, mailing: bool = False) -> pipeline.Published:
    publication = load(folder)
    store = open_store(publication.database, folder)
    try:
        environment = environment_of(publication)
        return pipeline.publish(publication, store, environment=environment, now=now, mailing=mailing)
    finally:
        store.close()


def is_fresh(folder: Path, *, now: datetime = NOW, mailing: bool = False) -> bool:
    return pipeline.as_before(load(folder), now=now, mailing=mailing) is not None


def touch(file: Path) -> None:
    os.utime(file, (time.time() - 3600, time.time() - 3600))


def append(file: Path, text: str) -> None:
    file.write_text(file.read_text("utf-8") + text, "utf-8")


CHANGES: dict[str, Callable[[Path], object]] = {
    "an article edited": lambda folder: append(folder / "articles" / "ferry.md", "More.\n"),
    "an article touched": lambda folder: touch(folder / "articles" / "ferry.md"),
    "an article added": lambda folder: (folder / "articles" / "new.md").write_text("# New\n\nText.\n"),
    "an article deleted": lambda folder: (folder / "articles" / "ferry.md").unlink(),
    "an article renamed": lambda folder: (folder / "articles" / "ferry.md").rename(folder / "articles" / "boat.md"),
    "a picture added": lambda folder: (folder / "articles" / "x.png").write_bytes(b"png"),
    "a folder added": lambda folder: (folder / "articles" / "2026").mkdir(),
    "a feed edited": lambda folder: append(folder / "feeds" / "world.toml", "\n"),
    "a feed deleted": lambda folder: (folder / "feeds" / "science.toml").unlink(),
    "settings edited": lambda folder: touch(folder / "publication.toml"),
    "a template overridden": lambda folder: (
        (folder / "templates" / "web").mkdir(parents=True),
        (folder / "templates" / "web" / "moved.html").write_text("x"),
    ),
    "a file of public/ deleted": lambda folder: (folder / "public" / "index.html").unlink(),
    "a feed of public/ deleted": lambda folder: (folder / "public" / "feeds" / "world.rss").unlink(),
    "what was built forgotten": lambda folder: (folder / ".publisher" / "public.json").unlink(),
    "another database": lambda folder: (folder / "publisher.db").unlink(),
    "somebody forgot it": lambda folder: forget(load(folder)),
    "half a file": lambda folder: (folder / ".publisher" / "fresh.json").write_text('{"version": 1'),
    "another version's file": lambda folder: (folder / ".publisher" / "fresh.json").write_text('{"version": 0}'),
    "something else": lambda folder: (folder / ".publisher" / "fresh.json").write_text("[]"),
}


def test_nothing_changed_is_fresh(built: Path) -> None:
    assert is_fresh(built)
    assert is_fresh(built, now=NOW + timedelta(days=400))


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_seen(what: str, built: Path) -> None:
    CHANGES[what](built)
    assert not is_fresh(built)
    if what not in ("an article deleted", "an article renamed"):
        build(built)
        assert is_fresh(built)


def test_what_was_in_a_file_just_touched_is_compared_too(built: Path) -> None:
    """The file system's clock may not have moved on between what the build read and an edit."""
    kept = built / ".publisher" / "fresh.json"
    saved = json.loads(kept.read_text("utf-8"))
    article = str(built / "articles" / "ferry.md")
    saved["recent"][article] = "of something else"
    kept.write_text(json.dumps(saved), "utf-8")
    assert not is_fresh(built)


def test_an_article_that_becomes_due_is_built(folder: Path) -> None:
    article = folder / "articles" / "ferry.md"
    article.write_text(article.read_text("utf-8").replace("2026-03-01T08:00", "2026-03-02T10:00"), "utf-8")
    build(folder)
    assert is_fresh(folder, now=NOW + timedelta(minutes=29))
    assert not is_fresh(folder, now=NOW + timedelta(minutes=30))
    assert "2026/ferry/index.html" in build(folder, now=NOW + timedelta(minutes=30)).written.changed
    assert not is_fresh(folder)  # it is not public yet, by that clock


def test_what_has_not_had_its_turn_to_be_mailed_is_read_by_a_run(built: Path) -> None:
    assert is_fresh(built)
    assert not is_fresh(built, mailing=True)


def test_after_a_fault_everything_is_read_again(folder: Path) -> None:
    (folder / "articles" / "broken.md").write_text("+++\ntitle = \n+++\n", "utf-8")
    assert build(folder).errors
    assert not is_fresh(folder)


def test_settings_that_changed_while_we_built_are_not_taken_for_built(folder: Path) -> None:
    publication = load(folder)
    file = folder / "publication.toml"
    file.write_text(file.read_text("utf-8").replace("The Example", "Another"), "utf-8")
    store = open_store(publication.database, folder)
    environment = environment_of(publication)
    pipeline.publish(publication, store, environment=environment, now=NOW, mailing=False)
    store.close()
    assert not is_fresh(folder)


def test_a_picture_behind_a_link_is_looked_at(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("pictures")
    (elsewhere / "x.png").write_bytes(b"not a picture, but a file")
    (folder / "articles" / "shots").symlink_to(elsewhere)
    append(folder / "articles" / "ferry.md", "\n![x](shots/x.png)\n")
    assert not build(folder).errors
    assert is_fresh(folder)
    (elsewhere / "x.png").write_bytes(b"something else")
    assert not is_fresh(folder)
