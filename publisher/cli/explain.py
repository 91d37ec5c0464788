"""`publisher explain`: where an article is, in which editions, and why one reader did or did not get it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from publisher.cli.session import Session
from publisher.cli.verb import Verb

if TYPE_CHECKING:
    from publisher.editions.asking import Found
    from publisher.editions.explaining import Asked
    from publisher.model.publication import Publication
    from publisher.store.histories import Carried

__all__ = ["explain"]


@click.command(cls=Verb)
@click.argument("article")
@click.option("--subscriber", metavar="ADDRESS", help="Why this reader did or did not get it.")
@click.pass_obj
def explain(session: Session, article: str, subscriber: str | None) -> None:
    """Where an article is, and why a reader got it or not.

    ARTICLE is its file, slug, id, title or a part of the title. The answers come from the records; nothing is changed.
    """
    from publisher.cli.sentences import zone_of
    from publisher.editions.asking import ask, ask_for_reader
    from publisher.editions.explaining import edition_sentence

    publication, now = session.publication, session.now()
    found = ask(publication, session.store(only_reading=True), article, now=now)
    record = found.asked.record
    published, sentence = _published(publication, found, now)
    answers = None
    if subscriber is not None:
        answers = ask_for_reader(
            publication, session.store(only_reading=True), found, subscriber, keys=session.secrets.signing, now=now
        )
    if session.as_json:
        session.answer(
            {
                "article": {
                    "id": record.id,
                    "path": record.path,
                    "title": record.title,
                    "number": record.sequence,
                    "numbered_at": record.numbered_at,
                    "left_out": record.left_out,
                },
                "published": published,
                "editions": [_edition(one) for one in found.carried],
                **({} if answers is None else {"subscriber": subscriber, "answers": answers}),
            }
        )
        return
    session.show(f"{record.title or record.path} ({record.path})")
    session.show(sentence)
    if record.sequence is not None or published["state"] == "published":
        session.show(_numbered(publication, found.asked))
    for one in found.carried:
        session.show(edition_sentence(one, zone_of(publication, one.edition.newsletter)))
    for answer in answers or ():
        session.show(f"{subscriber}, {answer.newsletter}: {answer.sentence}" if answer.newsletter else answer.sentence)


def _published(publication: Publication, found: Found, now: datetime) -> tuple[dict[str, object], str]:
    """Page and feeds, for JSON and as a sentence; or why it is not published."""
    from publisher.editions.explaining import unpublished
    from publisher.syndication.selecting import selected

    article = found.asked.article
    reason = unpublished(found.asked, zone=publication.timezone, now=now)
    if reason is not None or article is None:
        state, sentence = reason or ("unreadable", "Its file cannot be used now.")
        return {"state": state, "page": None, "feeds": []}, f"Not published. {sentence}"
    public = [one for one in found.looked.articles if one.is_public(now)]
    feeds = [
        (feed.name, feed.limit <= own.index(article))
        for feed, own in selected(publication, public)
        if feed.formats and article in own
    ]
    page = article.url if publication.web.pages else None
    names = ", ".join(f"{name} (on its archive pages)" if old else name for name, old in feeds) or "none"
    where = f"at {page}, and " if page else ""
    in_feeds = [{"feed": name, "archive": old} for name, old in feeds]
    return {"state": "published", "page": page, "feeds": in_feeds}, f"Published {where}in the feeds: {names}."


def _numbered(publication: Publication, asked: Asked) -> str:
    """Its place in the order of mailing, or why it has none."""
    from publisher.editions.explaining import told, unmailed

    record = asked.record
    if record.sequence is not None and record.numbered_at is not None:
        when = told(record.numbered_at, publication.timezone)
        return f"Number {record.sequence:,} in the order of mailing, since {when}."
    if asked.next_run:
        return "The next run numbers it for the mail."
    reason = unmailed(asked, zone=publication.timezone)
    return f"Not in the mail. {reason[1]}" if reason else "Not in the mail so far."


def _edition(carried: Carried) -> dict[str, object]:
    edition = carried.edition
    return {
        "number": edition.id,
        "newsletter": edition.newsletter,
        "cadence": edition.cadence,
        "slot": edition.slot,
        "state": edition.state,
        "deliveries": carried.deliveries,
        "in_full": carried.in_full,
        "linked": carried.linked,
    }
