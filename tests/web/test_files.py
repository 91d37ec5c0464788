"""public/ as our own server serves it."""

from __future__ import annotations

import os
import socket
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from publisher.model.publication import Web
from tests.web.conftest import Site, SiteMaker

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


def test_the_tag_depends_on_the_content_alone_and_a_new_build_is_seen_at_once(
    public: Path, site: Site, site_of: SiteMaker
) -> None:
    first = site.client.get("/feeds/world.rss").headers["etag"]
    os.utime(public / "feeds" / "world.rss", (1_700_000_000, 1_700_000_000))
    assert site.client.get("/feeds/world.rss").headers["etag"] == first
    assert site_of().client.get("/feeds/world.rss").headers["etag"] == first
    other = public / "feeds" / "new"
    other.write_text("<rss>x</rss>", "utf-8")
    other.replace(public / "feeds" / "world.rss")
    answer = site.client.get("/feeds/world.rss")
    assert (answer.text, answer.headers["etag"] == first) == ("<rss>x</rss>", False)
    (public / "feeds" / "world.rss").unlink()
    assert site.client.get("/feeds/world.rss").status_code == 404


def test_a_large_file_is_sent_whole(public: Path, site: Site) -> None:
    content = os.urandom(3_000_001)
    (public / "media" / "film.mp4").write_bytes(content)
    answer = site.client.get("/media/film.mp4")
    assert answer.headers["content-length"] == "3000001"
    assert answer.content == content
    tag = {"if-none-match": answer.headers["etag"]}
    assert site.client.get("/media/film.mp4", headers=tag).status_code == 304


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
    assert site.client.get("/nothing").text == "There is nothing here."


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
