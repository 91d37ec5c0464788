"""The web archive: every page a reader can open, from templates/web/.

Guarantees: the same articles, settings and templates give the same bytes; links between our own pages are
relative, addresses meant for others (canonical, feeds, Open Graph) absolute. Fails with TemplateError, which
names the template's file and line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from markupsafe import Markup, escape

from publisher.model.article import Article, Image
from publisher.model.feed import Feed
from publisher.model.publication import Publication
from publisher.syndication.addresses import ascii_url, base_path, feed_page, file_of, home, listing_url
from publisher.syndication.characters import clean_bytes, excerpt, one_line, text_of
from publisher.syndication.discovery import Discovery, FeedLink, feed_links
from publisher.syndication.documents import Document
from publisher.syndication.entries import NEVER
from publisher.syndication.links import Links
from publisher.syndication.listings import by_month, by_year, listings
from publisher.syndication.opml import opml_document
from publisher.syndication.palette import palettes
from publisher.syndication.selecting import feed_selections
from publisher.syndication.sitemap import sitemap_documents
from publisher.theme.environment import Environment, render
from publisher.theme.media import theme_url

__all__ = ["page_documents"]

_ON_FRONT = 22
_CARDS = 24  # of a listing page, with pictures and summaries
_TITLES = 300  # and after them, titles only


@dataclass(frozen=True, slots=True)
class _Card:
    """An article where it is listed. ``heading`` is never empty; ``image`` is linked from the page."""

    article: Article
    link: str
    heading: str
    summary: str
    image: Image | None


def page_documents(
    publication: Publication, articles: Sequence[Article], environment: Environment
) -> Iterator[Document]:
    """The web archive, the style sheets, sitemap.xml and feeds.opml.

    ``articles``: the public ones, newest first. Without ``publication.web.pages`` only what belongs to the
    feeds is made (feed.css and feeds.opml), and style.css where our server has pages of its own. Raises TemplateError.
    """
    archive = _Archive(publication, articles, environment)
    yield archive.sheet("feed.css")
    opml = opml_document(publication, archive.feeds, _newest(articles) or NEVER)
    if opml is not None:
        yield Document("feeds.opml", opml)
    if publication.web.pages or publication.web.endpoints:
        yield archive.sheet("style.css")
    if publication.web.pages:
        yield from archive.pages()


@dataclass(frozen=True, slots=True)
class _Made:
    """What base.html needs not render again for every page."""

    alternates: Markup
    navigation: Markup
    imprint: Markup


class _Archive:
    """One build of the pages. ``sitemap`` collects (address, last change) as they are made."""

    def __init__(self, publication: Publication, articles: Sequence[Article], environment: Environment) -> None:
        self.publication = publication
        self.articles = articles
        self.environment = environment
        environment.auto_reload = False  # a pass has its own; else each page looks at the files of its templates
        self.home = home(publication)
        self.feeds = feed_selections(publication, articles)
        self.sitemap: list[tuple[str, datetime | None]] = []
        self.discovery = Discovery(publication, self.feeds)
        # With what they were made of, so that no other list can have its place in memory.
        self._made: dict[tuple[str, int | None, int], tuple[Sequence[FeedLink], _Made]] = {}
        self.local = environment.filters["local"]
        self.words = environment.words(publication.language)
        self.table = str(escape(self.words.say("Table")))

    def pages(self) -> Iterator[Document]:
        """Articles first, then the pages that list them, the front page, and the sitemap last."""
        for article in self.articles:
            path = file_of(self.publication, article.url)
            if path is not None:
                yield self.article(article, path)
        yield from self.listings()
        yield from self.archive()
        yield self.follow()
        yield self.front()
        yield self.missing()
        for article in self.articles:
            yield from self.moved(article)
        yield from (Document(*written) for written in sitemap_documents(self.home, self.sitemap))

    def sheet(self, name: str) -> Document:
        """A style sheet with the theme's colours in it."""
        light, dark = palettes(self.publication.theme)
        return self.rendered(name, name, {"light": light, "dark": dark})

    def article(self, article: Article, path: str) -> Document:
        """An article's own page."""
        links = Links.of(self.home, path, ascii_url(article.url))
        summary = one_line(article.summary)
        words = _beginning(article.html, max(len(summary), 300))
        heading = one_line(article.title) or excerpt(summary or words, 70) or _date(article)
        return self.page(
            "article.html",
            path,
            ascii_url(article.url),
            changed=article.updated,
            about=article,
            turned=bool(article.language) and article.language != self.publication.language,
            title=heading,
            heading=heading,
            description=excerpt(summary or words, 200),
            article=article,
            tags=[tag for tag in article.tags if one_line(tag)],
            standfirst="" if not article.title or words.startswith(summary.rstrip("…. ")) else summary,
            lead=links.image(article.image) if article.image and article.image.url not in article.html else None,
            text=Markup(links.text(article.html, table=self.table)),
        )

    def moved(self, article: Article) -> Iterator[Document]:
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
                yield self.rendered("moved.html", path, values)

    def listings(self) -> Iterator[Document]:
        """The page of each section, tag and author."""
        for listing in listings(self.publication, self.feeds, self.articles):
            address = listing_url(self.publication, listing.kind, listing.name)
            links = Links.of(self.home, listing.path)
            yield self.page(
                f"{listing.kind}.html",
                listing.path,
                address,
                changed=_newest(listing.articles),
                title=listing.title,
                description=one_line(listing.author.bio) if listing.author else "",
                author=listing.author,
                picture=links.to(theme_url(self.publication, listing.author.picture)) if listing.author else "",
                feeds=[
                    link
                    for feed in self.feeds
                    if feed_page(self.publication, feed) == address
                    for link in feed_links(self.publication, feed)
                ],
                items=self.cards(links, listing.articles[:_CARDS]),
                older=self.cards(links, listing.articles[_CARDS : _CARDS + _TITLES]),
                more=len(listing.articles) > _CARDS + _TITLES,
            )

    def archive(self) -> Iterator[Document]:
        """archive/ has the years and the newest one's articles; archive/YEAR/ has a year's, by month."""
        years = by_year(self.articles, self.local)
        for year in (None, *years):
            path = f"archive/{year}/index.html" if year else "archive/index.html"
            links = Links.of(self.home, path)
            shown = years[year or next(iter(years))] if years else []
            yield self.page(
                "archive.html",
                path,
                f"{self.home}{path.removesuffix('index.html')}",
                changed=_newest(shown),
                title=str(year) if year else self.words.say("All articles"),
                years=[
                    {
                        "label": str(other),
                        "url": f"{links.root}archive/{other}/",
                        "count": len(of),
                        "current": other == year,
                    }
                    for other, of in years.items()
                ],
                months=[
                    (self.words.month(month), self.cards(links, of))
                    for month, of in by_month(shown, self.local).items()
                ],
            )

    def follow(self) -> Document:
        """The feeds for people, and the newsletters with their forms."""
        feeds = [feed for feed in self.feeds if feed.formats]
        return self.page(
            "follow.html",
            "follow/index.html",
            f"{self.home}follow/",
            changed=None,
            title=self.words.say("Subscribe and follow"),
            description=self.words.say(
                "Feeds and newsletters of %(publication)s", publication=one_line(self.publication.title)
            ),
            newsletters=self.publication.newsletters,
            feeds=[
                (feed, feed_links(self.publication, feed), self.made(feed, feeds))
                for feed in feeds
                if not feed.made_for
            ],
            opml=any({"rss", "atom"} & set(feed.formats) for feed in feeds),
        )

    def made(self, whole: Feed, feeds: Sequence[Feed]) -> list[tuple[str, list[tuple[Feed, str, Sequence[FeedLink]]]]]:
        """The feeds that the ``each`` of a feed made, by kind: each with the label of its value and its documents."""
        found: dict[str, list[tuple[Feed, str, Sequence[FeedLink]]]] = {kind: [] for kind in whole.each}
        for feed in feeds:
            if feed.made_for and feed.file == whole.file:
                label = one_line(feed.title.removeprefix(f"{whole.title}: "))
                found.setdefault(feed.made_for, []).append((feed, label, feed_links(self.publication, feed)))
        return [(kind, of) for kind, of in found.items() if of]

    def front(self) -> Document:
        """The newest articles; the newest of the pinned ones leads."""
        shown = sorted(self.articles[:_ON_FRONT], key=lambda article: not article.pin)
        return self.page(
            "front.html",
            "index.html",
            self.home,
            changed=_newest(self.articles),
            description=one_line(self.publication.description),
            items=self.cards(Links.of(self.home, "index.html"), shown),
        )

    def missing(self) -> Document:
        """404.html. It answers at any address, so its links begin at the host's root."""
        links = Links(self.home, base_path(self.publication))
        values = {"root": links.root, "title": self.words.say("Not found"), "navigation": self.navigation(links, "")}
        return self.rendered("missing.html", "404.html", values)

    def page(
        self,
        template: str,
        path: str,
        address: str,
        *,
        changed: datetime | None,
        about: Article | None = None,
        **values: Any,
    ) -> Document:
        """One page, with what every template may use; ``values`` are this one's own."""
        self.sitemap.append((address, changed))
        links = Links.of(self.home, path)
        alternates = self.discovery.of(address, about)
        navigation = self.navigation(links, address)
        common = {
            "root": links.root,
            "canonical": address,
            "link": links.to,
            "listing": lambda kind, name: links.to(listing_url(self.publication, kind, name)),
            "picture_of": lambda author: (
                links.to(theme_url(self.publication, author.picture)) if author.picture else ""
            ),
            "day": self.day,
            "navigation": navigation,
            "alternates": alternates,
            "made": self.made_once(links.root, navigation, alternates),
        }
        if logo := theme_url(self.publication, self.publication.theme.logo):
            common["icon"] = links.to(logo)
        return self.rendered(template, path, {**common, **values})

    def made_once(self, root: str, navigation: Sequence[Mapping[str, Any]], alternates: Sequence[FeedLink]) -> _Made:
        """The parts that many pages share, rendered once for all for which they are the same."""
        key = root, next((at for at, item in enumerate(navigation) if item["current"]), None), id(alternates)
        if key not in self._made:
            values = {"root": root, "navigation": navigation, "alternates": alternates}
            parts = (
                Markup(render(self.environment, f"web/{part}.html", values))
                for part in ("alternates", "navigation", "imprint")
            )
            self._made[key] = alternates, _Made(*parts)
        return self._made[key][1]

    def rendered(self, template: str, path: str, values: Mapping[str, Any]) -> Document:
        """The template as a document: whatever an article brought in, it is text that a page may have."""
        return Document(path, clean_bytes(render(self.environment, f"web/{template}", values)))

    def navigation(self, links: Links, address: str) -> list[dict[str, Any]]:
        """The sections that the settings name, and the page of feeds."""
        follow = f"{self.home}follow/"
        entries = [
            (listing_url(self.publication, "section", section), self.publication.section_label(section))
            for section in self.publication.sections
        ]
        return [
            {"url": links.to(url), "label": label, "current": url == address}
            for url, label in [*entries, (follow, self.words.say("Follow"))]
        ]

    def cards(self, links: Links, articles: Sequence[Article]) -> list[_Card]:
        """Articles as a page lists them."""
        return [self.card(links, article) for article in articles]

    def card(self, links: Links, article: Article) -> _Card:
        title = one_line(article.title)
        summary = one_line(article.summary) or excerpt(text_of(article.html[:4000]), 280)
        heading = title or excerpt(summary, 140) or _date(article)
        return _Card(
            article,
            links.to(article.url),
            heading,
            excerpt(summary, 280) if title else "",
            links.image(article.image),
        )

    def day(self, moment: datetime) -> str:
        """``20 November 2026`` in the publication's language and time zone."""
        return self.words.day(self.local(moment))


def _beginning(html: str, length: int) -> str:
    """At least the first ``length`` characters of a text's words, if it has so many. Pure."""
    for end in (4 * length, 16 * length):
        cut = html.rfind("<", 0, end)
        if end < len(html) and cut > 0:
            words = text_of(html[:cut])
            if len(words) > length + 100:  # the last word may be half of one
                return words
    return text_of(html)


def _newest(articles: Sequence[Article]) -> datetime | None:
    return max((article.updated for article in articles), default=None)


def _date(article: Article) -> str:
    return f"{article.published:%Y-%m-%d}"
