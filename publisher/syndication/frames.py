"""What pages of one build share: the parts of base.html that many of them have, and what they all depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from publisher.model.article import Author
from publisher.syndication.characters import clean_bytes
from publisher.syndication.discovery import FeedLink
from publisher.syndication.documents import Document
from publisher.theme.environment import Environment, render

__all__ = ["Frames"]

_MOST_NAMES = 1_000


@dataclass(frozen=True, slots=True)
class _Parts:
    """What base.html needs not render again for every page."""

    alternates: Markup
    navigation: Markup
    imprint: Markup


class Frames:
    """``basis``: changes with the settings, the templates and the program."""

    def __init__(self, environment: Environment, basis: str) -> None:
        environment.auto_reload = False  # a pass has its own; else each page looks at the files of its templates
        self._environment = environment
        self._basis = basis
        # By what links to feeds a page has, and with them, so that no other list can have their place in memory.
        self._prints: dict[int, tuple[Sequence[FeedLink], str]] = {}
        self._names: dict[tuple[str, tuple[Author, ...]], Markup] = {}
        self._parts: dict[tuple[str, int | None, int], tuple[Sequence[FeedLink], _Parts]] = {}

    def parts(self, root: str, navigation: Sequence[Mapping[str, Any]], alternates: Sequence[FeedLink]) -> _Parts:
        """Rendered once for all pages for which they are the same."""
        key = root, next((at for at, item in enumerate(navigation) if item["current"]), None), id(alternates)
        if key not in self._parts:
            values = {"root": root, "navigation": navigation, "alternates": alternates}
            parts = (
                Markup(render(self._environment, f"web/{part}.html", values))
                for part in ("alternates", "navigation", "imprint")
            )
            self._parts[key] = alternates, _Parts(*parts)
        return self._parts[key][1]

    def names(self, root: str, authors: tuple[Author, ...], listing: Callable[[str, str], str]) -> Markup:
        """The authors as a page at this depth names them; rendered once."""
        key = root, authors
        if key not in self._names:
            if len(self._names) > _MOST_NAMES:
                self._names.clear()
            values = {"authors": authors, "listing": listing}
            self._names[key] = Markup(render(self._environment, "web/names.html", values))
        return self._names[key]

    def print(self, template: str, path: str, shown: Iterable[str], alternates: Sequence[FeedLink] = ()) -> str:
        """Changes with whatever a page depends on; ``shown`` is its own."""
        key = id(alternates)
        if key not in self._prints:
            self._prints[key] = alternates, hashlib.sha256(repr(alternates).encode()).hexdigest()
        made = "\n".join((self._basis, template, path, self._prints[key][1], *shown))
        return hashlib.sha256(made.encode("utf-8", "surrogatepass")).hexdigest()

    def bytes(self, template: str, values: Mapping[str, Any]) -> bytes:
        """The template rendered: whatever an article brought in, it is text that a page may have."""
        return clean_bytes(render(self._environment, f"web/{template}", values))

    def rendered(self, template: str, path: str, values: Mapping[str, Any]) -> Document:
        """The same as a document."""
        return Document(path, self.bytes(template, values))
