"""An article out of a web page that somebody saved: trafilatura finds it, and its tree becomes Markdown here.

Guarantees: the article's letters are the page's (menus, advertisements and comments are left out); nothing is
fetched. Pictures are not taken over. Fails with ImportRefused, one line, for a page without an article.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

import trafilatura

from publisher.articles import literal
from publisher.articles.bylines import author_key
from publisher.articles.decoding import check_is_text
from publisher.articles.imported import ImportedArticle
from publisher.articles.summaries import summary_of
from publisher.model.article import Author
from publisher.model.errors import ImportRefused

__all__ = ["read_page"]

_LANGUAGE = re.compile(r"<html\b[^>]*?\s(?:xml:)?lang\s*=\s*[\"']?(?P<language>[A-Za-z]{2,3}(?:-[A-Za-z0-9]+)*)", re.I)
_MARKS = {"#b": "**", "#i": "*"}
_NOT_IN_TARGET = re.compile(r"[<>\s\\]")
# Stands for <br> while a paragraph is put together; no article may have it (XML 1.0).
_BREAK = "\x01"


def read_page(html: str, *, source: str) -> ImportedArticle:
    """The article of a saved page. Raises ImportRefused."""
    check_is_text(html, source=source)
    page: Any = trafilatura.bare_extraction(
        html, with_metadata=True, include_formatting=True, include_links=True, include_comments=False
    )
    found = [] if page is None or page.body is None else list(page.body)
    title = _line(page.title or "") if page is not None else ""
    if found and found[0].tag == "head" and (not title or _line(_letters(found[0])) == title):
        title = _line(_letters(found.pop(0)))
    address = str(page.url or "") if page is not None else ""
    body = "\n\n".join(part for element in found if (part := _block(element, address)))
    if not title or not body:
        raise ImportRefused("has no article that we can find", where=source, remedy="copy its text into a .txt file")
    told = _line(page.description or "")
    first = next((_line(_letters(element)) for element in found if element.tag == "p"), "")
    names = [name.strip() for name in (page.author or "").split(";") if name.strip()]
    language = _LANGUAGE.search(html)
    return ImportedArticle(
        title=title,
        caption="",
        body=body + "\n",
        summary=summary_of(told if told and not told.endswith(("…", "...")) else first),
        authors=tuple(Author(author_key(name), name) for name in names),
        date_text=page.date or "",
        source=source,
        kept={"language": language["language"]} if language else {},
    )


def _block(element: Any, address: str) -> str:
    """The Markdown of one element of trafilatura's tree."""
    tag = element.tag
    if tag == "head":
        rank = element.get("rend", "h2")[-1:]
        level = max(2, int(rank) if rank.isdigit() else 2)
        return f"{'#' * level}{literal.heading(_line(_letters(element)))[2:]}"
    if tag == "list":
        texts = [_one_line(item, address) for item in element.iter("item")]
        numbered = element.get("rend") == "ol"
        marks = (f"{at}. " if numbered else "- " for at in range(1, len(texts) + 1))
        return "\n".join(f"{mark}{text}" for mark, text in zip(marks, texts, strict=True) if text)
    if tag == "quote":
        inner = [_block(child, address) for child in element] if len(element) else [_paragraphs(element, address)]
        return "\n".join(f"> {line}".rstrip() for line in "\n\n".join(filter(None, inner)).split("\n"))
    if tag == "table":
        return _table(element, address)
    if tag == "code":
        fence = "`" * max(3, 1 + max(map(len, re.findall("`+", _letters(element))), default=0))
        return f"{fence}\n{_letters(element).strip(chr(10))}\n{fence}"
    return "" if tag == "graphic" else _paragraphs(element, address)


def _paragraphs(element: Any, address: str) -> str:
    """A paragraph, or several where the page has empty lines in one."""
    parts = re.split(f"{_BREAK}(?:\\s*{_BREAK})+", _inline(element, address))
    lines = ([literal.opened(_line(line)) for line in part.split(_BREAK) if line.strip()] for part in parts)
    return "\n\n".join("\\\n".join(part) for part in lines if part)


def _one_line(element: Any, address: str) -> str:
    return literal.opened(_line(_inline(element, address).replace(_BREAK, " ")))


def _inline(element: Any, address: str) -> str:
    parts = [literal.inline(element.text or "")]
    for child in element:
        parts.append(_marked(child, address))
        parts.append(literal.inline(child.tail or ""))
    return "".join(parts)


def _marked(child: Any, address: str) -> str:
    if child.tag == "lb":
        return _BREAK
    inner = _inline(child, address)
    if child.tag == "ref":
        target = urljoin(address, child.get("target") or "")
        if inner.strip() and urlsplit(target).scheme in ("http", "https", "mailto"):
            return f"[{inner}](<{_NOT_IN_TARGET.sub('', target)}>)"
    mark = _MARKS.get(child.get("rend", "")) if child.tag == "hi" else None
    letters = _letters(child)
    # Between other characters than letters a mark may not count as one (CommonMark 6.2).
    if mark and letters and letters[0].isalnum() and letters[-1].isalnum() and "*" not in inner:
        return f"{mark}{inner}{mark}"
    if child.tag == "code" and letters.strip() and "`" not in letters:
        return f"`{_line(letters)}`"
    return inner if child.tag != "p" else f" {inner} "


def _table(element: Any, address: str) -> str:
    rows = [[_one_line(cell, address) for cell in row.iter("cell")] for row in element.iter("row")]
    width = max(map(len, rows), default=0)
    if not width:
        return ""
    lines = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    return "\n".join([lines[0], f"|{' --- |' * width}", *lines[1:]])


def _letters(element: Any) -> str:
    return "".join(element.itertext())


def _line(text: str) -> str:
    return " ".join(text.split())
