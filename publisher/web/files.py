"""Serving public/: pages, feeds and pictures, from memory where they are small and have not changed.

Guarantees: nothing outside public/ is served, nor any name that begins with a dot; validators come from the content
and survive a restart (RFC 9110 section 8.8); GET and HEAD only. A file that is replaced by a build is
served whole, the old or the new one. Fails with plain HTTP statuses.
"""

from __future__ import annotations

import hashlib
import mimetypes
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import formatdate, parsedate_to_datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

__all__ = ["Files"]

_SMALL = 1 << 20  # bytes; what is larger is read from disk each time
_MEMORY = 64 << 20  # bytes of small files that are kept
_MOST = 10_000  # files
_PIECE = 1 << 18
_MAX_AGE = 300  # seconds
_HTML = "text/html; charset=utf-8"
_MEDIA_TYPES = {
    ".html": _HTML,
    ".css": "text/css; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".rss": "application/rss+xml; charset=utf-8",
    ".atom": "application/atom+xml; charset=utf-8",
    ".json": "application/json",
    ".opml": "text/x-opml; charset=utf-8",
    ".xml": "application/xml; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webp": "image/webp",
    ".avif": "image/avif",
    ".woff2": "font/woff2",
}
_FEEDS = (".rss", ".atom", ".opml")
_PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' https: data:; media-src 'self' https:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A picture that is opened by itself must not run anything in our name.
_PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


@dataclass(frozen=True, slots=True)
class _Known:
    """A file as it was read: its state then, its headers, its content if it is small."""

    state: tuple[int, int, int]
    etag: str
    modified: int
    headers: tuple[tuple[bytes, bytes], ...]
    content: bytes | None


class Files:
    """An ASGI application that serves a folder. ``pages=False``: everything but HTML."""

    def __init__(self, root: Path, *, pages: bool) -> None:
        self._root = root
        self._pages = pages
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._kept = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. ``scope`` is http's."""
        if scope["method"] not in ("GET", "HEAD"):
            await _answer(send, 405, "Only GET and HEAD work here.", {"allow": "GET, HEAD"})
            return
        head = scope["method"] == "HEAD"
        name = _name(scope["path"])
        known = None if name is None else self._remembered(name)
        if known is None and name is not None:
            known = await self._read(name)
        if known is not None and name is not None:
            await self._send(known, name, Headers(scope=scope), send, head=head)
        elif name is not None and await run_in_threadpool(self._is_folder, name):
            # Relative, so that it is right behind any proxy; "./" keeps a colon from looking like a scheme.
            target = f"./{quote(name.rpartition('/')[2])}/"
            await _answer(send, 308, "It is a folder.", {"location": target}, head=head)
        else:
            await self._missing(send, head=head)

    def _remembered(self, name: str) -> _Known | None:
        known = self._known.get(name)
        if known is None:
            return None
        try:
            now = os.stat(self._root / name)
        except OSError:
            return None
        if known.state != (now.st_ino, now.st_size, now.st_mtime_ns):
            return None
        self._known.move_to_end(name)
        return known

    async def _read(self, name: str) -> _Known | None:
        """The file from disk, kept for the next time. Only the event loop touches what is kept."""
        known = await run_in_threadpool(self._load, name)
        self._forget(name)
        if known is not None:
            self._known[name] = known
            self._kept += len(known.content or b"")
            while self._kept > _MEMORY or len(self._known) > _MOST:
                self._forget(next(iter(self._known)))
        return known

    def _load(self, name: str) -> _Known | None:
        if not self._pages and name.endswith(".html"):
            return None
        try:
            with self._open(name) as file:
                return _known(name, file)
        except OSError:
            return None

    def _open(self, name: str) -> BinaryIO:
        """The file, if it lies in the folder with all links followed. Raises OSError."""
        path = os.path.realpath(self._root / name)
        if os.path.commonpath([path, os.path.realpath(self._root)]) != os.path.realpath(self._root):
            raise FileNotFoundError(name)
        return open(path, "rb")

    def _forget(self, name: str) -> None:
        known = self._known.pop(name, None)
        if known is not None:
            self._kept -= len(known.content or b"")

    async def _send(self, known: _Known, name: str, asked: Headers, send: Send, *, head: bool) -> None:
        if _is_current(known, asked):
            kept = [header for header in known.headers if header[0] not in (b"content-length", b"content-type")]
            await send({"type": "http.response.start", "status": 304, "headers": kept})
            await send({"type": "http.response.body", "body": b""})
            return
        await send({"type": "http.response.start", "status": 200, "headers": list(known.headers)})
        if head or known.content is not None:
            await send({"type": "http.response.body", "body": b"" if head else known.content})
            return
        left = known.state[1]
        with await run_in_threadpool(self._open, name) as file:
            while left > 0 and (piece := await run_in_threadpool(file.read, min(_PIECE, left))):
                left -= len(piece)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def _is_folder(self, name: str) -> bool:
        return self._pages and os.path.isfile(self._root / name / "index.html")

    async def _missing(self, send: Send, *, head: bool) -> None:
        known = self._remembered("404.html") or await self._read("404.html")
        if known is None or known.content is None:
            await _answer(send, 404, "There is nothing here.", {}, head=head)
        else:
            await _answer(
                send, 404, known.content, {"content-type": _HTML, "content-security-policy": _PAGE_POLICY}, head=head
            )


