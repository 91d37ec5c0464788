"""`publisher serve`: the web pages, and the same pass as cron's on a scheduler, in one process."""

from __future__ import annotations

import threading

import click

from publisher.cli.session import Session
from publisher.cli.verb import Verb
from publisher.model.errors import PublisherError

__all__ = ["serve"]


@click.command(cls=Verb)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="The port; 0 picks one.")
@click.option(
    "--every", default=60, show_default=True, type=click.IntRange(1, 86400), help="Seconds between two passes."
)
@click.pass_obj
def serve(session: Session, host: str, port: int, every: int) -> None:
    """Web pages and scheduler in one process.

    Serves public/ and the pages for subscribing, confirming and unsubscribing, and walks the road once a minute.
    SIGTERM stops it cleanly: what it has claimed is finished first.
    """
    from publisher import pipeline
    from publisher.cli.run import tell
    from publisher.web.serving import serve as serve_web

    publication, secrets, store = session.publication, session.secrets, session.store()
    pipeline.ready_transport(publication, secrets, fixed_time=False)
    reported: set[str] = set()

    def tick(stop: threading.Event) -> None:
        try:
            passed = pipeline.run(publication, secrets, store, clock=session.now, stop=stop)
        except PublisherError as error:
            errors = [error]
        else:
            errors = passed.errors
            if passed.did_something:
                for line in tell(publication, passed):
                    session.say(line)
                if passed.delivered.attempts:
                    session.say(f"delivered: {passed.delivered.accepted:,} accepted")
        # What an operator must mend is printed when it is new, not once a minute.
        texts = {str(error) for error in errors}
        for text in sorted(texts - reported):
            click.echo(f"publisher: {text}", err=True)
        reported.clear()
        reported.update(texts)

    serve_web(
        publication, secrets, store, host=host, port=port, tick=tick, every=every, ready=session.say, clock=session.now
    )
