"""`publisher serve`: the web pages, and the same pass as cron's on a scheduler, in one process."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import click

from publisher.cli.session import Session
from publisher.cli.telling import LOG, Telling
from publisher.cli.verb import Verb
from publisher.model.errors import ConfigurationError, PublisherError

if TYPE_CHECKING:
    from publisher.model.publication import Publication, Secrets
    from publisher.web.serving import Renew

__all__ = ["serve"]


@click.command(cls=Verb)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 picks one.")
@click.option(
    "--every", default=60, show_default=True, type=click.IntRange(1, 86400), help="Seconds between two passes."
)
@LOG
@click.pass_obj
def serve(session: Session, host: str, port: int, every: int, log: str | None) -> None:
    """Web pages and scheduler in one process.

    Serves public/ and the pages for subscribing, confirming and unsubscribing, and walks the road once a minute.
    SIGTERM stops it cleanly: what it has claimed is finished first.
    """
    from publisher import pipeline
    from publisher.cli.run import tell
    from publisher.web.serving import serve as serve_web

    publication, secrets, store = session.publication, session.secrets, session.store()
    pipeline.ready_transport(publication, secrets, fixed_time=False)
    settings = _Settings(session, publication, secrets)
    telling = Telling(session, log, often=True)

    def tick(stop: threading.Event, renew: Renew) -> None:
        progress = telling.log.progress if telling.log else lambda _delivered: None
        step = telling.log.step if telling.log else lambda _passed: None
        with telling.working():
            current = settings.read(renew)
            if telling.log is not None:
                telling.log.begin()
            passed = pipeline.run(*current, store, clock=session.now, stop=stop, step=step, progress=progress)
            if telling.log is None and passed.did_something:
                for line in tell(current[0], passed):
                    session.say(line)
                if passed.delivered.attempts:
                    session.say(f"delivered: {passed.delivered.accepted:,} accepted")
            telling.ended(passed)
        session.status = 0  # of this pass; serve goes on

    def notices(stop: threading.Event) -> bool:
        try:
            transport = pipeline.ready_transport(*settings.last, fixed_time=False)
            return not pipeline.deliver(
                *settings.last, store, transport, clock=session.now, stop=stop, only_notices=True
            ).elsewhere
        except PublisherError:
            return True  # the next pass meets it, too, and says so

    serve_web(
        publication,
        secrets,
        store,
        host=host,
        port=port,
        tick=tick,
        notices=notices,
        every=every,
        ready=session.say,
        clock=session.now,
    )


class _Settings:
    """The settings as they are written now. A pass that kept older ones would undo what `build` and `run` do."""

    def __init__(self, session: Session, publication: Publication, secrets: Secrets) -> None:
        self._session = session
        self._root = publication.root
        self.last = (publication, secrets)

    def read(self, renew: Renew) -> tuple[Publication, Secrets]:
        """Reads them again, and passes on when they differ. Raises ConfigurationError, also for another database."""
        from publisher.publication.loading import load
        from publisher.publication.secrets import load_secrets

        current = load(self._root), load_secrets(self._root)
        if current[0].database != self.last[0].database:
            raise ConfigurationError(
                "it has changed, and serve has the old one open; nothing is done until it is started again",
                where="publication.toml: database",
                remedy="stop serve and start it again",
            )
        if current != self.last:
            self.last = current
            renew(*current)
            self._session.say("the settings have changed: feeds, pages, mail and forms go by them from now on")
        return current
