"""Serving public/: pages, feeds and pictures, from memory as ready answers where they are not large.

Guarantees: nothing outside public/ is served, nor any name that begins with a dot; validators come from the content
and survive a restart (RFC 9110 section 8.8), one for each coding; GET and HEAD only. What memory holds changes at
once when a build has finished, and within seconds when somebody changes a file by hand; a file that is replaced is
served whole, the old or the new one. Fails with plain HTTP statuses.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from publisher.syndication.compressing import SUFFIXES
from publisher.syndication.headers import HTML, PAGE_POLICY, is_text
from publisher.web.answers import EMPTY, moved, plain, stream
from publisher.web.clients import Hammering, Proxies
from publisher.web.negotiation import Asked, codings, is_navigation, not_newer, part, tags
from publisher.web.readership import Readership
from publisher.web.representations import Ready, Representation, State, ready_of, state_of

__all__ = ["Files"]

_MEMORY = 64 << 20  # bytes of answers that are kept
_MOST = 10_000  # files
_LOOK = 0.25  # seconds after which we look whether there was a build
_TRUST = 2.0  # seconds after which a file is looked at, build or not
# A reader that polls every five seconds and never says what it has; a household of readers stays far below.
_HAMMERING = {"most": 60, "within": 300}


class Files:
    """An ASGI application that serves a folder.

    ``pages=False``: everything but HTML. ``build``: the file that a build writes last. ``former``: old paths, and where
    they lead; None: gone. ``proxies`` tell clients apart; ``readership`` is told who fetches feeds. ``links`` gives
    a file's Link header.
    """

    def __init__(
        self,
        root: Path,
        *,
        pages: bool,
        build: Path,
        former: Mapping[str, str | None],
        proxies: Proxies,
        readership: Readership | None = None,
        links: Callable[[str], str] = lambda _name: "",
    ) -> None:
        self._links = links
        self._root = root
        self._pages = pages
        self._build = build
        self._former = former
        self._readership = readership
        self._hammering = Hammering(**_HAMMERING)
        self._client = lru_cache(4096)(lambda peer, forwarded: _client(proxies, peer, forwarded))
        self._table: OrderedDict[str, Ready] = OrderedDict()
        self._held = 0
        self._turn = 0
        self._built: State = ()
        self._look_at = self._trust_until = 0.0

    def ready(self, path: str) -> Ready | None:
        """The answer to a URL's path, if it is in memory and holds. Waits for nothing but a ``stat`` now and then."""
        now = asyncio.get_running_loop().time()
        if now >= self._look_at:
            self._look(now)
        found = self._table.get(path)
        if found is None or found.turn == self._turn:
            return found
        if found.state != self._state(found.name):
            return None
        found.turn = self._turn
        self._table.move_to_end(path)
        return found

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request. ``scope`` is http's."""
        head = scope["method"] == "HEAD"
        if scope["method"] not in ("GET", "HEAD"):
            await plain(send, 405, "Only GET and HEAD work here.", {"allow": "GET, HEAD"})
            return
        path = scope["path"]
        if path in self._former:
            await moved(send, self._former[path], head=head)
            return
        name = _name(path)
        ready = self.ready(path) or (None if name is None else await self._load(path, name))
        if ready is not None:
            await self.answer(ready, scope, send)
        elif name is not None and await run_in_threadpool(self._is_folder, name):
            # Relative, so that it is right behind any proxy; "./" keeps a colon from looking like a scheme.
            target = f"./{quote(name.rpartition('/')[2])}/"
            await plain(send, 308, "It is a folder.", {"location": target}, head=head)
        else:
            await self._missing(send, head=head)

    async def answer(self, ready: Ready, scope: Scope, send: Send) -> None:
        """Answers a GET or HEAD with the file, as it is asked for, or with 304."""
        asked = Asked(scope["headers"])
        if ready.is_counted and self._readership is not None:
            self._readership.note(ready.name, asked.agent)
        face = ready.opened if ready.opened is not None and is_navigation(asked.accept) else ready.face
        for coding in codings(asked.codings):
            chosen = face.get(coding)
            if chosen is not None:
                break
        assert chosen is not None, "every file can be had without a coding"
        # RFC 9110 section 13.2.2: If-None-Match beats If-Modified-Since. A client that has the content in another
        # coding has it: that representation is the one that it is told about.
        if asked.tags:
            tag = tags(asked.tags, face.unchanged)
            if tag is not None:
                await _send(send, face.unchanged.get(tag, chosen.unchanged), EMPTY)
                return
        elif asked.since:
            if not_newer(ready.modified, asked.since):
                await _send(send, chosen.unchanged, EMPTY)
                return
        elif ready.is_feed and scope["method"] == "GET" and (wait := self._wait(ready, scope, asked)):
            text = "You have this feed. Ask with If-None-Match or If-Modified-Since, and less often."
            await plain(send, 429, text, {"retry-after": str(wait), "cache-control": "no-store"})
            return
        if scope["method"] == "HEAD":
            await _send(send, chosen.start, EMPTY)
        elif asked.range and ready.is_divisible:
            await self._part(ready, chosen, asked, send)
        elif chosen.body is not None:
            await _send(send, chosen.start, chosen.body)
        else:
            await self._stream(ready, chosen.start, send, 0, ready.length)

    def _wait(self, ready: Ready, scope: Scope, asked: Asked) -> int:
        peer = (scope.get("client") or ("",))[0]
        client = self._client(peer, asked.forwarded)
        return self._hammering.wait(client, ready.name, asyncio.get_running_loop().time()) if client else 0

    def _look(self, now: float) -> None:
        """After a build, and now and then, what is held has to be compared with its file before it is served."""
        self._look_at = now + _LOOK
        built = _state(self._build)
        if built != self._built or now >= self._trust_until:
            self._built = built
            self._turn += 1
            self._trust_until = now + _TRUST

    def _state(self, name: str) -> State:
        suffixes = ("", *SUFFIXES.values()) if is_text(name) else ("",)
        return tuple(part for suffix in suffixes for part in _state(self._root / f"{name}{suffix}"))

    async def _load(self, path: str, name: str) -> Ready | None:
        """The file from disk, kept for the next time. Only the event loop touches what is kept."""
        turn = self._turn
        loaded = await run_in_threadpool(self._read, name)
        self._forget(path)
        if loaded is not None:
            loaded.turn = turn
            self._table[path] = loaded
            self._held += loaded.size
            while self._held > _MEMORY or len(self._table) > _MOST:
                self._forget(next(iter(self._table)))
        return loaded

    def _forget(self, path: str) -> None:
        gone = self._table.pop(path, None)
        if gone is not None:
            self._held -= gone.size

    def _read(self, name: str) -> Ready | None:
        if not self._pages and name.endswith(".html"):
            return None
        if name.endswith(tuple(SUFFIXES.values())) and (self._root / name.rpartition(".")[0]).exists():
            return None  # a copy has no address of its own
        try:
            state = self._state(name)
            with self._open(name) as file:
                return ready_of(name, state, file, self._copy, self._links(name))
        except OSError:
            return None

    def _copy(self, name: str) -> bytes | None:
        try:
            with self._open(name) as file:
                return file.read()
        except OSError:
            return None

    def _open(self, name: str) -> BinaryIO:
        """The file, if it lies in the folder with all links followed. Raises OSError."""
        path = os.path.realpath(self._root / name)
        if os.path.commonpath([path, os.path.realpath(self._root)]) != os.path.realpath(self._root):
            raise FileNotFoundError(name)
        return open(path, "rb")

    async def _part(self, ready: Ready, chosen: Representation, asked: Asked, send: Send) -> None:
        """RFC 9110 section 14: one range of a recording or picture; what we don't understand is answered whole."""
        first, stop = part(asked.range, ready.length)
        if first is None or (asked.if_range and asked.if_range not in chosen.validators):
            first, stop, start = 0, ready.length, chosen.start
        elif first >= stop:
            await plain(send, 416, "There is no such part.", {"content-range": f"bytes */{ready.length}"})
            return
        else:
            length = (b"content-length", str(stop - first).encode())
            kept = [header for header in chosen.start["headers"] if header[0] != length[0]]
            place = (b"content-range", f"bytes {first}-{stop - 1}/{ready.length}".encode())
            start = {**chosen.start, "status": 206, "headers": [*kept, length, place]}
        if chosen.body is None:
            await self._stream(ready, start, send, first, stop)
        else:
            await _send(send, start, {**chosen.body, "body": chosen.body["body"][first:stop]})

    async def _stream(self, ready: Ready, start: dict[str, Any], send: Send, first: int, stop: int) -> None:
        with await run_in_threadpool(self._open, ready.name) as file:
            if state_of(os.fstat(file.fileno())) == ready.state[:3]:
                await stream(send, start, file, first, stop)
            else:  # replaced in this moment
                await plain(send, 503, "Please try again.", {"retry-after": "1"})

    def _is_folder(self, name: str) -> bool:
        return self._pages and os.path.isfile(self._root / name / "index.html")

    async def _missing(self, send: Send, *, head: bool) -> None:
        found = self.ready("/404.html") or await self._load("/404.html", "404.html")
        page = None if found is None else found.face[""].body
        if page is None:
            await plain(send, 404, "There is nothing here.", {}, head=head)
            return
        headers = {"content-type": HTML, "content-security-policy": PAGE_POLICY}
        await plain(send, 404, page["body"], headers, head=head)


def _state(path: Path) -> State:
    try:
        return state_of(os.stat(path))
    except (OSError, ValueError):
        return ()


def _client(proxies: Proxies, peer: str, forwarded: bytes) -> str:
    """Who is asking; ``""`` where a proxy of ours does not say so: then it would be everybody."""
    client = proxies.client(peer, [forwarded.decode("latin-1")] if forwarded else [])
    return "" if proxies.has(client) else client


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


async def _send(send: Send, start: dict[str, Any], body: dict[str, Any]) -> None:
    await send(start)
    await send(body)
