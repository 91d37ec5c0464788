"""From the text of an article, with everything in it that breaks feeds, to what stands in its documents.

Numbers are those of `test_requirements.py`: what is asked of feeds is asked of the files in public/, here.
"""

from __future__ import annotations

import json
import struct
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote, urlsplit

import pytest
from lxml import etree
from lxml import html as parser

from publisher import pipeline
from publisher.publication.loading import load
from publisher.store import open_store
from publisher.theme.environment import environment_of
from tests.articles.balanced import faults_of
from tests.conftest import PUBLICATION
from tests.syndication.walking import head, ids, links

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
URL = "https://news.example.org/"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
ATOM = "{http://www.w3.org/2005/Atom}"
TITLE = "<b>Bold</b> claims of AT&T, &nbsp; and 1 < 2"

TEXT = """\
[beside](../about) [root](/about?a=1&b=2) [place](#low) [elsewhere](//cdn.example.org/x)
[names](https://bücher.example/ä%20b) [mail](mailto:ana@example.org)

![A quay in fog](images/fog.png "The quay")

<picture><source srcset="images/fog.png 2x"><img src="images/fog.png" alt="A quay" width="320" height="200"></picture>

<video src="film.mp4" poster="images/fog.png"></video> <iframe src="/embed/1" title="The lake"></iframe>

<blockquote cite="/said"><p>Words.</p></blockquote>

<p style="position: fixed; text-align: right" onclick="alert(1)">styled</p>

<table><tr><td style="position: fixed; text-align: right">12</td></tr></table>

<form action="/send"><input name="q" onfocus="alert(2)">asked</form><script>alert(3)</script><style>p {}</style>

<div><p>never closed <b>bold <i>and more</div>

Noted.[^1]

[^1]: Since 1911.
"""


def png(width: int, height: int) -> bytes:
    """A picture's head, and enough behind it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x99" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def written(root: Path) -> None:
    """A publication with a hostile article, plain ones, a draft and one of tomorrow."""
    for name in ("articles/images", "feeds"):
        (root / name).mkdir(parents=True)
    settings = PUBLICATION.replace(
        "[sections]", 'rights = "© 2026 Ana & Bo"\n[theme]\nlogo = "images/logo.png"\n[sections]'
    )
    (root / "publication.toml").write_text(settings, "utf-8")
    (root / "feeds/all.toml").write_text('title = "All"\nmax_size = 20\neach = ["tag"]\n', "utf-8")
    (root / "feeds/brief.toml").write_text('title = "<b>Brief</b> & AT&T"\ncontent = "summary"\n')
    (root / "articles/images/logo.png").write_bytes(png(720, 360))
    (root / "articles/images/fog.png").write_bytes(png(64, 48))
    image = "https://пример.example.org/größe ü.png"

    def article(name: str, *lines: str, text: str = "Words about the sea.\n") -> None:
        (root / f"articles/{name}.md").write_text("\n".join(("+++", *lines, "+++", text)), "utf-8")

    title = f"title = {json.dumps(f'  {TITLE}  ')}"
    article("whole", title, "date = 2026-03-02T08:00:00Z", f'image = "{image}"', 'tags = ["C++", "Größe"]', text=TEXT)
    article("draft", 'title = "Not yet written"', "draft = true", "date = 2026-03-01T08:00:00Z")
    article("tomorrow", 'title = "Not yet due"', "date = 2026-03-03T08:00:00Z")
    for number in range(130):
        when = NOW - timedelta(hours=20 + 7 * (number * 37 % 130))
        article(f"n{number}", f'title = "Number {number}"', f"date = {when:%Y-%m-%dT%H:%M:%SZ}", text="A word. " * 60)


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole")
    written(root)
    of = load(root)
    store = open_store(of.database, root)
    published = pipeline.publish(of, store, environment=environment_of(of), now=NOW, mailing=False)
    store.close()
    assert not published.errors
    return of.public


def documents(public: Path) -> dict[str, bytes]:
    """The feeds' documents, archive pages too, by path."""
    return {
        path.relative_to(public).as_posix(): path.read_bytes()
        for path in (public / "feeds").rglob("*")
        if path.suffix in (".rss", ".atom", ".json")
    }


