"""Articles written into a folder and inspected, as `check` does it, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from publisher.articles.checking import check_articles
from publisher.articles.identity import identify
from publisher.articles.inspecting import Inspected, inspect_articles
from publisher.articles.rendering import render_articles
from publisher.articles.sources import read_sources
from publisher.model.article import Author, Record
from publisher.model.finding import Finding
from publisher.model.publication import Publication

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

CLEAN = """\
+++
id      = "tag:news.example.org,2026:/ferry"
title   = "The ferry has a new name"
date    = 2026-03-01T08:00:00Z
section = "world"
authors = ["ana"]
+++
Nobody aboard knew it yet.
"""


def publication_in(root: Path) -> Publication:
    (root / "articles").mkdir(parents=True, exist_ok=True)
    return Publication(
        root=root,
        title="The Example",
        url="https://news.example.org",
        sections={"world": "World", "science": "Science"},
        authors={"ana": Author("ana", "Ana Example")},
    )


def write(root: Path, **texts: str | bytes) -> None:
    """Writes ``NAME.md`` for each; names may have ``__`` for a folder."""
    for name, text in texts.items():
        path = root / "articles" / f"{name.replace('__', '/')}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())


def inspect(root: Path, records: Sequence[Record] = ()) -> list[Inspected]:
    publication = publication_in(root)
    sources, _ = read_sources(publication)
    known = {record.id: record for record in records}
    identified, _, _ = identify(sources, known, publication=publication, now=NOW)
    articles, _ = render_articles(identified, publication)
    return inspect_articles(identified, articles, publication)


def check(root: Path, records: Sequence[Record] = ()) -> list[Finding]:
    return check_articles(
        inspect(root, records),
        publication=publication_in(root),
        records={record.id: record for record in records},
        now=NOW,
    )
