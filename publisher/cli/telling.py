"""How `run` and `deliver` speak while they work: to a person, to cron, or as JSON log lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from publisher.cli.log import JsonLog
from publisher.cli.once import fresh
from publisher.cli.progress import Progress
from publisher.cli.session import Session
from publisher.model.errors import PublisherError, StoreError

if TYPE_CHECKING:
    from publisher.delivery.delivered import Delivered
    from publisher.pipeline import Passed

__all__ = ["LOG", "Telling"]

LOG = click.option(
    "--log",
    type=click.Choice(["json"]),
    envvar="PUBLISHER_LOG",
    help="Log lines on standard error instead of words; PUBLISHER_LOG=json does the same.",
)


class Telling:
    """One command's way of speaking. ``progress`` is for the pipeline; ``ended`` is told how it ended.

    ``often``: it ends once a minute, so that an error is printed when it is new and once a day, whoever listens.
    ``pretended``: the time is, and nobody but the caller is told anything.
    """

    def __init__(self, session: Session, log: str | None, *, often: bool = False, pretended: bool = False) -> None:
        self._session = session
        self._often = often
        self._pretended = pretended
        self.log = JsonLog(session, self._editions_of) if log else None
        self._progress = Progress(session, self._expected)

    def progress(self, delivered: Delivered) -> None:
        """While deliveries go out."""
        if self.log is not None:
            self.log.progress(delivered)
        else:
            self._progress(delivered)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Around all the work: the living line goes, and what ends it is told once a day where cron listens."""
        try:
            yield
        except PublisherError as error:
            if isinstance(error, StoreError) and not self._pretended:
                self._tell_outage(error)
            if self._session.debug or not self._told([error, *error.also]):
                raise
        finally:
            self._progress.end()

    def _tell_outage(self, error: StoreError) -> None:
        """The database ended the pass before the pass could tell anybody."""
        from publisher.health.outage import tell_outage

        session = self._session
        try:
            failed = tell_outage(session.publication, session.secrets, error, now=session.now())
        except PublisherError as why:
            failed = [why]
        error.also = (*error.also, *failed)

    def ended(self, passed: Passed) -> bool:
        """Prints the errors; whether there is more to say, to whom it matters."""
        self._progress.end()
        if self.log is not None:
            self.log.ended(passed)
            for error in passed.errors:
                self._session.status = self._session.status or error.exit_status
            return False
        if self._told([one for error in passed.errors for one in (error, *error.also)]):
            return passed.did_something
        for error in passed.errors:
            self._session.failed(error)
        return passed.did_something or bool(passed.errors)

    def _told(self, errors: Sequence[PublisherError]) -> bool:
        """In cron, and as log lines: prints what is new. False elsewhere."""
        session = self._session
        cron = session.quiet and not session.terminal and not session.as_json
        if self.log is None and not cron and not self._often:
            return False
        from publisher.health.troubles import of_errors

        try:
            state = session.root / ".publisher"
        except PublisherError:
            return False
        keys = {one.text: one.key for one in of_errors(map(str, errors))}
        new = fresh(state, keys.values(), session.now())
        for error in errors:
            session.status = session.status or error.exit_status
            if self.log is not None:
                self.log.error(str(error))
            elif keys[str(error)] in new:
                new.discard(keys[str(error)])
                click.echo(f"publisher: {error}", err=True)
        return True

    def _editions_of(self, deliveries: list[int]) -> dict[int, int]:
        from publisher.store import outcomes

        with self._session.store().reading() as connection:
            return outcomes.editions_of(connection, deliveries)

    def _expected(self) -> int:
        """What there is to deliver now, with what is in hand."""
        from publisher.store import outbox

        with self._session.store().reading() as connection:
            waiting = outbox.waiting(connection, self._session.now())
        return waiting.due + waiting.claimed
