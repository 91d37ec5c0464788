"""public/ as our own server serves it."""

from __future__ import annotations

import gzip
import os
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import brotli
import pytest

from publisher.model.publication import Publication, Web
from publisher.syndication.documents import Document
from publisher.syndication.public import write_public
from tests.web.conftest import Site, SiteMaker
from tests.web.polite import check_codings, check_conditions, check_faces

NAVIGATION = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
LONG = "<rss>" + "A long sentence about the sea. " * 100 + "</rss>"

FILES = {
    "index.html": "<h1>Front</h1>",
    "404.html": "<h1>Not found</h1>",
    "2026/ferry/index.html": "<h1>Ferry</h1>",
    "feeds/world.rss": "<rss/>",
    "feeds/world.atom": "<feed/>",
    "feeds/world.json": "{}",
    "feeds.opml": "<opml/>",
    "style.css": "h1 {}",
    "media/map.svg": "<svg/>",
    "tag/größe/index.html": "<h1>Größe</h1>",
    ".secret": "no",
    ".git/config": "no",
}


@pytest.fixture
def public(publication: Any) -> Path:
    folder: Path = publication.public
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content, "utf-8")
    (folder.parent / "secrets.toml").write_text("no", "utf-8")
    return folder


def soon(told: Callable[[], bool], *, within: float = 4) -> bool:
    """Whether it comes true in time."""
    end = time.monotonic() + within
    while not told():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize(
    ("path", "kind", "content"),
    [
        ("/", "text/html; charset=utf-8", "<h1>Front</h1>"),
        ("/2026/ferry/", "text/html; charset=utf-8", "<h1>Ferry</h1>"),
        ("/2026/ferry/index.html", "text/html; charset=utf-8", "<h1>Ferry</h1>"),
        ("/feeds/world.rss", "application/rss+xml; charset=utf-8", "<rss/>"),
        ("/feeds/world.atom", "application/atom+xml; charset=utf-8", "<feed/>"),
        ("/feeds/world.json", "application/feed+json; charset=utf-8", "{}"),
        ("/feeds.opml", "text/x-opml; charset=utf-8", "<opml/>"),
        ("/style.css?v=2", "text/css; charset=utf-8", "h1 {}"),
        ("/tag/gr%C3%B6%C3%9Fe/", "text/html; charset=utf-8", "<h1>Größe</h1>"),
    ],
)
def test_a_file_has_its_media_type_and_a_folder_its_page(
    public: Path, site: Site, path: str, kind: str, content: str
) -> None:
    answer = site.client.get(path)
    assert (answer.status_code, answer.headers["content-type"], answer.text) == (200, kind, content)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "max-age=300"
    head = site.client.head(path)
    assert head.content == b""
    assert {**head.headers, "date": ""} == {**answer.headers, "date": ""}


def test_pages_run_no_scripts_and_feeds_are_open_to_other_sites(public: Path, site: Site) -> None:
    assert "default-src 'none'" in site.client.get("/").headers["content-security-policy"]
    assert "sandbox" in site.client.get("/media/map.svg").headers["content-security-policy"]
    feed = site.client.get("/feeds/world.rss")
    assert "content-security-policy" not in feed.headers  # its style sheet would not load
    assert feed.headers["access-control-allow-origin"] == "*"


