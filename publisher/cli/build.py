"""`publisher build`: feeds and web pages, only what changed. With nothing to do it imports nothing that takes time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from publisher.cli.session import Session, count
from publisher.cli.verb import Verb
from publisher.model.errors import UsageError

if TYPE_CHECKING:
    from publisher.model.publication import Publication
    from publisher.publication.freshness import Looked
    from publisher.syndication.publishing import Published
    from publisher.syndication.telling import Told

__all__ = ["build"]


@click.command(cls=Verb)
@click.option("--compress", is_flag=True, help="Compressed copies of pages, too, all as small as can be; takes longer.")
@click.option("--verify", is_flag=True, help="Look at every file of public/ as well, and put right what differs.")
@click.option("--tell-hub", is_flag=True, help="Tell the hub of every feed document again, changed or not.")
@click.option("--watch", "watching", is_flag=True, help="Build again after every change, until Ctrl-C.")
@click.option("--serve", "serving", is_flag=True, help="With --watch: show it in the browser, which follows.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(0, 65535), help="Of --serve; 0 picks one.")
@click.pass_obj
def build(
    session: Session, compress: bool, verify: bool, tell_hub: bool, watching: bool, serving: bool, port: int
) -> None:
    """Feeds and web pages, only what changed.

    Writes public/ and says what it wrote; feeds get copies in gzip and brotli beside them. Mails nothing and opens no
    edition. An article that cannot be used is reported, the others are built, and the exit status is 1. Sample
    configurations for nginx and Caddy, which serve public/ alone, are in .publisher/.
    """
    if serving and not watching:
        raise UsageError("--serve goes with --watch", remedy="write: publisher build --watch --serve")
    if tell_hub:
        _check_hub(session.publication)
    if watching:
        from publisher.cli.watching import watch

        watch(
            session,
            build=lambda publication: _built_again(session, publication, compress=compress),
            port=port if serving else None,
        )
        return
    looked = session.looked
    if not (compress or verify or tell_hub or looked):
        from publisher.publication.freshness import Fresh, examined

        last = examined(session.root, session.now())
        if not isinstance(last, Fresh):
            looked = last
        elif not last.hub:  # which may have to be told of what an earlier build changed
            _tell(session, articles=last.articles, unchanged=last.files)
            return
    published = _build(session, session.publication, compress=compress, verify=verify, looked=looked, again=tell_hub)
    for error in published.errors:
        session.failed(error)


def _built_again(session: Session, publication: Publication, *, compress: bool) -> bool:
    """A build of many: a fault is a line and no more. Whether anything was written."""
    published = _build(session, publication, compress=compress, verify=False)
    for error in published.errors:
        click.echo(f"publisher: {error}", err=True)
    return bool(published.written.changed or published.written.removed)


def _check_hub(publication: Publication) -> None:
    """Raises UsageError where there is no hub to be told."""
    from publisher.syndication.hub import is_told

    if not publication.web.hub:
        raise UsageError("--tell-hub: no hub is set", remedy="publisher config set web.hub https://…")
    if not is_told(publication, pretended=False):
        raise UsageError("--tell-hub: the publication's url is still an example's", remedy="set your own first")


def _build(
    session: Session,
    publication: Publication,
    *,
    compress: bool,
    verify: bool,
    looked: Looked | None = None,
    again: bool = False,
) -> Published:
    from publisher.syndication.publishing import as_before, publish
    from publisher.syndication.servers import write_configurations
    from publisher.syndication.telling import tell_hub
    from publisher.theme.environment import environment_of

    samples = [str(file.relative_to(publication.root)) for file in write_configurations(publication)]
    now = session.now()
    published = None if compress or verify or looked else as_before(publication, now=now, mailing=False)
    published = published or publish(
        publication,
        session.store(),
        environment=environment_of(publication),
        now=now,
        mailing=False,
        compress=compress,
        verify=verify,
        looked=looked,
    )
    told = tell_hub(publication, session.store(), clock=session.now, again=again)
    published = replace(published, errors=(*published.errors, *told.errors))
    _tell(
        session,
        articles=published.read,
        unchanged=published.written.unchanged,
        changed=published.written.changed,
        removed=published.written.removed,
        samples=samples,
        told=told,
        errors=[str(error) for error in published.errors],
    )
    return published


def _tell(
    session: Session,
    *,
    articles: int,
    unchanged: int,
    changed: Sequence[str] = (),
    removed: Sequence[str] = (),
    samples: Sequence[str] = (),
    told: Told | None = None,
    errors: Sequence[str] = (),
) -> None:
    if session.as_json:
        session.answer(
            {
                "articles": articles,
                "changed": list(changed),
                "unchanged": unchanged,
                "removed": list(removed),
                "samples": list(samples),
                "told_hub": {"topics": sorted(told.topics) if told else [], "failed": told.failed if told else 0},
                "errors": list(errors),
            }
        )
    for path in changed:
        session.say(f"wrote public/{path}")
    for path in removed:
        session.say(f"removed public/{path}")
    for path in samples:
        session.say(f"wrote {path}")
    if told and told.topics:
        session.say(f"told the hub: {count(len(told.topics), 'feed document')}")
    session.say(f"{count(articles, 'article')} read; {count(len(changed), 'file')} written, {unchanged:,} unchanged")
