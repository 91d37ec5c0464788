"""`publisher build`: feeds and web pages, only what changed."""

from __future__ import annotations

import click

from publisher.cli.session import Session, count
from publisher.cli.verb import Verb

__all__ = ["build"]


@click.command(cls=Verb)
@click.pass_obj
def build(session: Session) -> None:
    """Feeds and web pages, only what changed.

    Writes public/ and says what it wrote. Mails nothing and opens no edition. An article that cannot be used is
    reported, the others are built, and the exit status is 1.
    """
    from publisher import pipeline
    from publisher.theme.environment import environment_of

    publication = session.publication
    published = pipeline.publish(
        publication,
        session.store(),
        environment=environment_of(publication),
        now=session.now(),
        mailing=False,
    )
    written = published.written
    if session.as_json:
        session.answer(
            {
                "articles": len(published.articles),
                "changed": list(written.changed),
                "unchanged": written.unchanged,
                "removed": list(written.removed),
                "errors": [str(error) for error in published.errors],
            }
        )
    for path in written.changed:
        session.say(f"wrote public/{path}")
    for path in written.removed:
        session.say(f"removed public/{path}")
    session.say(
        f"{count(len(published.articles), 'article')} read; {count(len(written.changed), 'file')} written, "
        f"{written.unchanged:,} unchanged"
    )
    for error in published.errors:
        session.failed(error)
