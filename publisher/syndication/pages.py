"""The web archive: every page a reader can open, from templates/web/.

Guarantees: the same articles, settings and templates give the same bytes; links between our own pages are
relative, addresses meant for others (canonical, feeds, Open Graph) absolute. Fails with TemplateError, which
names the template's file and line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from markupsafe import Markup, escape

from publisher.model.article import Article
from publisher.model.edition import EditionPage
from publisher.model.publication import Publication
from publisher.syndication.addresses import ascii_url, base_path, feed_page, file_of, home, listing_url
from publisher.syndication.cards import Card, beginning, card, date_of, title_print
from publisher.syndication.characters import excerpt, one_line
from publisher.syndication.discovery import Discovery, FeedLink, feed_links
from publisher.syndication.documents import ArticlePage, Document, Later
from publisher.syndication.edition_pages import edition_documents, past_editions
from publisher.syndication.entries import NEVER
from publisher.syndication.follow_page import follow_page
from publisher.syndication.frames import Frames
from publisher.syndication.links import Links
from publisher.syndication.listings import Listing, by_month, by_year, listings
from publisher.syndication.navigation import Navigation
from publisher.syndication.opml import opml_document
from publisher.syndication.palette import palettes
from publisher.syndication.selecting import feed_selections
from publisher.syndication.shelf import WHOLE, Known, Shelf
from publisher.syndication.sitemap import sitemap_documents
from publisher.theme.environment import Environment
from publisher.theme.media import theme_url

__all__ = ["Archive", "edition_pages", "page_documents"]

_ON_FRONT = 22
_CARDS = 24  # of a listing page, with pictures and summaries
_TITLES = 300  # and after them, titles only


def page_documents(
    publication: Publication,
    articles: Sequence[Article],
    environment: Environment,
    editions: Sequence[EditionPage] = (),
    *,
    shelf: Shelf = WHOLE,
    frame: str = "",
) -> Iterator[Document | Later]:
    """The web archive, the style sheets, sitemap.xml and feeds.opml.

    ``articles`` (the public ones) and ``editions``: newest first. ``shelf``: where the articles' texts are. ``frame``:
    changes with the settings, the templates and the program; what else a page depends on is in its print. Without
    ``publication.web.pages`` only what belongs to the feeds is made (feed.css and feeds.opml), and style.css where our
    server has pages of its own.
    Raises TemplateError.
    """
    archive = Archive(publication, articles, environment, editions, shelf, frame)
    yield archive.sheet("feed.css")
    opml = opml_document(publication, archive.feeds, _newest(articles) or NEVER)
    if opml is not None:
        yield Document("feeds.opml", opml)
    if publication.web.pages or publication.web.endpoints:
        yield archive.sheet("style.css")
    if publication.web.pages:
        yield from archive.pages()


def edition_pages(
    publication: Publication,
    articles: Sequence[Article],
    environment: Environment,
    editions: Sequence[EditionPage],
    *,
    frame: str = "",
) -> Iterator[Document | Later]:
    """Of `page_documents` those of editions, and what leads to them; no text of an article is needed.

    Raises TemplateError.
    """
    archive = Archive(publication, articles, environment, editions, WHOLE, frame)
    yield from edition_documents(archive, archive.past)
    yield follow_page(archive)


class Archive:
    """One build of the pages. ``sitemap`` collects (address, last change) as they are made."""

    def __init__(
        self,
        publication: Publication,
        articles: Sequence[Article],
        environment: Environment,
        editions: Sequence[EditionPage],
        shelf: Shelf,
        frame: str,
    ) -> None:
        self.publication = publication
        self.shelf = shelf
        self.articles = articles
        self.frames = Frames(environment, frame)
        self.home = home(publication)
        self.feeds = feed_selections(publication, articles)
        self.sitemap: list[tuple[str, datetime | None]] = []
        self.discovery = Discovery(publication, self.feeds)
        self.local = environment.filters["local"]
        self.words = environment.words(publication.language)
        self.table = str(escape(self.words.say("Table")))
        self.past = past_editions(publication, self.words, editions)
        self.navigation = Navigation(publication, self.words.say("Follow"))

    def pages(self) -> Iterator[Document | Later]:
        """Articles first, then the pages that list them, the front page, and the sitemap last."""
        for article in self.articles:
            known = self.shelf.known(self.publication, article)
            if known.file is not None:
                yield self.article(article, known)
        yield from self.listings()
        yield from self.archive()
        yield from edition_documents(self, self.past)
        yield follow_page(self)
        yield self.front()
        yield self.missing()
        for article in self.articles:
            if article.aliases:
                yield from self.moved(article)
        yield from (Document(*written) for written in sitemap_documents(self.home, self.sitemap))

    def sheet(self, name: str) -> Document:
        """A style sheet with the theme's colours in it."""
        light, dark = palettes(self.publication.theme)
        return self.frames.rendered(name, name, {"light": light, "dark": dark})

    def article(self, article: Article, known: Known) -> Later:
        """An article's own page."""
        assert known.file is not None
        return self.page(
            "article.html",
            known.file,
            known.address,
            changed=article.updated,
            about=article,
            shown=(known.print,),
            values=lambda links: self.article_values(self.shelf.whole(article), links),
        )

    def writer(self, article: Article, path: str, address: str, alternates: Sequence[FeedLink]) -> Callable[[], bytes]:
        """Writes the page of an article that is known to be at ``address``."""

        def values(links: Links) -> Mapping[str, Any]:
            return self.article_values(self.shelf.whole(article), links)

        return partial(self.written, "article.html", path, address, alternates, values)

    def article_values(self, article: Article, links: Links) -> dict[str, Any]:
        """What an article's page shows of it."""
        summary = one_line(article.summary)
        words = beginning(article.html, max(len(summary), 300))
        heading = one_line(article.title) or excerpt(summary or words, 70) or date_of(article)
        return {
            "turned": bool(article.language) and article.language != self.publication.language,
            "title": heading,
            "heading": heading,
            "description": excerpt(summary or words, 200),
            "article": article,
            "names": self.frames.names(links.root, article.authors, partial(self.listing, links)),
            "tags": [tag for tag in article.tags if one_line(tag)],
            "standfirst": "" if not article.title or words.startswith(summary.rstrip("…. ")) else summary,
            "lead": links.image(article.image) if article.image and article.image.url not in article.html else None,
            "text": Markup(links.text(article.html, table=self.table)),
        }

    def moved(self, article: Article) -> Iterator[Later]:
        """A page at each of the article's old addresses that leads to the new one."""
        paths = [
            file_of(self.publication, self.home + alias.removeprefix(self.home).lstrip("/"))
            for alias in article.aliases
        ]
        for path in dict.fromkeys(paths):
            # The feeds' addresses are theirs, whatever an article says.
            if path is not None and not path.startswith("feeds/") and path != file_of(self.publication, article.url):
                link = Links.of(self.home, path).to(article.url)
                values = {
                    "heading": one_line(article.title) or link,
                    "canonical": ascii_url(article.url),
                    "link": link,
                }
                yield Later(
                    path,
                    self.frames.print("moved.html", path, values.values()),
                    partial(self.frames.bytes, "moved.html", values),
                )

    def listings(self) -> Iterator[Later]:
        """The page of each section, tag and author."""
        for listing in listings(self.publication, self.feeds, self.articles):
            address = listing_url(self.publication, listing.kind, listing.name)
            feeds = [
                link
                for feed in self.feeds
                if feed_page(self.publication, feed) == address
                for link in feed_links(self.publication, feed)
            ]
            yield self.page(
                f"{listing.kind}.html",
                listing.path,
                address,
                changed=_newest(listing.articles),
                shown=(
                    repr((listing.title, listing.author, feeds, len(listing.articles) > _CARDS + _TITLES)),
                    *self.prints(listing.articles[:_CARDS]),
                    *map(title_print, listing.articles[_CARDS : _CARDS + _TITLES]),
                ),
                values=partial(self.listing_values, listing, feeds),
            )

    def listing_values(self, listing: Listing, feeds: Sequence[FeedLink], links: Links) -> dict[str, Any]:
        """What the page of a section, tag or author shows."""
        author = listing.author
        return {
            "title": listing.title,
            "description": one_line(author.bio) if author else "",
            "author": author,
            "picture": links.to(theme_url(self.publication, author.picture)) if author else "",
            "feeds": feeds,
            "items": self.cards(links, listing.articles[:_CARDS]),
            "older": self.cards(links, listing.articles[_CARDS : _CARDS + _TITLES]),
            "more": len(listing.articles) > _CARDS + _TITLES,
        }

    def archive(self) -> Iterator[Later]:
        """archive/ has the years and the newest one's articles; archive/YEAR/ has a year's, by month.

        How many articles a year has stands on archive/ alone: else every new one would change the page of every year.
        """
        years = by_year(self.articles, self.local)
        for year in (None, *years):
            path = f"archive/{year}/index.html" if year else "archive/index.html"
            shown = years[year or next(iter(years))] if years else []
            counts = [(other, len(of) if year is None else 0) for other, of in years.items()]
            yield self.page(
                "archive.html",
                path,
                f"{self.home}{path.removesuffix('index.html')}",
                changed=_newest(shown),
                shown=(repr(counts), *map(title_print, shown)),
                values=partial(self.archive_values, year, counts, shown),
            )

    def archive_values(
        self, year: int | None, counts: Sequence[tuple[int, int]], shown: Sequence[Article], links: Links
    ) -> dict[str, Any]:
        """What the page of a year shows, or of all. ``counts``: (year, how many articles or 0), newest first."""
        return {
            "title": str(year) if year else self.words.say("All articles"),
            "years": [
                {
                    "label": str(other),
                    "url": f"{links.root}archive/{other}/",
                    "count": count,
                    "current": other == year,
                }
                for other, count in counts
            ],
            "months": [
                (self.words.month(month), self.cards(links, of)) for month, of in by_month(shown, self.local).items()
            ],
        }

    def front(self) -> Later:
        """The newest articles; the newest of the pinned ones leads."""
        shown = sorted(self.articles[:_ON_FRONT], key=lambda article: not article.pin)
        return self.page(
            "front.html",
            "index.html",
            self.home,
            changed=_newest(self.articles),
            shown=self.prints(shown),
            values=lambda links: {
                "description": one_line(self.publication.description),
                "items": self.cards(links, shown),
            },
        )

    def prints(self, articles: Sequence[Article]) -> tuple[str, ...]:
        """What changes with anything that a card may show of each."""
        return tuple(self.shelf.known(self.publication, article).print for article in articles)

    def missing(self) -> Document:
        """404.html. It answers at any address, so its links begin at the host's root."""
        links = Links(self.home, base_path(self.publication))
        values = {"root": links.root, "title": self.words.say("Not found"), "navigation": self.navigation.of(links, "")}
        return self.frames.rendered("missing.html", "404.html", values)

    def page(
        self,
        template: str,
        path: str,
        address: str,
        *,
        changed: datetime | None,
        shown: Iterable[str],
        values: Callable[[Links], Mapping[str, Any]],
        about: Article | None = None,
        alternates: Sequence[FeedLink] | None = None,
    ) -> Later:
        """One page, with what every template may use; ``values`` are this one's own.

        ``shown``: changes with anything that the values depend on, but the settings and the links to feeds.
        ``alternates``: its feeds, if not those that `Discovery` says.
        """
        self.sitemap.append((address, changed))
        if alternates is None:
            alternates = self.discovery.of(address, about)
        return Later(
            path,
            self.frames.print(template, path, shown, alternates),
            partial(self.written, template, path, address, alternates, values),
            page=ArticlePage(about.path, address, alternates) if about is not None else None,
        )

    def written(
        self,
        template: str,
        path: str,
        address: str,
        alternates: Sequence[FeedLink],
        values: Callable[[Links], Mapping[str, Any]],
    ) -> bytes:
        """The bytes of a page."""
        links = Links.of(self.home, path, address)
        navigation = self.navigation.of(links, address)
        common = {
            "root": links.root,
            "canonical": address,
            "link": links.to,
            "listing": lambda kind, name: self.listing(links, kind, name),
            "picture_of": lambda author: (
                links.to(theme_url(self.publication, author.picture)) if author.picture else ""
            ),
            "day": self.day,
            "navigation": navigation,
            "alternates": alternates,
            "made": self.frames.parts(links.root, navigation, alternates),
        }
        if logo := theme_url(self.publication, self.publication.theme.logo):
            common["icon"] = links.to(logo)
        return self.frames.bytes(template, {**common, **values(links)})

    def listing(self, links: Links, kind: str, name: str) -> str:
        """The link to the page of a section, tag or author."""
        return links.to(listing_url(self.publication, kind, name))

    def cards(self, links: Links, articles: Sequence[Article]) -> list[Card]:
        """Articles as a page lists them."""
        return [card(links, article) for article in articles]

    def day(self, moment: datetime) -> str:
        """``20 November 2026`` in the publication's language and time zone."""
        return self.words.day(self.local(moment))


def _newest(articles: Sequence[Article]) -> datetime | None:
    return max((article.updated for article in articles), default=None)
