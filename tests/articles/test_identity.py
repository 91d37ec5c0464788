"""An article's id never changes, its dates mean what they say, and old news is not mailed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from publisher.articles.identity import Identified, identify, number
from publisher.articles.sources import Source, read_sources
from publisher.model.article import Record
from publisher.model.publication import Publication

NOW = datetime(2026, 1, 20, 8, tzinfo=UTC)
PUBLICATION = Publication(root=Path("/nowhere"), title="The Example", url="https://news.example.org")


def source(path: str = "articles/fog.md", **more: object) -> Source:
    values: dict[str, object] = {
        "path": path, "body": "Text", "content_hash": f"hash of {path}", "id": "", "title": "Fog", "slug": "fog",
        "date": NOW - timedelta(days=1), "updated": None, "summary": "", "language": "", "section": "", "tags": (),
        "authors": (), "image": "", "image_alt": "", "caption": "", "draft": False, "mail": None, "pin": False,
        "credit": "", "weight": 0, "minor": False, "correction": "", "kind": "article", "aliases": (),
    }  # fmt: skip
    return Source(**{**values, **more})  # type: ignore[arg-type]


def seen(*sources: Source, records: dict[str, Record] | None = None, now: datetime = NOW) -> list[Identified]:
    return identify(sources, records or {}, publication=PUBLICATION, now=now)[0]


def remembered(items: list[Identified]) -> dict[str, Record]:
    return {item.record.id: item.record for item in items}


def test_an_id_is_minted_from_the_path_and_is_a_tag_uri() -> None:
    assert seen(source())[0].record.id == "tag:news.example.org,2026-01-19:/fog"


def test_the_id_stays_when_title_date_domain_and_scheme_change() -> None:
    records = remembered(seen(source()))
    moved = replace(PUBLICATION, url="http://other.example.com")
    changed = source(title="Other", date=NOW - timedelta(days=3), content_hash="new")
    again, _, _ = identify([changed], records, publication=moved, now=NOW)
    assert [item.record.id for item in again] == list(records)


def test_a_file_that_moves_is_known_by_its_content() -> None:
    records = remembered(seen(source()))
    moved = source("articles/2026/mist.md", content_hash="hash of articles/fog.md")
    again, gone, _ = identify([moved], records, publication=PUBLICATION, now=NOW)
    assert [item.record.id for item in again] == list(records)
    assert gone == []


def test_a_written_id_stands_letter_for_letter() -> None:
    assert seen(source(id="http://old.example/?p=12"))[0].record.id == "http://old.example/?p=12"


def test_two_files_with_one_id_leave_the_first_and_name_both() -> None:
    records = remembered(seen(source("articles/b.md", id="one")))
    both = [source("articles/a.md", id="one"), source("articles/b.md", id="one")]
    items, _, errors = identify(both, records, publication=PUBLICATION, now=NOW)
    assert [item.source.path for item in items] == ["articles/b.md"]
    assert str(errors[0]).startswith('articles/a.md: has the same id as articles/b.md: "one"')


def test_updated_moves_on_an_edit_and_not_on_a_minor_one() -> None:
    records = remembered(seen(source()))
    later = NOW + timedelta(hours=5)
    untouched = seen(source(), records=records, now=later)[0].record
    assert untouched.updated == NOW - timedelta(days=1)
    edited = seen(source(content_hash="new"), records=records, now=later)[0].record
    assert edited.updated == later
    minor = seen(source(content_hash="new", minor=True), records=records, now=later)[0].record
    assert minor.updated == NOW - timedelta(days=1)
    assert minor.content_hash == "new"


def test_published_never_changes_once_it_was_public() -> None:
    records = remembered(seen(source()))
    changed = seen(source(date=NOW - timedelta(days=9)), records=records, now=NOW + timedelta(days=1))[0]
    assert changed.record.published == NOW - timedelta(days=1)


def test_a_draft_gets_its_date_when_it_is_published() -> None:
    records = remembered(seen(source(date=None, draft=True)))
    later = NOW + timedelta(days=30)
    published = seen(source(date=None), records=records, now=later)[0].record
    assert published.published == later
    assert (
        seen(source(date=None), records={published.id: published}, now=later + timedelta(days=1))[0].record == published
    )


def test_a_deleted_article_is_gone_and_one_that_cannot_be_read_is_not() -> None:
    records = remembered(seen(source()))
    _, gone, _ = identify([], records, publication=PUBLICATION, now=NOW)
    assert [record.path for record in gone] == ["articles/fog.md"]
    _, gone, _ = identify([], records, publication=PUBLICATION, unreadable=["articles/fog.md"], now=NOW)
    assert gone == []


def test_articles_are_numbered_oldest_first_and_only_once() -> None:
    items = seen(source("articles/a.md"), source("articles/b.md", date=NOW - timedelta(days=2)))
    decided = number(items, last_run=None, now=NOW, next_number=7)
    assert [(record.path, record.sequence) for record in decided] == [("articles/b.md", 7), ("articles/a.md", 8)]
    again = [Identified(item.source, record) for item, record in zip(items[::-1], decided, strict=True)]
    assert number(again, last_run=NOW, now=NOW, next_number=9) == []


def test_drafts_and_future_articles_are_not_numbered() -> None:
    items = seen(source("articles/a.md", draft=True), source("articles/b.md", date=NOW + timedelta(days=1)))
    assert number(items, last_run=None, now=NOW, next_number=1) == []


def test_old_news_is_left_out_for_good_unless_it_asks_to_be_mailed() -> None:
    """listmonk#1801, jetpack PR 51995: restored and imported articles were mailed."""
    old = NOW - timedelta(days=8)
    items = seen(source("articles/a.md", date=old), source("articles/b.md", date=old, mail=True))
    decided = {record.path: record for record in number(items, last_run=None, now=NOW, next_number=1)}
    assert decided["articles/a.md"].left_out == "old news"
    assert decided["articles/b.md"].sequence == 1
    again = [replace(items[0], record=decided["articles/a.md"])]
    assert number(again, last_run=NOW, now=NOW, next_number=2) == []


