"""Clients that reconstruct a feed from its documents: RFC 5005 section 4.2, and JSON Feed's next_url."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import unquote

from lxml import etree

URL = "https://news.example.org/"
NAMES = {"atom": "http://www.w3.org/2005/Atom", "fh": "http://purl.org/syndication/history/1.0"}

Fetch = Callable[[str], bytes]


def fetcher(documents: dict[str, bytes]) -> Fetch:
    """Answers addresses of the publication from its documents; an address that has none is a KeyError."""
    return lambda address: documents[unquote(address.removeprefix(URL))]


def walk(fetch: Fetch, address: str) -> Iterator[tuple[str, bytes]]:
    """Each document of the feed at ``address``, newest first. An address that comes twice is an error."""
    seen: set[str] = set()
    following: str | None = address
    while following:
        assert following not in seen, f"a loop: {following}"
        seen.add(following)
        content = fetch(following)
        yield following, content
        following = previous(content)


def previous(content: bytes) -> str | None:
    """Where the document says that older articles are."""
    if content.startswith(b"{"):
        address: str | None = json.loads(content).get("next_url")
        return address
    return links(content).get("prev-archive")


def links(content: bytes) -> dict[str, str]:
    """The links of an RSS or Atom document by relation."""
    return {link.get("rel", ""): link.get("href", "") for link in head(content).findall("atom:link", NAMES)}


def head(content: bytes) -> Any:
    """The channel of RSS, the root of Atom."""
    root = etree.fromstring(content)
    channel = root.find("channel")
    return root if channel is None else channel


def ids(content: bytes) -> list[str]:
    """The ids of the document's articles, in their order."""
    if content.startswith(b"{"):
        return [item["id"] for item in json.loads(content)["items"]]
    found = head(content)
    return [id.text for id in (*found.findall("item/guid"), *found.findall("atom:entry/atom:id", NAMES))]


def is_archive(content: bytes) -> bool:
    """Whether the document says that it is an archive page that stays as it is."""
    return head(content).find("fh:archive", NAMES) is not None
