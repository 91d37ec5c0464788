"""Importing: one good article out of a copied text, a Markdown file or a saved page.

Guarantees: the letters of paragraphs and quotes are the source's; `write_article` makes a whole file or none,
and never writes over one. Fails with ImportRefused for what is not an article, and with OutputError where the
file cannot be written; both are one line.
"""

from __future__ import annotations

import os
import re
import secrets
from pathlib import Path

from publisher.articles.bylines import author_key
from publisher.articles.copied_text import recognise
from publisher.articles.decoding import read_text
from publisher.articles.imported import ImportedArticle, front_matter
from publisher.articles.slugs import slugify
from publisher.model.errors import OutputError
from publisher.publication.renames import sync_folder

__all__ = [
    "ImportedArticle",
    "author_key",
    "front_matter",
    "read_source",
    "recognise",
    "slugify",
    "write_article",
]

_MARKDOWN = {".md", ".markdown", ".mdown", ".mkd"}
_PAGE = {".html", ".htm", ".xhtml"}
_PAGE_BEGINS = re.compile(r"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype html|html[\s>])", re.I)


def read_source(path: Path) -> ImportedArticle:
    """The article in a file: plain text, Markdown (.md) or a saved page (.html). Raises ImportRefused."""
    text = read_text(path)
    source = str(path)
    if path.suffix.lower() in _MARKDOWN:
        from publisher.articles.saved_markdown import read_markdown

        return read_markdown(text, source=source)
    if path.suffix.lower() in _PAGE or _PAGE_BEGINS.match(text):
        from publisher.articles.saved_page import read_page  # trafilatura takes a third of a second to import

        return read_page(text, source=source)
    return recognise(text, source=source)


def write_article(folder: Path, text: str, slug: str) -> Path:
    """Writes ``slug.md`` into the folder, ``slug-2.md`` and so on where that is taken; gives its path.

    The file appears whole and on disk, or not at all, and none is written over. Raises OutputError.
    """
    temporary = folder / f".{secrets.token_hex(8)}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            path = _placed(temporary, folder, slug)
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(folder)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror or error})",
            where=str(folder),
            remedy="make the folder writable",
        ) from error
    return path


def _placed(temporary: Path, folder: Path, slug: str) -> Path:
    """The finished file under the first name that is free; whoever else takes names, none is taken twice."""
    number = 1
    while True:
        path = folder / (f"{slug}.md" if number == 1 else f"{slug}-{number}.md")
        try:
            os.link(temporary, path)
            return path
        except FileExistsError:
            number += 1
        except OSError:
            # A file system without hard links: claim the name with an empty file, then rename over it.
            try:
                os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
            except FileExistsError:
                number += 1
                continue
            try:
                os.replace(temporary, path)
            except OSError:
                path.unlink()
                raise
            return path
