"""How many bytes an article needs in a feed's document, without writing it: never fewer than it will take.

The text is counted as each format escapes it; the little fields around it are estimated from above.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, fields
from operator import attrgetter

from publisher.model.article import Article
from publisher.syndication.characters import clean, is_clean

__all__ = ["HEAD", "Measure", "Sizes", "measure", "measured", "remembered", "text_print"]

HEAD = 4_000  # bytes of a document without its entries, at most
_ELEMENTS = 480  # bytes of an entry's elements and dates, in any format
_IMAGE = 340
_AUDIO = 900
_EACH = 80  # bytes of the elements of a category or author
_MADE = 1_500  # bytes of a summary that has to be made of the text
# What of an article no feed shows.
_UNSHOWN = {"html", "path", "slug", "draft", "mail", "pin", "weight", "minor", "kind", "aliases", "sequence", "media"}
_shown = attrgetter(*(field.name for field in fields(Article) if field.name not in _UNSHOWN))


@dataclass(frozen=True, slots=True)
class Measure:
    """What the cutting of pages has to know of an article, which an index may keep.

    ``text``: bytes of its HTML; ``around``: of everything else; ``print``: changes with whatever a feed shows of it.
    """

    text: int
    around: int
    print: str


def measure(article: Article) -> Measure:
    """The article's measure. Pure."""
    data = article.html.encode("utf-8", "surrogatepass")
    return measured(article, data, text_print(data))


def measured(article: Article, data: bytes, text: str) -> Measure:
    """The same, given its HTML in UTF-8 and what `text_print` says of that. Pure."""
    shown = repr((_shown(article), text))
    return Measure(
        _text(data if is_clean(data) else clean(article.html).encode()),
        _around(article),
        hashlib.sha256(shown.encode("utf-8", "surrogatepass")).hexdigest(),
    )


def text_print(data: bytes) -> str:
    """Changes with the HTML, given in UTF-8. Pure."""
    return hashlib.sha256(data).hexdigest()


def remembered(answer: Callable[[Article], Measure]) -> Callable[[Article], Measure]:
    """The same answers, asked for once an article."""
    known: dict[str, Measure] = {}

    def of(article: Article) -> Measure:
        found = known.get(article.id)
        if found is None:
            found = known[article.id] = answer(article)
        return found

    return of


class Sizes:
    """Sizes of articles in documents of at most ``room`` bytes (without the head).

    An article that needs more than a whole document is carried by its summary, with a link to its page.
    """

    def __init__(self, measured: Callable[[Article], Measure], *, home: str, full: bool, room: int) -> None:
        self._measured = measured
        self._home = len(home)
        self._full = full
        self._room = room

    def __call__(self, article: Article) -> int:
        """The bytes that the article needs."""
        known = self._measured(article)
        around = known.around + self._home * (2 + len(article.tags) + 2 * len(article.authors))
        return around + known.text if self._full and around + known.text <= self._room else around

    def whole(self, article: Article) -> bool:
        """Whether the document has the article's text, and not its summary alone."""
        known = self._measured(article)
        around = known.around + self._home * (2 + len(article.tags) + 2 * len(article.authors))
        return self._full and around + known.text <= self._room


def _text(html: bytes) -> int:
    """In RSS a CDATA section, in Atom escaped as XML, in JSON as a string."""
    atom = 3 * (html.count(b"<") + html.count(b">")) + 4 * html.count(b"&")
    json = html.count(b'"') + html.count(b"\\") + html.count(b"\n") + html.count(b"\t")
    return len(html) + max(atom, json, 4 * html.count(b"]]>") if b"]]" in html else 0)


def _around(article: Article) -> int:
    size = _ELEMENTS + _word(article.id) + _word(article.url)
    size += 2 * _word(article.title) + _word(article.summary) + (0 if article.summary and article.title else _MADE)
    for category in (article.section, *article.tags):
        size += _EACH + 2 * _word(category)
    for author in article.authors:
        size += _EACH + _word(author.name) + _word(author.url or author.key) + _word(author.picture)
    if image := article.image:
        size += _IMAGE + 2 * _word(image.url) + _word(image.credit) + max(_word(image.alt), _word(image.caption))
    if audio := article.audio:
        size += _AUDIO + sum(map(_word, (audio.url, audio.image, audio.transcript, audio.chapters, audio.title)))
    return size


def _word(word: str) -> int:
    """Text may be escaped twice and marked as no markup, an address has three bytes for one that is not ASCII."""
    marks = sum(map(word.count, "&<>\"'\\"))
    return (len(word) if word.isascii() else 4 * len(word)) + (12 * marks if marks else 0)