def test_a_reader_who_has_it_gets_304_and_no_body(public: Path, site: Site) -> None:
    first = site.client.get("/feeds/world.rss")
    tag, date = first.headers["etag"], first.headers["last-modified"]
    assert tag.startswith('"')
    for headers in (
        {"if-none-match": tag},
        {"if-none-match": f"W/{tag}"},
        {"if-none-match": f'"other", W/"more",{tag}'},
        {"if-none-match": "*"},
        {"if-modified-since": date},
    ):
        answer = site.client.get("/feeds/world.rss", headers=headers)
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    for headers in (
        {"if-none-match": '"other"'},
        {"if-none-match": '"other"', "if-modified-since": date},
        {"if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"if-modified-since": "yesterday"},
    ):
        assert site.client.get("/feeds/world.rss", headers=headers).status_code == 200


def test_feeds_are_answered_as_all_feeds_are(publication: Any, site: Site) -> None:
    built(publication, LONG)
    check_conditions(site.client, "/feeds/all.rss")
    check_codings(site.client, "/feeds/all.rss")
    check_faces(site.client, "/feeds/all.rss", "application/rss+xml; charset=utf-8")


def test_the_tag_depends_on_the_content_alone_and_a_change_by_hand_is_seen_within_seconds(
    public: Path, site: Site, site_of: SiteMaker
) -> None:
    first = site.client.get("/feeds/world.rss").headers["etag"]
    os.utime(public / "feeds" / "world.rss", (1_700_000_000, 1_700_000_000))
    assert site.client.get("/feeds/world.rss").headers["etag"] == first
    assert site_of().client.get("/feeds/world.rss").headers["etag"] == first
    other = public / "feeds" / "new"
    other.write_text("<rss>x</rss>", "utf-8")
    other.replace(public / "feeds" / "world.rss")
    assert soon(lambda: site.client.get("/feeds/world.rss").text == "<rss>x</rss>")
    assert site.client.get("/feeds/world.rss").headers["etag"] != first
    (public / "feeds" / "world.rss").unlink()
    assert soon(lambda: site.client.get("/feeds/world.rss").status_code == 404)


def built(publication: Publication, text: str) -> None:
    """A build of two feeds."""
    write_public(publication, [Document(f"feeds/{name}.rss", text.encode()) for name in ("all", "world")], [])


def test_a_build_is_seen_at_once_and_for_all_files_together(publication: Any, site: Site) -> None:
    built(publication, LONG)
    before = [site.client.get(f"/feeds/{name}.rss", headers={"accept-encoding": "br"}) for name in ("all", "world")]
    assert [answer.text for answer in before] == [LONG, LONG]
    built(publication, LONG.upper())
    assert soon(lambda: site.client.get("/feeds/all.rss").text == LONG.upper(), within=1)
    assert site.client.get("/feeds/world.rss").text == LONG.upper()
    tag = {"if-none-match": before[1].headers["etag"], "accept-encoding": "br"}
    answer = site.client.get("/feeds/world.rss", headers=tag)
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "br")


def test_validators_survive_a_restart_and_a_public_folder_that_was_made_anew(
    publication: Any, site_of: SiteMaker
) -> None:
    def validators() -> list[str]:
        answer = site_of().client.get("/feeds/all.rss", headers={"accept-encoding": "gzip"})
        return [answer.headers["etag"], answer.headers["last-modified"]]

    built(publication, LONG)
    feed = publication.public / "feeds" / "all.rss"
    first = validators()
    time.sleep(1.1)
    feed.unlink()
    built(publication, LONG)
    assert validators() == first
    os.utime(feed)  # a copy of the folder, a restored backup
    assert validators() != first
    built(publication, LONG)
    assert validators() == first


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("br, gzip", "br"),
        ("gzip, deflate, br;q=0.9", "gzip"),
        ("gzip;q=0.5, br;q=0", "gzip"),
        ("x-gzip", "gzip"),
        ("*", "br"),
        ("*;q=0.5, br;q=0", "gzip"),
        ("BR", "br"),
        ("gzip;q=0", None),
        ("gzip;q=nonsense", None),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.1, gzip;q=0.5", "gzip"),
        ("deflate, zstd", None),
        ("", None),
    ],
)
def test_a_feed_comes_in_the_coding_that_the_client_likes_best(
    publication: Any, site: Site, accepted: str, coding: str | None
) -> None:
    built(publication, LONG)
    with site.client.stream("GET", "/feeds/all.rss", headers={"accept-encoding": accepted}) as answer:
        body = b"".join(answer.iter_raw())
    assert answer.headers.get("content-encoding") == coding
    assert answer.headers["content-length"] == str(len(body))
    assert answer.headers["vary"] == "accept, accept-encoding"
    suffix = {"br": ".br", "gzip": ".gz", None: ""}[coding]
    assert body == (publication.public / f"feeds/all.rss{suffix}").read_bytes()
    head = site.client.head("/feeds/all.rss", headers={"accept-encoding": accepted})
    assert head.content == b""
    assert {**head.headers, "date": ""} == {**answer.headers, "date": ""}


