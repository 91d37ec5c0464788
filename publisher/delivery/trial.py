"""A test message: does mail leave through this transport, and does it look right where it arrives?

It counts for nothing: no delivery, no ledger, no journal.
"""

from __future__ import annotations

import asyncio
import secrets as randomness
from datetime import datetime
from html import escape

from publisher.audience.addresses import parse_address, wire_address
from publisher.delivery.message import Envelope, compile_message
from publisher.delivery.transport import Transport
from publisher.model.delivery import Outcome, Outgoing, Result
from publisher.model.edition import Digest
from publisher.model.errors import TransportError
from publisher.model.publication import Publication

__all__ = ["send_trial"]


class _Forgetting:
    """An AttemptLog that keeps nothing: a test message is not worth recovering."""

    async def started(self, outgoing: Outgoing) -> None:
        """Nothing to write."""

    def replied(self, outcome: Outcome) -> None:
        """Nothing to write."""


def send_trial(publication: Publication, transport: Transport, recipient: str, *, now: datetime) -> Outcome:
    """Sends one short message to ``recipient`` from the first newsletter's sender.

    Raises AddressError, and TransportError if it was not accepted.
    """
    address = parse_address(recipient)
    newsletter = publication.newsletters[0]
    text = f"This is a test message of {publication.title}.\n\nIf you can read it, mail leaves as it should.\n"
    digest = Digest(
        subject=f"Test message of {publication.title}",
        preheader="",
        html=f"<!doctype html><html lang=en><title>Test</title><p>{escape(text)}</p></html>",
        text=text,
    )
    envelope = Envelope(sender_name=newsletter.sender_name, sender_address=newsletter.sender_address, date=now)
    domain = wire_address(newsletter.sender_address).rpartition("@")[2]
    message_id = f"<test.{randomness.token_hex(8)}@{domain}>"
    outgoing = Outgoing(
        delivery=0,
        fence=0,
        message_id=message_id,
        envelope_sender=wire_address(newsletter.sender_address),
        recipient=address.wire,
        buffers=compile_message(digest, envelope).message(message_id=message_id, recipient_address=address.text),
        smtputf8=address.smtputf8,
    )
    outcome = asyncio.run(_deliver(transport, outgoing))
    if outcome.result is not Result.ACCEPTED:
        raise TransportError(
            f"the test message was not accepted: {outcome.code or ''} {outcome.reply}".strip(), where=address.text
        )
    return outcome


async def _deliver(transport: Transport, outgoing: Outgoing) -> Outcome:
    outcomes = [
        outcome async for outcome in transport.deliver(iter([outgoing]), log=_Forgetting(), stop=asyncio.Event())
    ]
    return outcomes[0]
