"""`publisher editions approve|recompose|note|correct`: what reads the articles again before it freezes anything."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from publisher.cli.session import Session, count
from publisher.cli.steering import cannot, editions, found

if TYPE_CHECKING:
    from datetime import datetime

    from publisher.editions.opening import Opener

__all__ = ["editions"]


@editions.command()
@click.argument("number", type=int)
@click.pass_obj
def approve(session: Session, number: int) -> None:
    """An edition that awaits approval goes out at its slot, as it is now.

    What is written now is read and published first, as a run does; what is written later waits for the next edition.
    """
    from publisher.cli.sentences import local, zone_of
    from publisher.editions.approving import approve as approve_edition

    now = session.now()
    opener = _opener(session, number, now, mailing=True)
    opened = approve_edition(opener, number)
    for error in opener.unwritten:
        session.failed(error)
    edition = opened.edition
    leaves = max(edition.slot, now)
    if session.as_json:
        session.answer(
            {
                "number": number,
                "state": str(edition.state),
                "leaves": leaves,
                "deliveries": opened.deliveries,
                "subjects": list(opened.subjects),
            }
        )
        return
    zone = zone_of(session.publication, edition.newsletter)
    when = f"leaves {local(edition.slot, zone)} ({zone})" if edition.slot > now else "leaves with the next run"
    subjects = "; ".join(dict.fromkeys(opened.subjects))
    session.show(f"Edition {number}: approved; it {when}, to {count(opened.deliveries, 'reader')}: {subjects}")


@editions.command()
@click.argument("number", type=int)
@click.pass_obj
def recompose(session: Session, number: int) -> None:
    """Renders a held edition anew, with its articles and templates as they are now.

    Its lists stay as they are. Whoever has had a try keeps the digest of that time.
    """
    from publisher.editions.recomposing import recompose as recompose_edition

    done = recompose_edition(_opener(session, number, session.now(), mailing=False), number)
    if session.as_json:
        session.answer({"number": number, "state": "held", **{name: getattr(done, name) for name in done.__slots__}})
        return
    if not done.changed:
        session.show(f"Edition {number}: rendered anew, and nothing is different.")
        return
    both = f"{count(done.changed, 'digest')} rendered anew, for {count(done.deliveries, 'reader')}"
    kept = f"; {count(done.kept, 'reader')} had a try before and keep the old one" if done.kept else ""
    session.show(f"Edition {number}: {both}{kept}. It is still held: publisher editions resume {number}")


@editions.command()
@click.argument("number", type=int)
@click.argument("text")
@click.pass_obj
def note(session: Session, number: int, text: str) -> None:
    """Gives an edition that awaits approval or is held an editor's note, in Markdown.

    "-" reads it from standard input, "" takes it away.
    """
    from publisher.editions.noting import say
    from publisher.editions.recomposing import recompose as recompose_edition
    from publisher.model.edition import EditionState
    from publisher.store import editions as rows

    opener = _opener(session, number, session.now(), mailing=False)
    words = sys.stdin.read() if text == "-" else text
    with opener.store.writing() as connection:
        edition = found(connection, number)
        if edition.state not in (EditionState.AWAITING_APPROVAL, EditionState.HELD):
            raise cannot(edition, "given a note: only one that awaits approval or is held can")
        say(connection, number, words)
    frozen = edition.state is EditionState.HELD and edition.cutoff != rows.NOT_APPROVED
    if frozen:
        recompose_edition(opener, number)
    if session.as_json:
        session.answer({"number": number, "state": str(edition.state), "note": words.strip()})
        return
    done = "has its note" if words.strip() else "has no note any more"
    session.show(f"Edition {number} {done}; it is {edition.state}: publisher editions show {number}")


@editions.command()
@click.argument("number", type=int)
@click.pass_obj
def correct(session: Session, number: int) -> None:
    """Tells readers of an edition at once what was wrong in it.

    They are those who have it; the others get the article as it is now. Each is told once, however often it is asked.
    """
    from publisher.editions.telling import tell_of_corrections

    done = tell_of_corrections(_opener(session, number, session.now(), mailing=True), number)
    if session.as_json:
        session.answer({"number": number, "corrections": list(done.corrections), "readers": done.readers})
        return
    what = "; ".join(one.text for one in done.corrections)
    if not done.readers:
        session.show(f"Edition {number}: all who have it have been told, or are about to be: {what}")
        return
    session.show(f"Edition {number}: {count(done.readers, 'reader')} will be told with the next run: {what}")


def _opener(session: Session, number: int, now: datetime, *, mailing: bool) -> Opener:
    """What opens editions, with all that is written now. Raises UsageError if there is no such edition."""
    from publisher import pipeline
    from publisher.publication.freshness import forget
    from publisher.theme.environment import check_overrides, environment_of

    publication, store = session.publication, session.store()
    with store.reading() as connection:
        found(connection, number)
    environment = environment_of(publication)
    check_overrides(environment, publication)
    published = pipeline.publish(publication, store, environment=environment, now=now, mailing=mailing)
    forget(publication)  # what is done with the edition now, pages may show, and no file of the publication says so
    for error in published.errors:
        session.failed(error)
    return pipeline.opener_of(publication, store, published, environment=environment, now=now)
