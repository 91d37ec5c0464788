"""`publisher build`: feeds and web pages, only what changed."""

from __future__ import annotations

import click

from publisher.cli.session import Session, count
from publisher.cli.verb import Verb

__all__ = ["build"]


@click.command(cls=Verb)
@click.option("--compress", is_flag=True, help="Compressed copies of pages, too, all as small as can be; takes longer.")
@click.pass_obj
def build(session: Session, compress: bool) -> None:
    """Feeds and web pages, only what changed.

    Writes public/ and says what it wrote; feeds get copies in gzip and brotli beside them. Mails nothing and opens no
    edition. An article that cannot be used is reported, the others are built, and the exit status is 1. Sample
    configurations for nginx and Caddy, which serve public/ alone, are in .publisher/.
    """
    from publisher import pipeline
    from publisher.syndication.servers import write_configurations
    from publisher.theme.environment import environment_of

    publication = session.publication
    published = pipeline.publish(
        publication,
        session.store(),
        environment=environment_of(publication),
        now=session.now(),
        mailing=False,
        compress=compress,
    )
    samples = [str(file.relative_to(publication.root)) for file in write_configurations(publication)]
    written = published.written
    if session.as_json:
        session.answer(
            {
                "articles": len(published.articles),
                "changed": list(written.changed),
                "unchanged": written.unchanged,
                "removed": list(written.removed),
                "samples": samples,
                "errors": [str(error) for error in published.errors],
            }
        )
    for path in written.changed:
        session.say(f"wrote public/{path}")
    for path in written.removed:
        session.say(f"removed public/{path}")
    for path in samples:
        session.say(f"wrote {path}")
    session.say(
        f"{count(len(published.articles), 'article')} read; {count(len(written.changed), 'file')} written, "
        f"{written.unchanged:,} unchanged"
    )
    for error in published.errors:
        session.failed(error)
