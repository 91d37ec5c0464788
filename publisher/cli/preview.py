"""`publisher preview`: the next edition as .html, .txt and .eml, as a reader would get it.

The .eml is the message to the letter. The .html is for the eyes: it shows the publication's own pictures from this
machine, because at their web addresses they are only after the next run, and not before the site is on the web.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from publisher.cli.session import Session, count
from publisher.cli.verb import Verb
from publisher.model.errors import OutputError, UsageError

if TYPE_CHECKING:
    from publisher.editions.preview import Reader
    from publisher.model.feed import Newsletter

__all__ = ["preview"]


@click.command(cls=Verb)
@click.argument("newsletter")
@click.option("--as", "address", metavar="ADDRESS", help="As this subscriber would get it.")
@click.option("--cadence", metavar="NAME", help="For this cadence; otherwise the reader's, or the default.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Where to write; otherwise preview/.",
)
@click.option("--open", "show", is_flag=True, help="Open the HTML in the browser.")
@click.pass_obj
def preview(
    session: Session, newsletter: str, address: str | None, cadence: str | None, out: Path | None, show: bool
) -> None:
    """The next edition as .html, .txt and .eml.

    Opens no edition and moves nobody's cursor. Where nothing new is waiting, the newest articles stand in.
    """
    from publisher import pipeline
    from publisher.editions.preview import preview_edition
    from publisher.theme.environment import environment_of
    from publisher.theme.media import theme_media

    publication = session.publication
    feed = publication.feed(newsletter)
    if feed is None or feed.newsletter is None:
        names = ", ".join(known.name for known in publication.newsletters) or "none"
        raise UsageError(f'there is no newsletter "{newsletter}"', remedy=f"there are: {names}")
    articles, errors = pipeline.look(publication, session.store(), now=session.now())
    for error in errors:
        session.failed(error)
    reader, theirs = _reader(session, feed.newsletter, address, cadence)
    seen = preview_edition(
        publication,
        session.secrets,
        environment_of(publication),
        feed,
        feed.newsletter,
        theirs,
        reader,
        articles,
        number=_next_number(session),
        now=session.now(),
    )
    folder = out or publication.root / "preview"
    paths = {
        "html": folder / f"{newsletter}.html",
        "txt": folder / f"{newsletter}.txt",
        "eml": folder / f"{newsletter}.eml",
    }
    media = [
        *theme_media(publication),
        *((Path(file), target) for article in seen.articles for file, target in article.media),
    ]
    contents = {
        "html": _with_local_pictures(seen.html, publication.url, media).encode(),
        "txt": seen.text.encode(),
        "eml": seen.message,
    }
    for kind, path in paths.items():
        _write(path, contents[kind])
    if session.as_json:
        session.answer(
            {
                "newsletter": newsletter,
                "cadence": theirs,
                "slot": seen.slot,
                "subject": seen.subject,
                "waiting": seen.waiting,
                "articles": [article.path for article in seen.articles],
                "files": {kind: str(path) for kind, path in paths.items()},
            }
        )
    else:
        if not seen.waiting:
            session.say("nothing new is waiting for this reader; these are the newest articles")
        session.say(f"subject: {seen.subject}")
        session.say(f"{count(len(seen.articles), 'article')}, {len(seen.html.encode()) / 1024:.0f} KB of HTML")
        for path in paths.values():
            session.say(f"wrote {path}")
    if show:
        click.launch(str(paths["html"]))


def _reader(session: Session, newsletter: Newsletter, address: str | None, cadence: str | None) -> tuple[Reader, str]:
    """Whom to preview for, and that reader's cadence. Without an address: somebody who subscribes today."""
    from publisher.audience.addresses import parse_address
    from publisher.audience.hashing import address_hash
    from publisher.editions.preview import Reader
    from publisher.store import subscriptions

    with session.store().reading() as connection:
        if address is None:
            chosen = cadence or newsletter.default_cadence
            cursor = subscriptions.starting_cursor(connection, newsletter.name, chosen)
            return Reader(address="reader@example.org", cursor=cursor), chosen
        hashed = address_hash(parse_address(address), session.secrets.signing)
        found = subscriptions.of_address(connection, hashed, newsletter.name)
    if found is None:
        raise UsageError(
            f'{address} does not subscribe to "{newsletter.name}"',
            remedy="see: publisher subscribers list, or leave --as out",
        )
    subscriber, subscription = found
    return (
        Reader(
            address=subscriber.address,
            name=subscriber.name,
            subscription=subscription.id,
            cursor=subscription.cursor,
            topics=subscription.topics,
            language=subscription.language,
        ),
        cadence or subscription.cadence,
    )


def _with_local_pictures(html: str, url: str, media: Iterable[tuple[Path, str]]) -> str:
    """The document with ``media`` (file, path under public/) shown from this machine where the file is there."""
    for file, target in media:
        if file.is_file():
            html = html.replace(f'"{url}/{quote(target)}"', f'"{file.absolute().as_uri()}"')
    return html


def _next_number(session: Session) -> int:
    from publisher.store import editions

    with session.store().reading() as connection:
        newest = editions.listing(connection, limit=1)
    return newest[0].id + 1 if newest else 1


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})", where=str(path), remedy="name another folder with --out"
        ) from error
