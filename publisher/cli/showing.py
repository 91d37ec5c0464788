"""`publisher preview --serve`: the next edition in the browser, which follows every change, until Ctrl-C.

A fault of what is being written is shown in the page, with file and line, and is a line here; the watching goes on.
"""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from publisher.cli.preview import feed_of, look_for, media_of
from publisher.cli.session import Session
from publisher.cli.watching import watch

if TYPE_CHECKING:
    from publisher.model.publication import Publication

__all__ = ["show_preview"]


def show_preview(
    session: Session, newsletter: str, address: str | None, cadence: str | None, *, port: int, opening: bool
) -> None:
    """Serves it on loopback. ``opening``: the browser is opened.

    Raises PublisherError where the port is taken; UsageError and AddressError for a newsletter, reader or cadence that
    is not there when it begins.
    """
    from publisher.web.preview_pages import show_errors

    title = feed_of(session.publication, newsletter).title
    _check(session, newsletter, address, cadence)
    # A reader's own links stand in the folder: it goes away, too, when somebody ends us politely.
    signal.signal(signal.SIGTERM, _stop)
    with tempfile.TemporaryDirectory(prefix="publisher-preview-") as made:
        folder = Path(made)

        def build(publication: Publication) -> bool:
            _show(session, publication, folder, newsletter, address, cadence)
            return True

        watch(
            session,
            build=build,
            port=port,
            folder=folder,
            failed=lambda error: show_errors(folder, session.root, title, error),
            serving=lambda url: click.launch(url) if opening else None,
        )


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _check(session: Session, newsletter: str, address: str | None, cadence: str | None) -> None:
    from publisher.editions.reader import cadence_of, subscribed

    found = session.newsletter(newsletter)
    if cadence:
        cadence_of(found, cadence)
    if address is not None:
        with session.store(only_reading=True).reading() as connection:
            subscribed(connection, found, address, cadence, keys=session.secrets.signing, now=session.now())


def _show(
    session: Session,
    publication: Publication,
    folder: Path,
    newsletter: str,
    address: str | None,
    cadence: str | None,
) -> None:
    from publisher.editions.checking import check_sample
    from publisher.editions.mail_programs import lost_features, weigh
    from publisher.editions.sampling import sample_of
    from publisher.publication.positions import Positions
    from publisher.theme.environment import environment_of
    from publisher.theme.overrides import Overrides
    from publisher.web.preview_pages import show_digest

    feed = feed_of(publication, newsletter)
    seen, errors = look_for(session, publication, feed, address, cadence)
    media = media_of(publication, seen)
    weights = {f"{publication.url}/{quote(target)}": file.stat().st_size for file, target in media if file.is_file()}
    sample = sample_of(environment_of(publication), publication, feed, seen)
    embedded = [url for url in weights if seen.digest.pictures and f'"{url}"' not in seen.digest.html]
    for error in errors:
        click.echo(f"publisher: {error}", err=True)
    show_digest(
        folder,
        publication,
        seen,
        weight=weigh(seen.html, seen.text, seen.message, sizes=weights, embedded=embedded),
        lost=lost_features(seen.digest.html),
        sizes=dict(sample.sizes),
        findings=list(
            check_sample(
                sample,
                positions=Positions(publication.root),
                publication=publication,
                weights=weights,
                overrides=Overrides(publication.templates),
                fault=lambda _url: None,  # which addresses there are, only a build knows: check says it
            )
        ),
        faults=errors,
        media=media,
    )
    session.say(f"{seen.subject}: {len(seen.html.encode()) / 1024:.0f} KB of HTML")
