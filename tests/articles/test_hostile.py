"""Articles that nobody should write: each is told in one line, and keeps no other from being published."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher.articles.identity import identify
from publisher.articles.rendering import render_articles
from publisher.articles.sources import read_sources
from publisher.model.publication import Publication

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def faults(publication: Publication) -> list[str]:
    """Reads and renders them all; the good one is there whatever the others are."""
    sources, errors = read_sources(publication)
    identified, _, more = identify(sources, {}, publication=publication, now=NOW)
    articles, unrendered = render_articles(identified, publication)
    assert "articles/ferry.md" in [article.path for article in articles]
    return [str(error) for error in (*errors, *more, *unrendered)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("---\ndate: 0001-01-01T00:00:00+14:00\n---\nx", '2: "date": 1-01-01 is in no year that we know'),
        ("+++\ndate = 9999-12-31T23:59:00-12:00\n+++\nx", '2: "date": 9999-12-31 is in no year that we know'),
        (f"+++\ntitle = {'[' * 5000}\n+++\nx", "2: front matter is nested too deeply"),
        (f'+++\nslug = "{"a" * 300}"\n+++\nx', '2: "slug": is longer than 200 bytes'),
        ('+++\nimage = "http://[::1"\n+++\nx', ' the picture "http://[::1" has no usable address'),
        ("![x](http://[::1)", " "),
    ],
    ids=["before the calendar", "after the calendar", "nested", "slug", "lead picture", "picture"],
)
def test_an_article_that_cannot_be_used_is_one_line(publication: Publication, text: str, told: str) -> None:
    (publication.articles_folder / "bad.md").write_text(text, "utf-8")
    for fault in faults(publication):
        assert fault.startswith(f"articles/bad.md:{told}")


def test_a_name_that_is_not_utf_8_is_told(publication: Publication) -> None:
    try:
        (publication.articles_folder / os.fsdecode(b"caf\xe9.md")).write_text("x", "utf-8")
    except OSError:
        pytest.skip("this file system takes no such name")
    [fault] = faults(publication)
    assert fault == "articles/caf\\udce9.md: its name is not UTF-8; rename it"


def test_a_pipe_or_a_device_is_no_article_and_keeps_nobody_waiting(publication: Publication) -> None:
    os.mkfifo(publication.articles_folder / "pipe.md")
    (publication.articles_folder / "zero.md").symlink_to("/dev/zero")
    assert faults(publication) == [
        "articles/pipe.md: is not a file; move it elsewhere",
        "articles/zero.md: is not a file; move it elsewhere",
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.png", b""),
        ("a.png", b"\x89PNG\r\n\x1a\n"),
        ("a.svg", b'<svg width="abc"'),
        ("a.tiff", b"II*\0\xff\xff\xff\xff"),
    ],
)
def test_a_broken_picture_has_no_size_and_that_is_all(publication: Publication, name: str, content: bytes) -> None:
    (publication.articles_folder / name).write_bytes(content)
    Path(publication.articles_folder / "shows.md").write_text(f"![A picture]({name})", "utf-8")
    assert faults(publication) == []
