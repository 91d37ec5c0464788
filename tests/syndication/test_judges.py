"""Every document before judges that we did not write: parsers, readers, schemas; on clean and on hostile articles."""

from __future__ import annotations

import io
import json
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import fastfeedparser
import feedparser
import listparser
import podcastparser
import pytest
from lxml import etree

from publisher.model.article import Article
from publisher.model.feed import Selection
from publisher.model.publication import Publication
from publisher.syndication.documents import feed_documents
from publisher.syndication.pages import page_documents
from publisher.theme.environment import environment_of
from tests.syndication.conftest import article, hostile_articles, plain_articles, publication
from tests.syndication.schema import faults
from tests.syndication.test_podcasts import AUDIO, SHOW
from tests.syndication.walking import ids

ATOM = {"atom": "http://www.w3.org/2005/Atom"}
HERE = Path(__file__).parent
SCHEMA = json.loads((HERE / "jsonfeed.schema.json").read_text())


def program(name: str, package: str) -> str:
    """The program's path; without it the test is skipped, and says why."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is missing: apt-get install {package}")
    return found


def articles() -> list[Article]:
    """Newest first: hostile ones (every second with a recording), plain ones, and enough for two archive pages.

    Some have the same date, as articles do that somebody imported.
    """
    hostile = [replace(each, audio=AUDIO if at % 2 else None) for at, each in enumerate(hostile_articles())]
    plain = [replace(each, published=each.published, id=f"{each.id}-plain") for each in plain_articles()[2:]]
    old = [article(f"old-{number}", age=1000 + number // 7, html=f"<p>Old {number}.</p>") for number in range(150)]
    found = [*hostile, *plain, *old]
    return [replace(each, place=len(found) - at) for at, each in enumerate(found)]


def everything(root: Path) -> Publication:
    """Feeds of all kinds: full, summary, empty, each, a podcast, with a hub and a logo."""
    of = publication(root)
    first = of.feeds[0]
    return replace(
        of,
        web=replace(of.web, hub="https://hub.example.org/"),
        theme=replace(of.theme, logo="images/logo.png"),
        feeds=(
            *(replace(feed, limit=20) for feed in of.feeds),
            replace(first, name="each", title="Each", each=("section", "language"), limit=10),
            replace(first, name="heard", title="Heard", podcast=SHOW, selection=Selection(audio=True)),
        ),
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    of = everything(tmp_path_factory.mktemp("judged"))
    found = {document.path: document.content for document in feed_documents(of, articles())}
    pages = {document.path: document.content for document in page_documents(of, articles(), environment_of(of))}
    return found | {"feeds.opml": pages["feeds.opml"]}


@pytest.fixture
def folder_of(made: dict[str, bytes], tmp_path: Path) -> Path:
    for path, content in made.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    return tmp_path


def of_format(made: dict[str, bytes], *endings: str) -> dict[str, bytes]:
    found = {path: content for path, content in made.items() if path.startswith("feeds/") and path.endswith(endings)}
    assert len(found) > 10
    return found


def test_1_atom_is_what_rfc_4287_says(made: dict[str, bytes], folder_of: Path) -> None:
    files = [folder_of / path for path in of_format(made, ".atom")]
    command = [program("xmllint", "libxml2-utils"), "--noout", "--nonet", "--relaxng", HERE / "atom.rng", *files]
    judged = subprocess.run(command, capture_output=True, text=True, check=False)
    assert judged.returncode == 0, "\n".join(line for line in judged.stderr.splitlines() if "validates" not in line)


def test_1_no_two_entries_of_a_document_were_updated_at_the_same_moment(made: dict[str, bytes]) -> None:
    for path, content in of_format(made, ".atom", ".rss").items():
        root = etree.fromstring(content)
        moments = root.xpath("//atom:entry/atom:updated | //item/atom:updated", namespaces=ATOM)
        texts = [moment.text for moment in moments]
        assert len(set(texts)) == len(texts), path
        assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", text or "") for text in texts), path


def test_1_a_moment_in_rss_atom_and_json_is_the_same(made: dict[str, bytes]) -> None:
    of_item = {item["id"]: item["date_modified"] for item in json.loads(made["feeds/all.json"])["items"]}
    root = etree.fromstring(made["feeds/all.rss"])
    of_rss = {
        item.findtext("guid"): item.findtext("{http://www.w3.org/2005/Atom}updated") for item in root.iter("item")
    }
    assert of_rss.items() <= of_item.items() or of_item.items() <= of_rss.items()
    parsed = feedparser.parse(made["feeds/all.atom"])
    assert len(parsed.entries) > 1
    assert all(entry.updated_parsed is not None for entry in parsed.entries)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<id>", "<id> "),
        ("<updated>2", "<updated>x2"),
        ("</entry>", "<title>Second</title></entry>"),
        ("<author><name>", "<author><nom>"),
        ('rel="self"', 'rel="self" rev="x"'),
    ],
)
def test_1_the_grammar_of_atom_finds_faults(made: dict[str, bytes], tmp_path: Path, old: str, new: str) -> None:
    text = made["feeds/world.atom"].decode()
    assert old in text
    broken = tmp_path / "broken.atom"
    broken.write_text(text.replace(old, new))
    command = [program("xmllint", "libxml2-utils"), "--noout", "--relaxng", HERE / "atom.rng", broken]
    assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_1_json_feed_is_what_its_specification_says(made: dict[str, bytes]) -> None:
    for path, content in of_format(made, ".json").items():
        assert faults(json.loads(content), SCHEMA, SCHEMA) == [], path


def test_1_the_schema_of_json_feed_finds_faults(made: dict[str, bytes]) -> None:
    good = json.loads(made["feeds/world.json"])
    for change in (
        {"version": "1.1"},
        {"items": [{"id": "1"}]},
        {"items": [{"id": 1, "content_text": "x"}]},
        {"author": {"name": "Ana"}},
        {"next_url": "/relative"},
    ):
        assert faults(good | change, SCHEMA, SCHEMA)


def test_1_feedparser_has_nothing_to_complain_of(made: dict[str, bytes]) -> None:
    for path, content in of_format(made, ".rss", ".atom").items():
        read = feedparser.parse(content)
        assert not read.bozo, path
        assert [entry.id for entry in read.entries] == ids(content), path


def test_1_fastfeedparser_finds_every_article(made: dict[str, bytes]) -> None:
    for path, content in of_format(made, ".rss", ".atom").items():
        found = ids(content)
        if found:
            assert [entry.id for entry in fastfeedparser.parse(content).entries] == found, path


def test_1_podcastparser_reads_every_rss_document(made: dict[str, bytes]) -> None:
    for path, content in of_format(made, ".rss").items():
        read = podcastparser.parse(f"https://news.example.org/{path}", io.BytesIO(content))
        assert read["title"], path
        if path.startswith("feeds/heard"):
            assert [episode["guid"] for episode in read["episodes"]] == ids(content)
            assert {each["mime_type"] for episode in read["episodes"] for each in episode["enclosures"]} == {
                "audio/mpeg"
            }


def test_24_listparser_and_sfeed_import_the_list_of_feeds(made: dict[str, bytes], folder_of: Path) -> None:
    read = listparser.parse(made["feeds.opml"].decode())
    assert not read.bozo
    urls = {feed.url for feed in read.feeds}
    own = {path for path in of_format(made, ".rss") if path.count("/") == 1}
    assert {url.removeprefix("https://news.example.org/") for url in urls} == own
    command = [program("sfeed_opml_import", "sfeed")]
    taken = subprocess.run(command, input=made["feeds.opml"], capture_output=True, check=True).stdout.decode()
    assert all(f"'{url}'" in taken for url in urls)


def test_1_sfeed_finds_every_article(made: dict[str, bytes]) -> None:
    command = [program("sfeed", "sfeed"), "https://news.example.org/"]
    for path, content in of_format(made, ".rss", ".atom").items():
        read = subprocess.run(command, input=content, capture_output=True, check=True).stdout.decode()
        rows = [line.split("\t") for line in read.splitlines()]
        assert len(rows) == len(ids(content)), path
        assert all(row[0].isdigit() and row[2].startswith("https://") for row in rows), path


def test_24_newsboat_imports_the_list_and_reads_every_article(made: dict[str, bytes], folder_of: Path) -> None:
    newsboat = program("newsboat", "newsboat")
    home = folder_of / "newsboat"
    home.mkdir()
    (home / "config").write_text("reload-threads 2\n")

    def run(*arguments: Any) -> str:
        command = [newsboat, "-C", home / "config", "-u", home / "urls", "-c", home / "cache.db", *arguments]
        environment = {"HOME": str(home), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}
        return subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=60).stdout

    (home / "urls").write_text("")
    run("-i", folder_of / "feeds.opml")
    imported = {line.split()[0] for line in (home / "urls").read_text().splitlines()}
    own = [path for path in of_format(made, ".rss") if path.count("/") == 1]
    assert imported == {f"https://news.example.org/{path}" for path in own}
    for path in of_format(made, ".rss", ".atom"):
        (home / "cache.db").unlink(missing_ok=True)  # it knows an article by its id alone, whatever feed it is in
        (home / "urls").write_text(f"file://{folder_of / path}\n")
        run("-x", "reload")
        with closing(sqlite3.connect(home / "cache.db")) as cache:
            assert {guid for (guid,) in cache.execute("SELECT guid FROM rss_item")} == set(ids(made[path])), path
            assert all(title for (title,) in cache.execute("SELECT title FROM rss_feed")), path