def _known(name: str, file: BinaryIO) -> _Known:
    status = os.fstat(file.fileno())
    content = file.read() if status.st_size <= _SMALL else None
    hashed = hashlib.sha256(content or b"")
    if content is None:
        while piece := file.read(_PIECE):
            hashed.update(piece)
    state = (status.st_ino, status.st_size, status.st_mtime_ns)
    etag = f'"{hashed.hexdigest()[:32]}"'
    modified = int(status.st_mtime)
    return _Known(state, etag, modified, _headers(name, etag, modified, status.st_size), content)


def _name(path: str) -> str | None:
    """The file that a URL's path means, relative to the folder; None for a path that we never serve."""
    parts = path.split("/")[1:]
    if not parts or "\0" in path or "\\" in path:
        return None
    if parts[-1] == "":
        parts[-1] = "index.html"
    if any(not part or part.startswith(".") for part in parts):
        return None
    return "/".join(parts)


def _headers(name: str, etag: str, modified: int, length: int) -> tuple[tuple[bytes, bytes], ...]:
    kind = media_type(name)
    headers = {
        "content-type": kind,
        "content-length": str(length),
        "etag": etag,
        "last-modified": formatdate(modified, usegmt=True),
        "cache-control": f"max-age={_MAX_AGE}",
        "x-content-type-options": "nosniff",
    }
    if kind == _HTML:
        headers["content-security-policy"] = _PAGE_POLICY
    elif kind == "image/svg+xml":
        headers["content-security-policy"] = _PICTURE_POLICY
    if name.startswith("feeds/") or name.endswith(_FEEDS):
        headers["access-control-allow-origin"] = "*"
    return tuple((key.encode(), value.encode()) for key, value in headers.items())


def media_type(name: str) -> str:
    """What a file is, by its name. A feed's .json is JSON Feed (https://www.jsonfeed.org/version/1.1/)."""
    extension = os.path.splitext(name)[1].lower()
    if extension == ".json" and name.startswith("feeds/"):
        return "application/feed+json; charset=utf-8"
    return _MEDIA_TYPES.get(extension) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def _is_current(known: _Known, asked: Headers) -> bool:
    """RFC 9110 section 13.2.2: If-None-Match, which may be weak and a list, beats If-Modified-Since."""
    tags = asked.getlist("if-none-match")
    if tags:
        wanted = [tag.strip().removeprefix("W/") for value in tags for tag in value.split(",")]
        return "*" in wanted or known.etag in wanted
    since = asked.get("if-modified-since")
    if since is None:
        return False
    try:
        return known.modified <= parsedate_to_datetime(since).timestamp()
    except (ValueError, TypeError, OverflowError):
        return False


async def _answer(
    send: Send, status: int, body: str | bytes, headers: Mapping[str, str], *, head: bool = False
) -> None:
    content = body.encode() if isinstance(body, str) else body
    complete = {
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(content)),
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
        **headers,
    }
    encoded = [(key.encode(), value.encode()) for key, value in complete.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if head else content})
