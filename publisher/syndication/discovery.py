"""What a page says of the feeds, so that readers and programs find them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from publisher.model.article import Article
from publisher.model.feed import Feed, FeedFormat, Selection
from publisher.model.publication import Publication
from publisher.syndication.addresses import MEDIA_TYPES, feed_page, feed_url, home
from publisher.syndication.characters import one_line
from publisher.syndication.selecting import looked_at

__all__ = ["LABELS", "Discovery", "FeedLink", "feed_links"]

_MOST_KNOWN = 5_000
LABELS: dict[FeedFormat, str] = {"rss": "RSS", "atom": "Atom", "json": "JSON Feed"}


@dataclass(frozen=True, slots=True)
class FeedLink:
    """One document of a feed. ``title`` names feed and format; ``label`` the format; ``url`` is absolute."""

    title: str
    label: str
    type: str
    url: str


def feed_links(publication: Publication, feed: Feed, *, title: str = "") -> tuple[FeedLink, ...]:
    """The documents of a feed. Pure. ``title`` stands in for the feed's own."""
    shown = title or one_line(feed.title) or feed.name
    return tuple(
        FeedLink(
            f"{shown} ({LABELS[format]})",
            LABELS[format],
            MEDIA_TYPES[format],
            feed_url(publication, feed, format),
        )
        for format in feed.formats
    )


class Discovery:
    """The ``<link rel=alternate>`` of pages: each feed, most relevant first, no title twice. Pure.

    Most relevant are a page's own feeds; then, for an article, the narrow feeds that select it, then the wide
    ones; then the others. Feeds made for every value (``each``) stand on the page that they are about, those
    for sections and languages also on the front page, and last on the articles that they take.
    """

    def __init__(self, publication: Publication, feeds: Sequence[Feed]) -> None:
        self._named = [feed for feed in publication.feeds if feed.formats]
        self._made: dict[str, list[Feed]] = {}
        self._few = [feed for feed in feeds if feed.made_for in ("section", "language")]
        self._look = looked_at(feed.selection for feed in (*self._named, *self._few))
        self._front = home(publication)
        for feed in feeds:
            if feed.made_for:
                self._made.setdefault(feed_page(publication, feed), []).append(feed)
        self._pages = [feed_page(publication, feed) for feed in self._named]
        titles = Counter(one_line(feed.title) for feed in self._named)
        self._links = {
            feed.name: feed_links(
                publication,
                feed,
                title=one_line(feed.title) if titles[one_line(feed.title)] < 2 else f"{feed.title}, {feed.name}",
            )
            for feed in feeds
        }
        self._known: dict[tuple[object, ...], list[FeedLink]] = {}
        self._of_articles: dict[tuple[object, ...], list[FeedLink]] = {}

    def of(self, page: str, article: Article | None = None) -> list[FeedLink]:
        """The links of the page at the address ``page``, which is ``article``'s if that is given."""
        if article is None or page in self._made or page in self._pages:
            return self._of(page, article)
        key = self._look(article)  # most articles share it with others
        if key not in self._of_articles:
            if len(self._of_articles) > _MOST_KNOWN:
                self._of_articles.clear()
            self._of_articles[key] = self._of(page, article)
        return self._of_articles[key]

    def _of(self, page: str, article: Article | None) -> list[FeedLink]:
        """The same list for all pages that have the same links."""
        made = tuple(feed.name for feed in self._made.get(page, ()))
        ranks = tuple(
            _rank(feed, own=own == page, article=article) for feed, own in zip(self._named, self._pages, strict=True)
        )
        if article is not None:
            few = tuple(feed.name for feed in self._few if feed.selection.matches(article))
        else:
            few = tuple(feed.name for feed in self._few) if page == self._front else ()
        key = made, ranks, few
        if key not in self._known:
            order = sorted(range(len(ranks)), key=lambda at: ranks[at])
            names = [*made, *(self._named[at].name for at in order), *few]
            self._known[key] = [link for name in names for link in self._links[name]]
        return self._known[key]


def _rank(feed: Feed, *, own: bool, article: Article | None) -> int:
    """Less is more relevant."""
    wide = feed.selection == Selection()
    if own:
        return 0
    if article is None:
        return 1 if wide else 2
    return 3 if not feed.selection.matches(article) else 2 if wide else 1
