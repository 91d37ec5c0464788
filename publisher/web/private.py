"""Private feeds over HTTP: /private/TOKEN.rss, .atom and .json.

Guarantees: GET and HEAD only, nothing is changed; proxies keep no copy and search engines no address; a link that a
newer one has ended, or whose reader has left, is 410, and one that is not ours 404. Validators, gzip and media types
are as those of other feeds. Fails with StoreError, which the application answers.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from functools import lru_cache

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from publisher.audience.links import private_url
from publisher.audience.tokens import read_token
from publisher.model.article import Article
from publisher.model.errors import PublisherError
from publisher.model.feed import FeedFormat
from publisher.store import private_feeds
from publisher.store.private_feeds import PrivateFeed
from publisher.syndication.characters import one_line
from publisher.syndication.compressing import compressed
from publisher.syndication.headers import MAX_AGE, NAVIGATION, media_type
from publisher.syndication.private_feeds import chosen, private_document, read_selection, selection_file
from publisher.web.clients import Hammering
from publisher.web.negotiation import codings, is_navigation, tags
from publisher.web.visits import Visits

__all__ = ["PrivateFeeds"]

_NAME = re.compile(r"([A-Za-z2-7]{28,44})\.(rss|atom|json)")
_FORMATS: dict[str, FeedFormat] = {"rss": "rss", "atom": "atom", "json": "json"}
_HEADERS = {
    "cache-control": f"private, max-age={MAX_AGE}",
    "x-robots-tag": "noindex",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
}


class PrivateFeeds:
    """The private feeds of a publication's newsletters."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits
        self._hammering = Hammering(most=60, within=300)
        self._articles = lru_cache(maxsize=8)(self._read)

    async def feed(self, request: Request) -> Response:
        """GET and HEAD: the feed."""
        found = _NAME.fullmatch(request.path_params["name"])
        number = read_token("private", found[1], self._visits.keys) if found else None
        if found is None or number is None:
            return _plain("There is nothing here.", 404)
        format = _FORMATS[found[2]]
        content = await run_in_threadpool(self._document, number, format)
        if content is None:
            return _plain("This feed has ended. A new link is on the page of your preferences.", 410)
        listed = request.headers.get("if-none-match", "")
        if not listed and request.method == "GET":
            now = asyncio.get_running_loop().time()
            if wait := self._hammering.wait(found[1], found[2], now):
                busy = _plain("You have this feed. Ask with If-None-Match, and less often.", 429)
                busy.headers["retry-after"] = str(wait)
                return busy
        return await run_in_threadpool(_answer, request, content, f"feeds/x.{format}", listed)

    def _document(self, number: int, format: FeedFormat) -> bytes | None:
        """The document of a link; None where it has ended."""
        with self._visits.store.reading() as connection:
            private = private_feeds.find(connection, number)
        publication = self._visits.publication
        feed = publication.feed(private.newsletter) if private else None
        if private is None or feed is None or feed.newsletter is None:
            return None
        return private_document(
            publication,
            feed,
            self._chosen(private),
            format,
            address=private_url(publication, number, format, self._visits.keys),
            title=one_line(feed.newsletter.title) or feed.name,
            number=private.subscription,
        )

    def _chosen(self, private: PrivateFeed) -> list[Article]:
        try:
            status = selection_file(self._visits.publication, private.newsletter).stat()
            state = (status.st_ino, status.st_size, status.st_mtime_ns)
        except OSError:
            return []
        try:
            return chosen(self._articles(private.newsletter, state), private.topics)
        except PublisherError:  # topics that cannot be read choose nothing
            return []

    def _read(self, newsletter: str, _state: tuple[int, int, int]) -> list[Article]:
        return read_selection(self._visits.publication, newsletter)


def _answer(request: Request, content: bytes, name: str, listed: str) -> Response:
    """As clients of feeds like it: a tag for each face and coding (RFC 9110 section 8.8.3.3)."""
    opened = not name.endswith(".json") and is_navigation(request.headers.get("accept", "").encode("latin-1"))
    tag = hashlib.sha256(content).hexdigest()[:32] + ("-x" if opened else "")
    known = {f'"{tag}"'.encode(): tag, f'"{tag}-gzip"'.encode(): f"{tag}-gzip"}
    vary = "accept-encoding" if name.endswith(".json") else "accept, accept-encoding"
    headers = {**_HEADERS, "vary": vary, "content-type": NAVIGATION if opened else media_type(name)}
    wanted = codings(request.headers.get("accept-encoding", "").encode("latin-1"))
    coding = next(one for one in wanted if one in ("gzip", ""))
    own = f"{tag}-gzip" if coding else tag
    if listed and (matched := tags(listed.encode("latin-1"), known)) is not None:
        del headers["content-type"]
        return Response(None, 304, headers={**headers, "etag": f'"{known.get(matched, own)}"'})
    if coding:
        content = compressed(content, coding)
        headers["content-encoding"] = coding
    return Response(content, headers={**headers, "etag": f'"{own}"'})


def _plain(text: str, status: int) -> Response:
    return PlainTextResponse(text, status, headers={**_HEADERS, "cache-control": "no-store"})
