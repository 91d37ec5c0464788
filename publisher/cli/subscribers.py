"""`publisher subscribers`: who reads what. Adding and importing is for people whose consent you have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from publisher.cli.session import Session, count
from publisher.cli.verb import VerbGroup
from publisher.model.errors import PublisherError, UsageError

if TYPE_CHECKING:
    from publisher.audience.admitting import Admission

__all__ = ["subscribers"]


@click.group(cls=VerbGroup)
def subscribers() -> None:
    """Subscribers: add, import, export, list, show, erase …"""


@subscribers.command()
@click.argument("address")
@click.option("--newsletter", metavar="NAME", default="", help="May be left out where there is only one.")
@click.option("--cadence", metavar="NAME", default="", help="How often; otherwise the newsletter's default.")
@click.option("--name", default="", help="The reader's name.")
@click.option("--topics", default="", metavar="A,B", help="section:world,tag:sea; otherwise everything.")
@click.option("--language", default="", metavar="TAG", help="The reader's language, such as de.")
@click.option("--timezone", default="", metavar="ZONE", help="The reader's time zone, such as Asia/Kathmandu.")
@click.option("--again", is_flag=True, help="Also if they unsubscribed before and have asked for it anew.")
@click.pass_obj
def add(
    session: Session,
    address: str,
    newsletter: str,
    cadence: str,
    name: str,
    topics: str,
    language: str,
    timezone: str,
    again: bool,
) -> None:
    """Subscribes one person, whose consent you have, from the next edition on."""
    from publisher.audience.admitting import Admission, admit, candidate_of

    if newsletter:
        session.newsletter(newsletter)
    candidate = candidate_of(
        session.publication,
        address=address,
        newsletter=newsletter,
        cadence=cadence,
        name=name,
        topics=topics,
        language=language,
        timezone=timezone,
    )
    keys = session.secrets.signing
    with session.store().writing() as connection:
        [result] = admit(
            connection,
            [candidate],
            event="added",
            source="publisher subscribers add",
            keys=keys,
            now=session.now(),
            again=again,
        )
    reads = candidate.newsletter.name
    if result is Admission.UNSUBSCRIBED:
        raise PublisherError(
            f"unsubscribed from {reads} before: left alone",
            where=candidate.address.text,
            remedy="if they have asked for it anew: --again",
        )
    if result is Admission.SUPPRESSED:
        raise PublisherError("suppressed: it must not be mailed", where=candidate.address.text)
    if session.as_json:
        session.answer(
            {
                "address": candidate.address.text,
                "newsletter": reads,
                "cadence": candidate.cadence,
                "result": result,
            }
        )
    elif result is Admission.KNOWN:
        session.say(f"{candidate.address.text} reads {reads} already; nothing was changed but the details.")
    else:
        session.say(f"{candidate.address.text} reads {reads}, {candidate.cadence}, from the next edition on.")


@subscribers.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--newsletter", metavar="NAME", default="", help="For rows that name none.")
@click.option("--cadence", metavar="NAME", default="", help="For rows that name none.")
@click.pass_obj
def import_(session: Session, file: Path, newsletter: str, cadence: str) -> None:
    """Subscribes the people of a CSV file: address,name,newsletter,cadence,topics,language,timezone.

    Only the column address is needed. Who unsubscribed or is suppressed is left alone, a bad row is reported with
    its line, and importing the file once more changes nothing.
    """
    from publisher.audience.admitting import import_rows
    from publisher.audience.csvfile import read_csv

    if newsletter:
        session.newsletter(newsletter)
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot be read ({error.strerror})", where=str(file)) from error
    with session.progress(f"importing {file.name}", content.count(b"\n")) as advance:
        done = 0

        def progress(rows: int) -> None:
            nonlocal done
            advance(rows - done)
            done = rows

        admitted = import_rows(
            session.store(),
            session.publication,
            read_csv(content, file=str(file)),
            file=file.name,
            newsletter=newsletter,
            cadence=cadence,
            keys=session.secrets.signing,
            now=session.now(),
            progress=lambda so_far: progress(so_far.rows),
        )
    for bad in admitted.errors:
        session.failed(bad)
    if session.as_json:
        session.answer(
            {
                "file": str(file),
                "rows": admitted.rows,
                "results": {str(result): number for result, number in admitted.counts.items()},
                "bad": len(admitted.errors),
            }
        )
    session.say(f"{file}: {count(admitted.rows, 'row')}: {_told(admitted.counts, len(admitted.errors))}.")


@subscribers.command("list")
@click.option("--newsletter", metavar="NAME", help="Of one newsletter only.")
@click.option("--limit", type=click.IntRange(1, 1_000_000_000), default=1000, show_default=True, help="How many.")
@click.pass_obj
def list_(session: Session, newsletter: str | None, limit: int) -> None:
    """Who reads what, and how often."""
    from publisher.store import subscribers as rows

    if newsletter is not None:
        session.newsletter(newsletter)
    with session.store(only_reading=True).reading() as connection:
        found = rows.listing(connection, newsletter=newsletter, limit=limit + 1)
    more = len(found) > limit
    found = found[:limit]
    if session.as_json:
        session.answer(found)
        return
    if not found:
        session.show("Nobody yet: publisher subscribers add ADDRESS, or subscribers import FILE")
        return
    zone = ZoneInfo(session.publication.timezone)
    session.table(
        ("address", "name", "newsletter", "cadence", "topics", "state", "since"),
        [
            (
                one.address,
                one.name,
                one.newsletter,
                f"{one.cadence}, by feed" if one.by_feed else one.cadence,
                "everything" if one.topics == "*" else one.topics,
                f"suppressed: {one.suppressed}" if one.suppressed else one.state,
                one.since.astimezone(zone).date(),
            )
            for one in found
        ],
    )
    if more:
        session.say(f"There are more: --limit {limit * 10}")


def _told(counts: Mapping[Admission, int], bad: int) -> str:
    """``3 subscribed, 1 unsubscribed before: left alone``. Pure."""
    parts = [f"{number:,} {result}" for result, number in counts.items() if number]
    if bad:
        parts.append(f"{bad:,} not usable")
    return ", ".join(parts) or "nobody"
