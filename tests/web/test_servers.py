"""public/ alone behind a real nginx gives what our own server gives."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import brotli
import httpx2
import pytest

from publisher.model.publication import Publication, Web
from publisher.syndication.documents import Document
from publisher.syndication.public import write_public
from publisher.syndication.servers import caddy_configuration, nginx_configuration, write_configurations
from tests import caddy, nginx

TEXT = "A long sentence about the sea. " * 200
FILES = {
    "index.html": f"<h1>Front</h1>{TEXT}",
    "404.html": "<h1>Not found</h1>",
    "2026/größe/index.html": f"<h1>Größe</h1>{TEXT}",
    "feeds/world.rss": f"<rss>{TEXT}</rss>",
    "feeds/world-tag-größe.rss": f"<rss>{TEXT}</rss>",
    "feeds/world/1.rss": f"<rss>{TEXT}</rss>",
    "feeds/world.atom": f"<feed>{TEXT}</feed>",
    "feeds/world.json": f'{{"title": "{TEXT}"}}',
    "feeds.opml": f"<opml>{TEXT}</opml>",
    "sitemap.xml": f"<urlset>{TEXT}</urlset>",
    "style.css": f"/* {TEXT} */",
    "robots.txt": f"# {TEXT}",
    "media/map.svg": f"<svg>{TEXT}</svg>",
}
HUB = "https://hub.example.org/publish?key=a&b"
MEDIA = {"media/boat.png": b"png" * 100, "media/tide.mp3": b"mp3" * 100}
NAVIGATION = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
SAME = (
    "content-type",
    "content-encoding",
    "vary",
    "cache-control",
    "access-control-allow-origin",
    "content-security-policy",
    "x-content-type-options",
    "last-modified",
    "link",
)


def written(publication: Publication, *, compress: bool = False) -> Publication:
    """The publication with a public/ of its own."""
    for name, content in MEDIA.items():
        (publication.root / "articles" / Path(name).name).write_bytes(content)
    media = [(publication.root / "articles" / Path(name).name, name) for name in MEDIA]
    write_public(publication, [Document(name, text.encode()) for name, text in FILES.items()], media, compress=compress)
    return publication


@pytest.fixture
def moved(publication: Publication) -> Publication:
    """A publication with an old address and an ended feed."""
    world, *others = (
        replace(feed, aliases=("/index.xml", "/old/", "/atom.xml")) if feed.name == "world" else feed
        for feed in publication.feeds
    )
    return replace(publication, feeds=(world, *others), web=Web(gone=("/feeds/ended.rss",), hub=HUB))


@pytest.fixture(params=["", "/news"], ids=["at the root", "below it"])
def published(moved: Publication, request: pytest.FixtureRequest) -> Publication:
    return written(replace(moved, url=f"https://news.example.org{request.param}"), compress=True)


@pytest.fixture
def address(published: Publication) -> Iterator[str]:
    """Where nginx serves it."""
    with nginx.running(nginx_configuration(published)) as host:
        yield host + published.url.removeprefix("https://news.example.org")


@pytest.mark.slow
@pytest.mark.nginx
def test_nginx_gives_the_headers_that_our_own_server_gives(published: Publication, address: str, site_of: Any) -> None:
    ours = site_of(published).client
    for name in ("", *FILES, *MEDIA):
        if name == "404.html":
            continue
        path = name.removesuffix("index.html")
        for asked in ({}, NAVIGATION, {"accept-encoding": "gzip"}, {"accept-encoding": "gzip, br"}):
            wanted = {"accept": "*/*", "accept-encoding": "identity", **asked}
            there = httpx2.get(f"{address}/{path}", headers=wanted)
            here = ours.get(f"/{path}", headers=wanted)
            assert (there.status_code, there.content) == (200, here.content), path
            got = {name: there.headers.get(name) for name in SAME}
            assert got == {name: here.headers.get(name) for name in SAME}, path
            assert "set-cookie" not in there.headers
            assert httpx2.head(f"{address}/{path}", headers=wanted).content == b""


@pytest.mark.nginx
def test_nginx_answers_304_for_each_coding_and_sends_the_copies_of_the_build(
    published: Publication, address: str
) -> None:
    for coding, suffix in (("identity", ""), ("gzip", ".gz"), ("br", ".br")):
        with httpx2.stream("GET", f"{address}/feeds/world.rss", headers={"accept-encoding": coding}) as answer:
            body = b"".join(answer.iter_raw())
        assert body == (published.public / f"feeds/world.rss{suffix}").read_bytes()
        tag, date = answer.headers["etag"], answer.headers["last-modified"]
        for condition in (
            {"if-none-match": tag},
            {"if-none-match": f'"other", W/{tag}'},
            {"if-modified-since": date},
        ):
            again = httpx2.get(f"{address}/feeds/world.rss", headers={"accept-encoding": coding, **condition})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        stale = {"if-none-match": '"other"', "if-modified-since": date}
        assert httpx2.get(f"{address}/feeds/world.rss", headers=stale).status_code == 200


@pytest.mark.nginx
def test_nginx_hides_dotfiles_says_what_is_missing_and_leads_old_addresses_on(
    published: Publication, address: str
) -> None:
    (published.public / ".secret").write_text("no")
    base = published.url.removeprefix("https://news.example.org")
    for path in ("/.secret", "/nothing", "/2026//", "/feeds/", "/.br/feeds/world.rss"):
        answer = httpx2.get(address + path)
        assert (answer.status_code, answer.text) == (404, "<h1>Not found</h1>"), path
        assert answer.headers["cache-control"] == "no-cache"
    for path, target in (("/index.xml", "rss"), ("/old/", "rss"), ("/old", "rss"), ("/atom.xml", "atom")):
        answer = httpx2.get(address + path)
        assert (answer.status_code, answer.headers["location"]) == (301, f"{base}/feeds/world.{target}")
    assert httpx2.get(f"{address}/feeds/ended.rss").status_code == 410
    folder = httpx2.get(f"{address}/2026/gr%C3%B6%C3%9Fe")
    assert folder.status_code == 308
    assert httpx2.get(folder.url.join(folder.headers["location"])).status_code == 200


@pytest.mark.nginx
def test_a_page_without_copies_is_compressed_by_nginx(publication: Publication) -> None:
    with nginx.running(nginx_configuration(written(publication))) as address:
        answer = httpx2.get(address, headers={"accept-encoding": "gzip, br"})
        assert (answer.headers["content-encoding"], answer.text) == ("gzip", FILES["index.html"])


def test_a_build_s_copies_are_what_they_are_copies_of(publication: Publication) -> None:
    public = written(publication, compress=True).public
    for name, text in FILES.items():
        assert gzip.decompress((public / f"{name}.gz").read_bytes()) == text.encode()
        assert brotli.decompress((public / f"{name}.br").read_bytes()) == text.encode()
    assert not (public / "media/boat.png.gz").exists()


def test_the_samples_are_written_once_and_again_when_the_settings_change(
    publication: Publication, moved: Publication
) -> None:
    assert [file.name for file in write_configurations(publication)] == ["nginx.conf", "Caddyfile"]
    assert write_configurations(publication) == ()
    assert len(write_configurations(moved)) == 2
    assert 'location = "/index.xml" { return 301 "/feeds/world.rss"; }' in nginx_configuration(moved)
    assert 'redir "/index.xml" "/feeds/world.rss" 301' in caddy_configuration(moved)


def test_caddy_gives_feeds_the_headers_that_our_own_server_gives(published: Publication, site_of: Any) -> None:
    ours = site_of(published).client
    base = published.url.removeprefix("https://news.example.org")
    with caddy.running(caddy_configuration(published), "https://news.example.org") as host:
        for name in ("", "feeds/world.rss", "feeds/world-tag-größe.rss", "feeds/world.json", "feeds/world/1.rss"):
            for asked in ({}, NAVIGATION):
                wanted = {"accept": "*/*", "accept-encoding": "identity", **asked}
                there = httpx2.get(f"{host}{base}/{name}?from=mail", headers=wanted)
                here = ours.get(f"/{name}", headers=wanted)
                assert (there.status_code, there.content) == (200, here.content), name
                for header in ("content-type", "cache-control", "access-control-allow-origin", "link"):
                    assert there.headers.get(header) == here.headers.get(header), (name, header)


def test_a_dollar_sign_in_the_hub_s_address_is_no_variable(moved: Publication) -> None:
    about = replace(moved, web=replace(moved.web, hub="https://hub.example.org/?key=$1"))
    assert "https://hub.example.org/?key=%241>" in nginx_configuration(about)
