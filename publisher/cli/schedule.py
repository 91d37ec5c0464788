"""`publisher schedule`: the next slots of a newsletter, and what the nearest would carry."""

from __future__ import annotations

import click

from publisher.cli.session import Session, count
from publisher.cli.verb import Verb

__all__ = ["schedule"]


@click.command(cls=Verb)
@click.argument("newsletter")
@click.option("--next", "number", default=5, show_default=True, type=click.IntRange(1, 366), help="How many slots.")
@click.pass_obj
def schedule(session: Session, newsletter: str, number: int) -> None:
    """The next slots of a newsletter.

    With their local time and what a change of clock does.

    For the nearest slot of each cadence also the articles that would be in it as of now, and for how many readers.
    """
    from publisher import pipeline

    session.newsletter(newsletter)
    lines, errors = pipeline.schedule(
        session.publication, session.store(only_reading=True), newsletter, count=number, now=session.now()
    )
    for error in errors:
        session.failed(error)
    if session.as_json:
        session.answer(
            [
                {
                    "newsletter": line.newsletter,
                    "cadence": line.cadence,
                    "local": line.local.isoformat(),
                    "utc": line.slot,
                    "note": line.note,
                    "articles": list(line.articles),
                    "recipients": list(line.recipients),
                    "waiting": line.waiting,
                }
                for line in lines
            ]
        )
        return
    known = {line.cadence for line in lines}
    for cadence in session.newsletter(newsletter).cadences:
        if cadence.on_publish and cadence.name not in known:
            session.show(f"{cadence.name}: on publish; nothing waits to go out.")
    session.table(
        ("cadence", "local time", "UTC", "articles", "readers", "note"),
        [
            (
                line.cadence,
                f"{line.local:%a %d %b %Y %H:%M}",
                f"{line.slot:%Y-%m-%d %H:%M}",
                str(len(line.articles)) if line.articles else "",
                _readers(line.recipients),
                "; ".join(filter(None, (line.note, _waiting(line.waiting)))),
            )
            for line in lines
        ],
    )


def _waiting(readers: int) -> str:
    """What ``min_items`` does."""
    return f"{count(readers, 'reader waits', 'readers wait')} for more articles" if readers else ""


def _readers(recipients: tuple[int, ...]) -> str:
    """``1,204 in 3 variants``."""
    if not recipients:
        return ""
    total = f"{sum(recipients):,}"
    return total if len(recipients) == 1 else f"{total} in {len(recipients)} variants"
