"""A Source with its record becomes an Article: rendered, its pictures found, its address fixed."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit
from zoneinfo import ZoneInfo

from publisher.articles.identity import Identified
from publisher.articles.markup import Picture, render
from publisher.articles.permalinks import Permalink, address_of
from publisher.articles.recordings import audio_of
from publisher.articles.sizes import picture_size
from publisher.articles.sources import Source
from publisher.articles.urls import absolute
from publisher.model.article import Article, Audio, Image
from publisher.model.errors import ArticleError
from publisher.model.publication import Publication

__all__ = ["Made", "article_of", "made_of", "render_articles", "url_of"]

SUMMARY = 280


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What rendering makes of a source at its address. ``media``: as an article has it.

    ``beside``: the files that were looked for beside the article, there or not.
    """

    url: str
    html: str
    summary: str
    image: Image | None
    audio: Audio | None
    media: tuple[tuple[str, str], ...]
    beside: tuple[str, ...]


def render_articles(
    identified: Iterable[Identified],
    publication: Publication,
    *,
    make: Callable[[Identified], Article] | None = None,
) -> tuple[list[Article], list[ArticleError]]:
    """Articles, newest first, and the faults of the others (a missing picture, an address taken twice).

    ``make``: what makes an article, or raises ArticleError; where it is not given, `made_of` and `article_of` do.
    """
    make = make or (lambda item: article_of(item, made_of(item, publication), publication))
    articles: list[Article] = []
    errors: list[ArticleError] = []
    taken: dict[str, str] = {}
    for item in sorted(identified, key=lambda item: (item.record.published, item.record.id)):
        try:
            article = make(item)
        except ArticleError as error:
            errors.append(error)
            continue
        if article.url in taken and not article.draft:
            errors.append(
                ArticleError(
                    f"would have the same address as {taken[article.url]}: {article.url}",
                    where=article.path,
                    remedy="give one of the two another slug",
                )
            )
            continue
        if not article.draft:
            taken[article.url] = article.path
        articles.append(article)
    return articles[::-1], errors


def url_of(item: Identified, publication: Publication) -> str:
    """The article's address. Pure."""
    source = item.source
    return publication.url + address_of(
        source.permalink or publication.web.permalink,
        Permalink(
            slug=source.slug,
            section=source.section,
            categories=source.categories,
            path=_inner_path(source.path, publication),
            day=item.record.published.astimezone(ZoneInfo(publication.timezone)),
        ),
    )


def made_of(item: Identified, publication: Publication, *, url: str = "", body: str | None = None) -> Made:
    """Renders it. ``url``, ``body``: where they are known. Raises ArticleError."""
    source, url = item.source, url or url_of(item, publication)
    pictures = _Pictures(publication, source.path)
    rendered = render(source.body if body is None else body, url=url, picture=pictures.find)
    return Made(
        url=url,
        html=rendered.html,
        summary=source.summary or shortened(rendered.first_paragraph, SUMMARY),
        image=_lead(source, url, pictures) if source.image else None,
        audio=audio_of(source.audio, url, pictures.file) if source.audio else None,
        media=tuple(sorted(pictures.media)),
        beside=tuple(sorted(pictures.beside)),
    )


def article_of(item: Identified, made: Made, publication: Publication, *, html: str | None = None) -> Article:
    """The article, with this HTML if it is given. Pure."""
    source, record = item.source, item.record
    return Article(
        id=record.id,
        path=source.path,
        url=made.url,
        slug=source.slug,
        title=source.title,
        html=made.html if html is None else html,
        summary=made.summary,
        published=record.published,
        updated=record.updated,
        language=source.language or publication.language,
        content_hash=source.content_hash,
        section=source.section,
        tags=source.tags,
        authors=source.authors,
        image=made.image,
        draft=source.draft,
        mail=source.mail,
        pin=source.pin,
        weight=source.weight,
        minor=source.minor,
        correction=source.correction,
        kind=source.kind,
        aliases=source.aliases,
        sequence=record.sequence,
        place=record.place,
        audio=made.audio,
        media=made.media,
    )


