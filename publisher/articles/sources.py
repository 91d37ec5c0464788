"""Reading the articles' folder: every Markdown file becomes a Source, every fault an ArticleError of its own.

Guarantees: one bad file never keeps the others; files are read in the order of their paths.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from publisher.articles.dialects import JEKYLL_FILE, Dialect, opened, slug_in_pelican
from publisher.articles.front_matter import FrontMatter
from publisher.articles.macros import without_macros
from publisher.articles.permalinks import Permalink, address_of
from publisher.articles.recordings import Recording, recording
from publisher.articles.slugs import slugify
from publisher.model.article import Author
from publisher.model.errors import ArticleError, OutputError
from publisher.model.publication import Publication

__all__ = ["Source", "articles_folder", "is_article", "read_source", "read_sources"]

SUFFIXES = (".md", ".markdown")
LARGEST = 5_000_000
LONGEST_SLUG = 200  # bytes; a file system takes 255 in a name
_SLUGS: dict[Dialect, re.Pattern[str]] = {
    "ours": re.compile(r"[a-z0-9][a-z0-9._-]*"),
    "jekyll": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"),
    "pelican": re.compile(r"\w[\w-]*"),
}
_JEKYLL_FIELDS = {"year": "year", "month": "month", "day": "day", "categories": "categories"}
_HEADING = re.compile(r"\A\s*#[ \t]+(?P<title>[^\n]+?)(?:[ \t]+#+)?[ \t]*(?:\n|\Z)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An article's file as written: not yet identified, dated or rendered. Empty and None: nothing is said."""

    path: str
    body: str
    content_hash: str
    id: str
    title: str
    slug: str
    date: datetime | None
    updated: datetime | None
    summary: str
    language: str
    section: str
    tags: tuple[str, ...]
    authors: tuple[Author, ...]
    image: str
    image_alt: str
    caption: str
    credit: str
    draft: bool
    mail: bool | None
    pin: bool
    weight: int
    minor: bool
    correction: str
    kind: str
    aliases: tuple[str, ...]
    categories: tuple[str, ...] = ()
    permalink: str = ""
    audio: Recording | None = None


def read_sources(publication: Publication) -> tuple[list[Source], list[ArticleError]]:
    """All articles of the publication's folder, and what is wrong with the others. OutputError: no such folder."""
    folder = articles_folder(publication)
    sources: list[Source] = []
    errors: list[ArticleError] = []
    for path in sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES):
        inner = path.relative_to(folder).as_posix()
        if not is_article(inner):
            continue
        try:
            sources.append(read_source(publication, str(folder), inner))
        except ArticleError as error:
            errors.append(error)
    return sources, errors


def articles_folder(publication: Publication) -> Path:
    """The articles' folder. Raises OutputError if there is none."""
    folder = publication.articles_folder
    if not folder.is_dir():
        raise OutputError(
            "there is no such folder",
            where=publication.articles,
            remedy='make it, or set "articles" in publication.toml',
        )
    return folder


def is_article(inner: str) -> bool:
    """Whether a file of the articles' folder is one: it ends so, and nothing in its path is hidden. Pure."""
    return inner.endswith(SUFFIXES) and inner[0] not in "._" and "/." not in inner and "/_" not in inner


def read_source(publication: Publication, folder: str, inner: str) -> Source:
    """The article in the file ``inner`` of ``folder``, which is the articles'. Raises ArticleError."""
    known_as = f"{publication.articles}/{inner}"
    if not _is_unicode(known_as):
        known_as = known_as.encode("utf-8", "backslashreplace").decode()
        raise ArticleError("its name is not UTF-8", where=known_as, remedy="rename it")
    return _parse(_read(f"{folder}/{inner}", known_as), path=known_as, publication=publication)


def _is_unicode(name: str) -> bool:
    """Whether a file's name can be written anywhere: Python shows undecodable bytes as lone surrogates."""
    return name.isascii() or not any("\ud800" <= character <= "\udfff" for character in name)


def _read(path: str, known_as: str) -> str:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would keep us waiting, a device would never end
            raise ArticleError("is not a file", where=known_as, remedy="move it elsewhere")
        with open(path, "rb", buffering=0) as file:
            if os.fstat(file.fileno()).st_size > LARGEST:
                raise ArticleError(f"larger than {LARGEST // 1_000_000} MB", where=known_as, remedy="split it")
            data = file.read()
    except OSError as error:
        raise ArticleError(f"cannot be read ({error.strerror})", where=known_as) from error
    try:
        text = data.decode("utf-8-sig")
        return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ArticleError("not UTF-8", where=known_as, line=line, remedy="save the file as UTF-8") from error


