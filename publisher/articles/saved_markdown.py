"""An article out of a Markdown file, ours or another's: its body as it is, its front matter kept."""

from __future__ import annotations

import re
from typing import Any

from publisher.articles.bylines import author_key
from publisher.articles.front_matter import FrontMatter, split
from publisher.articles.imported import ImportedArticle
from publisher.model.article import Author
from publisher.model.errors import ArticleError, ImportRefused

__all__ = ["read_markdown"]

_TITLE = re.compile(r"\A\s*#[ \t]+(?P<title>[^\n]+?)(?:[ \t]+#+)?[ \t]*(?:\n|\Z)")
_LINES = ("id", "section", "updated", "slug", "image", "image_alt", "correction", "kind")
_FLAGS = ("draft", "pin", "minor")


def read_markdown(text: str, *, source: str) -> ImportedArticle:
    """The article of a Markdown text. Pure. Raises ImportRefused for front matter that cannot be read."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        front, body = split(text, path=source)
        kept = _kept(front)
        title, summary = front.line("title"), front.line("summary") or front.line("description")
        names, caption, date_text = (
            front.words("authors", "author"),
            front.line("caption"),
            front.line("date"),
        )
    except ArticleError as error:
        raise ImportRefused(error.cause, where=source, line=error.line, remedy=error.remedy) from error
    if not title and (heading := _TITLE.match(body)):
        title, body = " ".join(heading["title"].split()), body[heading.end() :]
    return ImportedArticle(
        title=title,
        caption=caption,
        body=body.strip("\n") + "\n",
        summary=summary,
        authors=tuple(Author(author_key(name), name) for name in names),
        date_text=date_text,
        source=source,
        kept=kept,
    )


def _kept(front: FrontMatter) -> dict[str, Any]:
    """The values of our own keys that ImportedArticle has no field for."""
    values: dict[str, Any] = {key: front.line(key) for key in _LINES}
    values["language"] = front.line("language") or front.line("lang")
    values |= {key: list(front.words(key)) for key in ("tags", "aliases")}
    values |= {key: front.flag(key) for key in _FLAGS}
    values["weight"] = front.number("weight")
    return {key: value for key, value in values.items() if value}