def entry(public: Path, path: str) -> Any:
    """The hostile article in a document."""
    content = (public / path).read_bytes()
    if path.endswith(".json"):
        return next(item for item in json.loads(content)["items"] if item["url"].endswith("/whole/"))
    found = head(content)
    items = [*found.iter("item", f"{ATOM}entry")]
    return next(item for item in items if "/whole/" in etree.tostring(item, encoding="unicode"))


@pytest.fixture(scope="module")
def texts(public: Path) -> dict[str, str]:
    return {
        "rss": entry(public, "feeds/all.rss").findtext(CONTENT),
        "atom": entry(public, "feeds/all.atom").findtext(f"{ATOM}content"),
        "json": entry(public, "feeds/all.json")["content_html"],
    }


@pytest.fixture(scope="module")
def text(texts: dict[str, str]) -> str:
    assert texts["rss"] == texts["atom"] == texts["json"]
    return texts["rss"]


def dates(content: bytes) -> list[str]:
    if content.startswith(b"{"):
        return [item["date_published"] for item in json.loads(content)["items"]]
    return [when.text or "" for when in head(content).iter(f"{ATOM}published")]


def test_6_newest_first_and_neither_drafts_nor_what_is_not_due(public: Path) -> None:
    made = documents(public)
    assert len(ids(made["feeds/all/1.atom"])) > 5
    for path, content in made.items():
        if not path.endswith(".rss"):
            assert dates(content) == sorted(dates(content), reverse=True), path
        assert ids(content) == ids(made[path.rpartition(".")[0] + ".atom"]), "and in the same order in each format"
    for path in public.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert b"Not yet" not in content, path
            assert "not-yet" not in path.as_posix()


def test_9_whole_texts_unless_summaries_are_asked_for(public: Path, text: str) -> None:
    assert "<p>Noted." in text
    for format in ("rss", "atom", "json"):
        brief = (public / f"feeds/brief.{format}").read_text()
        assert "Noted." not in brief
        assert ids(brief.encode())[0] == ids((public / f"feeds/all.{format}").read_bytes())[0]
    assert entry(public, "feeds/brief.json")["content_text"]


def test_10_every_address_of_the_text_is_absolute_without_help(public: Path, text: str) -> None:
    page = f"{URL}2026/whole/"
    for address in (
        f'href="{URL}2026/about"',
        f'href="{URL}about?a=1&amp;b=2"',
        f'href="{page}#low"',
        'href="https://cdn.example.org/x"',
        'href="https://xn--bcher-kva.example/%C3%A4%20b"',
        f'src="{URL}media/images/fog.png"',
        f'srcset="{URL}media/images/fog.png 2x"',
        f'cite="{URL}said"',
        f'href="{page}film.mp4"',
        f'href="{URL}embed/1"',
        f'href="{page}#fn-1"',
    ):
        assert address in text
    for element in parser.fragment_fromstring(text, create_parent="div").iter():
        for name in {"href", "src", "poster", "cite", "data", "action"} & set(element.attrib):
            assert element.attrib[name].startswith(("https://", "mailto:")), (name, element.attrib[name])
    assert all(b"xml:base" not in content for content in documents(public).values())


def test_11_nothing_runs_and_nothing_leaves_its_place(text: str) -> None:
    for gone in ("alert", "onclick", "onfocus", "<script", "<style", "<form", "<input", "asked", "position", "<iframe"):
        assert gone not in text, gone
    assert ">The lake</a>" in text, "an embed is a link"
    assert text.count("style=") == 1
    assert '<td style="text-align:right">12</td>' in text


def test_12_the_text_is_balanced(text: str) -> None:
    assert "never closed" in text
    assert faults_of(text) == []
    assert faults_of("<p>a<b>c</p></b>")
    assert faults_of("<p>a")
    assert faults_of("a</p>")


def test_13_pictures_keep_what_is_known_of_them(text: str) -> None:
    address = f"{URL}media/images/fog.png"
    assert f'<img src="{address}" alt="A quay in fog" width="64" height="48">' in text
    assert f'<picture><source srcset="{address} 2x"><img src="{address}" alt="A quay" width="320" height="200">' in text