def _parse(text: str, *, path: str, publication: Publication) -> Source:
    """One file's text as a Source. Pure."""
    front, body, dialect = opened(text, path=path)
    zone = ZoneInfo(publication.timezone)
    name, folder = path.rpartition("/")[2], path.rpartition("/")[0]
    title = front.line("title")
    if not title and (heading := _HEADING.match(body)):
        title, body = " ".join(heading["title"].split()), body[heading.end() :]
    if not title and not body.strip():
        raise ArticleError("is empty: it has neither title nor text", where=path, remedy="write it, or delete it")
    summary = front.line("summary")
    stem = name.rpartition(".")[0]
    stem = folder.rpartition("/")[2] if stem == "index" else stem
    date = front.moment("date", zone)
    if dialect == "jekyll" and (dated := JEKYLL_FILE.fullmatch(stem)):
        stem = dated["slug"]
        date = date or _day(dated, zone)
        title = title or " ".join(word.capitalize() for word in stem.split("-"))
    slug = front.line("slug") or (slug_in_pelican(title) if dialect == "pelican" else "") or stem
    if len(slug.encode("utf-8", "surrogatepass")) > LONGEST_SLUG and front.line("slug"):
        raise front.error("slug", f"is longer than {LONGEST_SLUG} bytes", "write a few words")
    kind = front.line("kind", "article")
    if kind not in ("article", "note"):
        raise front.error("kind", f'"{kind}" is not a kind of article', 'write "article" or "note", or leave it out')
    return Source(
        path=path,
        body=without_macros(body, dialect, lambda name: _address(name, publication)),
        content_hash=_content_hash(title, body, summary, *filter(None, [front.line("correction")])),
        id=_id(front),
        title=title,
        slug=slug if _SLUGS[dialect].fullmatch(slug) else slugify(slug),
        date=date,
        updated=front.moment("updated", zone),
        summary=summary,
        language=front.line("language"),
        section=front.line("section"),
        tags=front.words("tags"),
        authors=tuple(_author(name, publication) for name in front.words("authors")),
        image=front.line("image"),
        image_alt=front.line("image_alt"),
        caption=front.line("caption"),
        credit=front.line("credit"),
        draft=front.flag("draft") or False,
        mail=front.flag("mail"),
        pin=front.flag("pin") or False,
        weight=front.number("weight"),
        minor=front.flag("minor") or False,
        correction=front.line("correction"),
        kind=kind,
        aliases=front.words("aliases"),
        categories=front.words("categories"),
        permalink=_permalink(front),
        audio=recording(front),
    )


def _day(dated: re.Match[str], zone: ZoneInfo) -> datetime | None:
    try:
        return datetime(int(dated["year"]), int(dated["month"]), int(dated["day"]), tzinfo=zone)
    except ValueError:
        return None


def _address(name: str, publication: Publication) -> str:
    """The address of another article by its file's name, as far as the name tells it."""
    dated = JEKYLL_FILE.fullmatch(name)
    day = _day(dated, ZoneInfo(publication.timezone)) if dated else None
    slug = dated["slug"] if dated else name
    return publication.url + address_of(publication.web.permalink, Permalink(slug=slug, path=name, day=day))


def _permalink(front: FrontMatter) -> str:
    """An address of the article's own, below the publication's; Jekyll's ``:title`` as ours."""
    written = front.line("permalink")
    if not written or "://" in written:
        return ""
    return "/" + re.sub(r":(\w+)", lambda name: f"{{{_JEKYLL_FIELDS.get(name[1], 'slug')}}}", written).lstrip("/")


def _id(front: FrontMatter) -> str:
    written = front.line("id")
    if written and re.search(r"[\s<>\"]", written):
        raise front.error("id", "an id has no spaces, quotes or angle brackets", "write it as it was first published")
    return written


def _author(name: str, publication: Publication) -> Author:
    known = publication.authors.get(name)
    if known is not None:
        return known
    by_name = next((author for author in publication.authors.values() if author.name == name), None)
    return by_name or Author(slugify(name), name)


def _content_hash(*parts: str) -> str:
    """White space is folded: an editor that rewraps lines has not edited the article. A correction is an edit."""
    return hashlib.sha256(b"\x1f".join(map(_folded, parts))).hexdigest()


# White space that `str.split` knows, but blanks and line ends, in UTF-8: its first bytes, and what they may begin.
_FIRST = (b"\t", b"\r", b"\x0b", b"\x0c", b"\x1c", b"\x1d", b"\x1e", b"\x1f", b"\xe1", b"\xe3")
_FURTHER = (
    (b"\xc2", re.compile(rb"\xc2[\x85\xa0]")),
    (b"\xe2", re.compile(rb"\xe2(?:\x80[\x80-\x8a\xa8\xa9\xaf]|\x81\x9f)")),
)


def _folded(text: str) -> bytes:
    """``" ".join(text.split())`` in UTF-8, without a string a word where there are blanks and line ends only. Pure."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return " ".join(text.split()).encode("utf-8", "surrogatepass")
    if any(map(data.__contains__, _FIRST)) or any(first in data and space.search(data) for first, space in _FURTHER):
        return " ".join(text.split()).encode()
    data = data.replace(b"\n\n", b" ").replace(b"\n", b" ")  # the first leaves less to the loop
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    return data.strip(b" ")
