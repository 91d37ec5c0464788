"""A feed's history: which articles stand in its document, and which on its archive pages (RFC 5005 section 4).

Guarantees: each article of a feed stands in exactly one document. A page is closed once it is full, and has the
same articles from then on, whatever is added, dated back, edited into the feed or taken out of it; only the one
page that is still open grows. Pages are cut in the order of publication (`Article.place`), not of dates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from publisher.model.article import Article

__all__ = ["Cut", "Leaf", "Places", "cut", "leaves", "newest_fitting", "placed"]

Places = tuple[int, ...]
_Pair = tuple[int, Article]

PAGE = 100  # articles on a page, at most


@dataclass(frozen=True, slots=True)
class Cut:
    """``current``: the feed's own document; ``waiting``: the open page; ``closed``: the others, oldest page first.

    ``places`` are what has to be remembered of the closed pages. Articles are newest first everywhere.
    """

    current: tuple[Article, ...]
    waiting: tuple[Article, ...]
    closed: tuple[tuple[Article, ...], ...]
    places: tuple[Places, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One document of a feed. ``name``: ``""`` for the feed's own, ``7`` or ``7-2`` for a page; so are its links.

    ``previous`` and ``following`` are None where there is nothing; only a closed page names what follows.
    """

    name: str
    articles: tuple[Article, ...]
    previous: str | None
    following: str | None = None
    closed: bool = False


def placed(articles: Sequence[Article]) -> list[int]:
    """The place of each article, which are newest first. Pure. What has none comes after what has, oldest first."""
    newest = max((article.place or 0 for article in articles), default=0)
    places = [0] * len(articles)
    for at in range(len(articles) - 1, -1, -1):
        if (known := articles[at].place) is None:
            newest += 1
        places[at] = newest if known is None else known
    return places


def cut(
    articles: Sequence[_Pair],
    closed: Sequence[Places],
    *,
    limit: int,
    room: int,
    size: Callable[[Article], int],
) -> Cut:
    """Which article stands where. Pure.

    ``articles``: the feed's, newest first, each with its place. ``closed``: what is remembered of its closed pages.
    ``limit`` articles and ``room`` bytes are the most that the feed's own document takes; ``size`` says how many
    bytes an article needs. Where the limit was raised a good deal, the newest pages are opened again. Deciding once
    more, with the places that this answers, changes nothing.
    """
    pages = list(closed)
    taken = set(chain.from_iterable(pages))
    loose = [pair for pair in articles if pair[0] not in taken]
    while pages and len(loose) * 2 < limit:
        taken.difference_update(pages[-1])
        wider = [pair for pair in articles if pair[0] not in taken]
        if _fitting(wider, limit, room, size) <= _fitting(loose, limit, room, size):
            break
        loose = wider
        pages.pop()
    while True:
        count = _fitting(loose, limit, room, size)
        # What comes next did not fit. Once it is on a closed page, older and smaller ones may.
        barrier = loose[count][0] if count < min(limit, len(loose)) else None
        rest = sorted(loose[count:], key=lambda pair: pair[0])
        full = list(_full(rest, room, size, until=barrier))
        if not full:
            break
        pages += full
        gone = set(chain.from_iterable(full))
        loose = [pair for pair in loose if pair[0] not in gone]
    on_page = {place: number for number, places in enumerate(pages) for place in places}
    on_pages: list[list[Article]] = [[] for _ in pages]
    for place, article in articles:
        if (number := on_page.get(place)) is not None:
            on_pages[number].append(article)
    return Cut(
        current=tuple(article for _, article in loose[:count]),
        waiting=tuple(article for _, article in loose[count:]),
        closed=tuple(map(tuple, on_pages)),
        places=tuple(pages),
    )


def leaves(made: Cut, *, room: int, size: Callable[[Article], int]) -> list[Leaf]:
    """The documents of a feed, newest first: each links to the next. Pure.

    A closed page that no longer fits (an edit, a smaller ``max_size``) has its older part on a page of its own,
    which only it links to: the pages around it stay as they are.
    """
    found = [("", made.current, False, 0)]
    if made.closed or made.waiting:
        found.append((str(len(made.closed) + 1), made.waiting, False, 0))
    for number in range(len(made.closed), 0, -1):
        for part, articles in enumerate(_parts(made.closed[number - 1], room, size), start=1):
            found.append((_name(number, part), articles, True, part))
    names: list[str | None] = [name for name, *_ in found]
    return [
        Leaf(
            name=name,
            articles=articles,
            previous=previous,
            following=_following(name, part) if closed else None,
            closed=closed,
        )
        for (name, articles, closed, part), previous in zip(found, [*names[1:], None], strict=True)
    ]


def newest_fitting(
    articles: Sequence[Article], *, limit: int, room: int, size: Callable[[Article], int]
) -> tuple[Article, ...]:
    """What stands in the only document of a feed that has no archive pages. Pure."""
    return tuple(articles[: _fitting([(0, article) for article in articles[:limit]], limit, room, size)])


def _fitting(articles: Sequence[_Pair], limit: int, room: int, size: Callable[[Article], int]) -> int:
    """How many of the first fit; one does, in any case."""
    left = room
    for count, (_, article) in enumerate(articles[:limit]):
        left -= size(article)
        if left < 0 and count:
            return count
    return min(limit, len(articles))


def _full(
    articles: Sequence[_Pair], room: int, size: Callable[[Article], int], *, until: int | None
) -> Iterator[Places]:
    """The places of the pages that are full, oldest first; no page after the one that has the place ``until``."""
    page: list[int] = []
    filled = 0
    for place, article in articles:
        needs = size(article)
        if page and (len(page) >= PAGE or filled + needs > room):
            yield tuple(page)
            if until in page:
                return
            page, filled = [], 0
        page.append(place)
        filled += needs


def _parts(articles: Sequence[Article], room: int, size: Callable[[Article], int]) -> Iterator[tuple[Article, ...]]:
    left = [(0, article) for article in articles]
    while True:
        count = _fitting(left, len(left), room, size)
        yield tuple(article for _, article in left[:count])
        left = left[count:]
        if not left:
            return


def _name(number: int, part: int) -> str:
    return str(number) if part == 1 else f"{number}-{part}"


def _following(name: str, part: int) -> str:
    number = int(name.partition("-")[0])
    return str(number + 1) if part == 1 else _name(number, part - 1)
