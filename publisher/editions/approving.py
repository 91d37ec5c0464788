"""Editions that somebody has to approve: composed before their slot, shown by mail, frozen once they are approved.

Guarantees: until then nothing is frozen: what is written, edited or withdrawn meanwhile is in the edition or not, and
whoever approves it gets a preview again when it has changed, at most every half hour. Approval takes the cut-off; what
leaves, leaves at the slot. Killed anywhere, the next run goes on: a preview and the note that it was mailed are one
transaction, and an approval is an opening. Fails with UsageError for an edition that cannot be approved.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from html import escape
from typing import Literal
from zoneinfo import ZoneInfo

from publisher.audience.addresses import Address, parse_address
from publisher.audience.hashing import address_hash
from publisher.audience.links import links
from publisher.editions.opening import Opened, Opener
from publisher.model.edition import Decision, Digest, Edition, EditionState
from publisher.model.errors import UsageError
from publisher.model.feed import Newsletter
from publisher.store import Connection, meta, notices, returns, subscribers
from publisher.store import editions as edition_store
from publisher.store import pictures as picture_store
from publisher.store.subscribers import NewSubscriber

__all__ = ["PREVIEWS_EVERY", "Composed", "answer", "approve", "attend", "with_banner"]

PREVIEWS_EVERY = timedelta(minutes=30)
"""An editor at work saves often: a changed edition is not shown again before this."""

_BODY = re.compile(r"<body[^>]*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """An edition as it would be if it were approved now.

    ``digest``    of the variant that most readers would get; None: nobody has anything to read
    ``readers``   who would get it, ``shown`` those of them who would get that variant, of ``variants``
    ``print``     changes when anything in it does, but not with the number of readers
    """

    digest: Digest | None
    articles: int = 0
    readers: int = 0
    shown: int = 0
    variants: int = 0
    print: str = ""

    @property
    def summary(self) -> str:
        """``3 articles for 1,204 readers``."""
        if self.digest is None:
            return "nobody has anything to read in it now"
        readers = "1 reader" if self.readers == 1 else f"{self.readers:,} readers"
        return f"{'1 article' if self.articles == 1 else f'{self.articles:,} articles'} for {readers}"


def answer(newsletter: Newsletter, edition: Edition, now: datetime) -> Literal["wait", "send", "skip"]:
    """What becomes at ``now`` of an edition that nobody has approved yet. Pure.

    Its time is up at the slot. One that was composed after its slot, because nothing ran, has as long as an edition
    has that is composed in time. Where approval is no longer asked for, it goes out at its slot.
    """
    up = edition.slot
    if newsletter.approval is not None and edition.opened_at > edition.slot:
        up = edition.opened_at + newsletter.approval
    if now < up:
        return "wait"
    return "send" if newsletter.approval is None else newsletter.unanswered


def attend(opener: Opener, keys: Sequence[bytes]) -> tuple[list[Opened], list[Edition]]:
    """Looks after every edition that awaits approval: those that opened because nobody answered, and those of which
    a preview is on its way.

    ``keys``: the publication's signing keys.
    """
    with opener.store.reading() as connection:
        waiting = edition_store.in_state(connection, EditionState.AWAITING_APPROVAL)
    opened: list[Opened] = []
    shown: list[Edition] = []
    for edition in waiting:
        newsletter = opener.publication.newsletter(edition.newsletter)
        if newsletter is None or newsletter.cadence(edition.cadence) is None:
            gone = "newsletter" if newsletter is None else "cadence"
            with opener.store.writing() as connection:
                returns.cancel(connection, edition.id, f"its {gone} was removed before it was approved", opener.now)
            continue
        with opener.apart(newsletter.name):
            composed = _composed(opener, edition, newsletter)
            match answer(newsletter, edition, opener.now):
                case "wait":
                    if _show(opener, edition, newsletter, composed, keys):
                        shown.append(replace(edition, reason=composed.summary))
                case "send" if composed.digest is not None:
                    if (done := _open(opener, edition.id)) is not None:
                        opened.append(done)
                case skipped:
                    why = "nobody approved it before its slot" if skipped == "skip" else composed.summary
                    with opener.store.writing() as connection:
                        returns.cancel(connection, edition.id, why, opener.now)
    return opened, shown


def approve(opener: Opener, number: int) -> Opened:
    """Freezes the edition's cut-off and digests as of now; it leaves at its slot, or at once if that has passed.

    Raises UsageError if it awaits no approval, or has nothing in it.
    """
    with opener.store.reading() as connection:
        edition = edition_store.get(connection, number)
    if edition is None:
        raise UsageError(f"there is no edition {number}", remedy="see: publisher editions list")
    newsletter = opener.publication.newsletter(edition.newsletter)
    if edition.cutoff != edition_store.NOT_APPROVED or edition.state is EditionState.CANCELLED:
        raise UsageError(
            f"edition {number} awaits no approval: it is {edition.state}",
            remedy=f"see: publisher editions show {number}",
        )
    if newsletter is None or newsletter.cadence(edition.cadence) is None:
        raise UsageError(
            f"edition {number} is of {edition.newsletter}, {edition.cadence}, which is not there any more",
            remedy=f"bring it back, or: publisher editions cancel {number}",
        )
    opener.note_changes()
    if _composed(opener, edition, newsletter).digest is None:
        raise UsageError(
            f"nobody has anything to read in edition {number} now",
            remedy=f"write something, or: publisher editions cancel {number}",
        )
    opened = _open(opener, number)
    if opened is None:
        raise UsageError(
            f"edition {number} was approved or cancelled a moment ago",
            remedy=f"see: publisher editions show {number}",
        )
    return opened


def _open(opener: Opener, number: int) -> Opened | None:
    """Takes the cut-off and opens it; None if somebody else has, or another run has to complete it."""
    with opener.store.writing() as connection:
        if not edition_store.approve(connection, number, cutoff=opener.newest, now=opener.now):
            return None
        meta.forget(connection, _shown(number))
    return opener.complete(number)


def _composed(opener: Opener, edition: Edition, newsletter: Newsletter) -> Composed:
    feed = opener.publication.feed(edition.newsletter)
    assert feed is not None
    decisions = [
        decision
        for decision in opener.decisions(
            feed, newsletter, edition.cadence, edition.slot, cutoff=opener.newest, now=opener.now
        )
        if decision.is_mailed
    ]
    if not decisions:
        return Composed(digest=None)
    readers: Counter[str] = Counter()
    for decision in decisions:
        readers[decision.key] += decision.group.count
    (key, shown), *_ = sorted(readers.items(), key=lambda item: (-item[1], item[0]))
    largest = next(decision for decision in decisions if decision.key == key)
    digest = opener.digest(edition, newsletter, largest, language=largest.group.language)
    listed = {article for decision in decisions for article in (*decision.articles, *decision.rest)}
    return Composed(
        digest=digest,
        articles=len(listed),
        readers=readers.total(),
        shown=shown,
        variants=len(readers),
        print=_print(opener, digest, decisions, listed),
    )


def _print(opener: Opener, digest: Digest, decisions: Sequence[Decision], listed: set[str]) -> str:
    contents = sorted(f"{article.id} {article.content_hash}" for article in opener.articles if article.id in listed)
    keys = sorted({decision.key for decision in decisions})
    parts = (digest.subject, digest.html, digest.text, *keys, *contents)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _show(opener: Opener, edition: Edition, newsletter: Newsletter, composed: Composed, keys: Sequence[bytes]) -> bool:
    """Mails a preview to the editor if something changed since the last one; whether it did."""
    with opener.store.writing() as connection:
        edition_store.set_reason(connection, edition.id, composed.summary, state=EditionState.AWAITING_APPROVAL)
        at, _, print_then = (meta.read(connection, _shown(edition.id)) or "").partition(" ")
        if composed.digest is None or print_then == composed.print:
            return False
        if at and opener.now < datetime.fromisoformat(at) + PREVIEWS_EVERY:
            return False
        digest = with_banner(composed.digest, _lines(edition, newsletter, composed, again=bool(at)), edition.id)
        picture_store.keep(connection, digest.pictures)
        notices.insert_notice(
            connection,
            kind="preview",
            newsletter=newsletter.name,
            digest=digest,
            fields=links(opener.publication, newsletter, 0, keys),
            subscriber=_editor(connection, newsletter, keys, opener.now),
            subscription=None,
            due_at=opener.now,
            now=opener.now,
        )
        meta.write(connection, _shown(edition.id), f"{opener.now.isoformat()} {composed.print}")
    return True


def _shown(number: int) -> str:
    """The fact that says when a preview was mailed, and of what."""
    return f"preview of edition {number}"


def _editor(connection: Connection, newsletter: Newsletter, keys: Sequence[bytes], now: datetime) -> int:
    """The editor's number: a person with an address, who need not subscribe to anything."""
    local = newsletter.editor.endswith("@localhost")  # only an address of this machine: nobody subscribes with it
    address = Address(newsletter.editor, newsletter.editor) if local else parse_address(newsletter.editor)
    hashed = address_hash(address, keys)
    person = NewSubscriber(address=address.text, address_hash=hashed, name="", language="", fields={})
    subscribers.insert_new(connection, [person], now)
    return subscribers.by_hash(connection, [hashed])[hashed].id


