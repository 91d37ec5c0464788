"""The editions on the web: a page each, a list a newsletter, a feed a cadence (requirement 25)."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import lxml.html
import pytest
from lxml import etree

from publisher import pipeline
from publisher.audience.admitting import import_rows
from publisher.audience.csvfile import read_csv
from publisher.model.edition import EditionState
from publisher.publication import load, load_secrets
from publisher.store import Store, open_store, returns
from publisher.store import editions as edition_store
from publisher.store.folding import fold_ended
from publisher.syndication.sitemap import with_page
from tests.relay import Relay

MONDAY = datetime(2026, 3, 2, 6, 5, tzinfo=UTC)  # 07:05 in Berlin: the daily slot of 07:00 is due
READERS = """\
address,name,newsletter,cadence,topics
ana@example.com,Ana,world,daily,
juergen@example.com,Jürgen Weiß,world,daily,tag:sea
mei@example.com,,world,weekly,
"""
FORMATS = ("rss", "atom", "json")


class Gazette:
    """A publication that mails over a real SMTP server; ``at_the_relay`` is called for each recipient."""

    def __init__(self, folder: Path, transport: str) -> None:
        self.folder = folder
        self.public = folder / "public"
        self.change("publication.toml", "[sections]", f'[delivery]\ntransport = "{transport}"\n[sections]')
        self.change("feeds/world.toml", "since = 2026-01-01", "since = 2026-03-02")
        self.change("articles/ferry.md", "date = 2026-03-01T08:00:00Z", "date = 2026-03-02T05:00:00Z")
        self.store: Store = open_store(load(folder).database, folder)
        import_rows(
            self.store,
            load(folder),
            read_csv(READERS.encode(), file="readers.csv"),
            file="readers.csv",
            keys=load_secrets(folder).signing,
            now=MONDAY - timedelta(days=1),
        )

    def change(self, file: str, old: str, new: str) -> None:
        text = (self.folder / file).read_text("utf-8")
        assert old in text
        (self.folder / file).write_text(text.replace(old, new, 1), "utf-8")

    def write(self, name: str, date: datetime, head: str = "") -> None:
        text = f'+++\ntitle = "{name}"\ndate = {date.isoformat()}\n{head}\n+++\nText of {name}.\n'
        (self.folder / "articles" / f"{name}.md").write_text(text, "utf-8")

    def run(self, at: datetime) -> pipeline.Passed:
        passed = pipeline.run(
            load(self.folder),
            load_secrets(self.folder),
            self.store,
            clock=lambda: at,
            stop=threading.Event(),
            fixed_time=True,
        )
        assert passed.errors == []
        return passed

    def page(self, path: str) -> Any:
        return lxml.html.fromstring((self.public / path / "index.html").read_bytes())

    def feed(self, name: str = "editions-world-daily", format: str = "atom") -> Any:
        found = feedparser.parse((self.public / "feeds" / f"{name}.{format}").read_bytes())
        assert not found.bozo
        return found


@pytest.fixture
def gazette(folder: Path, sqlite_database: str, relay: Relay) -> Iterator[Gazette]:
    gazette = Gazette(folder, relay.url)
    yield gazette
    gazette.store.close()


def test_an_edition_s_page_is_there_before_its_mail_leaves(gazette: Gazette, relay: Relay) -> None:
    there: list[bool] = []

    def look(_recipient: str) -> None:
        there.append((gazette.public / "editions/world/1/index.html").exists())

    relay.refuse = look
    gazette.run(MONDAY)
    assert there == [True]  # Jürgen reads of the sea only
    text = relay.accepted[0].message
    plain = text.get_body(("plain",))
    html = text.get_body(("html",))
    assert plain is not None
    assert html is not None
    for part in (plain, html):
        assert "https://news.example.org/editions/world/1/" in part.get_content()
    page = gazette.page("editions/world/1")
    assert "Nobody aboard knew it yet." in page.text_content()
    assert page.xpath("//h1")[0].text == "The ferry has a new name"
    assert page.xpath("//link[@rel='canonical']/@href") == ["https://news.example.org/editions/world/1/"]
    assert page.xpath("//link[@rel='alternate']/@href")[0] == "https://news.example.org/feeds/editions-world-daily.rss"
    assert "ana@example.com" not in (gazette.public / "editions/world/1/index.html").read_text("utf-8")
    assert "/u/" not in (gazette.public / "editions/world/1/index.html").read_text("utf-8")


def test_what_leads_to_an_edition_leads_there_at_once(gazette: Gazette) -> None:
    gazette.run(MONDAY)
    assert gazette.page("follow").xpath("//a[@href='../editions/world/']")
    sitemap = (gazette.public / "sitemap.xml").read_bytes()
    rows = {row[0].text: row[1].text for row in etree.fromstring(sitemap) if len(row) > 1}
    assert rows["https://news.example.org/editions/world/1/"] == "2026-03-02T06:00:00Z"
    assert with_page(sitemap, "https://news.example.org/editions/world/1/", MONDAY) == sitemap
    assert with_page(b"<sitemapindex></sitemapindex>", "https://x.example/", MONDAY) == b"<sitemapindex></sitemapindex>"
    follow = (gazette.public / "follow/index.html").read_bytes()
    gazette.run(MONDAY + timedelta(minutes=5))
    assert (gazette.public / "follow/index.html").read_bytes() == follow


def test_the_next_build_changes_nothing_of_it_and_lists_it(gazette: Gazette) -> None:
    gazette.run(MONDAY)
    before = {path: path.read_bytes() for path in (gazette.public / "editions").rglob("*.html")}
    passed = gazette.run(MONDAY + timedelta(minutes=5))
    assert passed.published is not None
    assert not any(path.startswith("editions/") for path in passed.published.written.changed)
    assert {path: path.read_bytes() for path in (gazette.public / "editions").rglob("*.html")} == before
    assert gazette.page("follow").xpath("//a[@href='../editions/world/']")
    listed = gazette.page("editions/world").xpath("//ol[@class='titles']//a/@href")
    assert listed == ["../../editions/world/1/"]
    sitemap = etree.fromstring((gazette.public / "sitemap.xml").read_bytes())
    changes = {row[0].text: row[1].text for row in sitemap if len(row) > 1}
    assert changes["https://news.example.org/editions/world/1/"] == "2026-03-02T06:00:00Z"


def test_each_cadence_has_a_feed_with_an_entry_an_edition(gazette: Gazette) -> None:
    gazette.run(MONDAY)
    gazette.write("The lock opens", MONDAY + timedelta(hours=3))
    gazette.run(MONDAY + timedelta(days=1))
    found = gazette.feed()
    assert [entry.title for entry in found.entries] == ["The lock opens", "The ferry has a new name"]
    assert found.feed.title == "World, editions (daily)"
    assert found.feed.link == "https://news.example.org/editions/world/"
    assert [entry.link for entry in found.entries] == [
        "https://news.example.org/editions/world/2/",
        "https://news.example.org/editions/world/1/",
    ]
    assert [entry.updated for entry in found.entries] == ["2026-03-03T06:00:00.000002Z", "2026-03-02T06:00:00.000001Z"]
    assert "Text of The lock opens." in found.entries[0].content[0].value
    assert gazette.feed("editions-world-weekly").entries == []
    items = json.loads((gazette.public / "feeds/editions-world-daily.json").read_bytes())["items"]
    [ids] = {
        tuple(entry.id for entry in gazette.feed(format="rss").entries),
        tuple(entry.id for entry in found.entries),
        tuple(item["id"] for item in items),
    }
    assert all(one.startswith("urn:uuid:") for one in ids)
    gazette.change("publication.toml", "https://news.example.org", "http://gazette.example.com/news")
    gazette.change("articles/ferry.md", "a new name", "another name")
    gazette.run(MONDAY + timedelta(days=1, minutes=5))
    assert tuple(entry.id for entry in gazette.feed().entries) == ids


def test_what_is_held_or_cancelled_is_not_shown(gazette: Gazette, relay: Relay) -> None:
    relay.refuse = lambda _recipient: "451 4.3.0 later"
    gazette.run(MONDAY)
    assert (gazette.public / "editions/world/1/index.html").exists()
    with gazette.store.writing() as connection:
        assert edition_store.hold(connection, 1)
    gazette.write("The lock opens", MONDAY + timedelta(minutes=1))
    gazette.run(MONDAY + timedelta(minutes=10))
    assert not (gazette.public / "editions").exists()
    assert not (gazette.public / "feeds/editions-world-daily.rss").exists()
    with gazette.store.writing() as connection:
        edition_store.resume(connection, 1)
    gazette.write("The weir", MONDAY + timedelta(minutes=11))
    gazette.run(MONDAY + timedelta(minutes=20))
    assert (gazette.public / "editions/world/1/index.html").exists()
    with gazette.store.writing() as connection:
        returns.cancel(connection, 1, "wrong", MONDAY)
    gazette.write("The mole", MONDAY + timedelta(minutes=21))
    gazette.run(MONDAY + timedelta(minutes=30))
    assert not (gazette.public / "editions").exists()


def test_an_edition_whose_digests_have_left_the_database_keeps_its_page(gazette: Gazette) -> None:
    gazette.run(MONDAY)
    gazette.write("The lock opens", MONDAY + timedelta(hours=3))
    gazette.run(MONDAY + timedelta(minutes=5))
    text = (gazette.public / "editions/world/1/index.html").read_bytes()
    folded = fold_ended(
        load(gazette.folder), gazette.store, clock=lambda: MONDAY + timedelta(days=90), stop=threading.Event()
    )
    assert (folded.editions, folded.errors) == ([1], [])
    gazette.write("The weir", MONDAY + timedelta(hours=4))
    gazette.run(MONDAY + timedelta(minutes=15))
    assert (gazette.public / "editions/world/1/index.html").read_bytes() == text


def test_without_pages_there_is_neither_page_nor_feed_nor_link(gazette: Gazette, relay: Relay) -> None:
    gazette.change("publication.toml", "[sections]", "[web]\npages = false\n[sections]")
    gazette.run(MONDAY)
    assert not (gazette.public / "editions").exists()
    assert not list((gazette.public / "feeds").glob("editions*"))
    assert b"/editions/" not in relay.accepted[0].content
    assert b"your browser" not in relay.accepted[0].content


def test_a_page_that_cannot_be_written_keeps_no_mail_back(gazette: Gazette, relay: Relay) -> None:
    gazette.run(MONDAY - timedelta(hours=1))
    (gazette.public / "editions").write_text("in the way")
    passed = pipeline.run(
        load(gazette.folder),
        load_secrets(gazette.folder),
        gazette.store,
        clock=lambda: MONDAY,
        stop=threading.Event(),
        fixed_time=True,
    )
    assert len(relay.accepted) == 1
    assert any("public/editions/world/1/index.html" in str(error) for error in passed.errors)
    with gazette.store.reading() as connection:
        edition = edition_store.get(connection, 1)
    assert edition is not None
    assert edition.state is EditionState.FINISHED
