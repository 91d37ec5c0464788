"""What a build has to know of an article without its text, and where it gets the text."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter

from publisher.articles.library import Library, Notes
from publisher.model.article import Article
from publisher.model.publication import Publication
from publisher.syndication.addresses import ascii_url, file_of
from publisher.syndication.sizes import Measure, measured, text_print

__all__ = ["WHOLE", "Known", "Shelf", "known_of", "notes_of", "shelf_of"]

_shown = attrgetter(*(field.name for field in fields(Article) if field.name not in ("html", "sequence", "place")))


@dataclass(frozen=True, slots=True)
class Known:
    """``print`` changes with anything that a page can show of the article; ``file`` under public/ is its page's, if it
    has one of ours, and ``address`` is ASCII; ``measure`` is its feeds'.
    """

    print: str
    file: str | None
    address: str
    measure: Measure


def known_of(publication: Publication, article: Article, data: bytes | None = None) -> Known:
    """Of an article that is whole; ``data``: its HTML in UTF-8, where that is known. Pure."""
    data = article.html.encode("utf-8", "surrogatepass") if data is None else data
    text = text_print(data)
    shown = repr((_shown(article), text))
    return Known(
        hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest(),
        file_of(publication, article.url),
        ascii_url(article.url),
        measured(article, data, text),
    )


def notes_of(publication: Publication, article: Article, data: bytes) -> Notes:
    """The same for `publisher.articles.library.Library` to keep. Pure."""
    known = known_of(publication, article, data)
    return [known.print, known.file, known.address, known.measure.text, known.measure.around, known.measure.print]


def shelf_of(library: Library) -> Shelf:
    """The articles of a library that keeps `notes_of` them."""

    def known(_publication: Publication, article: Article) -> Known:
        print, file, address, text, around, shown = library.notes(article)
        return Known(print, file, address, Measure(text, around, shown))

    return Shelf(known, library.whole)


@dataclass(frozen=True, slots=True)
class Shelf:
    """``known`` may answer of an article without its text; ``whole`` gives it with its text."""

    known: Callable[[Publication, Article], Known]
    whole: Callable[[Article], Article]


WHOLE = Shelf(known_of, lambda article: article)
"""For articles that have their texts."""
