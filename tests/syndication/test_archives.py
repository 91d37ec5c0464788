"""A feed's history: archive pages that anybody can walk, and that stay as they are."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.model.article import Article
from publisher.model.publication import Publication
from publisher.pipeline import publish
from publisher.publication.loading import load
from publisher.store import Store
from publisher.syndication.archives import cut
from publisher.syndication.documents import Document, Later, feed_documents, feed_leaves
from publisher.syndication.public import write_public
from publisher.theme.environment import environment_of
from tests.syndication.conftest import START, article, publication
from tests.syndication.walking import URL, fetcher, ids, is_archive, links, walk

Maker = Callable[..., Any]
FORMATS = ("rss", "atom", "json")


def documents(of: Publication, articles: Sequence[Article], closed: Any = None) -> dict[str, bytes]:
    return {document.path: document.content for document in feed_documents(of, articles, closed)}


def everything(root: Path, **changes: Any) -> Publication:
    """A publication with its feed of everything only."""
    of = publication(root)
    return replace(of, feeds=(replace(of.feeds[0], **changes),))


def small(number: int, **changes: Any) -> Article:
    """An article of a few words; a greater number is a later one."""
    at = START + timedelta(hours=number)
    html = f"<p>Words of number {number}.</p>"
    return article(f"n{number}", **{"published": at, "updated": at, "html": html, "place": number} | changes)


@pytest.fixture(scope="module")
def two_thousand(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Article], dict[str, bytes]]:
    articles = [small(number) for number in range(2000, 0, -1)]
    return articles, documents(everything(tmp_path_factory.mktemp("many")), articles)


@pytest.mark.parametrize("format", FORMATS)
def test_28_a_walker_finds_each_of_2000_articles_exactly_once(
    two_thousand: tuple[list[Article], dict[str, bytes]], format: str
) -> None:
    articles, made = two_thousand
    walked = list(walk(fetcher(made), f"{URL}feeds/all.{format}"))
    found = [id for _, content in walked for id in ids(content)]
    assert found == [each.id for each in articles], "and newest first, over all pages"
    assert len(walked) == len([path for path in made if path.endswith(format)]), "no document is left out"
    assert len(ids(walked[0][1])) == 30


def test_a_feed_without_history_is_one_document(tmp_path: Path) -> None:
    of = everything(tmp_path, history=False)
    articles = [small(number) for number in range(400, 0, -1)]
    made = documents(of, articles)
    assert sorted(made) == ["feeds/all.atom", "feeds/all.json", "feeds/all.rss"]
    assert [ids(made[path]) for path in made] == 3 * [[each.id for each in articles[:30]]]
    assert b"prev-archive" not in made["feeds/all.rss"]
    assert b"next_url" not in made["feeds/all.json"]
    (leaves,) = feed_leaves(of, articles, {"all": [(1, 2, 3)]})
    assert leaves.places == ((1, 2, 3),), "for when it has its pages again"


@pytest.mark.parametrize("format", ["rss", "atom"])
def test_28_pages_say_what_they_are_and_what_is_around_them(
    two_thousand: tuple[list[Article], dict[str, bytes]], format: str
) -> None:
    _, made = two_thousand
    current, waiting, *closed = walk(fetcher(made), f"{URL}feeds/all.{format}")
    assert set(links(current[1])) >= {"self", "prev-archive"}
    assert not is_archive(current[1])
    assert not is_archive(waiting[1]), "it may still grow"
    newer = waiting[0]
    for address, content in closed:
        related = links(content)
        assert related["self"] == address
        assert related["current"] == f"{URL}feeds/all.{format}"
        assert related["next-archive"] == newer
        assert is_archive(content)
        newer = address
    assert "next-archive" not in links(waiting[1])
    assert "prev-archive" not in links(closed[-1][1])
    assert len(closed) > 10


def test_28_an_archive_page_finds_its_style_sheet(two_thousand: tuple[list[Article], dict[str, bytes]]) -> None:
    assert b'href="../../feed.css"' in two_thousand[1]["feeds/all/1.rss"]


def test_29_no_document_is_larger_than_the_ceiling_and_nothing_falls_off_the_end(
    tmp_path: Path, hostile: list[Article]
) -> None:
    several = [
        replace(each, id=f"{each.id}-{round}", published=each.published - timedelta(days=30 * round))
        for round in range(5)
        for each in hostile
    ]
    for size in (20_000, 50_000, 250_000):
        made = documents(everything(tmp_path, max_size=size, limit=1000), several)
        assert max(map(len, made.values())) <= size
        for format in ("rss", "json"):
            walked = walk(fetcher(made), f"{URL}feeds/all.{format}")
            assert sorted(id for _, content in walked for id in ids(content)) == sorted(each.id for each in several)


def test_29_the_ceiling_is_used_and_not_feared(tmp_path: Path) -> None:
    """Sizes are estimated from above; an estimate that is too careful would make documents short."""
    articles = [small(number, html="<p>" + "A sentence about the sea. " * 300 + "</p>") for number in range(90, 0, -1)]
    made = documents(everything(tmp_path, limit=1000), articles)
    assert len(made["feeds/all.rss"]) > 0.85 * 250_000


def test_29_an_article_that_is_larger_than_a_document_is_carried_by_its_summary(tmp_path: Path) -> None:
    large = small(1, html="<p>" + "word " * 100_000 + "</p>", summary="Very long.")
    made = documents(everything(tmp_path), [large])
    assert len(made["feeds/all.json"]) < 5_000
    assert b"Very long." in made["feeds/all.json"]


def test_29_a_closed_page_that_outgrows_the_ceiling_has_its_older_part_apart(tmp_path: Path) -> None:
    of = everything(tmp_path, limit=5)
    articles = [small(number) for number in range(300, 0, -1)]
    closed = {one.feed.name: one.places for one in feed_leaves(of, articles, {})}
    before = documents(of, articles, closed)
    grown = [
        replace(each, html="<p>" + "More words. " * 1000 + "</p>") if 101 <= (each.place or 0) <= 160 else each
        for each in articles
    ]
    after = documents(of, grown, closed)
    assert max(map(len, after.values())) <= 250_000
    new = {path for path in after if path not in before}
    assert new
    assert all(path.startswith("feeds/all/2-") for path in new)
    assert {path for path in before if after[path] != before[path]} == {f"feeds/all/2.{format}" for format in FORMATS}
    for format in FORMATS:
        walked = walk(fetcher(after), f"{URL}feeds/all.{format}")
        assert [id for _, content in walked for id in ids(content)] == [each.id for each in articles]


def changed(before: dict[str, bytes], after: dict[str, bytes]) -> set[str]:
    """The documents that are not the same, without their endings."""
    return {path.rpartition(".")[0] for path in {*before, *after} if before.get(path) != after.get(path)}


def test_28_adding_articles_changes_the_document_and_at_most_the_one_open_page(tmp_path: Path) -> None:
    of = everything(tmp_path, limit=5, max_size=60_000)
    articles = [small(number) for number in range(60, 0, -1)]
    closed: dict[str, Any] = {}
    before: dict[str, bytes] = {}
    opened = 0
    for number in range(61, 105):
        leaves = feed_leaves(of, articles, closed)
        closed = {one.feed.name: one.places for one in leaves}
        after = documents(of, articles, closed)
        if before:
            open_page = f"feeds/all/{max(int(path.split('/')[2].split('.')[0]) for path in before if '/all/' in path)}"
            new = {path.rpartition(".")[0] for path in after if path not in before}
            assert changed(before, after) - new <= {"feeds/all", open_page}
            opened += len(new)
        before = after
        articles = [small(number), *articles]
    assert opened >= 1, "a page was filled meanwhile"


class _History:
    """A feed over the years, with what is remembered of it; compares every step with the one before."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.articles: dict[int, Article] = {}
        self.closed: tuple[tuple[int, ...], ...] = ()

    def step(self) -> None:
        newest_first = sorted(self.articles.values(), key=lambda each: (each.published, each.id), reverse=True)
        pairs = [(each.place or 0, each) for each in newest_first]
        made = cut(pairs, self.closed, limit=self.limit, room=10_000, size=lambda each: len(each.html))
        everywhere = [*made.current, *made.waiting, *(each for page in made.closed for each in page)]
        assert sorted(each.id for each in everywhere) == sorted(each.id for each in newest_first)
        assert len(made.current) <= self.limit
        assert list(made.current) == [each for each in newest_first if each in made.current]
        kept = made.places[: len(self.closed)]
        assert kept == self.closed[: len(kept)], "a closed page has the articles it had"
        if len(kept) < len(self.closed):
            taken = {place for page in self.closed for place in page}
            loose = [each for each in newest_first if each.place not in taken]
            assert len(loose) * 2 < self.limit, "opened again only where the document had become short"
        self.closed = made.places
        again = cut(pairs, self.closed, limit=self.limit, room=10_000, size=lambda each: len(each.html))
        assert again == made, "deciding once more changes nothing"


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 12))
def test_28_whatever_happens_each_article_stands_in_one_document_and_closed_pages_stay(seed: int, limit: int) -> None:
    chance = random.Random(seed)
    history = _History(limit)
    place = 0
    for _ in range(80):
        for _ in range(chance.choice([0, 1, 1, 1, 3, 40])):
            place += 1
            back = chance.choice([0, 0, 0, 5, 500])
            html = "x" * chance.choice([10, 100, 2000])
            history.articles[place] = small(place, published=START + timedelta(hours=place - back), html=html)
        if history.articles and chance.random() < 0.3:
            gone = chance.choice(list(history.articles))
            del history.articles[gone]
        if history.articles and chance.random() < 0.3:
            edited = chance.choice(list(history.articles))
            history.articles[edited] = replace(history.articles[edited], html="y" * chance.choice([10, 5000]))
        history.step()


