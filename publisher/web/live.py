"""A small server for whoever writes: public/ on this machine, with pages that load again after each build.

Guarantees: it answers on loopback only, GET and HEAD only, nothing outside public/ and no name that begins with a
dot; the script that waits for builds is put into the answers and never into a file. A request that names another
host is refused, so that no page of the web can read drafts through it. Fails with PublisherError where the port is
taken.
"""

from __future__ import annotations

import posixpath
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from publisher.model.errors import PublisherError

__all__ = ["Live", "serve_live"]

_EVENTS = "/.publisher/builds"
_SCRIPT = f"<script>new EventSource('{_EVENTS}').onmessage = () => location.reload()</script>".encode()
_HOSTS = {"localhost", "127.0.0.1"}
_BEAT = 15  # seconds after which a waiting page hears that we are still there
_TYPES = {
    ".rss": "application/xml; charset=utf-8",  # a browser opens it instead of saving it
    ".atom": "application/xml; charset=utf-8",
    ".json": "application/json",
    ".opml": "application/xml; charset=utf-8",
}


class Live:
    """The server's address, and the number of builds that pages have been told of."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._builds = 0
        self._is_over = False
        self._told = threading.Condition()

    def built(self) -> None:
        """Every page that is open loads again."""
        with self._told:
            self._builds += 1
            self._told.notify_all()

    def end(self) -> None:
        """Nobody waits any longer."""
        with self._told:
            self._is_over = True
            self._told.notify_all()

    def wait(self, seen: int | None) -> tuple[int, bool]:
        """The number of builds once it differs from ``seen`` (or after a beat), and whether we go on."""
        with self._told:
            if seen is not None:
                self._told.wait_for(lambda: self._builds != seen or self._is_over, timeout=_BEAT)
            return self._builds, not self._is_over


@contextmanager
def serve_live(public: Path, port: int) -> Iterator[Live]:
    """Serves ``public`` on loopback until the block ends; ``port`` 0 picks one. Raises PublisherError."""

    class Handler(_Handler):
        live: Live

        def __init__(self, *args: Any, **more: Any) -> None:
            super().__init__(*args, directory=str(public), **more)

    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise PublisherError(
            f"cannot listen ({error.strerror})", where=f"127.0.0.1:{port}", remedy="choose another with --port"
        ) from error
    server.daemon_threads = True
    live = Live(f"http://127.0.0.1:{server.server_address[1]}/")
    Handler.live = live
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True)
    thread.start()
    try:
        yield live
    finally:
        live.end()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(SimpleHTTPRequestHandler):
    """One request. HTML gets the script; everything else is the file as it is."""

    live: Live

    def do_GET(self) -> None:
        if not self._is_for_us():
            return
        if urlsplit(self.path).path == _EVENTS:
            self._tell_of_builds()
        elif (page := self._page()) is not None:
            self._answer(HTTPStatus.OK, page)
        else:
            super().do_GET()

    def do_HEAD(self) -> None:
        if self._is_for_us():
            super().do_HEAD()

    def guess_type(self, path: Any) -> str:
        """Feeds as a browser opens them."""
        return _TYPES.get(posixpath.splitext(path)[1]) or super().guess_type(path)

    def list_directory(self, path: Any) -> None:
        """A folder without index.html is not there."""
        self.send_error(HTTPStatus.NOT_FOUND)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """The publication's own page for what is missing, where it has one."""
        missing = Path(self.directory) / "404.html"
        if code == HTTPStatus.NOT_FOUND and missing.is_file():
            self._answer(HTTPStatus.NOT_FOUND, missing.read_bytes())
        else:
            BaseHTTPRequestHandler.send_error(self, code, message, explain)

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """The terminal is for what builds say."""

    def _is_for_us(self) -> bool:
        host = urlsplit(f"//{self.headers.get('Host', '')}").hostname
        path = unquote(urlsplit(self.path).path)
        if host not in _HOSTS:
            BaseHTTPRequestHandler.send_error(self, HTTPStatus.MISDIRECTED_REQUEST)
            return False
        if path != _EVENTS and any(part.startswith(".") for part in posixpath.normpath(path).split("/")):
            self.send_error(HTTPStatus.NOT_FOUND)
            return False
        return True

    def _page(self) -> bytes | None:
        """The HTML file that answers, or None for anything else."""
        path = Path(self.translate_path(self.path))
        if urlsplit(self.path).path.endswith("/"):
            path /= "index.html"
        try:
            return path.read_bytes() if path.suffix == ".html" else None
        except OSError:
            return None

    def _answer(self, status: HTTPStatus, page: bytes) -> None:
        before, tag, after = page.rpartition(b"</body>")
        content = before + _SCRIPT + tag + after if tag else page + _SCRIPT
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _tell_of_builds(self) -> None:
        """A stream of events (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""
        seen, goes_on = self.live.wait(None)  # before the headers: a build right after them must not be missed
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            while goes_on:
                builds, goes_on = self.live.wait(seen)
                self.wfile.write(b": still here\n\n" if builds == seen else b"data: built\n\n")
                self.wfile.flush()
                seen = builds
        except OSError:
            return  # the page was closed
