"""The editions' pages and feeds: a page for each edition, a list for each newsletter, a feed for each cadence.

An edition is an entry like an article: the feeds have archive pages, a ceiling and a hub as all others do. Its id is
made of what the database remembers, not of an address. A newsletter without an edition has none of this.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from markupsafe import Markup

from publisher.editions.browser import browser_url
from publisher.model.article import Article
from publisher.model.edition import EditionPage
from publisher.model.feed import Feed, Newsletter
from publisher.model.publication import Publication
from publisher.syndication.characters import one_line
from publisher.syndication.discovery import feed_links
from publisher.syndication.documents import Later
from publisher.syndication.links import Links
from publisher.theme.languages import direction_of
from publisher.theme.words import Words

if TYPE_CHECKING:  # pages.py uses this module
    from publisher.syndication.pages import Archive

__all__ = ["Past", "edition_documents", "entries_of", "past_editions"]


@dataclass(frozen=True, slots=True)
class Past:
    """A newsletter's editions that everybody may read, newest first, and its feeds, one a cadence."""

    newsletter: Newsletter
    editions: tuple[EditionPage, ...]
    feeds: tuple[tuple[str, Feed], ...]

    @property
    def path(self) -> str:
        """The list's file under public/."""
        return f"editions/{self.newsletter.name}/index.html"

    @property
    def url_path(self) -> str:
        """The list's address below the front page's."""
        return self.path.removesuffix("index.html")


def past_editions(publication: Publication, words: Words, editions: Sequence[EditionPage]) -> list[Past]:
    """The newsletters that have editions to show, in their order. Pure. ``editions``: newest first."""
    found = []
    taken = {feed.name for feed in publication.feeds}
    for newsletter in publication.newsletters if publication.web.pages else ():
        own = tuple(edition for edition in editions if edition.newsletter == newsletter.name)
        if own:
            cadences = [*(cadence.name for cadence in newsletter.cadences), *(edition.cadence for edition in own)]
            feeds = ((name, _feed(publication, newsletter, name, words)) for name in dict.fromkeys(cadences))
            found.append(Past(newsletter, own, tuple((name, feed) for name, feed in feeds if feed.name not in taken)))
    return found


def _feed(publication: Publication, newsletter: Newsletter, cadence: str, words: Words) -> Feed:
    """The feed of a cadence's editions: ``/feeds/editions-NEWSLETTER-CADENCE.rss``."""
    whole = publication.feed(newsletter.name)
    assert whole is not None
    return Feed(
        name=f"editions-{newsletter.name}-{cadence}",
        title=words.say(
            "%(newsletter)s, editions (%(cadence)s)", newsletter=newsletter.title, cadence=words.cadence(cadence)
        ),
        description=newsletter.description,
        file=whole.file,
        language=newsletter.language,
        max_size=whole.max_size,
        made_for="edition",
        newsletter=newsletter,
    )


def entries_of(publication: Publication, past: Past, cadence: str, identity: uuid.UUID) -> list[Article]:
    """A cadence's editions as the articles of its feed, newest first. Pure."""
    return [
        Article(
            id=uuid.uuid5(identity, str(edition.number)).urn,
            path=f"editions/{edition.newsletter}/{edition.number}",
            url=browser_url(publication, edition.newsletter, edition.number),
            slug=str(edition.number),
            title=edition.subject,
            html=edition.html,
            summary=edition.preheader,
            # One that somebody approved goes out before its slot.
            published=min(edition.slot, edition.opened_at),
            updated=min(edition.slot, edition.opened_at),
            language=edition.language or past.newsletter.language or publication.language,
            content_hash="",
            place=edition.number,
        )
        for edition in past.editions
        if edition.cadence == cadence
    ]


def edition_documents(archive: Archive, pasts: Sequence[Past]) -> Iterator[Later]:
    """A page for each edition, and a list for each newsletter."""
    for past in pasts:
        pages = _Pages(archive, past)
        yield from map(pages.edition, past.editions)
        yield pages.listing()


class _Pages:
    """The pages of a newsletter's editions."""

    def __init__(self, archive: Archive, past: Past) -> None:
        self._archive = archive
        self._past = past
        self._zone = ZoneInfo(past.newsletter.timezone)
        self._address = archive.home + past.url_path
        self._feeds = [link for _, feed in past.feeds for link in feed_links(archive.publication, feed)]

    def edition(self, edition: EditionPage) -> Later:
        """The page of an edition."""
        return self._archive.page(
            "edition.html",
            f"{self._past.url_path}{edition.number}/index.html",
            self._url(edition),
            changed=edition.slot,
            shown=(repr(edition),),
            values=lambda links: self._values(edition, links),
            alternates=self._feeds,
        )

    def _values(self, edition: EditionPage, links: Links) -> dict[str, Any]:
        newsletter, archive = self._past.newsletter, self._archive
        title = one_line(edition.subject)
        return {
            "title": title,
            "heading": title,
            "description": one_line(edition.preheader),
            "newsletter": newsletter,
            "number": edition.number,
            "slot": edition.slot,
            "date": self._day(edition),
            "past": links.to(self._address),
            "attributes": self._attributes(edition),
            "text": Markup(links.text(edition.html, table=archive.table)),
        }

    def listing(self) -> Later:
        """All editions of the newsletter by month."""
        past = self._past
        return self._archive.page(
            "editions.html",
            past.path,
            self._address,
            changed=past.editions[0].slot,
            shown=(repr([(one.number, one.slot, one.cadence, one.language, one.subject) for one in past.editions]),),
            values=self._list,
            alternates=self._feeds,
        )

    def _list(self, links: Links) -> dict[str, Any]:
        past, words = self._past, self._archive.words
        many = len({edition.cadence for edition in past.editions}) > 1
        months: dict[date, list[dict[str, Any]]] = {}
        for edition in past.editions:
            months.setdefault(edition.slot.astimezone(self._zone).date().replace(day=1), []).append(
                {
                    "url": links.to(self._url(edition)),
                    "heading": one_line(edition.subject),
                    "date": self._day(edition),
                    "slot": edition.slot,
                    "cadence": words.cadence(edition.cadence) if many else "",
                    "attributes": self._attributes(edition),
                }
            )
        return {
            "title": words.say("Editions of %(newsletter)s", newsletter=past.newsletter.title),
            "description": one_line(past.newsletter.description),
            "newsletter": past.newsletter,
            "feeds": self._feeds,
            "months": [(words.month(month), of) for month, of in months.items()],
        }

    def _day(self, edition: EditionPage) -> str:
        return self._archive.words.day(edition.slot.astimezone(self._zone))

    def _url(self, edition: EditionPage) -> str:
        return f"{self._address}{edition.number}/"

    def _attributes(self, edition: EditionPage) -> Markup:
        language, around = edition.language or self._past.newsletter.language, self._archive.publication.language
        if not language or language.lower() == around.lower():
            return Markup("")
        return Markup(' lang="{}" dir="{}"').format(language, direction_of(language))