# With the whole road: files, the database, public/.


def written(folder: Path, number: int, *, day: str | None = None, section: str = "world", words: str = "") -> Path:
    file = folder / "articles" / f"n{number:03}.md"
    when = day or f"2026-02-{1 + number // 24:02}T{number % 24:02}:00:00Z"
    file.write_text(
        f'+++\ntitle = "Number {number}"\ndate = {when}\nsection = "{section}"\n+++\nText {number}. {words}\n'
    )
    return file


@pytest.fixture
def of(folder: Path) -> Publication:
    (folder / "feeds" / "world.toml").write_text(
        'title = "World"\nlimit = 5\nmax_size = 20\nselect = { sections = ["world"] }\n'
    )
    (folder / "feeds" / "science.toml").unlink()
    (folder / "articles" / "ferry.md").unlink()
    for number in range(60):
        written(folder, number)
    return load(folder)


def feeds_of(of: Publication) -> dict[str, bytes]:
    return {
        path.relative_to(of.public).as_posix(): path.read_bytes()
        for path in (of.public / "feeds").rglob("*")
        if path.suffix in (".rss", ".atom", ".json")
    }


def build(of: Publication, store: Store, now: Any) -> dict[str, bytes]:
    published = publish(of, store, environment=environment_of(of), now=now, mailing=False)
    assert not published.errors
    return feeds_of(of)


