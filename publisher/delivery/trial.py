"""Messages outside the outbox: alerts, and test messages (does mail leave, does it look right where it arrives?).

They count for nothing: no delivery, no ledger, no journal. They are signed like all others.
"""

from __future__ import annotations

import asyncio
import secrets as randomness
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from html import escape

from publisher.audience.addresses import parse_address, wire_address
from publisher.delivery.composing import edition_envelope, personal_fields, signed
from publisher.delivery.dkim import signer_of
from publisher.delivery.message import Envelope, compile_message
from publisher.delivery.transport import Transport
from publisher.model.delivery import Outcome, Outgoing, Result
from publisher.model.edition import Digest
from publisher.model.errors import TransportError
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication, Secrets

__all__ = ["TEST", "send_plain", "send_test_copy", "send_trial"]

TEST = "[Test]"
"""What the subject of a test copy begins with; filters and colleagues know it by that."""

_NOBODY = 0


class _Forgetting:
    """An AttemptLog that keeps nothing: a test message is not worth recovering."""

    async def started(self, outgoing: Outgoing) -> None:
        """Nothing to write."""

    def begin(self, outgoing: Outgoing) -> bool:
        """Nothing to write."""
        return True

    def withholds(self, outgoing: Outgoing) -> bool:
        """Nothing was held."""
        return False

    def turn(self, outcome: Outcome, following: Outgoing) -> bool:
        """There is no second message."""
        return False

    def replied(self, outcome: Outcome) -> None:
        """Nothing to write."""


def send_trial(
    publication: Publication, transport: Transport, recipient: str, *, now: datetime, secrets: Secrets | None = None
) -> Outcome:
    """Sends one short message to ``recipient`` from the first newsletter's sender. Unsigned without ``secrets``.

    Raises AddressError, ConfigurationError (a key of DKIM's), and TransportError if it was not accepted.
    """
    text = f"This is a test message of {publication.title}.\n\nIf you can read it, mail leaves as it should.\n"
    subject = f"Test message of {publication.title}"
    return send_plain(
        publication, transport, recipient, subject=subject, text=text, test="trial", now=now, secrets=secrets
    )


def send_plain(
    publication: Publication,
    transport: Transport,
    recipient: str,
    *,
    subject: str,
    text: str,
    now: datetime,
    secrets: Secrets | None = None,
    test: str = "",
) -> Outcome:
    """Sends a few lines to ``recipient`` from the first newsletter's sender; without one, from the recipient.

    Raises AddressError, ConfigurationError (a key of DKIM's), and TransportError if it was not accepted.
    """
    senders = [(one.sender_name, one.sender_address) for one in publication.newsletters]
    name, address = senders[0] if senders else (publication.title, recipient)
    lines = "".join(f"<p>{escape(line)}</p>" for line in text.splitlines() if line)
    digest = Digest(
        subject=subject,
        preheader="",
        html=f"<!doctype html><html lang=en><title>{escape(subject)}</title>{lines}</html>",
        text=text,
    )
    envelope = Envelope(sender_name=name, sender_address=address, date=now, test=test)
    return _send(publication, secrets, transport, digest, envelope, recipient, fields={}, now=now)


def send_test_copy(
    publication: Publication,
    secrets: Secrets,
    transport: Transport,
    newsletter: Newsletter,
    digest: Digest,
    recipient: str,
    *,
    number: int,
    language: str,
    name: str = "",
    fields: Mapping[str, str],
    now: datetime,
) -> Outcome:
    """Sends the digest of a preview to ``recipient``, marked in subject and header, dated now.

    ``name`` and ``fields`` are those of the reader whom the preview is for; the links are nobody's, so that pressing
    them unsubscribes nobody. Raises AddressError, ConfigurationError, and TransportError if it was not accepted.
    """
    envelope = edition_envelope(publication, newsletter, number=number, date=now, language=language)
    values = {
        **personal_fields(publication, newsletter, fields, _NOBODY, secrets.signing),
        "name": name,
        "address": recipient,
    }
    marked = replace(digest, subject=f"{TEST} {digest.subject}")
    return _send(
        publication,
        secrets,
        transport,
        marked,
        replace(envelope, test=newsletter.name),
        recipient,
        fields=values,
        now=now,
    )


def _send(
    publication: Publication,
    secrets: Secrets | None,
    transport: Transport,
    digest: Digest,
    envelope: Envelope,
    recipient: str,
    *,
    fields: Mapping[str, str],
    now: datetime,
) -> Outcome:
    address = parse_address(recipient)
    sender = wire_address(envelope.sender_address)
    message_id = f"<{'test' if envelope.test else 'alert'}.{randomness.token_hex(8)}@{sender.rpartition('@')[2]}>"
    buffers = compile_message(digest, envelope).message(
        message_id=message_id, recipient_address=address.text, fields=fields
    )
    if secrets is not None:
        signed(buffers, signer_of(publication, secrets, sender), at=now)
    outgoing = Outgoing(
        delivery=0,
        fence=0,
        message_id=message_id,
        envelope_sender=sender,
        recipient=address.wire,
        buffers=buffers,
        smtputf8=address.smtputf8,
    )
    outcome = asyncio.run(_deliver(transport, outgoing))
    if outcome.result is not Result.ACCEPTED:
        what = "the test message" if envelope.test else "the message"
        raise TransportError(
            f"{what} was not accepted: {outcome.code or ''} {outcome.reply}".strip(), where=address.text
        )
    return outcome


async def _deliver(transport: Transport, outgoing: Outgoing) -> Outcome:
    made = [
        outcome
        async for outcomes in transport.deliver(iter([outgoing]), log=_Forgetting(), stop=asyncio.Event())
        for outcome in outcomes
    ]
    return made[0]
