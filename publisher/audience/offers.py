"""Offers: the topics that a newsletter's readers may pick: what occurs in its feed's selection.

They are remembered by each run, since the server of the preferences page does not read the articles.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass

from publisher.model.article import Article
from publisher.model.feed import Feed
from publisher.model.publication import Publication
from publisher.store import Connection, Store, meta

__all__ = ["Offer", "offered", "offers_of", "remember_offers"]

_MOST = 40
"""Of one kind; a blog with a thousand tags offers its most used ones."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A topic: ``kind`` is section, tag, author or language; ``label`` is how readers see it (``""``: by the value)."""

    kind: str
    value: str
    label: str


def offered(publication: Publication, feed: Feed, articles: Iterable[Article]) -> tuple[Offer, ...]:
    """The topics that occur in the feed's selection, by kind and label. Pure.

    What all its articles have is no choice, and is left out.
    """
    counts: dict[str, Counter[str]] = {
        "section": Counter(),
        "tag": Counter(),
        "author": Counter(),
        "language": Counter(),
    }
    names: dict[str, str] = {}
    total = 0
    for article in articles:
        if not feed.selection.matches(article):
            continue
        total += 1
        counts["section"].update([article.section] if article.section else [])
        counts["tag"].update(set(article.tags))
        counts["author"].update({author.key for author in article.authors})
        counts["language"].update([article.language])
        names.update({author.key: author.name for author in article.authors})
    labels: dict[str, Callable[[str], str]] = {
        "section": publication.section_label,
        "tag": lambda tag: tag,
        "author": lambda key: names[key],
        "language": lambda _tag: "",
    }
    return tuple(
        Offer(kind, value, labels[kind](value))
        for kind, counted in counts.items()
        for value in sorted(
            (value for value, count in counted.most_common(_MOST) if count < total),
            key=lambda value: (labels[kind](value).casefold(), value),
        )
    )


def remember_offers(publication: Publication, store: Store, articles: Sequence[Article]) -> None:
    """Writes down what each newsletter offers, if it has changed. ``articles``: those that are public."""
    current = {
        _key(feed.name): json.dumps([astuple(offer) for offer in offered(publication, feed, articles)])
        for feed in publication.feeds
        if feed.newsletter is not None
    }
    with store.reading() as connection:
        changed = {key: text for key, text in current.items() if meta.read(connection, key) != text}
    if changed:
        with store.writing() as connection:
            for key, text in changed.items():
                meta.write(connection, key, text)


def offers_of(connection: Connection, newsletter: str) -> tuple[Offer, ...]:
    """What was remembered last; nothing before the first run."""
    return tuple(Offer(*values) for values in json.loads(meta.read(connection, _key(newsletter)) or "[]"))


def _key(newsletter: str) -> str:
    return f"topics of {newsletter}"