def all_ids(made: dict[str, bytes], format: str = "rss") -> list[str]:
    return [id for _, content in walk(fetcher(made), f"{URL}feeds/world.{format}") for id in ids(content)]


def test_28_a_new_article_leaves_closed_pages_as_they_are(of: Publication, store: Any, now: Any) -> None:
    before = build(of, store, now)
    written(of.root, 100)
    after = build(of, store, now)
    pages = sorted(
        int(path.split("/")[2].split(".")[0]) for path in before if path.endswith(".rss") and "/world/" in path
    )
    assert len(pages) >= 3
    assert changed(before, after) <= {"feeds/world", f"feeds/world/{pages[-1]}", f"feeds/world/{pages[-1] + 1}"}
    for format in FORMATS:
        assert len(all_ids(after, format)) == len(set(all_ids(after, format))) == 61


def test_28_what_is_dated_back_is_found_and_moves_no_page(of: Publication, sqlite_store: Any, now: Any) -> None:
    before = build(of, sqlite_store, now)
    written(of.root, 101, day="2020-01-01T00:00:00Z")
    after = build(of, sqlite_store, now)
    newest = max(
        int(path.split("/")[2].split(".")[0]) for path in before if path.endswith(".rss") and "/world/" in path
    )
    assert changed(before, after) <= {f"feeds/world/{newest}", f"feeds/world/{newest + 1}"}, "not even the document"
    assert len(set(all_ids(after))) == 61