def test_each_coding_has_a_tag_of_its_own_and_any_of_them_is_current(publication: Any, site: Site) -> None:
    built(publication, LONG)
    tags = {}
    for accepted in ("identity", "gzip", "br"):
        answer = site.client.get("/feeds/all.rss", headers={"accept-encoding": accepted})
        tags[accepted] = answer.headers["etag"]
    assert len(set(tags.values())) == 3
    for tag in tags.values():
        answer = site.client.get("/feeds/all.rss", headers={"accept-encoding": "br", "if-none-match": f"W/{tag}"})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
        assert answer.headers["vary"] == "accept, accept-encoding"
        assert answer.headers["cache-control"] == "max-age=300"
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "content-length" not in answer.headers


def test_a_browser_that_opens_a_feed_gets_the_same_bytes_as_xml(publication: Any, site: Site) -> None:
    built(publication, LONG)
    reader, person = (site.client.get("/feeds/all.rss", headers=headers) for headers in ({}, NAVIGATION))
    assert reader.headers["content-type"] == "application/rss+xml; charset=utf-8"
    assert person.headers["content-type"] == "application/xml; charset=utf-8"
    assert person.content == reader.content
    # A browser that has the feed from a script must not take that copy, with its type, for the page.
    tag = reader.headers["etag"]
    assert site.client.get("/feeds/all.rss", headers={**NAVIGATION, "if-none-match": tag}).status_code == 200
    both = {"accept": "application/rss+xml, application/xml;q=0.9, text/html;q=0.1"}
    assert site.client.get("/feeds/all.rss", headers=both).headers["content-type"].startswith("application/rss+xml")
    assert site.client.get("/feeds/all.rss").headers["vary"] == "accept, accept-encoding"


def test_a_copy_that_is_not_the_file_s_is_not_used_and_has_no_address(publication: Any, site: Site) -> None:
    built(publication, LONG)
    feed = publication.public / "feeds" / "all.rss"
    for suffix, other in ((".gz", gzip.compress(b"old")), (".br", brotli.compress(b"old"))):
        feed.with_name(f"all.rss{suffix}").write_bytes(other)
        assert site.client.get(f"/feeds/all.rss{suffix}").status_code == 404
    answer = site.client.get("/feeds/all.rss", headers={"accept-encoding": "br, gzip"})
    assert (answer.headers["content-encoding"], answer.text) == ("gzip", LONG)


def test_pages_are_compressed_on_the_fly_and_pictures_are_not(public: Path, site: Site) -> None:
    (public / "index.html").write_text(LONG, "utf-8")
    answer = site.client.get("/", headers={"accept-encoding": "br, gzip"})
    assert (answer.headers["content-encoding"], answer.headers["vary"]) == ("gzip", "accept-encoding")
    (public / "media" / "map.png").write_bytes(LONG.encode())
    answer = site.client.get("/media/map.png", headers={"accept-encoding": "br, gzip"})
    assert "content-encoding" not in answer.headers
    assert "vary" not in answer.headers


def test_nothing_sets_a_cookie_or_answers_with_a_delta(publication: Any, site: Site) -> None:
    built(publication, LONG)
    answer = site.client.get("/feeds/all.rss", headers={"a-im": "feed", "if-none-match": '"other"'})
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers


def test_old_addresses_of_a_feed_lead_to_it_and_an_ended_one_is_gone(
    public: Path, site_of: SiteMaker, publication: Any
) -> None:
    (public / "old").mkdir()
    (public / "old" / "index.html").write_text("<rss/>")  # where only files are served
    feeds = tuple(replace(feed, aliases=("/old/", "/atom.xml", "/größe.json")) for feed in publication.feeds[-1:])
    web = Web(gone=("/feeds/ended.rss",))
    client = site_of(replace(publication, feeds=feeds, web=web, url="https://example.org/news")).client
    name = feeds[0].name
    for path, target in (
        ("/old/", "rss"),
        ("/old", "rss"),
        ("/news/old/", "rss"),
        ("/atom.xml", "atom"),
        ("/gr%C3%B6%C3%9Fe.json", "json"),
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (301, f"/news/feeds/{name}.{target}")
        assert client.head(path).status_code == 301
    assert client.get("/feeds/ended.rss").status_code == 410
    assert client.get("/feeds/world.rss").status_code == 200


def test_only_who_hammers_without_validators_is_asked_to_wait(publication: Any, site: Site) -> None:
    built(publication, LONG)
    somebody = {"x-forwarded-for": "203.0.113.9"}

    def statuses(headers: dict[str, str], times: int = 70) -> set[int]:
        return {site.client.get("/feeds/all.rss", headers=headers).status_code for _ in range(times)}

    tag = site.client.get("/feeds/all.rss").headers["etag"]
    assert statuses({**somebody, "if-none-match": tag}) == {304}
    assert statuses({**somebody, "if-none-match": '"old"'}) == {200}
    assert statuses({**somebody, "if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"}) == {200}
    assert statuses({}) == {200}, "a proxy that does not say who asks"
    assert statuses(somebody, 60) == {200}
    answer = site.client.get("/feeds/all.rss", headers=somebody)
    assert answer.status_code == 429
    assert 0 < int(answer.headers["retry-after"]) <= 300
    assert site.client.get("/feeds/world.rss", headers=somebody).status_code == 200
    assert site.client.get("/feeds/all.rss", headers={"x-forwarded-for": "203.0.113.10"}).status_code == 200
    assert site.client.get("/feeds/all.rss", headers={**somebody, "if-none-match": tag}).status_code == 304


def test_a_large_file_is_sent_whole(public: Path, site: Site) -> None:
    content = os.urandom(3_000_001)
    (public / "media" / "film.mp4").write_bytes(content)
    answer = site.client.get("/media/film.mp4")
    assert answer.headers["content-length"] == "3000001"
    assert answer.content == content
    tag = {"if-none-match": answer.headers["etag"]}
    assert site.client.get("/media/film.mp4", headers=tag).status_code == 304


@pytest.mark.parametrize("size", [1000, 3_000_001])
def test_a_part_of_a_recording_can_be_had(public: Path, site: Site, size: int) -> None:
    content = os.urandom(size)
    (public / "media" / "tide.mp3").write_bytes(content)
    whole = site.client.get("/media/tide.mp3")
    assert whole.headers["accept-ranges"] == "bytes"
    for asked, part in (
        ("bytes=0-0", content[:1]),
        ("bytes=10-19", content[10:20]),
        ("bytes=900-", content[900:]),
        ("bytes=-5", content[-5:]),
        (f"bytes=0-{size * 2}", content),
    ):
        answer = site.client.get("/media/tide.mp3", headers={"range": asked})
        assert (answer.status_code, answer.content == part) == (206, True), asked
        first = content.index(part) if len(part) > 3 else 0
        place = f"bytes {first}-{first + len(part) - 1}/{size}"
        assert answer.headers["content-range"] == place
    for asked in ("bytes=0-1,5-6", "bytes=5-2", "lines=1-2", "bytes=-", "bytes"):
        assert site.client.get("/media/tide.mp3", headers={"range": asked}).content == content
    for asked in (f"bytes={size}-", "bytes=-0"):
        answer = site.client.get("/media/tide.mp3", headers={"range": asked})
        assert (answer.status_code, answer.headers["content-range"]) == (416, f"bytes */{size}")
    for condition, status in (
        (whole.headers["etag"], 206),
        (whole.headers["last-modified"], 206),
        ('"other"', 200),
        (f"W/{whole.headers['etag']}", 200),
    ):
        headers = {"range": "bytes=0-9", "if-range": condition}
        assert site.client.get("/media/tide.mp3", headers=headers).status_code == status
    assert site.client.get("/feeds/world.rss", headers={"range": "bytes=0-1"}).status_code == 200


def raw(site: Site, path: str) -> bytes:
    """The status line for a path that no client library would send as it is."""
    host, port = site.client.base_url.host, site.client.base_url.port
    assert port is not None
    with socket.create_connection((host, port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode("latin-1"))
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert b"no" not in answer.split(b"\r\n\r\n", 1)[1].split(b"</h1>")[0].replace(b"Not found", b"")
    return answer.split(b"\r\n", 1)[0]


@pytest.mark.parametrize(
    "path",
    [
        "/../secrets.toml",
        "/%2e%2e/secrets.toml",
        "/2026/..%2f..%2f..%2fsecrets.toml",
        "/2026/../../secrets.toml",
        "//secrets.toml",
        "//etc/passwd",
        "/..\\secrets.toml",
        "/.secret",
        "/.git/config",
        "/2026/%2egit/",
        "/feeds/world.rss%00.html",
        "/feeds/world.rss/",
        "/nothing",
        "/" + "x" * 300,
        "/%ff%fe",
        "/2026//ferry/",
    ],
)
def test_nothing_outside_the_folder_and_no_dotfile_is_served(public: Path, site: Site, path: str) -> None:
    assert raw(site, path) == b"HTTP/1.1 404 Not Found"


def test_a_link_that_leads_out_of_the_folder_leads_nowhere(public: Path, site: Site, tmp_path: Path) -> None:
    (public / "out.txt").symlink_to(public.parent / "secrets.toml")
    (public / "in.txt").symlink_to(public / "style.css")
    assert site.client.get("/out.txt").status_code == 404
    assert site.client.get("/in.txt").text == "h1 {}"


def test_a_folder_without_its_slash_is_sent_there_and_never_to_another_host(public: Path, site: Site) -> None:
    answer = site.client.get("/2026/ferry")
    assert (answer.status_code, answer.headers["location"]) == (308, "./ferry/")
    assert str(answer.url.join(answer.headers["location"]).path) == "/2026/ferry/"


def test_what_is_missing_has_the_page_that_says_so(public: Path, site: Site) -> None:
    answer = site.client.get("/nothing/at/all/")
    assert (answer.status_code, answer.text) == (404, "<h1>Not found</h1>")
    (public / "404.html").unlink()
    assert soon(lambda: site.client.get("/nothing").text == "There is nothing here.")


def test_only_get_and_head_work(public: Path, site: Site) -> None:
    for method in ("POST", "PUT", "DELETE"):
        answer = site.client.request(method, "/feeds/world.rss")
        assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")


def test_without_pages_feeds_and_media_are_served_and_pages_are_not(
    public: Path, site_of: SiteMaker, publication: Any
) -> None:
    site = site_of(replace(publication, web=Web(pages=False)))
    for path in ("/", "/index.html", "/2026/ferry/", "/2026/ferry", "/404.html"):
        assert site.client.get(path).status_code == 404
    for path in ("/feeds/world.rss", "/feeds/world.json", "/style.css", "/media/map.svg"):
        assert site.client.get(path).status_code == 200


def test_a_publication_that_was_never_built_answers_too(site: Site) -> None:
    assert site.client.get("/").status_code == 404
