"""`publisher deliver`: only the outbox, as one of several workers."""

from __future__ import annotations

import signal
import threading

import click

from publisher.cli.run import closing, seconds_of, stop_when_told
from publisher.cli.session import Session
from publisher.cli.telling import LOG, Telling
from publisher.cli.verb import Verb

__all__ = ["deliver"]


@click.command(cls=Verb)
@click.option("--max-time", metavar="DURATION", help='Stop after this long, for example "4 minutes".')
@LOG
@click.pass_obj
def deliver(session: Session, max_time: str | None, log: str | None) -> None:
    """Only the outbox, as one of several workers.

    Delivers what is due, then ends: for a second machine on the same PostgreSQL database, or to go on at once after
    `editions resume`.
    """
    from dataclasses import asdict

    from publisher import pipeline

    telling = Telling(session, log)
    with telling.working():
        publication = session.publication
        stop = threading.Event()
        told = stop_when_told(stop, seconds_of(max_time))
        passed = pipeline.deliver_only(
            publication,
            session.secrets,
            session.store(),
            clock=session.now,
            stop=stop,
            progress=telling.progress,
        )
        more = telling.ended(passed)
        if session.as_json:
            values = asdict(passed.delivered)
            session.answer({key: value for key, value in values.items() if key not in ("error", "complaints", "batch")})
        elif telling.log is None and (session.terminal or not session.quiet or more):
            session.show(closing(publication, passed, stopped=stop.is_set()))
        if signal.SIGINT in told:
            session.status = session.status or 130
