"""What every page offers at its head: the sections that the settings name, and the page of feeds. Pure."""

from __future__ import annotations

from typing import Any

from publisher.model.publication import Publication
from publisher.syndication.addresses import home, listing_url
from publisher.syndication.links import Links

__all__ = ["Navigation"]


class Navigation:
    """Of one build: the same list for all pages that have the same. ``follow``: what the page of feeds is called."""

    def __init__(self, publication: Publication, follow: str) -> None:
        self._entries = [
            (listing_url(publication, "section", section), publication.section_label(section))
            for section in publication.sections
        ]
        self._entries.append((f"{home(publication)}follow/", follow))
        self._addresses = {address for address, _ in self._entries}
        self._known: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def of(self, links: Links, address: str) -> list[dict[str, Any]]:
        """The entries as the page at ``address`` has them, which is ``current`` among them or none."""
        key = links.root, address if address in self._addresses else ""
        if key not in self._known:
            self._known[key] = [
                {"url": links.to(url), "label": label, "current": url == address} for url, label in self._entries
            ]
        return self._known[key]
