"""Front matter as other generators write it, read as ours: Hugo's, Jekyll's and Pelican's names for the same things.

Guarantees: what our own front matter says is left as it is; other programs' keys only fill in what it does not
say. Jekyll's files are known by their folder, ``_posts``; Pelican's by a header of ``Key: value`` lines without
fences. Everything here is pure.

- https://gohugo.io/content-management/front-matter/
- https://jekyllrb.com/docs/front-matter/
- https://docs.getpelican.com/en/latest/content.html#file-metadata
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, Literal

from publisher.articles.front_matter import FrontMatter, split

__all__ = ["JEKYLL_FILE", "Dialect", "opened", "slug_in_pelican"]

Dialect = Literal["ours", "jekyll", "pelican"]

JEKYLL_FILE = re.compile(r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})-(?P<slug>.+)")
_PELICAN_LINE = re.compile(r"(?P<key>[A-Za-z][\w-]*):(?:[ \t]+(?P<value>.*))?")

_Values = Mapping[str, Any]


def opened(text: str, *, path: str) -> tuple[FrontMatter, str, Dialect]:
    """The front matter of a file in our names, its body, and whose file it is. Raises ArticleError."""
    values, head, body = _pelican_header(text)
    if values:
        return _in_our_names(values, path=path, head=head, dialect="pelican"), body, "pelican"
    front, body = split(text, path=path)
    dialect: Dialect = "jekyll" if "_posts" in PurePosixPath(path).parts else "ours"
    return _in_our_names(front.values, path=path, head=front.head, dialect=dialect), body, dialect


def slug_in_pelican(title: str) -> str:
    """The slug that Pelican makes of a title, of which its addresses are made. Pure."""
    plain = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c))
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", plain).strip()).lower()


def _pelican_header(text: str) -> tuple[_Values, str, str]:
    """The lines of ``Key: value`` that a file begins with, one of them a title or date; nothing if it has none."""
    head, gap, body = text.partition("\n\n")
    values: dict[str, str] = {}
    key = ""
    for line in head.splitlines():
        if key and line.startswith(("    ", "\t")):
            values[key] = f"{values[key]} {line.strip()}".strip()
        elif found := _PELICAN_LINE.fullmatch(line.rstrip()):
            key = found["key"].lower()
            values[key] = found["value"] or ""
        else:
            return {}, "", text
    return (values, head, body.lstrip("\n")) if gap and {"title", "date"} & values.keys() else ({}, "", text)


def _in_our_names(values: _Values, *, path: str, head: str, dialect: Dialect) -> FrontMatter:
    known = {str(key).lower(): value for key, value in values.items()}
    if dialect == "pelican":
        known |= {key: _listed(known[key], "," if key == "tags" else r"[;,]") for key in _LISTS if key in known}
    elif dialect == "jekyll":
        known |= {key: _listed(known[key], r"\s") for key in ("tags", "categories") if isinstance(known.get(key), str)}
    names: dict[str, str] = {}
    theirs = dict(known)
    for name, takes in _TAKEN.items():
        if name in theirs and _is_plain(theirs[name]):
            continue
        for key, found in ((key, take(theirs[key])) for key, take in takes if key in theirs):
            if found not in (None, "", []):
                known[name], names[name] = found, key
                break
    if isinstance(known.get("tags"), str):
        known["tags"] = _listed(known["tags"], ",")
    _sort_categories(known)
    return FrontMatter(known, path=path, head=head, names=names)


def _sort_categories(known: dict[str, Any]) -> None:
    """The first category is the section; the others are tags."""
    categories = _words(known.get("categories")) or _words(known.get("category"))
    known["categories"] = categories
    if categories and not known.get("section"):
        known["section"] = categories[0]
    if rest := [each for each in categories if each != known.get("section")]:
        known["tags"] = [*_words(known.get("tags")), *rest]


def _is_plain(value: Any) -> bool:
    """Whether our own reading takes the value as it is."""
    return not isinstance(value, dict) and not (isinstance(value, list) and any(isinstance(x, dict) for x in value))


def _same(value: Any) -> Any:
    return value


def _in(*keys: str) -> Callable[[Any], Any]:
    """The first of ``keys`` in a table; None in anything else."""
    return lambda value: next((value[key] for key in keys if value.get(key)), None) if isinstance(value, dict) else None


def _picture(value: Any) -> Any:
    if isinstance(value, list):
        value = value[0] if value else None
    return _in("image", "path", "src", "url", "teaser")(value) if isinstance(value, dict) else value


def _names(value: Any) -> Any:
    """Authors as names; a table of them has the name inside."""
    people = value if isinstance(value, list) else [value]
    return [person.get("name") if isinstance(person, dict) else person for person in people]


def _hidden(value: Any) -> Any:
    return str(value).strip().lower() in ("draft", "hidden", "skip") or None


def _unpublished(value: Any) -> Any:
    return str(value).strip().lower() in ("false", "no") or None


# Ours ← theirs, in the order of preference. A table under our own name is looked into as well.
_TAKEN: dict[str, tuple[tuple[str, Callable[[Any], Any]], ...]] = {
    "date": (("date", _same), ("publishdate", _same), ("pubdate", _same)),
    "updated": (("lastmod", _same), ("last_modified_at", _same), ("modified", _same)),
    "draft": (("status", _hidden), ("published", _unpublished)),
    "summary": (("description", _same), ("excerpt", _same)),
    "language": (("lang", _same),),
    "image": (
        ("image", _picture),
        ("cover", _picture),
        ("featured_image", _picture),
        ("images", _picture),
        ("thumbnail", _picture),
        ("header", _picture),
    ),
    "image_alt": (("image", _in("alt")), ("cover", _in("alt"))),
    "caption": (("image", _in("caption")), ("cover", _in("caption"))),
    "credit": (("image", _in("credit")), ("cover", _in("credit"))),
    "authors": (("authors", _names), ("author", _names)),
    "aliases": (("redirect_from", _same),),
    "permalink": (("url", _same),),
}
_LISTS = ("tags", "authors", "author")


def _listed(value: Any, separator: str) -> Any:
    if not isinstance(value, str):
        return value
    return [word for part in re.split(separator, value) if (word := part.strip())]


def _words(value: Any) -> list[str]:
    items = value if isinstance(value, list) else [] if value in (None, "") else [value]
    return [str(item) for item in items if item not in (None, "") and not isinstance(item, dict)]
