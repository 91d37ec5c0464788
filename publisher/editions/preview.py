"""The next edition as one reader would get it, before anything is opened. Nothing is saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from publisher.audience.links import links
from publisher.delivery.composing import edition_envelope
from publisher.delivery.message import compile_message, message_bytes
from publisher.editions.compiling import candidates, decide
from publisher.editions.embedding import embeddable
from publisher.editions.renderer import DigestRenderer
from publisher.editions.slots import slots_after
from publisher.model.article import Article
from publisher.model.edition import Digest, Group
from publisher.model.errors import UsageError
from publisher.model.feed import Feed, Newsletter
from publisher.model.publication import Publication, Secrets
from publisher.model.subscriber import EVERYTHING
from publisher.theme.environment import Environment, check_overrides
from publisher.theme.fields import fill

__all__ = ["Preview", "Reader", "next_articles", "preview_edition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whom the preview is for; ``subscription`` 0 is somebody made up."""

    address: str
    name: str = ""
    subscription: int = 0
    cursor: int = 0
    topics: str = EVERYTHING
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """``html`` and ``text`` have the reader's own fields in them; ``message`` is the whole message, CRLF.

    ``waiting``: whether these articles are really waiting for the reader; else the newest ones stand in.
    """

    slot: datetime
    subject: str
    html: str
    text: str
    message: bytes
    articles: tuple[Article, ...]
    waiting: bool


def preview_edition(
    publication: Publication,
    secrets: Secrets,
    environment: Environment,
    feed: Feed,
    newsletter: Newsletter,
    cadence_name: str,
    reader: Reader,
    articles: Sequence[Article],
    *,
    number: int,
    now: datetime,
) -> Preview:
    """Renders it. Raises UsageError (no such cadence, no article at all), TemplateError (a broken override, of
    whichever template, with file and line).
    """
    check_overrides(environment, publication)
    cadence = newsletter.cadence(cadence_name)
    if cadence is None:
        raise UsageError(
            f'"{newsletter.name}" has no cadence "{cadence_name}"',
            remedy=f"choose from: {', '.join(known.name for known in newsletter.cadences)}",
        )
    chosen, rest, waiting = next_articles(feed, newsletter, reader, articles, now=now)
    if not chosen:
        raise UsageError(
            "there is no public article to preview",
            where=feed.file,
            remedy="take the draft line out of one, or: publisher new TITLE",
        )
    slot = next(slots_after(cadence, newsletter.timezone, now), now)
    language = reader.language or newsletter.language
    pictures = embeddable(publication, chosen) if newsletter.images == "embed" else {}
    digest = DigestRenderer(publication, environment)(
        newsletter,
        articles=chosen,
        rest=rest,
        number=number,
        slot=slot,
        cadence=cadence.name,
        language=language,
    )
    seen = _addressed(
        publication,
        secrets,
        newsletter,
        digest,
        reader,
        slot=slot,
        number=number,
        language=language,
        articles=tuple(chosen),
        waiting=waiting,
    )
    html = seen.html
    for url, picture in pictures.items():
        html = html.replace(f'"cid:{picture.cid}"', f'"{url}"')  # a browser has no message to find it in
    return replace(seen, html=html)


def next_articles(
    feed: Feed, newsletter: Newsletter, reader: Reader, articles: Sequence[Article], *, now: datetime
) -> tuple[list[Article], list[Article], bool]:
    """What the next edition has for the reader: its articles, those only linked, and whether they really wait. Pure.

    Where nothing waits, the newest public articles stand in.
    """
    mailable = candidates(feed, newsletter, articles, now=now)
    newest = max((article.sequence or 0 for article in mailable), default=0)
    group = Group(reader.cursor, reader.topics, reader.language, 1)
    decision = decide([group], mailable, newsletter, cutoff=newest, numbered_at={}, now=now)[0]
    known = {article.id: article for article in articles}
    if decision.articles:
        return [known[one] for one in decision.articles], [known[one] for one in decision.rest], True
    public = [article for article in articles if article.is_public(now) and feed.selection.matches(article)]
    return public[: newsletter.max_items], [], False


def _addressed(
    publication: Publication,
    secrets: Secrets,
    newsletter: Newsletter,
    digest: Digest,
    reader: Reader,
    *,
    slot: datetime,
    number: int,
    language: str,
    articles: tuple[Article, ...],
    waiting: bool,
) -> Preview:
    fields = links(publication, newsletter, reader.subscription, secrets.signing)
    domain = newsletter.sender_address.rpartition("@")[2]
    template = compile_message(
        digest, edition_envelope(publication, newsletter, number=number, date=slot, language=language)
    )
    message = template.message(
        message_id=f"<preview@{domain}>",
        recipient_address=reader.address,
        recipient_name=reader.name,
        fields=fields,
    )
    values = {"name": reader.name, "address": reader.address, **fields}
    return Preview(
        slot=slot,
        subject=fill(digest.subject, values),
        html=fill(digest.html, values, escaped=True),
        text=fill(digest.text, values),
        message=message_bytes(message),
        articles=articles,
        waiting=waiting,
    )
