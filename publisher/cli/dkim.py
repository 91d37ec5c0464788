"""`publisher dkim`: keys for signatures of our own, and what to put into the DNS."""

from __future__ import annotations

import click

from publisher.cli.session import Session
from publisher.cli.verb import VerbGroup
from publisher.model.errors import UsageError

__all__ = ["dkim"]


@click.group(cls=VerbGroup)
def dkim() -> None:
    """Signatures: a key and its DNS record."""


@dkim.command()
@click.option("--selector", metavar="NAME", help="The key's name in the DNS; otherwise one with year and month.")
@click.option(
    "--kind",
    type=click.Choice(["rsa", "ed25519"]),
    default="rsa",
    show_default=True,
    help="Of key; ed25519 is to stand beside an RSA key.",
)
@click.pass_obj
def new(session: Session, selector: str | None, kind: str) -> None:
    """A new key in dkim/, and the DNS record that goes with it.

    Nothing is signed with it before its selector stands in dkim.selectors. To change keys: publish the new record,
    wait a day, put the new selector in the old one's place, and leave the old record for a week.
    """
    from pydantic import TypeAdapter, ValidationError

    from publisher.audience.addresses import wire_address
    from publisher.delivery.dkim import FOLDER, dns_record, make_key
    from publisher.publication.schema import Selector

    publication = session.publication
    name = selector or f"p{session.now():%Y%m}{'e' if kind == 'ed25519' else ''}"
    try:
        TypeAdapter(Selector).validate_python(name)
    except ValidationError:
        raise UsageError(
            f'"{name}" is not a selector', remedy='letters, digits and hyphens, such as "p202611"'
        ) from None
    key = make_key(publication.root, name, ed25519=kind == "ed25519")
    senders = {wire_address(one.sender_address).rpartition("@")[2].lower() for one in publication.newsletters}
    domains = [publication.dkim.domain] if publication.dkim.domain else sorted(senders) or [publication.host]
    value = dns_record(key)
    selectors = ",".join([*publication.dkim.selectors, name])
    step = f"publisher config set dkim.selectors {selectors}"
    if session.as_json:
        records = {f"{name}._domainkey.{domain}": value for domain in domains}
        session.answer({"selector": name, "file": f"{FOLDER}/{name}.pem", "records": records, "next": step})
        return
    session.show(f"The key is in {FOLDER}/{name}.pem. Put this into the DNS:")
    for domain in domains:
        # RFC 6376 section 3.6.2.2: strings of at most 255 octets, put together without spaces.
        strings = " ".join(f'"{value[start : start + 250]}"' for start in range(0, len(value), 250))
        session.show(f"{name}._domainkey.{domain}. IN TXT ( {strings} )")
    session.show(f"When it can be looked up, sign with it: {step}")
