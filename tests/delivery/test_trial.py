"""Test messages over SMTP: marked, signed like all others, and nobody's."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import dkim as dkimpy
import pytest

from publisher.audience.tokens import token
from publisher.delivery.dkim import dns_record, make_key
from publisher.delivery.trial import send_test_copy, send_trial
from publisher.model.edition import Digest
from publisher.model.errors import AddressError, TransportError
from publisher.model.publication import Publication, Secrets
from publisher.theme import fields
from tests.delivery.going_out import relay_transport
from tests.relay import Relay

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
KEYS = Secrets(signing=(b"a signing key of enough length..",))
DIGEST = Digest(
    subject=f"For {fields.token('name', 'you')}",
    preheader="",
    html=f"<p>{fields.token('city')} {fields.token('address')} {fields.token('unsubscribe_url')}</p>\n",
    text=f"{fields.token('city')}\n{fields.token('unsubscribe_url')}\n",
)


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay(lambda recipient: "550 5.1.1 unknown" if recipient.startswith("nobody") else None) as started:
        yield started


def send(publication: Publication, relay: Relay, recipient: str) -> None:
    newsletter = publication.newsletters[0]
    send_test_copy(
        publication,
        KEYS,
        relay_transport(relay),
        newsletter,
        DIGEST,
        recipient,
        number=7,
        language="de",
        name="Zoë",
        fields={"city": "Kiel", "unsubscribe_url": "https://evil.example/"},
        now=NOW,
    )


def test_a_copy_is_signed_marked_and_its_links_are_nobodys(
    folder: Path, publication: Publication, relay: Relay
) -> None:
    key = make_key(folder, "s1")
    signing = replace(publication, dkim=replace(publication.dkim, selectors=("s1",)))
    send(signing, relay, "ed@example.com")
    (accepted,) = relay.accepted
    assert dkimpy.verify(accepted.content, dnsfunc=lambda name, timeout=5: dns_record(key).encode())
    message = accepted.message
    newsletter = publication.newsletters[0]
    assert (message["Subject"], message["To"]) == ("[Test] For Zoë", "ed@example.com")
    assert message["X-Publisher-Test"] == newsletter.name
    assert message["Content-Language"] == "de"
    nobodys = token("unsubscribe", 0, KEYS.signing)
    assert nobodys in message["List-Unsubscribe"]
    body = message.get_body(("html",))
    assert body is not None
    assert body.get_content().split() == [
        "<p>Kiel",
        "ed@example.com",
        f"https://news.example.org/u/{nobodys}</p>",
    ]
    assert accepted.sender == newsletter.sender_address, "a bounce comes to the editor and is counted nowhere"


def test_two_copies_are_two_messages(publication: Publication, relay: Relay) -> None:
    send(publication, relay, "ed@example.com")
    send(publication, relay, "ed@example.com")
    assert len({accepted.message["Message-ID"] for accepted in relay.accepted}) == 2


def test_a_copy_that_is_refused_says_so(publication: Publication, relay: Relay) -> None:
    with pytest.raises(TransportError, match=r"nobody@example\.com.*not accepted: 550"):
        send(publication, relay, "nobody@example.com")
    with pytest.raises(AddressError):
        send(publication, relay, "nobody")
    assert not relay.accepted


def test_a_trial_is_marked_and_signed_too(folder: Path, publication: Publication, relay: Relay) -> None:
    make_key(folder, "s1")
    signing = replace(publication, dkim=replace(publication.dkim, selectors=("s1",)))
    send_trial(signing, relay_transport(relay), "ed@example.com", now=NOW, secrets=KEYS)
    (accepted,) = relay.accepted
    assert accepted.message["X-Publisher-Test"] == "trial"
    assert accepted.message["DKIM-Signature"]
