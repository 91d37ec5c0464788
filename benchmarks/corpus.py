"""Articles for benchmarks: any number, about 8 KB each, from the starter publication's own texts; seeded.

The same number and seed give the same files. Plain CommonMark under YAML front matter, which every peer reads.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

__all__ = ["AUTHORS", "SECTIONS", "TAGS", "Piece", "pieces"]

SECTIONS = ("world", "science", "culture", "town")
TAGS = ("sea", "weather", "history", "music", "trains", "letters", "food", "night", "maps", "birds")
AUTHORS = ("ana", "bo", "tomas")
SIZE = 8_000  # bytes of Markdown
NEWEST = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
YEARS = 15

_OURS = Path(__file__).resolve().parent.parent / "articles"


@dataclass(frozen=True, slots=True)
class Piece:
    """One article: its file's ``name`` without suffix, and what stands in it."""

    name: str
    title: str
    date: datetime
    section: str
    tags: tuple[str, ...]
    author: str
    body: str

    @property
    def text(self) -> str:
        """The file, with YAML front matter."""
        tags = ", ".join(self.tags)
        return (
            f'---\ntitle: "{self.title}"\ndate: {self.date:%Y-%m-%dT%H:%M:%SZ}\nslug: {self.name}\n'
            f"section: {self.section}\ntags: [{tags}]\nauthors: [{self.author}]\n---\n{self.body}"
        )


def pieces(number: int, *, seed: int = 1) -> Iterator[Piece]:
    """``number`` articles, oldest first, spread evenly over fifteen years."""
    paragraphs = _paragraphs()
    words = sorted({word for text in paragraphs for word in re.findall(r"[a-z]{4,9}", text)})
    step = timedelta(days=365 * YEARS) / number
    for at in range(number):
        chance = random.Random(f"{seed}-{at}")
        title = " ".join(chance.sample(words, 5)).capitalize()
        yield Piece(
            name=f"{title.lower().replace(' ', '-')}-{at}",
            title=title,
            date=(NEWEST - step * (number - 1 - at)).replace(microsecond=0),
            section=chance.choice(SECTIONS),
            tags=tuple(chance.sample(TAGS, 2)),
            author=chance.choice(AUTHORS),
            body=_body(chance, paragraphs),
        )


def _paragraphs() -> list[str]:
    """The prose of our own articles, without pictures, footnotes and front matter."""
    found = []
    for file in sorted(_OURS.glob("*.md")):
        body = file.read_text("utf-8").split("+++\n", 2)[-1]
        for block in re.split(r"\n{2,}", body):
            text = " ".join(block.split())
            if len(text) > 120 and text[0].isalpha() and "[^" not in text and "](" not in text:
                found.append(text)
    return found


def _body(chance: random.Random, paragraphs: list[str]) -> str:
    parts: list[str] = []
    size = 0
    while size < SIZE:
        kind = chance.random()
        text = chance.choice(paragraphs)
        sentences = re.split(r"(?<=[.!?]) ", text)
        if kind < 0.12:
            block = f"## {sentences[0].rstrip('.!?')[:60]}\n\n{text}"
        elif kind < 0.2:
            block = "\n".join(f"- **{sentence.split()[0]}** {sentence}" for sentence in sentences)
        elif kind < 0.26:
            block = f"> {text}"
        elif kind < 0.4:
            first, _, rest = text.partition(" ")
            block = f"*{first}* {rest} See [the tables](https://example.org/{chance.randrange(10**6)}) for more."
        elif kind < 0.43:
            block = "| Port | Time |\n|------|------|\n" + "\n".join(
                f"| {sentence.split()[0]} | {chance.randrange(24):02}:{chance.randrange(60):02} |"
                for sentence in sentences
            )
        elif kind < 0.46:
            block = f"```sh\nsail --to {chance.choice(TAGS)} --at {chance.randrange(24)}\n```"
        else:
            block = text
        parts.append(block)
        size += len(block.encode()) + 2
    return "\n\n".join(parts) + "\n"
