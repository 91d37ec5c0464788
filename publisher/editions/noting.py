"""The editor's note of an edition: an article with ``kind = "note"``, or words given for that edition.

A note article is for the next edition of each cadence whose newsletter selects it, once. Guarantees: it is chosen when
the edition opens and frozen with it; one of an edition that was cancelled comes with the next. Choosing is pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from publisher.articles.markup import render
from publisher.model.article import Article
from publisher.model.edition import Edition, EditionState
from publisher.model.feed import Feed
from publisher.store import Connection, meta
from publisher.store import editions as edition_store

__all__ = ["STALE", "freeze_note", "note_of", "pick", "say"]

STALE = timedelta(days=30)
"""A note that was in an edition of any cadence so long ago says nothing to the others any more."""


def pick(
    feed: Feed, articles: Iterable[Article], used: Mapping[str, tuple[bool, datetime]], *, now: datetime
) -> Article | None:
    """The note for the next edition: the oldest that waits. Pure.

    ``used``: by id, whether this cadence has had it, and when an edition first did.
    """
    waiting = [
        article
        for article in articles
        if article.kind == "note" and not article.draft and article.published <= now and feed.selection.matches(article)
    ]
    for article in sorted(waiting, key=lambda article: (article.published, article.id)):
        had, since = used.get(article.id, (False, now))
        if not had and now - since < STALE and now - article.published < STALE:
            return article
    return None


def note_of(
    connection: Connection, feed: Feed, edition: Edition, articles: Sequence[Article], *, url: str, now: datetime
) -> Article | None:
    """The edition's note: what is frozen with it, or what would be now. ``url``: what links in it are relative to."""
    frozen = meta.read(connection, _of(edition.id))
    if frozen is None:
        return pick(feed, articles, _used(connection, edition, articles), now=now)
    said = json.loads(frozen)
    if "text" in said:
        return _article(edition, said["text"], url=url, now=now) if said["text"] else None
    return next((article for article in articles if article.id == said.get("id")), None)


def freeze_note(
    connection: Connection, feed: Feed, edition: Edition, articles: Sequence[Article], *, now: datetime
) -> None:
    """Decides the note of an edition that opens; one that is decided stays."""
    if meta.read(connection, _of(edition.id)) is not None:
        return
    note = pick(feed, articles, _used(connection, edition, articles), now=now)
    if note is None:
        return
    meta.write(connection, _of(edition.id), json.dumps({"id": note.id}))
    uses = _uses(connection, note.id)
    uses.append([edition.id, edition.newsletter, edition.cadence, now.isoformat()])
    meta.write(connection, _use(note.id), json.dumps(uses))


def say(connection: Connection, edition: int, text: str) -> None:
    """Gives an edition a note of its own, in Markdown, in place of any other; empty: none at all."""
    meta.write(connection, _of(edition), json.dumps({"text": text.strip()}))


def _of(edition: int) -> str:
    return f"note of edition {edition}"


def _use(note: str) -> str:
    return f"editions with note {note}"


def _uses(connection: Connection, note: str) -> list[list[object]]:
    return list(json.loads(meta.read(connection, _use(note)) or "[]"))


def _used(connection: Connection, edition: Edition, articles: Iterable[Article]) -> dict[str, tuple[bool, datetime]]:
    """What `pick` has to know; what was in a cancelled edition was not used."""
    found: dict[str, tuple[bool, datetime]] = {}
    for note in (article.id for article in articles if article.kind == "note"):
        uses = _uses(connection, note)
        states = edition_store.states_of(connection, [int(str(use[0])) for use in uses]) if uses else {}
        live = [use for use in uses if states.get(int(str(use[0]))) is not EditionState.CANCELLED]
        if live:
            mine = any((use[1], use[2]) == (edition.newsletter, edition.cadence) for use in live)
            found[note] = mine, min(datetime.fromisoformat(str(use[3])) for use in live)
    return found


def _article(edition: Edition, text: str, *, url: str, now: datetime) -> Article:
    """Words given for an edition, as an article that stands nowhere else."""
    rendered = render(text, url=url, picture=lambda _address: None)
    return Article(
        id=_of(edition.id),
        path="",
        url=url,
        slug="",
        title="",
        html=rendered.html,
        summary=rendered.first_paragraph,
        published=now,
        updated=now,
        language="",
        content_hash="",
        kind="note",
    )