def _inner_path(path: str, publication: Publication) -> str:
    inner = path.removeprefix(f"{publication.articles}/")
    folder, _, name = inner.rpartition("/")
    stem = name.rpartition(".")[0]
    if stem == "index":
        return folder or "."
    return f"{folder}/{stem}" if folder else stem


class _Pictures:
    """The pictures of one article: relative addresses are files beside it, published under ``media/``."""

    def __init__(self, publication: Publication, path: str) -> None:
        self._publication = publication
        self._path = path
        self.media: set[tuple[str, str]] = set()
        self.beside: set[str] = set()

    def find(self, address: str) -> Picture | None:
        """The picture at a relative address; None for a web address. Raises ArticleError where there is no file."""
        try:
            parts = urlsplit(address)
        except ValueError as error:
            raise ArticleError(
                f'the picture "{address}" has no usable address ({error})', where=self._path, remedy="mend it"
            ) from error
        if parts.scheme or parts.netloc or not parts.path or parts.path.startswith("/"):
            return None
        try:
            file, target = self.locate(unquote(parts.path))
        except ArticleError:
            if self._publication.web.pages:
                raise
            return None  # the pages are somebody else's, and so may the pictures be
        self.media.add((str(file), target))
        width, height = self._size(file)
        url = f"{self._publication.url}/{quote(target)}"
        return Picture(url, width, height)

    def _size(self, file: Path) -> tuple[int, int]:
        try:
            return picture_size(file)
        except OSError as error:
            raise ArticleError(
                f'the picture "{file.name}" cannot be read ({error.strerror})',
                where=self._path,
                remedy="make it readable",
            ) from error

    def file(self, relative: str) -> tuple[str, int]:
        """The public address of a file beside the article, and its length in bytes. Raises ArticleError."""
        file, target = self.locate(relative, what="file")
        self.media.add((str(file), target))
        return f"{self._publication.url}/{quote(target)}", file.stat().st_size

    def locate(self, relative: str, *, what: str = "picture") -> tuple[Path, str]:
        """The file of a relative address and its path under public/."""
        folder = self._publication.articles_folder
        beside = (self._publication.root / self._path).resolve().parent
        file = Path(os.path.normpath(beside / relative))
        if not file.is_relative_to(folder):
            raise ArticleError(
                f'the {what} "{relative}" lies outside the articles\' folder',
                where=self._path,
                remedy="move it inside",
            )
        self.beside.add(str(file))
        try:
            there = file.is_file()
        except OSError:  # a folder on its way that may not be entered
            there = False
        if not there:
            raise ArticleError(
                f'there is no {what} "{relative}"',
                where=self._path,
                remedy=f"add the file, or take the {what} out",
            )
        return file, f"media/{file.relative_to(folder).as_posix()}"


def _lead(source: Source, url: str, pictures: _Pictures) -> Image | None:
    address = source.image
    known = pictures.find(address)
    target = known.url if known else absolute(address, url)
    if target is None:
        return None
    length = pictures.locate(unquote(urlsplit(address).path))[0].stat().st_size if known else 0
    return Image(
        url=target,
        alt=source.image_alt,
        caption=source.caption,
        credit=source.credit,
        width=known.width if known else 0,
        height=known.height if known else 0,
        length=length,
        media_type=mimetypes.guess_type(urlsplit(target).path)[0] or "",
    )


def shortened(text: str, length: int) -> str:
    """At most ``length`` characters, cut at a word, with an ellipsis where something was cut. Pure."""
    if len(text) <= length:
        return text
    cut = text[: length - 1]
    if " " in cut[length // 2 :]:
        cut = cut[: cut.rindex(" ")]
    return cut.rstrip(" ,;:–—-") + "…"
