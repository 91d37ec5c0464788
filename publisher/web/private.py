"""Private feeds over HTTP: /private/TOKEN.rss, .atom and .json.

Guarantees: GET and HEAD only, nothing is changed; proxies keep no copy and search engines no address; a link that a
newer one has ended, or whose reader has left, is 410, and one that is not ours 404. Validators, codings and media types
are as those of other feeds. Fails with StoreError, which the application answers.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from email.utils import formatdate
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
from publisher.syndication.headers import MAX_AGE, NAVIGATION, media_type, varies
from publisher.syndication.private_feeds import chosen, private_document, read_selection, selection_file
from publisher.web.clients import Hammering
from publisher.web.negotiation import Asked, codings, is_navigation, not_newer, tags
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


@dataclass(frozen=True, slots=True)
class _Document:
    """``modified``: no later change of the content is known, in seconds since 1970."""

    content: bytes
    modified: int


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
        document = await run_in_threadpool(self._document, number, format)
        if document is None:
            return _plain("This feed has ended. A new link is on the page of your preferences.", 410)
        asked = Asked(request.headers.raw)
        if not (asked.tags or asked.since) and request.method == "GET":
            now = asyncio.get_running_loop().time()
            if wait := self._hammering.wait(found[1], found[2], now):
                busy = _plain("You have this feed. Ask with If-None-Match or If-Modified-Since, and less often.", 429)
                busy.headers["retry-after"] = str(wait)
                return busy
        return await run_in_threadpool(_answer, asked, document, f"feeds/x.{format}")

    def _document(self, number: int, format: FeedFormat) -> _Document | None:
        """The document of a link; None where it has ended."""
        with self._visits.store.reading() as connection:
            private = private_feeds.find(connection, number)
        publication = self._visits.publication
        feed = publication.feed(private.newsletter) if private else None
        if private is None or feed is None or feed.newsletter is None:
            return None
        articles, built = self._chosen(private)
        content = private_document(
            publication,
            feed,
            articles,
            format,
            address=private_url(publication, number, format, self._visits.keys),
            title=one_line(feed.newsletter.title) or feed.name,
            number=private.subscription,
        )
        return _Document(content, max(int(private.changed_at.timestamp()), built))

    def _chosen(self, private: PrivateFeed) -> tuple[list[Article], int]:
        """The reader's selection, and when the newsletter's last changed (seconds since 1970)."""
        try:
            status = selection_file(self._visits.publication, private.newsletter).stat()
        except OSError:
            return [], 0
        state, built = (status.st_ino, status.st_size, status.st_mtime_ns), int(status.st_mtime)
        try:
            return chosen(self._articles(private.newsletter, state), private.topics), built
        except PublisherError:  # topics that cannot be read choose nothing
            return [], built

    def _read(self, newsletter: str, _state: tuple[int, int, int]) -> list[Article]:
        return read_selection(self._visits.publication, newsletter)


def _answer(asked: Asked, document: _Document, name: str) -> Response:
    """As `publisher.web.files` does: a tag for each face and coding (RFC 9110 section 8.8.3.3), and its conditions."""
    opened = varies(name) and is_navigation(asked.accept)
    tag = hashlib.sha256(document.content).hexdigest()[:32] + ("-x" if opened else "")
    tags_of = {coding: f'"{tag}-{coding}"' if coding else f'"{tag}"' for coding in ("br", "gzip", "")}
    coding = codings(asked.codings)[0]
    headers = {
        **_HEADERS,
        "vary": "accept, accept-encoding" if varies(name) else "accept-encoding",
        "etag": tags_of[coding],
        "last-modified": formatdate(document.modified, usegmt=True),
    }
    if asked.tags:
        known = {own.encode() for own in tags_of.values()}
        if (matched := tags(asked.tags, known)) is not None:
            if matched in known:
                headers["etag"] = matched.decode()
            return Response(None, 304, headers=headers)
    elif asked.since and not_newer(document.modified, asked.since):
        return Response(None, 304, headers=headers)
    headers["content-type"] = NAVIGATION if opened else media_type(name)
    if coding:
        headers["content-encoding"] = coding
    return Response(compressed(document.content, coding) if coding else document.content, headers=headers)


def _plain(text: str, status: int) -> Response:
    return PlainTextResponse(text, status, headers={**_HEADERS, "cache-control": "no-store"})