def test_age_counts_from_the_last_run_so_a_pause_of_ours_loses_nothing() -> None:
    items = seen(source(date=NOW - timedelta(days=20)))
    assert number(items, last_run=NOW - timedelta(days=21), now=NOW, next_number=1)[0].sequence == 1


def test_an_article_that_says_so_is_never_mailed() -> None:
    decided = number(seen(source(mail=False)), last_run=None, now=NOW, next_number=1)
    assert [record.left_out for record in decided] == ["mail = false"]


def test_white_space_is_no_edit(tmp_path: Path) -> None:
    publication = replace(PUBLICATION, root=tmp_path)
    (tmp_path / "articles").mkdir()
    file = tmp_path / "articles" / "fog.md"
    file.write_text("# Fog\n\nOne two\nthree.\n", "utf-8")
    before = read_sources(publication)[0][0]
    file.write_text("# Fog\n\n\nOne\ntwo three.\n\n", "utf-8")
    assert read_sources(publication)[0][0].content_hash == before.content_hash
    file.write_text("# Fog\n\nOne two\nfour.\n", "utf-8")
    assert read_sources(publication)[0][0].content_hash != before.content_hash


def test_one_bad_file_never_keeps_the_others(tmp_path: Path) -> None:
    publication = replace(PUBLICATION, root=tmp_path)
    folder = tmp_path / "articles"
    folder.mkdir()
    (folder / "good.md").write_text("# Good\n\nText", "utf-8")
    (folder / "latin.md").write_bytes(b"# K\xe4se\n")
    (folder / "broken.md").write_text("+++\ntitle = x\n+++\n", "utf-8")
    (folder / "huge.md").write_bytes(b"a" * 5_000_001)
    (folder / "empty.md").write_text("", "utf-8")
    sources, errors = read_sources(publication)
    assert [item.path for item in sources] == ["articles/good.md"]
    assert [str(error).split(";")[0] for error in errors] == [
        "articles/broken.md:2: front matter is not TOML: invalid value",
        "articles/empty.md: is empty: it has neither title nor text",
        "articles/huge.md: larger than 5 MB",
        "articles/latin.md:1: not UTF-8",
    ]