def _lines(edition: Edition, newsletter: Newsletter, composed: Composed, *, again: bool) -> list[str]:
    """What the editor must know, above the preview. Pure."""
    slot = edition.slot.astimezone(ZoneInfo(newsletter.timezone))
    unanswered = {
        "wait": "Nobody gets it before it is approved.",
        "send": "If nobody answers, it goes out then.",
        "skip": "If nobody answers, its articles join the next one.",
    }[newsletter.unanswered]
    of = f" This is the digest of {composed.shown:,} of them, one of {composed.variants:,}."
    return [
        f"{'Changed: edition' if again else 'Edition'} {edition.id}, {newsletter.title} ({edition.cadence}), "
        f"due {slot:%a %d %b %Y %H:%M} ({newsletter.timezone}): {composed.summary}."
        + (of if composed.variants > 1 else ""),
        f"To approve it as it is then: publisher editions approve {edition.id}",
        f"{unanswered} To keep it back: publisher editions hold {edition.id}; or cancel {edition.id}.",
    ]


def with_banner(digest: Digest, lines: Sequence[str], number: int) -> Digest:
    """The digest as a preview: what the editor must know stands above it. Pure."""
    rows = "".join(f'<p style="margin: 0 0 6px">{escape(line)}</p>' for line in lines)
    banner = (
        '<div lang="en" dir="ltr" style="background: #fef3c7; color: #1c1917; padding: 12px 16px 6px; '
        f'font: 14px/1.4 sans-serif; border-bottom: 2px solid #b45309">{rows}</div>'
    )
    found = _BODY.search(digest.html)
    end = found.end() if found else 0
    return replace(
        digest,
        subject=f"[Preview {number}] {digest.subject}",
        preheader=lines[0],
        html=f"{digest.html[:end]}\n{banner}{digest.html[end:]}",
        text="\n".join(lines) + f"\n\n{'-' * 72}\n\n{digest.text}",
    )
