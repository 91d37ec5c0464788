"""What an import recognised, and the file that becomes of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import tomlkit

from publisher.model.article import Author

__all__ = ["ImportedArticle", "front_matter"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedArticle:
    """An article as its source has it: not identified, dated or placed in a section.

    ``title``, ``caption``, ``summary``  plain text on one line; "" where there is none
    ``body``       Markdown
    ``authors``    in their order, with the biographies of an author box
    ``date_text``  what the source says about its day, as written there; ""
    ``source``     the file it came from, as the person named it
    ``kept``       what a Markdown file or a page says besides, by front matter's names (id, language, tags …)
    """

    title: str
    caption: str
    body: str
    summary: str
    authors: tuple[Author, ...]
    date_text: str
    source: str
    kept: Mapping[str, Any] = field(default_factory=dict)


def front_matter(
    article: ImportedArticle,
    *,
    article_id: str,
    date: datetime,
    section: str,
    language: str,
    authors: Sequence[str],
    mail: bool,
) -> str:
    """The article's whole file: TOML between ``+++`` lines, then the body. Pure.

    ``date`` is aware, ``authors`` are keys. What is empty comes from ``article.kept``, or is left out.
    ``mail`` is always there.
    """
    given: dict[str, Any] = {
        "id": article_id,
        "title": article.title,
        "date": date,
        "section": section,
        "authors": list(authors),
        "summary": article.summary,
        "language": language,
        "caption": article.caption,
    }
    values = {key: value or article.kept.get(key) for key, value in given.items()}
    values |= {key: value for key, value in article.kept.items() if key not in given}
    values["mail"] = mail
    lines = [
        f"{key} = {tomlkit.item(value).as_string()}" for key, value in values.items() if value not in ("", [], (), None)
    ]
    return "\n".join(("+++", *lines, "+++", "", article.body.strip("\n"), ""))