def test_28_a_closed_page_changes_only_with_its_own_articles(of: Publication, sqlite_store: Any, now: Any) -> None:
    before = build(of, sqlite_store, now)
    written(of.root, 3, words="Edited.")
    edited = build(of, sqlite_store, now + timedelta(hours=1))
    assert changed(before, edited) == {"feeds/world/1"}
    (of.root / "articles" / "n003.md").unlink()
    deleted = build(of, sqlite_store, now + timedelta(hours=2))
    assert changed(edited, deleted) == {"feeds/world/1"}
    written(of.root, 4, section="science")
    moved = build(of, sqlite_store, now + timedelta(hours=3))
    assert changed(deleted, moved) == {"feeds/world/1"}
    assert len(all_ids(moved)) == 58
    written(of.root, 4)
    written(of.root, 3, words="Edited.")
    assert changed(build(of, sqlite_store, now + timedelta(hours=4)), edited) <= {"feeds/world/1"}, "and back they are"


def test_28_an_article_that_is_edited_into_the_feed_is_found(of: Publication, sqlite_store: Any, now: Any) -> None:
    written(of.root, 2, section="science")
    before = build(of, sqlite_store, now)
    assert len(all_ids(before)) == 59
    written(of.root, 2)
    after = build(of, sqlite_store, now + timedelta(hours=1))
    assert len(set(all_ids(after))) == 60
    assert "feeds/world/1" not in changed(before, after)


def test_28_closed_pages_change_with_the_publications_url(of: Publication, sqlite_store: Any, now: Any) -> None:
    before = build(of, sqlite_store, now)
    moved = replace(of, url="https://other.example.com")
    after = build(moved, sqlite_store, now)
    assert changed(before, after) == {path.rpartition(".")[0] for path in before}
    assert b"news.example.org/feeds" not in b"".join(after.values())


def test_28_a_raised_limit_is_honoured_although_pages_are_closed(of: Publication, sqlite_store: Any, now: Any) -> None:
    build(of, sqlite_store, now)
    wider = replace(of, feeds=(replace(of.feeds[0], limit=40, max_size=250_000),))
    after = build(wider, sqlite_store, now)
    assert len(ids(after["feeds/world.rss"])) >= 20
    assert len(all_ids(after)) == len(set(all_ids(after))) == 60


def test_a_page_that_stays_is_not_even_written_anew(of: Publication, sqlite_store: Any, now: Any) -> None:
    build(of, sqlite_store, now)

    def refused() -> bytes:
        raise AssertionError("written all the same")

    closed = Later("feeds/kept.rss", "some print", lambda: b"kept")
    write_public(of, [closed], [], keep_others=True)
    assert write_public(of, [replace(closed, write=refused)], [], keep_others=True).changed == ()
    (of.public / "feeds/kept.rss").write_bytes(b"changed by hand")
    assert write_public(of, [closed], [], keep_others=True).changed == ("feeds/kept.rss",)
    other = write_public(of, [replace(closed, made="another print")], [], keep_others=True)
    assert (other.changed, other.unchanged) == ((), 1), "other prints may give the same bytes"
    assert write_public(of, [Document("feeds/kept.rss", b"new")], [], keep_others=True).changed == ("feeds/kept.rss",)
