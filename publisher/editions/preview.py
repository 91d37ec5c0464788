"""The next edition as one reader would get it, before anything is opened. Nothing is saved.

Guarantees: the message is byte for byte what a run at that slot delivers to the reader, if nothing changes until then,
apart from its Message-ID (which is the delivery's) and the time of a signature.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from publisher.audience.addresses import wire_address
from publisher.delivery.composing import edition_envelope, personal_fields, signed
from publisher.delivery.dkim import signer_of
from publisher.delivery.message import compile_message, message_bytes
from publisher.editions.compiling import arranged, candidates, decide
from publisher.editions.embedding import embeddable
from publisher.editions.opening import Opener
from publisher.editions.reader import Reader, cadence_of, made_up, next_slot, subscribed
from publisher.editions.renderer import DigestRenderer
from publisher.editions.slots import local_due, slots_after
from publisher.model.article import Article
from publisher.model.correction import Corrected, Correction
from publisher.model.edition import Decision, Digest, Edition, EditionState
from publisher.model.errors import UsageError
from publisher.model.feed import Feed, Newsletter
from publisher.model.publication import Publication, Secrets
from publisher.store import Store
from publisher.store import articles as article_store
from publisher.store import editions as edition_store
from publisher.theme.environment import Environment, check_overrides
from publisher.theme.fields import fill

__all__ = ["Preview", "Reader", "next_articles", "next_edition", "preview_edition"]

_NO_CUTOFF = 2**62
"""Beyond every number: the next edition takes what there is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """``html`` and ``text`` have the reader's own fields in them; ``message`` is the whole message, CRLF.

    ``digest`` is what a run would freeze. ``waiting``: whether these articles are really waiting for the reader; else
    the newest ones stand in. ``number`` is the edition's, if no other opens before it.
    """

    newsletter: Newsletter
    cadence: str
    reader: Reader
    slot: datetime
    number: int
    language: str
    subject: str
    preheader: str
    html: str
    text: str
    message: bytes
    digest: Digest
    articles: tuple[Article, ...]
    rest: tuple[Article, ...]
    corrections: tuple[Corrected, ...]
    note: Article | None
    waiting: bool


def next_edition(
    publication: Publication,
    secrets: Secrets,
    store: Store,
    environment: Environment,
    feed: Feed,
    newsletter: Newsletter,
    articles: Sequence[Article],
    *,
    address: str | None,
    cadence: str | None,
    now: datetime,
) -> Preview:
    """What the next run delivers to the subscriber of ``address`` (None: to somebody who subscribes today).

    ``articles`` as a run at ``now`` would number them. Raises UsageError, AddressError, TemplateError.
    """
    opener = Opener(
        publication=publication,
        store=store,
        articles=articles,
        newest=max((article.sequence or 0 for article in articles), default=0),
        render=DigestRenderer(publication, environment),
        now=now,
    )
    pending = opener.pending(newsletter, cutoff=_NO_CUTOFF)
    with store.reading() as connection:
        if address is None:
            chosen = cadence_of(newsletter, cadence or newsletter.default_cadence)
            reader = made_up(connection, newsletter, chosen.name)
        else:
            reader, name = subscribed(
                connection, newsletter, address, cadence, pending=pending, keys=secrets.signing, now=now
            )
            chosen = cadence_of(newsletter, name)
        slot = next_slot(connection, newsletter, chosen, now=now)
        awaiting = edition_store.awaiting(connection, newsletter.name, chosen.name)
        newest = edition_store.listing(connection, limit=1)
        records = article_store.numbers(connection).values()
    number = awaiting[-1].id if awaiting else newest[0].id + 1 if newest else 1
    opening = replace(opener, now=max(slot, now))
    edition = Edition(
        id=number,
        newsletter=newsletter.name,
        cadence=chosen.name,
        slot=slot,
        state=EditionState.OPENING,
        cutoff=opener.newest,
        opened_at=opening.now,
    )
    return preview_edition(
        publication,
        secrets,
        environment,
        feed,
        newsletter,
        chosen.name,
        reader,
        articles,
        number=number,
        slot=slot,
        note=opening.note(edition),
        pending=pending,
        corrected=opening.corrected,
        numbered_at={record.id: record.numbered_at for record in records if record.numbered_at},
        now=now,
    )


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
    slot: datetime | None = None,
    numbered_at: Mapping[str, datetime] | None = None,
    note: Article | None = None,
    pending: Sequence[Correction] = (),
    corrected: Callable[[Sequence[int]], Sequence[Corrected]] = lambda _numbers: (),
) -> Preview:
    """Renders it. ``slot`` None: the first after ``now``; ``pending``: corrections that the reader may be owed, and
    ``corrected`` how those of some numbers are shown.

    Raises UsageError (no such cadence, no article at all), TemplateError (a broken override, of whichever template,
    with file and line), ConfigurationError (a key of DKIM's).
    """
    check_overrides(environment, publication)
    cadence = cadence_of(newsletter, cadence_name)
    slot = slot or next(slots_after(cadence, newsletter.timezone, now), now)
    known, decision = _decided(
        feed,
        newsletter,
        reader,
        articles,
        numbered_at=numbered_at or {},
        pending=pending,
        now=now,
        opens=max(slot, now),
    )
    chosen, rest, waiting = _shown(feed, newsletter, articles, known, decision, now=now)
    if not chosen and not waiting:
        raise UsageError(
            "there is no public article to preview",
            where=feed.file,
            remedy="take the draft line out of one, or: publisher new TITLE",
        )
    wrong = tuple(corrected(decision.corrections)) if waiting else ()
    digest = DigestRenderer(publication, environment)(
        newsletter,
        articles=chosen,
        rest=rest,
        number=number,
        slot=slot,
        cadence=cadence.name,
        language=reader.language,
        corrections=wrong,
        note=note,
    )
    fields = personal_fields(publication, newsletter, reader.fields, reader.subscription, secrets.signing)
    values = {"name": reader.name, "address": reader.address, **fields}
    html = fill(digest.html, values, escaped=True)
    for url, picture in (embeddable(publication, chosen) if digest.pictures else {}).items():
        html = html.replace(f'"cid:{picture.cid}"', f'"{url}"')  # a browser has no message to find it in
    seen = Preview(
        newsletter=newsletter,
        cadence=cadence.name,
        reader=reader,
        slot=slot,
        number=number,
        language=reader.language or newsletter.language,
        subject=fill(digest.subject, values),
        preheader=fill(digest.preheader, values),
        html=html,
        text=fill(digest.text, values),
        message=b"",
        digest=digest,
        articles=tuple(chosen),
        rest=tuple(rest),
        corrections=wrong,
        note=note,
        waiting=waiting,
    )
    return replace(seen, message=_message(publication, secrets, seen, fields, now=now))


