"""The page "Subscribe and follow": the feeds for people, and the newsletters with their forms. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from publisher.model.feed import Feed
from publisher.model.publication import Publication
from publisher.syndication.characters import one_line
from publisher.syndication.discovery import FeedLink, feed_links
from publisher.syndication.documents import Later

if TYPE_CHECKING:  # pages.py uses this module
    from publisher.syndication.pages import Archive

__all__ = ["follow_page"]


def follow_page(archive: Archive) -> Later:
    """The page, of one build of all pages."""
    publication, words = archive.publication, archive.words
    feeds = [feed for feed in archive.feeds if feed.formats]
    return archive.page(
        "follow.html",
        "follow/index.html",
        f"{archive.home}follow/",
        changed=None,
        shown=(repr(feeds), repr([past.path for past in archive.past])),
        values=lambda _links: {
            "title": words.say("Subscribe and follow"),
            "description": words.say(
                "Feeds and newsletters of %(publication)s", publication=one_line(publication.title)
            ),
            "newsletters": publication.newsletters,
            "past": {past.newsletter.name: past for past in archive.past},
            "feeds": [
                (feed, feed_links(publication, feed), _made(publication, feed, feeds))
                for feed in feeds
                if not feed.made_for
            ],
            "opml": any({"rss", "atom"} & set(feed.formats) for feed in feeds),
        },
    )


def _made(
    publication: Publication, whole: Feed, feeds: Sequence[Feed]
) -> list[tuple[str, list[tuple[Feed, str, Sequence[FeedLink]]]]]:
    """The feeds that the ``each`` of a feed made, by kind: each with the label of its value and its documents."""
    found: dict[str, list[tuple[Feed, str, Sequence[FeedLink]]]] = {kind: [] for kind in whole.each}
    for feed in feeds:
        if feed.made_for and feed.file == whole.file:
            label = one_line(feed.title.removeprefix(f"{whole.title}: "))
            found.setdefault(feed.made_for, []).append((feed, label, feed_links(publication, feed)))
    return [(kind, of) for kind, of in found.items() if of]
