"""What a file of public/ is over HTTP, whoever serves it: its media type and the headers that go with it.

Our own server and the sample configurations for others take them from here. Pure, all of it.
"""

from __future__ import annotations

import mimetypes
from types import MappingProxyType

__all__ = [
    "FEED_JSON",
    "HTML",
    "MAX_AGE",
    "MEDIA_TYPES",
    "NAVIGATION",
    "PAGE_POLICY",
    "PICTURE_POLICY",
    "base_type",
    "headers_of",
    "is_feed",
    "is_text",
    "media_type",
    "varies",
]

MAX_AGE = 300
"""Seconds that a copy counts as fresh."""
NAVIGATION = "application/xml; charset=utf-8"
"""What an XML feed is for a person who opens it: browsers apply its style sheet to no other type."""
HTML = "text/html; charset=utf-8"
MEDIA_TYPES = MappingProxyType(
    {
        ".html": HTML,
        ".css": "text/css; charset=utf-8",
        ".txt": "text/plain; charset=utf-8",
        ".rss": "application/rss+xml; charset=utf-8",
        ".atom": "application/atom+xml; charset=utf-8",
        ".json": "application/json",
        ".opml": "text/x-opml; charset=utf-8",
        ".xml": "application/xml; charset=utf-8",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".jpg": "image/jpeg",
        ".jpeg": "image/jpeg",
        ".gif": "image/gif",
        ".webp": "image/webp",
        ".avif": "image/avif",
        ".ico": "image/vnd.microsoft.icon",
        ".woff2": "font/woff2",
        ".mp3": "audio/mpeg",
        ".m4a": "audio/mp4",
        ".mp4": "video/mp4",
        ".webm": "video/webm",
        ".vtt": "text/vtt; charset=utf-8",
        ".pdf": "application/pdf",
        ".gz": "application/gzip",
        ".br": "application/octet-stream",
    }
)
FEED_JSON = "application/feed+json; charset=utf-8"

_XML_FEEDS = (".rss", ".atom", ".opml")
_TEXT = {"application/json", "application/feed+json", "application/xml", "image/svg+xml"}

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' https: data:; media-src 'self' https:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# A picture that is opened by itself must not run anything in our name.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"


def media_type(name: str) -> str:
    """What the file ``name`` is. A feed's .json is JSON Feed (https://www.jsonfeed.org/version/1.1/)."""
    dot = name.rfind(".")
    extension = name[dot:].lower() if dot > name.rfind("/") else ""
    if extension == ".json" and name.startswith("feeds/"):
        return FEED_JSON
    return MEDIA_TYPES.get(extension) or mimetypes.guess_type(name)[0] or "application/octet-stream"


def base_type(kind: str) -> str:
    """A media type without its parameters."""
    return kind.partition(";")[0]


def is_text(name: str) -> bool:
    """Whether compressing the file is worth it."""
    kind = base_type(media_type(name))
    return kind.startswith("text/") or kind.endswith("+xml") or kind in _TEXT


def is_feed(name: str) -> bool:
    """Whether programs of other sites may read it, too."""
    return name.startswith("feeds/") or name.endswith(_XML_FEEDS)


def varies(name: str) -> bool:
    """Whether a browser that opens it gets another media type than a feed reader."""
    return name.endswith(_XML_FEEDS)


def headers_of(name: str) -> dict[str, str]:
    """The headers of the file ``name`` but for its validators, length and coding."""
    kind = media_type(name)
    headers = {
        "content-type": kind,
        "cache-control": f"max-age={MAX_AGE}",
        "x-content-type-options": "nosniff",
    }
    if is_text(name):
        headers["vary"] = "accept, accept-encoding" if varies(name) else "accept-encoding"
    if kind == HTML:
        headers["content-security-policy"] = PAGE_POLICY
    elif kind == "image/svg+xml":
        headers["content-security-policy"] = PICTURE_POLICY
    if is_feed(name):
        headers["access-control-allow-origin"] = "*"
    return headers