def next_articles(
    feed: Feed,
    newsletter: Newsletter,
    reader: Reader,
    articles: Sequence[Article],
    *,
    now: datetime,
    opens: datetime | None = None,
    numbered_at: Mapping[str, datetime] | None = None,
) -> tuple[list[Article], list[Article], bool]:
    """What the next edition has for the reader: its articles, those only linked, and whether they really wait. Pure.

    ``opens``: when it opens, and what is dated until then is public; None: ``now``. Where nothing waits, the newest
    public articles stand in, in the same order.
    """
    known, decision = _decided(
        feed, newsletter, reader, articles, numbered_at=numbered_at or {}, pending=(), now=now, opens=opens or now
    )
    return _shown(feed, newsletter, articles, known, decision, now=now)


def _decided(
    feed: Feed,
    newsletter: Newsletter,
    reader: Reader,
    articles: Sequence[Article],
    *,
    numbered_at: Mapping[str, datetime],
    pending: Sequence[Correction],
    now: datetime,
    opens: datetime,
) -> tuple[dict[str, Article], Decision]:
    """All articles by id, as they are when it opens, and what is decided for the reader."""
    known = {article.id: article for article in _published_until(opens, articles, now=now)}
    mailable = candidates(feed, newsletter, known.values(), now=opens)
    decided = decide(
        [reader.group],
        mailable,
        newsletter,
        cutoff=_NO_CUTOFF,
        numbered_at=numbered_at,
        now=opens,
        pending=pending,
    )
    return known, decided[0]


def _shown(
    feed: Feed,
    newsletter: Newsletter,
    articles: Sequence[Article],
    known: Mapping[str, Article],
    decision: Decision,
    *,
    now: datetime,
) -> tuple[list[Article], list[Article], bool]:
    """The articles of a decision, those only linked, and whether they wait; else what stands in for them."""
    if decision.is_mailed:
        return [known[one] for one in decision.articles], [known[one] for one in decision.rest], True
    public = [article for article in articles if article.is_public(now) and feed.selection.matches(article)]
    return [known[one] for one in arranged(public[: newsletter.max_items], newsletter.order)], [], False


def _published_until(opens: datetime, articles: Sequence[Article], *, now: datetime) -> list[Article]:
    """``articles`` with numbers for those that become public before the edition opens, in the order of their dates."""
    newest = max((article.sequence or 0 for article in articles), default=0)
    coming = sorted(
        (one for one in articles if one.sequence is None and not one.is_public(now) and one.is_public(opens)),
        key=lambda one: (one.published, one.id),
    )
    numbers = {one.id: newest + place for place, one in enumerate(coming, 1)}
    return [replace(one, sequence=numbers.get(one.id, one.sequence)) for one in articles]


def _message(
    publication: Publication, secrets: Secrets, seen: Preview, fields: Mapping[str, str], *, now: datetime
) -> bytes:
    newsletter, reader = seen.newsletter, seen.reader
    sender = wire_address(newsletter.sender_address)
    due = seen.slot
    if newsletter.deliver == "reader-local":
        due = local_due(seen.slot, newsletter.timezone, reader.timezone)
    envelope = edition_envelope(publication, newsletter, number=seen.number, date=due, language=reader.language)
    buffers = compile_message(seen.digest, envelope).message(
        message_id=f"<preview@{sender.rpartition('@')[2]}>",
        recipient_address=reader.address,
        recipient_name=reader.name,
        fields=fields,
    )
    signed(buffers, signer_of(publication, secrets, sender), at=now)
    return message_bytes(buffers)
