"""Private feeds: what one reader has chosen of a newsletter, as a feed of their own.

A build leaves the newest articles of each newsletter beside its state; the server takes from them what the reader
wants, and writes the document when it is asked for. Fails with OutputError where a build cannot write.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from publisher.audience.topics import parse_topics, wants
from publisher.model.article import Article, Audio, Author, Image
from publisher.model.errors import OutputError
from publisher.model.feed import Feed, FeedFormat
from publisher.model.publication import Publication
from publisher.syndication.addresses import home
from publisher.syndication.archives import cut
from publisher.syndication.atom import atom_document
from publisher.syndication.entries import History, entry_of, head_of
from publisher.syndication.jsonfeed import json_document
from publisher.syndication.rss import rss_document
from publisher.syndication.shelf import Shelf
from publisher.syndication.sizes import HEAD, Sizes, measure, remembered
from publisher.theme.media import logo_of

__all__ = ["chosen", "private_document", "read_selection", "selection_file", "write_selections"]

_VERSION = 1
_KEPT = 300  # articles a newsletter: a reader with few topics has a feed of some length, too
_MOST = 6_000_000  # characters of their texts
_WRITERS = {"rss": rss_document, "atom": atom_document, "json": json_document}
_UNUSED = ("media", "aliases")  # what no feed shows, and may be long


def selection_file(publication: Publication, newsletter: str) -> Path:
    """Where a build leaves a newsletter's newest articles."""
    return publication.state / "private" / f"{newsletter}.json"


def write_selections(publication: Publication, articles: Sequence[Article], shelf: Shelf, frame: str = "") -> None:
    """Leaves the newest of ``articles`` (public, newest first) for each newsletter, if they differ from what is there.

    ``frame``: changes with the settings and the program; the file's time says when the documents may have changed.
    Raises OutputError.
    """
    for feed in publication.feeds:
        if feed.newsletter is None or not publication.web.endpoints:
            continue
        newest = list(islice((one for one in articles if feed.selection.matches(one)), _KEPT))
        prints = "\n".join((str(_VERSION), frame, *(shelf.known(publication, article).print for article in newest)))
        made = hashlib.sha256(prints.encode()).hexdigest()
        file = selection_file(publication, feed.newsletter.name)
        with contextlib.suppress(OSError), file.open("rb") as there:
            if there.readline().strip() == made.encode():
                continue
        content = json.dumps(list(_whole(newest, shelf)), ensure_ascii=False, separators=(",", ":"))
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            temporary = file.with_suffix(f".{uuid.uuid4().hex}.tmp")
            temporary.write_bytes(f"{made}\n{content}".encode("utf-8", "surrogatepass"))
            temporary.replace(file)
        except OSError as error:
            raise OutputError(
                f"cannot be written ({error.strerror})",
                where=f"{publication.state.name}/private/{file.name}",
                remedy="make the publication's folder writable",
            ) from error


def _whole(newest: Sequence[Article], shelf: Shelf) -> Iterator[dict[str, Any]]:
    left = _MOST
    for article in newest:
        whole = shelf.whole(article)
        left -= len(whole.html)
        yield _values(whole)
        if left < 0:
            return


def read_selection(publication: Publication, newsletter: str) -> list[Article]:
    """What a build left, newest first; nothing before the first build. Blocks."""
    try:
        text = selection_file(publication, newsletter).read_bytes().decode("utf-8", "surrogatepass")
        return [_article(values) for values in json.loads(text.partition("\n")[2])]
    except (OSError, ValueError, LookupError, TypeError):
        return []


def chosen(articles: Sequence[Article], topics: str) -> list[Article]:
    """Those that a reader with these stored topics wants, whenever they were chosen. Pure."""
    wishes = [replace(topic, since=-1) for topic in parse_topics(topics)]
    return [article for article in articles if wants(wishes, replace(article, sequence=article.sequence or 0))]


def private_document(
    publication: Publication,
    feed: Feed,
    articles: Sequence[Article],
    format: FeedFormat,
    *,
    address: str,
    title: str,
    number: int,
) -> bytes:
    """A reader's feed: of ``articles`` (their selection, newest first) as many as fit. Pure, but for the logo's size.

    ``address`` is where it is served; its id is made of ``number``, the subscription's, so that it outlives a new link.
    No hub is named: it would tell others of the address.
    """
    room = feed.max_size - HEAD
    sizes = Sizes(
        remembered(measure),
        home=home(publication),
        full=feed.content == "full",
        room=room,
    )
    pairs = [(len(articles) - at, article) for at, article in enumerate(articles)]
    shown = cut(pairs, (), limit=feed.limit, room=room, size=sizes).current
    entries = [
        entry if sizes.whole(article) else replace(entry, html="")
        for article in shown
        for entry in (entry_of(publication, article),)
    ]
    logo = logo_of(publication)
    head = replace(
        head_of(
            publication,
            replace(feed, podcast=None),
            entries,
            logo_size=(logo.width, logo.height) if logo else (0, 0),
        ),
        uri=uuid.uuid5(uuid.NAMESPACE_URL, f"//{publication.host}/private/{number}").urn,
        title=title,
        hub="",
    )
    return _WRITERS[format](head, entries, address=address, full=feed.content == "full", history=History())


def _values(article: Article) -> dict[str, Any]:
    values = asdict(article)
    for name in _UNUSED:
        del values[name]
    for name in ("published", "updated"):
        values[name] = values[name].isoformat()
    return values


def _article(values: dict[str, Any]) -> Article:
    image, audio = values["image"], values["audio"]
    return Article(
        **{
            **values,
            "published": datetime.fromisoformat(values["published"]),
            "updated": datetime.fromisoformat(values["updated"]),
            "tags": tuple(values["tags"]),
            "authors": tuple(Author(**author) for author in values["authors"]),
            "image": Image(**image) if image else None,
            "audio": Audio(**audio) if audio else None,
        }
    )
