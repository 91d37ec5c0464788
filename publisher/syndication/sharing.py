"""The pages of articles written by the processes that rendered them, each its own: see `publisher.articles.crew`.

Guarantees: the same files and the same report as when one process writes them; a page is given to be written only
where it is not as the last build left it. Fails with OSError and TemplateError, as writing here would.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from publisher.articles.library import Library
from publisher.model.publication import Publication
from publisher.syndication.discovery import FeedLink
from publisher.syndication.documents import Document, Later
from publisher.syndication.pages import Archive
from publisher.syndication.public import Build, Known
from publisher.syndication.shelf import shelf_of
from publisher.theme.environment import Environment

__all__ = ["jobs_of", "share"]

_PART = 32  # pages that are given at a time


@dataclass(slots=True)
class _Given:
    """Pages to be written: path, print, what the last build left there, the article's file, the page's address, and
    which of the lists of feeds it has. ``alternates``: those lists that the process has not been told of before.
    """

    pages: list[tuple[str, str, Known | None, str, str, int]] = field(default_factory=list)
    alternates: dict[int, Sequence[FeedLink]] = field(default_factory=dict)


@dataclass(slots=True)
class _Written:
    """What became of them. ``error``: what ended the work; the pages before it are there."""

    now: dict[str, Known]
    changed: list[str]
    clashes: list[str]
    unchanged: int
    error: Exception | None = None


def jobs_of(
    publication: Publication, environment: Environment, frame: str, library: Library
) -> Mapping[str, Callable[[Any], Any]]:
    """What processes of a library's crew can be asked for besides articles."""
    archive = Archive(publication, (), environment, (), shelf_of(library), frame)
    alternates: dict[int, Sequence[FeedLink]] = {}

    def pages(given: _Given) -> _Written:
        alternates.update(given.alternates)
        build = Build(publication.public, {page[0]: page[2] for page in given.pages if page[2] is not None})
        error: Exception | None = None
        try:
            for path, made, _, file, address, links in given.pages:
                article = library.articles[file]
                build.write(Later(path, made, archive.writer(article, path, address, alternates[links])))
        except Exception as raised:  # whatever it is, it is our parent's to tell
            error = raised
        return _Written(build.now, build.changed, build.clashes, build.unchanged, error)

    return {"pages": pages}


def share(library: Library, build: Build, documents: Iterable[Document | Later]) -> Iterable[Document | Later]:
    """Has the pages that stand first among ``documents`` written, and gives back the others."""
    if library.crew is None:
        return documents
    shared = _Shared(library, build, iter(documents))
    first_changed, first_clash = len(build.changed), len(build.clashes)
    try:
        for _, written in library.crew.run("pages", [shared.parts(number) for number in range(len(library.crew))]):
            build.take(written.now, written.changed, written.clashes, written.unchanged)
            if written.error is not None:
                raise written.error
    finally:
        build.drop_claims()
    build.changed[first_changed:] = sorted(build.changed[first_changed:], key=shared.order.__getitem__)
    build.clashes[first_clash:] = sorted(build.clashes[first_clash:], key=shared.order.__getitem__)
    return chain(shared.rest, shared.documents)


class _Shared:
    """The pages on their way to those who write them."""

    def __init__(self, library: Library, build: Build, documents: Iterator[Document | Later]) -> None:
        self.documents = documents
        self.rest: list[Document | Later] = []
        self.order: dict[str, int] = {}
        self._library = library
        self._build = build
        members = len(library.crew) if library.crew is not None else 0
        self._waiting: list[deque[Later]] = [deque() for _ in range(members)]
        self._told: list[dict[int, Sequence[FeedLink]]] = [{} for _ in range(members)]  # kept, so that ids last

    def parts(self, number: int) -> Iterator[_Given]:
        """What this one is to write; taken from the documents only when it is asked for more."""
        waiting, told = self._waiting[number], self._told[number]
        while True:
            while len(waiting) < _PART and not self.rest and self._next():
                pass
            if not waiting:
                return
            given = _Given()
            while waiting and len(given.pages) < _PART:
                document = waiting.popleft()
                assert document.page is not None
                links = document.page.alternates
                if id(links) not in told:
                    told[id(links)] = given.alternates[id(links)] = links
                before = self._build.before.get(document.path)
                given.pages.append(
                    (document.path, document.made, before, document.page.article, document.page.address, id(links))
                )
            yield given

    def _next(self) -> bool:
        """Takes one document more; whether there was one that is an article's page."""
        document = next(self.documents, None)
        if document is None:
            return False
        if not isinstance(document, Later) or document.page is None:
            self.rest.append(document)
            return False
        self.order.setdefault(document.path, len(self.order))
        owner = self._library.owner(document.page.article)
        if owner is None or not self._build.may_be_shared(document.path):
            self._build.write(document)
        elif self._build.claim(document):
            self._waiting[owner].append(document)
        return True
