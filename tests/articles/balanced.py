"""Whether HTML is balanced: every element that is opened is closed, in the right order."""

from __future__ import annotations

from html.parser import HTMLParser

VOID = frozenset(("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID or not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> within {self.open}")
        else:
            self.open.pop()


def faults_of(text: str) -> list[str]:
    """What is not closed, or closed without having been opened."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    return [*reader.faults, *(f"<{tag}> is never closed" for tag in reader.open)]
