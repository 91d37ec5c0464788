"""What the text of an article points at: its links and pictures as they are written, and where.

Read from Markdown's own events, so that what stands in code is no link. HTML inside the Markdown counts as well.
"""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any, Literal

import pyromark

from publisher.articles.markup import OPTIONS

__all__ = ["Body", "Reference", "read_body"]

_MARKDOWN = pyromark.Markdown(options=OPTIONS)
_SHOWN_BY = {"img": "src", "source": "src", "video": "poster"}


@dataclass(frozen=True, slots=True)
class Reference:
    """A link or picture. ``line`` is the body's, 1-based; a ``decorative`` picture needs no ``alt``."""

    kind: Literal["link", "picture"]
    address: str
    line: int
    alt: str | None = None
    decorative: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """``prose`` is the body with its code blanked out; line ends stay where they are."""

    references: tuple[Reference, ...]
    prose: str


def read_body(markdown: str) -> Body:
    """The references of a Markdown text, in its order, and its prose. Pure."""
    data = markdown.encode("utf-8", "replace")
    reader = _Reader(data)
    for event, place in _MARKDOWN.events_with_range(data.decode()):
        reader.take(event, place["start"], place["end"])
    return Body(tuple(reader.found), bytes(reader.prose).decode("utf-8", "replace"))


class _Reader:
    """Takes the events one after another. Offsets are bytes."""

    def __init__(self, data: bytes) -> None:
        self.found: list[Reference] = []
        self.prose = bytearray(data)
        self._data = data
        self._line, self._at = 1, 0
        self._picture: tuple[str, int, list[str]] | None = None
        self._tags = _Tags(self)
        self._in_code = False

    def take(self, event: Any, start: int, end: int) -> None:
        name, value = _unwrapped(event)
        kind, detail = _unwrapped(value)
        match name, kind:
            case "Start", "CodeBlock":
                self._blank(start, end)
            case "Code", _:
                self._blank(start, end)
            case "Start", "Link":
                if detail["link_type"] != "Email":
                    self.add(Reference("link", detail["dest_url"], self.line(start)))
            case "Start", "Image":
                self._picture = detail["dest_url"], self.line(start), []
            case "End", "Image" if self._picture is not None:
                address, line, words = self._picture
                self.add(Reference("picture", address, line, " ".join("".join(words).split())))
                self._picture = None
            case (("Html" | "InlineHtml"), _):
                self._tags.line = self.line(start)
                self._tags.feed(value)
        if self._picture is not None and name in ("Text", "Code", "SoftBreak"):
            self._picture[2].append(value or " ")

    def add(self, reference: Reference) -> None:
        self.found.append(reference)

    def line(self, at: int) -> int:
        """The line of an offset; they come nearly in order, so it is counted on from the last one."""
        if at < self._at:
            self._line, self._at = 1, 0
        self._line += self._data.count(b"\n", self._at, at)
        self._at = at
        return self._line

    def _blank(self, start: int, end: int) -> None:
        lines = self._data[start:end].split(b"\n")
        self.prose[start:end] = b"\n".join(b" " * len(line) for line in lines)


def _unwrapped(event: Any) -> tuple[Any, Any]:
    """``{name: value}`` as a pair; anything else without a value."""
    return next(iter(event.items())) if isinstance(event, dict) else (event, None)


class _Tags(HTMLParser):
    """The links and pictures of HTML that comes in pieces. ``line`` is the piece's."""

    def __init__(self, reader: _Reader) -> None:
        super().__init__()
        self.line = 1
        self._reader = reader

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and given.get("href"):
            self._reader.add(Reference("link", given["href"], self.line))
        elif tag in _SHOWN_BY and given.get(_SHOWN_BY[tag]):
            alt = given.get("alt")
            # Who writes alt="" into HTML says that the picture is an ornament; only img has an alt at all.
            decorative = tag != "img" or alt == ""
            self._reader.add(Reference("picture", given[_SHOWN_BY[tag]], self.line, alt, decorative))
