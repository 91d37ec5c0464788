"""The index of the articles: what was put is there once it was saved, and only then."""

from __future__ import annotations

from pathlib import Path

from publisher.store.index import Index, Row


def row(path: str, body: str) -> Row:
    return Row(path, 1, 2, 3, body, "{}", "{}")


def kept(file: Path) -> list[tuple[str, str]]:
    index = Index.open(file, made_by="us")
    try:
        return [(found.path, found.body) for found in index.rows()]
    finally:
        index.close()


def test_what_was_put_stays_if_it_comes_to_saving_and_is_undone_if_not(tmp_path: Path) -> None:
    file = tmp_path / "index.db"
    index = Index.open(file, made_by="us")
    index.put([row("a.md", "old"), row("b.md", "old")])
    index.save([row("c.md", "old")], ["b.md"])
    index.close()
    assert kept(file) == [("a.md", "old"), ("c.md", "old")]
    index = Index.open(file, made_by="us")
    index.put(row(f"{number}.md", "x" * 5_000) for number in range(2_000))  # more than SQLite keeps in memory
    index.put([row("a.md", "new")])
    index.close()
    assert kept(file) == [("a.md", "old"), ("c.md", "old")]


def test_an_index_that_others_made_is_begun_anew(tmp_path: Path) -> None:
    file = tmp_path / "index.db"
    index = Index.open(file, made_by="them")
    index.save([row("a.md", "old")], [])
    index.close()
    assert kept(file) == []
