"""Where everything is: the addresses of feeds and pages, and the files under public/ that answer there.

Addresses are ASCII: paths percent-encoded (RFC 3986), hosts as A-labels (RFC 5890). File names are UTF-8.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from publisher.model.feed import Feed, FeedFormat
from publisher.model.publication import Publication
from publisher.syndication.characters import clean

__all__ = [
    "EXTENSIONS",
    "MEDIA_TYPES",
    "alias_format",
    "ascii_url",
    "base_path",
    "feed_page",
    "feed_path",
    "feed_url",
    "file_of",
    "home",
    "listing_path",
    "listing_url",
    "slug",
]

EXTENSIONS: dict[FeedFormat, str] = {"rss": "rss", "atom": "atom", "json": "json"}
MEDIA_TYPES: dict[FeedFormat, str] = {
    "rss": "application/rss+xml",
    "atom": "application/atom+xml",
    "json": "application/feed+json",
}

_ASCII_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:(?:[A-Za-z0-9;/?:@&=+$._!~*'(),#-]|%[0-9A-Fa-f]{2})+")
_SIMPLE = re.compile(r"(?:[A-Za-z0-9._~-]+/)*[A-Za-z0-9._~-]*")  # what `urlsplit` and `unquote` leave as it is
_ENDING = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_SAFE = "%/:=&?~+!$,;'@()*"
_LONGEST = 180  # bytes of a file name; most file systems allow 255


def ascii_url(url: str) -> str:
    """``url`` percent-encoded, its host as A-labels. Pure. What is already so is returned as it is."""
    if _ASCII_URL.fullmatch(url):
        return url
    url = re.sub(r"%(?![0-9A-Fa-f]{2})", "%25", clean(url).strip())
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # not a URL at all, or labels that IDNA refuses
        return quote(url, safe=_SAFE + "#")
    user = f"{quote(parts.netloc.rpartition('@')[0], safe=_SAFE)}@" if "@" in parts.netloc else ""
    netloc = f"{user}{host}{port}" if host else quote(parts.netloc, safe=_SAFE)
    return urlunsplit(
        (
            parts.scheme,
            netloc,
            *(quote(part, safe=_SAFE) for part in (parts.path, parts.query, parts.fragment)),
        )
    )


def home(publication: Publication) -> str:
    """The front page's address, with its slash at the end."""
    return _home(publication.url)


@lru_cache(16)
def _home(url: str) -> str:
    return f"{ascii_url(url)}/"


def base_path(publication: Publication) -> str:
    """The path of the front page: ``/``, or ``/news/`` for a publication below a host's root."""
    return urlsplit(home(publication)).path


@lru_cache(4096)
def slug(name: str) -> str:
    """A path segment for a section, tag or author. Pure. Names that differ in case or spacing share one."""
    text = unicodedata.normalize("NFKC", clean(name)).casefold()
    text = re.sub(r"(?<=\w)#(?!\w)", "-sharp", text)  # C# and C are two things
    kept = "".join(c if c in "-_.+" or unicodedata.category(c)[0] in "LMN" else " " for c in text)
    text = re.sub(r"[\s-]+", "-", kept).strip("-.")
    if not text:
        return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    if len(text.encode()) > _LONGEST:
        kept = text.encode()[: _LONGEST - 13].decode(errors="ignore")
        text = f"{kept}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    return text


def listing_path(kind: str, name: str) -> str:
    """The file of a listing page. ``kind`` is section, tag or author."""
    return f"{kind}/{slug(name)}/index.html"


def listing_url(publication: Publication, kind: str, name: str) -> str:
    """The address of a listing page. ``kind`` is section, tag or author."""
    return _listing(home(publication), kind, name)


@lru_cache(4096)
def _listing(front: str, kind: str, name: str) -> str:
    return f"{front}{kind}/{quote(slug(name))}/"


def feed_path(feed: Feed, format: FeedFormat, page: str = "") -> str:
    """The file of a feed's document under public/, or of an archive page of it."""
    return f"feeds/{feed.name}{page and '/'}{page}.{EXTENSIONS[format]}"


def feed_url(publication: Publication, feed: Feed, format: FeedFormat, page: str = "") -> str:
    """The one address a feed's document is served from, or an archive page of it."""
    return home(publication) + quote(feed_path(feed, format, page))


def alias_format(feed: Feed, alias: str) -> FeedFormat | None:
    """The format that answers at an old address of a feed; None where the feed has none. Pure.

    What the address names (``.json``, ``atom``) if the feed has it, else RSS, else the feed's first format.
    """
    last = alias.lower().rstrip("/").rpartition("/")[2]
    wanted: FeedFormat = "json" if last.endswith("json") else "atom" if "atom" in last else "rss"
    return next((format for format in (wanted, "rss", *feed.formats) if format in feed.formats), None)


def feed_page(publication: Publication, feed: Feed) -> str:
    """The HTML page of a feed: its section's, tag's or author's where it selects just one. It exists."""
    if feed.made_for == "edition" and feed.newsletter is not None:
        return f"{home(publication)}editions/{feed.newsletter.name}/"
    selection = feed.selection
    chosen = [
        (kind, names)
        for kind, names in (
            ("section", selection.sections),
            ("tag", selection.tags),
            ("author", selection.authors),
            ("language", selection.languages),
        )
        if names
    ]
    if not publication.web.pages or not chosen:
        return home(publication)
    kind, names = chosen[0]
    if len(chosen) == 1 and len(set(map(slug, names))) == 1 and kind != "language":
        return listing_url(publication, kind, names[0])
    return f"{home(publication)}follow/#{quote(feed.name)}"


def file_of(publication: Publication, url: str) -> str | None:
    """The file under public/ that answers at ``url``; None where the URL is not the publication's."""
    address, front = ascii_url(url), home(publication)
    if not address.startswith(front):
        return None
    path = address[len(front) :]
    if _SIMPLE.fullmatch(path) is None:
        path = unquote(urlsplit(path).path)
    if "/." in f"/{path}" and any(part in (".", "..") for part in path.split("/")):
        return None
    if "\x00" in path or "\\" in path:
        return None
    if path == "" or path.endswith("/"):
        return f"{path}index.html"
    return path if _ENDING.search(path) else f"{path}/index.html"
