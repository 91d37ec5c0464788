"""`publisher preview`: the next edition as .html, .txt and .eml, as a reader would get it; in the browser; by mail.

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
    from publisher.editions.preview import Preview
    from publisher.model.errors import ArticleError
    from publisher.model.feed import Feed
    from publisher.model.publication import Publication

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
@click.option("--send", "recipients", multiple=True, metavar="ADDRESS", help="Mail a marked test copy there.")
@click.option("--serve", "serving", is_flag=True, help="Show it in the browser, which follows every change.")
@click.option("--port", default=8001, show_default=True, type=click.IntRange(0, 65535), help="Of --serve; 0 picks one.")
@click.option("--subjects", is_flag=True, help="The subjects of the last ten editions by the template as it is now.")
@click.pass_obj
def preview(
    session: Session,
    newsletter: str,
    address: str | None,
    cadence: str | None,
    out: Path | None,
    show: bool,
    recipients: tuple[str, ...],
    serving: bool,
    port: int,
    subjects: bool,
) -> None:
    """The next edition as .html, .txt and .eml.

    Opens no edition and moves nobody's cursor. Where nothing new is waiting, the newest articles stand in. A test copy
    (--send) goes out through the publication's transport, is marked in its subject, and counts for nothing.
    """
    if subjects:
        from publisher.cli.subjects import show_subjects

        if serving or out or show or recipients or address or cadence:
            raise UsageError("--subjects goes alone", remedy="leave the other options out")
        show_subjects(session, newsletter)
        return
    if serving:
        from publisher.cli.showing import show_preview

        if out or recipients:
            raise UsageError("--serve goes alone", remedy="leave --out and --send out")
        show_preview(session, newsletter, address, cadence, port=port, opening=show)
        return
    publication = session.publication
    seen, errors = look_for(session, publication, feed_of(publication, newsletter), address, cadence)
    for error in errors:
        session.failed(error)
    sent = _send(session, publication, seen, recipients)
    paths = _write_all(publication, seen, out) if out or show or not recipients else {}
    if session.as_json:
        session.answer(
            {
                "newsletter": newsletter,
                "cadence": seen.cadence,
                "slot": seen.slot,
                "subject": seen.subject,
                "preheader": seen.preheader,
                "waiting": seen.waiting,
                "articles": [article.path for article in seen.articles],
                "files": {kind: str(path) for kind, path in paths.items()},
                "sent": sent,
            }
        )
    else:
        if seen.reader.barred:
            session.say(f"this reader would get nothing ({seen.reader.barred}); otherwise it would be this")
        if not seen.waiting:
            session.say("nothing new is waiting for this reader; these are the newest articles")
        session.say(f"subject: {seen.subject}")
        session.say(f"{count(len(seen.articles), 'article')}, {len(seen.html.encode()) / 1024:.0f} KB of HTML")
        for path in paths.values():
            session.say(f"wrote {path}")
        for recipient, reply in sent.items():
            session.say(f"sent a test copy to {recipient}: {reply}")
    if show:
        click.launch(str(paths["html"]))


def feed_of(publication: Publication, newsletter: str) -> Feed:
    """The feed whose newsletter has that name. Raises UsageError."""
    feed = publication.feed(newsletter)
    if feed is None or feed.newsletter is None:
        names = ", ".join(known.name for known in publication.newsletters) or "none"
        raise UsageError(f'there is no newsletter "{newsletter}"', remedy=f"there are: {names}")
    return feed


def look_for(
    session: Session, publication: Publication, feed: Feed, address: str | None, cadence: str | None
) -> tuple[Preview, list[ArticleError]]:
    """The next edition as that subscriber would get it, and the faults of articles that are left out.

    Raises UsageError, AddressError, TemplateError, ConfigurationError.
    """
    from publisher import pipeline
    from publisher.editions.preview import next_edition
    from publisher.theme.environment import environment_of

    assert feed.newsletter is not None
    now = session.now()
    articles, errors = pipeline.look(publication, session.store(only_reading=True), now=now)
    seen = next_edition(
        publication,
        session.secrets,
        session.store(only_reading=True),
        environment_of(publication),
        feed,
        feed.newsletter,
        articles,
        address=address,
        cadence=cadence,
        now=now,
    )
    return seen, errors


def _send(session: Session, publication: Publication, seen: Preview, recipients: Iterable[str]) -> dict[str, str]:
    """The reply to each test copy, by address. Nothing leaves while an address is none, or examples are left."""
    if not recipients:
        return {}
    from publisher.audience.addresses import parse_address
    from publisher.delivery.trial import send_test_copy
    from publisher.pipeline import ready_transport

    addresses = [parse_address(recipient).text for recipient in recipients]
    transport = ready_transport(publication, session.secrets, fixed_time=False)
    return {
        address: send_test_copy(
            publication,
            session.secrets,
            transport,
            seen.newsletter,
            seen.digest,
            address,
            number=seen.number,
            language=seen.reader.language,
            name=seen.reader.name,
            fields=seen.reader.fields,
            now=session.now(),
        ).reply
        for address in dict.fromkeys(addresses)
    }


def media_of(publication: Publication, seen: Preview) -> list[tuple[Path, str]]:
    """The pictures that may be in it: (file, path under public/)."""
    from publisher.theme.media import theme_media

    of_articles = ((Path(file), target) for article in seen.articles for file, target in article.media)
    return [*theme_media(publication), *of_articles]


def _write_all(publication: Publication, seen: Preview, out: Path | None) -> dict[str, Path]:
    folder = out or publication.root / "preview"
    name = seen.newsletter.name
    contents = {
        "html": _with_local_pictures(seen.html, publication.url, media_of(publication, seen)).encode(),
        "txt": seen.text.encode(),
        "eml": seen.message,
    }
    paths = {kind: folder / f"{name}.{kind}" for kind in contents}
    for kind, path in paths.items():
        _write(path, contents[kind])
    return paths


def _with_local_pictures(html: str, url: str, media: Iterable[tuple[Path, str]]) -> str:
    """The document with ``media`` (file, path under public/) shown from this machine where the file is there."""
    for file, target in media:
        if file.is_file():
            html = html.replace(f'"{url}/{quote(target)}"', f'"{file.absolute().as_uri()}"')
    return html


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})", where=str(path), remedy="name another folder with --out"
        ) from error
