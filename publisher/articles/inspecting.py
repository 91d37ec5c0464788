"""Reading the articles once more, for `check`: their files' text, and the pictures that stand beside them.

Guarantees: whatever cannot be read any more is taken as empty; `publisher.articles.sources` has said why.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import imagesize

from publisher.articles.dialects import opened
from publisher.articles.front_matter import FrontMatter, split
from publisher.articles.identity import Identified
from publisher.articles.references import Body, read_body
from publisher.articles.sources import Source
from publisher.model.article import Article, Record
from publisher.model.errors import ArticleError
from publisher.model.publication import Publication

__all__ = ["Inspected", "PictureFile", "inspect_articles", "inspected", "own_picture"]


@dataclass(frozen=True, slots=True)
class PictureFile:
    """A picture among the articles. ``length`` in bytes; sizes in pixels, 0 where the file does not say."""

    length: int
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Inspected:
    """An article with its file. ``article`` None: it cannot be rendered.

    ``text`` is the whole file, with ``\\n`` at line ends; ``pictures`` are the files of its own pictures by address
    as it is written, None where there is no file.
    """

    source: Source
    record: Record
    article: Article | None
    text: str
    front: FrontMatter
    body: Body
    pictures: Mapping[str, PictureFile | None]

    @property
    def path(self) -> str:
        """Its file's, relative to the publication."""
        return self.source.path

    @cached_property
    def body_line(self) -> int:
        """Lines of the file before its body."""
        return self.text.count("\n") - self.source.body.count("\n")  # lines stay where macros became Markdown

    def line_in_body(self, line: int) -> int:
        """The file's line of a line of the body."""
        return self.body_line + line

    def line_of(self, *keys: str) -> int | None:
        """The line of the first of these keys that is written; None if none is."""
        return next((line for key in keys if (line := self.front.line_of(key))), None)

    def is_public_soon(self) -> bool:
        """Whether readers see it, now or on its day. Pure."""
        return not self.source.draft and self.source.kind == "article"


def inspect_articles(
    identified: Iterable[Identified], articles: Iterable[Article], publication: Publication
) -> list[Inspected]:
    """Everything there is to check about each article, in the order of their paths."""
    rendered = {article.path: article for article in articles}
    found = []
    for item in sorted(identified, key=lambda item: item.source.path):
        path = publication.root / item.source.path
        beside = path.resolve().parent
        found.append(
            inspected(
                item,
                rendered.get(item.source.path),
                text=_text(path),
                picture_file=_PictureFiles(beside),
            )
        )
    return found


def inspected(
    item: Identified, article: Article | None, *, text: str, picture_file: Callable[[str], PictureFile | None]
) -> Inspected:
    """An article with its file's ``text``. ``picture_file`` is asked for each relative address of a picture."""
    source = item.source
    try:
        front, _ = split(text, path=source.path)
        front = front if front.keys else opened(text, path=source.path)[0]
    except ArticleError:  # somebody is writing it at this very moment
        front = FrontMatter({}, path=source.path, head="")
    body = read_body(source.body)
    addresses = [source.image, *(each.address for each in body.references if each.kind == "picture")]
    return Inspected(
        source=source,
        record=item.record,
        article=article,
        text=text,
        front=front,
        body=body,
        pictures={
            address: picture_file(relative)
            for address in dict.fromkeys(addresses)
            if (relative := own_picture(address))
        },
    )


def own_picture(address: str) -> str:
    """The path of a picture's file relative to the article's; ``""`` for an address on the web. Pure."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or parts.path.startswith("/"):
        return ""
    return unquote(parts.path)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8-sig", "replace").replace("\r\n", "\n").replace("\r", "\n")
    except OSError:
        return ""


@dataclass(frozen=True, slots=True)
class _PictureFiles:
    """The picture files beside one article."""

    folder: Path

    def __call__(self, relative: str) -> PictureFile | None:
        file = Path(os.path.normpath(self.folder / relative))
        if not file.is_file():
            return None
        try:
            width, height = imagesize.get(file)
            return PictureFile(file.stat().st_size, max(0, int(width)), max(0, int(height)))
        except (OSError, ValueError):
            return None