def test_14_titles_are_plain_trimmed_and_escaped_once(public: Path) -> None:
    assert entry(public, "feeds/all.rss").findtext("title").replace("\u2060", "") == TITLE
    raw = (public / "feeds/all.rss").read_text()
    assert "1 &#x3C; 2" in raw, "as a number, which nobody takes for markup"
    assert "&amp;amp;" not in raw
    title = entry(public, "feeds/all.atom").find(f"{ATOM}title")
    assert title.get("type") == "html", "it says that it is escaped text, where it looks like markup"
    assert parser.fromstring(f"<p>{title.text}</p>").text_content().replace("\xa0", " ") == TITLE
    assert entry(public, "feeds/all.json")["title"] == TITLE
    brief = {format: (public / f"feeds/brief.{format}").read_bytes() for format in ("rss", "atom", "json")}
    assert (head(brief["rss"]).findtext("title") or "").replace("\u2060", "") == "<b>Brief</b> & AT&T"
    assert head(brief["atom"]).find(f"{ATOM}title").get("type") == "html"
    assert json.loads(brief["json"])["title"] == "<b>Brief</b> & AT&T"


def test_15_no_address_in_any_document_is_other_than_ascii(public: Path) -> None:
    seen = set()
    for path, content in documents(public).items():
        if path.endswith(".json"):
            continue
        for element in etree.fromstring(content).iter(etree.Element):
            for name in {"href", "url", "domain", "scheme", "src"} & set(element.attrib):
                assert element.attrib[name].isascii(), (path, element.attrib[name])
                seen.add(element.attrib[name])
            if element.tag in ("link", "url", f"{ATOM}uri", f"{ATOM}icon", f"{ATOM}logo"):
                assert (element.text or "").isascii(), (path, element.text)
    assert "https://xn--e1afmkfd.example.org/gr%C3%B6%C3%9Fe%20%C3%BC.png" in seen
    assert f"{URL}tag/gr%C3%B6sse/" in seen
    assert entry(public, "feeds/all.json")["image"].isascii()


def test_17_self_is_where_each_document_is_served_and_its_page_is_there(public: Path) -> None:
    made = documents(public)
    assert {"feeds/all-c++.rss", "feeds/all-grösse.atom", "feeds/all/1.json"} <= set(made)
    for path, content in made.items():
        if path.endswith(".json"):
            feed = json.loads(content)
            own = path if path.count("/") == 1 else f"feeds/{path.split('/')[1]}.json"
            assert feed["feed_url"] == URL + quote(own)
            page = feed["home_page_url"]
        else:
            assert links(content)["self"] == URL + quote(path)
            page = head(content).findtext("link") or links(content)["alternate"]
        assert page.startswith(URL), path
        target = unquote(urlsplit(page).path).lstrip("/")
        assert (public / target / "index.html").is_file(), (path, page)


def test_18_feeds_say_whose_they_are_in_which_language_and_made_by_what(public: Path) -> None:
    logo = f"{URL}media/images/logo.png"
    rss, atom = (etree.fromstring((public / f"feeds/all.{format}").read_bytes()) for format in ("rss", "atom"))
    assert rss.findtext("channel/language") == "en"
    assert (rss.findtext("channel/copyright") or "").replace("\u2060", "") == "© 2026 Ana & Bo"
    assert rss.findtext("channel/generator") == "publisher"
    assert atom.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert atom.findtext(f"{ATOM}rights") == "© 2026 Ana & Bo"
    assert atom.findtext(f"{ATOM}generator") == "publisher"
    assert (atom.findtext(f"{ATOM}icon"), atom.findtext(f"{ATOM}logo")) == (logo, logo)
    feed = json.loads((public / "feeds/all.json").read_bytes())
    assert (feed["language"], feed["icon"]) == ("en", logo)


def test_18_the_picture_of_an_rss_channel_is_as_large_as_it_may_be(public: Path) -> None:
    image = head((public / "feeds/all.rss").read_bytes()).find("image")
    assert {child.tag: child.text for child in image} == {
        "url": f"{URL}media/images/logo.png",
        "title": head((public / "feeds/all.rss").read_bytes()).findtext("title"),
        "link": head((public / "feeds/all.rss").read_bytes()).findtext("link"),
        "width": "144",
        "height": "72",
    }, "of 720 by 360 pixels"
