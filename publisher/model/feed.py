"""Feeds and their newsletters: what is published, to whom it is mailed and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from publisher.model.article import Article

__all__ = ["Cadence", "Feed", "FeedFormat", "Newsletter", "Podcast", "Selection"]

FeedFormat = Literal["rss", "atom", "json"]


@dataclass(frozen=True, slots=True)
class Selection:
    """Which articles a feed takes: any of the values within a kind, all of the kinds; nothing said takes everything.

    ``audio``: only those with a recording (a podcast's episodes).
    """

    sections: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    audio: bool = False

    def matches(self, article: Article) -> bool:
        """Pure. Authors are compared by key; a language matches its regions (``en`` takes ``en-GB``)."""
        return (
            (not self.sections or article.section in self.sections)
            and (not self.tags or any(tag in self.tags for tag in article.tags))
            and (not self.authors or any(author.key in self.authors for author in article.authors))
            and (
                not self.languages
                or article.language in self.languages
                or article.language.split("-")[0] in self.languages
            )
            and (not self.audio or article.audio is not None)
        )


@dataclass(frozen=True, slots=True)
class Cadence:
    """One of a newsletter's schedules.

    ``cron`` is five fields, wall clock in the newsletter's zone; ``""``: on publish, an edition opens for each article.

    ``quiet``: the days, first and last of each stretch, on which no slot may be; ``on_quiet``: what becomes of those
    that would be.
    """

    name: str
    schedule: str
    cron: str
    quiet: tuple[tuple[date, date], ...] = ()
    on_quiet: Literal["move", "drop"] = "move"

    @property
    def on_publish(self) -> bool:
        """Whether articles are its slots, and not the clock."""
        return not self.cron

    def is_quiet(self, day: date) -> bool:
        """Whether no slot may be on that day. Pure."""
        return any(first <= day <= last for first, last in self.quiet)


@dataclass(frozen=True, slots=True, kw_only=True)
class Newsletter:
    """What a subscriber subscribes to. ``name`` is its feed's; times without a zone are in ``timezone``.

    ``deliver``: at the slot, or when the reader's own clock next shows the slot's hour.
    ``settle``: how long an article is public before an edition on publish carries it.
    ``approval``: how long before its slot an edition is shown to the ``editor`` (an address); ``unanswered``: what
    becomes of it if nobody has approved it by its slot.
    """

    name: str
    title: str
    description: str
    sender_name: str
    sender_address: str
    subject: str
    timezone: str
    language: str
    cadences: tuple[Cadence, ...]
    default_cadence: str
    min_items: int = 1
    max_items: int = 20
    overflow: Literal["link", "carry"] = "link"
    max_wait: timedelta | None = None
    approval: timedelta | None = None
    editor: str = ""
    unanswered: Literal["wait", "send", "skip"] = "wait"
    late: timedelta | None = None
    settle: timedelta = timedelta(minutes=10)
    since: date | None = None
    deliver: Literal["at once", "reader-local"] = "at once"
    style: Literal["full", "summary", "headlines", "letter"] = "full"
    reply_to: str = ""
    images: Literal["link", "embed"] = "link"
    welcome: Literal["next", "latest"] = "next"
    order: Literal["section", "newest", "weight"] = "section"
    preheader: str = ""
    greeting: str = ""

    def cadence(self, name: str) -> Cadence | None:
        """The cadence of that name, or None (a cadence may be renamed while readers have it)."""
        return next((cadence for cadence in self.cadences if cadence.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Podcast:
    """What directories want to know of a podcast. ``image`` is its art: a path among the articles, or an address.

    ``categories``: (category, subcategory or ``""``), Apple's names. ``guid`` ``""``: made from the feed's address.
    """

    author: str
    image: str
    categories: tuple[tuple[str, str], ...]
    explicit: bool = False
    kind: Literal["episodic", "serial"] = "episodic"
    locked: bool = True
    owner_name: str = ""
    owner_address: str = ""
    guid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feed:
    """A named selection of articles. ``file`` is where it is defined, relative to the publication.

    ``max_size``: bytes of a document, at most. ``history``: what does not fit is on archive pages. ``made_for``: the
    kind of value it was made for by another's ``each``; ``""`` for a feed that is defined.
    """

    name: str
    title: str
    description: str
    file: str
    language: str
    selection: Selection = Selection()
    formats: tuple[FeedFormat, ...] = ("rss", "atom", "json")
    content: Literal["full", "summary"] = "full"
    limit: int = 30
    each: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    max_size: int = 250_000
    history: bool = True
    podcast: Podcast | None = None
    made_for: str = ""
    newsletter: Newsletter | None = None
