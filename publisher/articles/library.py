"""The articles' folder as a build has it: files are read and rendered only where the index does not know them.

Articles come without their HTML, which is a hundred times what the rest of them takes: `Library.whole` renders it
again from its file where somebody needs it. Guarantees: the same articles and faults as `read_sources` and
`render_articles` give; what the index says is used only for a file that looks as it did when it was read, and whose
pictures do. Faulty files are read each time. One bad file never keeps the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from publisher.articles.crew import MANY, Crew, hands
from publisher.articles.identity import Identified
from publisher.articles.rendering import Made, article_of, made_of, url_of
from publisher.articles.sources import Source, articles_folder, is_article, read_source
from publisher.articles.texts import Texts
from publisher.model.article import Article, Record
from publisher.model.errors import ArticleError
from publisher.model.packing import micros, pack, unpack
from publisher.model.publication import Publication
from publisher.publication.freshness import Looked
from publisher.publication.scanning import Stamp, stamp
from publisher.store.index import Index, Row

__all__ = ["Library", "Notes"]

Notes = Sequence[Any]
"""What somebody wants to remember of an article beside it, as JSON can hold it."""

_Read = tuple[Source | None, str, str]
"""A file that was read: what it says (None: in another process), a digest of its body, and JSON of what it says."""

_BODY = "body "
_ROWS = 500  # that are put into the index at a time
_PART = 50  # files or articles that one of the crew is given at a time
_HTML = [field.name for field in fields(Made)].index("html")
_NEVER: Stamp = (-2, 0, 0)  # no file looks so: it is read again


@dataclass(slots=True)
class _Shelf:
    """What is known of a file. ``made``: JSON of [identity, `Made` without HTML, stamps of what is beside, notes].

    ``read``: its text, which `Texts` has, is of the same reading.
    """

    stamp: Stamp
    body: str
    source: str
    made: str
    read: bool = False
    changed: bool = False


class Library:
    """``describe`` makes the notes of an article that is whole, given its HTML in UTF-8, too. Use it for one pass;
    `save` or `close` it.

    ``many`` files that changed are read and rendered by a crew, which can be given ``jobs``, too.
    """

    def __init__(
        self,
        publication: Publication,
        index: Index,
        looked: Looked,
        describe: Callable[[Article, bytes], Notes],
        *,
        jobs: Callable[[Library], Mapping[str, Callable[[Any], Any]]] = lambda _library: {},
        many: int = MANY,
    ) -> None:
        self.looked = looked
        self.crew: Crew | None = None
        self._jobs = jobs
        self._many = many
        self._others: list[Texts] = []
        self._owners: dict[str, int] = {}
        self._read_here: dict[str, Source] = {}
        self._publication = publication
        self._index = index
        self._folder = str(articles_folder(publication))
        self._describe = describe
        self._now = {path.removeprefix(f"{self._folder}/"): seen for path, seen in looked.scan.stamps()}
        self._articles = sorted(
            (
                *filter(is_article, self._now),
                *(
                    inner
                    for folder in looked.scan.folders
                    if folder != self._folder and is_article(inner := folder.removeprefix(f"{self._folder}/"))
                ),
            ),
            key=lambda inner: inner.split("/"),
        )
        self._recent = looked.recent.keys()
        self._shelves: dict[str, _Shelf] = {}
        self._gone: list[str] = []
        self._notes: dict[str, Notes] = {}
        self._items: dict[str, Identified] = {}
        self._faults: dict[str, ArticleError] = {}
        self._rendered: set[str] = set()
        self._settled: list[str] = []
        self._at_once = _ROWS
        self.articles: dict[str, Article] = {}  # that one of the crew has made
        self._texts = Texts(publication.state)

    def sources(self) -> tuple[list[Source], list[ArticleError]]:
        """All articles of the folder, without their texts, and what is wrong with the others."""
        known = {row.path: row for row in self._index.rows()}
        sources: list[Source] = []
        errors: list[ArticleError] = []
        read = self._read_all([inner for inner in self._articles if not self._is_known(inner, known.get(inner))])
        for inner in self._articles:
            row = known.pop(inner, None)
            seen = self._now.get(inner, _NEVER)
            if inner not in read:
                assert row is not None
                self._shelves[self._path(inner)] = _Shelf(seen, row.body, row.source, row.made)
                sources.append(unpack(Source, json.loads(row.source)))
                continue
            found = read.pop(inner)
            if isinstance(found, ArticleError):
                errors.append(found)
                if row is not None:
                    self._gone.append(inner)
                continue
            source, body, packed = found
            source = source or unpack(Source, json.loads(packed))
            sources.append(source)
            same = row is not None and (row.body, row.source) == (body, packed)
            # What may change again unseen is read again next time.
            seen = _NEVER if f"{self._folder}/{inner}" in self._recent else seen
            self._shelves[source.path] = _Shelf(
                seen, body, packed, row.made if row and same else "", read=True, changed=True
            )
        self._gone += known
        return sources, errors

    def make_ahead(self, identified: Iterable[Identified]) -> None:
        """Has the crew, if there is one, render what it read: `article` has it then, or its fault."""
        if self.crew is None:
            return
        shares: list[list[tuple[str, list[Any]]]] = [[] for _ in range(len(self.crew))]
        for item in identified:
            path = item.source.path
            if path in self._owners and not self._shelves[path].made:
                shares[self._owners[path]].append((path, pack(item.record)))
        for _, answers in self.crew.run("make", [iter(_parts(share)) for share in shares]):
            for path, made, place in answers:
                shelf = self._shelves[path]
                if isinstance(made, ArticleError):
                    self._faults[path] = made
                    continue
                shelf.made, shelf.changed = made, True
                if place is not None:
                    self._texts.take(path, place)
                self._rendered.add(path)
        for path in self._owners.keys() - self._rendered:
            del self._owners[path]

    def owner(self, path: str) -> int | None:
        """Who of the crew has the article with its text."""
        return self._owners.get(path)

    def article(self, item: Identified) -> Article:
        """The article of a source, without its HTML. Raises ArticleError."""
        shelf = self._shelves[item.source.path]
        if fault := self._faults.pop(item.source.path, None):
            raise fault
        record, url = item.record, ""
        identity = [record.id, micros(record.published), micros(record.updated)]
        if shelf.made:
            known, packed, beside, notes = json.loads(shelf.made)
            made = unpack(Made, packed)
            # An address is made of what the source says, which is the same, and of when it was published.
            url = made.url if known[1] == identity[1] else url_of(item, self._publication)
            if made.url == url and beside == self._look_beside(made.beside):
                article = article_of(item, made, self._publication)
                if known != identity:
                    # What is noted may tell of its id and dates, too.
                    html = self._html(item)
                    notes = self._describe(replace(article, html=html), _encoded(html))
                    self._keep(shelf, identity, made, beside, notes)
                return self._kept(item, article, notes)
        url = url or url_of(item, self._publication)
        made = made_of(item, self._publication, url=url, body=self._body(item, shelf))
        data = _encoded(made.html)
        notes = self._describe(article_of(item, made, self._publication), data)
        self._texts.put(item.source.path, data)
        self._texts.forget(f"{_BODY}{item.source.path}")
        self._keep(shelf, identity, made, self._look_beside(made.beside), notes)
        return self._kept(item, article_of(item, made, self._publication, html=""), notes)

    def notes(self, article: Article) -> Notes:
        """What was noted of the article when it was whole."""
        return self._notes[article.path]

    def whole(self, article: Article) -> Article:
        """The article with its HTML. Raises ArticleError: it has changed since it was read."""
        return replace(article, html=self._html(self._items[article.path]))

    def save(self) -> None:
        """Brings the index up to date, and gives it back; articles can still be had."""
        self._index.save(self._rows(self._shelves), self._gone)
        self.close()

    def close(self) -> None:
        """Gives the index back as it was."""
        if self.crew is not None:
            self.crew.close()
        self._index.close()
        for texts in (self._texts, *self._others):
            texts.close()

    def _is_known(self, inner: str, row: Row | None) -> bool:
        return row is not None and self._now.get(inner, _NEVER) == (row.size, row.modified, row.changed)

    def _read_all(self, changed: Sequence[str]) -> dict[str, _Read | ArticleError]:
        """Reads these files, by a crew if they are many."""
        if len(changed) < self._many or (count := hands()) < 2:
            return {inner: self._read(inner) for inner in changed}
        self._others = [Texts(self._publication.state) for _ in range(count)]
        self.crew = Crew(count, self._work)
        found: dict[str, _Read | ArticleError] = {}
        parts = iter(_parts(changed))  # one queue for all
        for number, answers in self.crew.run("read", [parts] * count):
            for inner, read in answers:
                found[inner] = read
                if not isinstance(read, ArticleError):
                    self._owners[self._path(inner)] = number
        return found

    def _read(self, inner: str) -> _Read | ArticleError:
        try:
            source = read_source(self._publication, self._folder, inner)
        except ArticleError as error:
            return error
        data = _encoded(source.body)
        self._texts.put(f"{_BODY}{source.path}", data)
        body = hashlib.sha256(data).hexdigest()
        source = replace(source, body="")
        return source, body, json.dumps(pack(source))

    def _work(self, number: int) -> Callable[[str, Any], Any]:
        """What one of the crew does: in its own process, where this is a copy of its parent's."""
        self._texts = self._others[number]
        self._at_once = 0  # the index is our parent's
        jobs: dict[str, Callable[[Any], Any]] = {"read": self._read_share, "make": self._make_share}
        jobs.update(self._jobs(self))
        return lambda job, given: jobs[job](given)

    def _read_share(self, files: Sequence[str]) -> list[tuple[str, _Read | ArticleError]]:
        answers: list[tuple[str, _Read | ArticleError]] = []
        for inner in files:
            read = self._read(inner)
            if not isinstance(read, ArticleError) and read[0] is not None:
                self._read_here[read[0].path] = read[0]
                read = None, *read[1:]
            answers.append((inner, read))
        return answers

    def _make_share(
        self, share: Sequence[tuple[str, list[Any]]]
    ) -> list[tuple[str, str | ArticleError, tuple[int, int, int] | None]]:
        answers: list[tuple[str, str | ArticleError, tuple[int, int, int] | None]] = []
        for path, record in share:
            item = Identified(self._read_here.pop(path), unpack(Record, record))
            shelf = self._shelves[path] = _Shelf(_NEVER, "", "", "", read=True)
            try:
                self.articles[path] = self.article(item)
            except ArticleError as error:
                answers.append((path, error, None))
                continue
            answers.append((path, shelf.made, self._texts.place_of(path)))
            shelf.made = ""
            del self._notes[path]
        return answers

    def _put_settled(self) -> None:
        """Brings rows to the index that are as they stay, and keeps no second copy: many would fill the memory."""
        self._index.put(self._rows(self._settled))
        for path in self._settled:
            shelf = self._shelves[path]
            shelf.source = shelf.made = ""
            shelf.changed = False
        self._settled.clear()

    def _rows(self, paths: Iterable[str]) -> Iterator[Row]:
        start = len(f"{self._publication.articles}/")
        for path in paths:
            if (shelf := self._shelves[path]).changed:
                yield Row(path[start:], *shelf.stamp, shelf.body, shelf.source, shelf.made)

    def _path(self, inner: str) -> str:
        return f"{self._publication.articles}/{inner}"

    def _keep(self, shelf: _Shelf, identity: list[Any], made: Made, beside: list[Any], notes: Notes) -> None:
        packed = pack(made)
        packed[_HTML] = ""
        shelf.made = json.dumps([identity, packed, beside, notes])
        shelf.changed = True

    def _kept(self, item: Identified, article: Article, notes: Notes) -> Article:
        if self._at_once:
            self._settled.append(article.path)
            if len(self._settled) >= self._at_once:
                self._put_settled()
        self._notes[article.path] = notes
        self._items[article.path] = item
        return article

    def _body(self, item: Identified, shelf: _Shelf) -> str:
        path = item.source.path
        body = self._texts.get(f"{_BODY}{path}") if shelf.read else None
        if body is None:
            inner = path.removeprefix(f"{self._publication.articles}/")
            body = read_source(self._publication, self._folder, inner).body
        return body

    def _html(self, item: Identified) -> str:
        path = item.source.path
        text = self._texts.get(path)
        if text is None:
            text = made_of(item, self._publication, body=self._body(item, self._shelves[path])).html
            self._texts.put(path, _encoded(text))
        return text

    def _look_beside(self, files: Iterable[str]) -> list[list[int] | None]:
        found = []
        for file in files:
            seen = self._now.get(file.removeprefix(f"{self._folder}/")) or stamp(file)
            seen = _NEVER if file in self._recent else seen
            found.append(None if seen is None else list(seen))
        return found


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(items), _PART):
        yield items[start : start + _PART]
