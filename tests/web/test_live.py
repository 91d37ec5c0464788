"""The server of `build --watch --serve`: pages that load again, on this machine only."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from pathlib import Path

import pytest

from publisher.model.errors import PublisherError
from publisher.web.live import Live, serve_live

PAGE = "<!doctype html><title>Front</title><body><p>Front</p></body>"


@pytest.fixture
def public(tmp_path: Path) -> Path:
    folder = tmp_path / "public"
    (folder / "about").mkdir(parents=True)
    (folder / "feeds").mkdir()
    (folder / ".hidden").write_text("secret")
    (folder / "index.html").write_text(PAGE)
    (folder / "about" / "index.html").write_text("<p>About")
    (folder / "404.html").write_text("<p>Not found</p></body>")
    (folder / "feeds" / "all.rss").write_text("<rss/>")
    (folder / "style.css").write_text("p {}")
    (tmp_path / "secrets.toml").write_text("secret")
    return folder


@pytest.fixture
def live(public: Path) -> Iterator[Live]:
    with serve_live(public, 0) as server:
        yield server


def ask(live: Live, path: str, *, method: str = "GET", host: str = "") -> tuple[int, dict[str, str], bytes]:
    address = live.url.removeprefix("http://").rstrip("/")
    connection = http.client.HTTPConnection(address, timeout=10)
    try:
        connection.request(method, path, headers={"Host": host} if host else {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(("path", "text"), [("/", b"Front"), ("/index.html", b"Front"), ("/about/", b"About")])
def test_a_page_has_the_script_that_waits_for_builds_and_its_file_has_not(
    live: Live, public: Path, path: str, text: bytes
) -> None:
    status, headers, page = ask(live, path)
    assert status == 200
    assert text in page
    assert page.count(b"EventSource") == 1
    assert headers["Content-Length"] == str(len(page))
    assert headers["Cache-Control"] == "no-store"
    assert "EventSource" not in "".join(file.read_text() for file in public.rglob("*") if file.is_file())


def test_the_script_stands_inside_the_body(live: Live) -> None:
    assert ask(live, "/")[2].endswith(b"</script></body>")


def test_everything_else_is_the_file_as_it_is(live: Live) -> None:
    assert ask(live, "/style.css")[2] == b"p {}"
    status, headers, feed = ask(live, "/feeds/all.rss")
    assert (status, feed) == (200, b"<rss/>")
    assert headers["Content-type"].startswith("application/xml")


def test_what_is_missing_has_the_publications_own_page(live: Live) -> None:
    for path in ("/nowhere/", "/feeds/", "/nowhere.html"):
        status, _, page = ask(live, path)
        assert status == 404
        assert b"Not found" in page


@pytest.mark.parametrize(
    "path", ["/.hidden", "/../secrets.toml", "/%2e%2e/secrets.toml", "/about/..%2f..%2fsecrets.toml"]
)
def test_nothing_else_of_this_machine_is_shown(live: Live, path: str) -> None:
    status, _, answer = ask(live, path)
    assert status == 404
    assert b"secret" not in answer


def test_another_hosts_name_is_refused(live: Live) -> None:
    assert ask(live, "/", host="evil.example")[0] == 421
    assert ask(live, "/", host="localhost:8000")[0] == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_it_only_shows(live: Live, method: str) -> None:
    assert ask(live, "/", method=method)[0] == 501


def test_an_open_page_hears_of_each_build(live: Live) -> None:
    connection = http.client.HTTPConnection(live.url.removeprefix("http://").rstrip("/"), timeout=10)
    connection.request("GET", "/.publisher/builds")
    answer = connection.getresponse()
    assert answer.getheader("Content-Type") == "text/event-stream"
    for _ in range(2):
        live.built()
        assert answer.readline() == b"data: built\n"
        assert answer.readline() == b"\n"
    connection.close()


def test_it_ends_while_pages_wait(public: Path) -> None:
    with serve_live(public, 0) as live:
        connection = http.client.HTTPConnection(live.url.removeprefix("http://").rstrip("/"), timeout=10)
        connection.request("GET", "/.publisher/builds")
        answer = connection.getresponse()
    assert answer.read() in (b": still here\n\n", b"")  # it may have ended before it had anything to say


def test_a_port_that_is_taken_is_named(live: Live, public: Path) -> None:
    port = int(live.url.rstrip("/").rpartition(":")[2])
    with pytest.raises(PublisherError, match="choose another with --port"), serve_live(public, port):
        pass
