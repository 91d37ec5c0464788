"""Addresses that feeds had: one that moved leads to the feed for good (301), one that ended is gone (410)."""

from __future__ import annotations

from urllib.parse import quote, unquote

from publisher.model.publication import Publication
from publisher.syndication.addresses import alias_format, ascii_url, base_path, feed_path, home

__all__ = ["former_addresses"]


def former_addresses(publication: Publication) -> dict[str, str | None]:
    """Old path → the new one, percent-encoded; None: gone. Pure.

    Old paths are decoded and begin below the publication's own path; new ones begin at the host's root. An address
    with a slash at its end answers without it, too.
    """
    found: dict[str, str | None] = {}
    for feed in publication.feeds:
        for alias in feed.aliases:
            format = alias_format(feed, alias)
            if format is not None:
                target = base_path(publication) + quote(feed_path(feed, format))
                found |= dict.fromkeys(_spellings(publication, alias), target)
    for path in publication.web.gone:
        found |= dict.fromkeys(_spellings(publication, path))
    for feed in publication.feeds:  # an address in use is no old one
        for format in feed.formats:
            found.pop(f"/{feed_path(feed, format)}", None)
    return found


def _spellings(publication: Publication, path: str) -> set[str]:
    decoded = "/" + unquote(ascii_url(path).removeprefix(home(publication))).lstrip("/")
    return {decoded, decoded.rstrip("/")} - {"", "/"}
