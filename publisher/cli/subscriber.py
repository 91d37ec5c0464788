"""`publisher subscribers show|unsubscribe|end-feed|unsuppress|erase|export`: one person; all of them for another."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from publisher.cli.session import Session, count
from publisher.cli.subscribers import subscribers
from publisher.model.errors import UsageError

if TYPE_CHECKING:
    from publisher.model.subscriber import Subscriber, Subscription
    from publisher.store import Connection

__all__ = ["subscribers"]


@subscribers.command()
@click.argument("address")
@click.pass_obj
def show(session: Session, address: str) -> None:
    """All that is kept about one person."""
    from publisher.audience.erasing import export as exported
    from publisher.audience.preferring import written
    from publisher.store import consents, private_feeds, subscriptions
    from publisher.store import subscribers as rows

    with session.store().reading() as connection:
        person = _found(session, connection, address)
        if session.as_json:
            session.answer(exported(connection, person))
            return
        held = subscriptions.of_subscribers(connection, [person.id])
        feeds = {one.id: private_feeds.current(connection, one.id) for one in held.values()}
        history = consents.history(connection, person.id)
        listed = rows.listing(connection, address_hash=rows.hash_of(connection, person.id))
    zone = ZoneInfo(session.publication.timezone)
    session.show(f"{person.address}{f' ({person.name})' if person.name else ''}, subscriber {person.id}")
    suppressed = next((one.suppressed for one in listed if one.suppressed), "")
    if suppressed:
        session.show(f"Suppressed: {suppressed}. Nothing is mailed.")
    for (_, newsletter), subscription in sorted(held.items()):
        until = subscription.snoozed_until
        more = f", snoozed until {until.astimezone(zone):%a %d %b %Y %H:%M}" if until and until > session.now() else ""
        if subscription.by_feed:
            more = ", by feed instead of mail"
        if feed := feeds[subscription.id]:
            more += f", private feed since {feed[1].astimezone(zone):%Y-%m-%d}"
        language = f", in {subscription.language}" if subscription.language else ""
        reads = f"{subscription.cadence}, {written(subscription.topics)}"
        session.show(f"{newsletter}: {subscription.state}, {reads}{language}{more}")
    for event in history:
        details = "; ".join(filter(None, (event.wording, event.source, event.ip)))
        session.show(f"{event.at.astimezone(zone):%Y-%m-%d %H:%M} {event.newsletter}: {event.event} ({details})")


@subscribers.command()
@click.argument("address")
@click.option("--newsletter", metavar="NAME", help="From this one only; otherwise from all.")
@click.pass_obj
def unsubscribe(session: Session, address: str, newsletter: str | None) -> None:
    """Ends a person's subscriptions; what has not left does not leave any more."""
    from publisher.audience import joining

    now, source = session.now(), "publisher subscribers unsubscribe"
    reader, ended = _ended(
        session,
        address,
        newsletter,
        lambda connection, one: joining.unsubscribe(connection, one.id, now=now, source=source),
    )
    if session.as_json:
        session.answer({"address": reader, "unsubscribed": ended})
    else:
        left = ", ".join(ended)
        session.say(f"{reader}: {f'unsubscribed from {left}' if ended else 'had left already'}.")


@subscribers.command("end-feed")
@click.argument("address")
@click.option("--newsletter", metavar="NAME", help="Of this one only; otherwise of all.")
@click.pass_obj
def end_feed(session: Session, address: str, newsletter: str | None) -> None:
    """Ends the addresses of a person's private feeds; who read by feed instead of mail gets mail again."""
    from publisher.audience import preferring

    now, source = session.now(), "publisher subscribers end-feed"
    reader, ended = _ended(
        session,
        address,
        newsletter,
        lambda connection, one: preferring.end_feed(connection, one, now=now, source=source),
    )
    if session.as_json:
        session.answer({"address": reader, "ended": ended})
    else:
        done = f"the private feed of {', '.join(ended)} has ended" if ended else "has no private feed"
        session.say(f"{reader}: {done}.")


@subscribers.command()
@click.argument("address")
@click.pass_obj
def unsuppress(session: Session, address: str) -> None:
    """Lifts a suppression; their subscriptions go on with what waits for them."""
    from publisher.audience.addresses import parse_address
    from publisher.audience.hashing import address_hash
    from publisher.store import suppressions

    hashed = address_hash(parse_address(address), session.secrets.signing)
    with session.store().writing() as connection:
        known = suppressions.of_hashes(connection, [hashed]).get(hashed)
        if known is None:
            raise UsageError("it is not suppressed", where=address)
        suppressions.lift(connection, hashed, [known.reason])
    if session.as_json:
        session.answer({"address": address, "was": known.reason})
    else:
        session.say(f"{address}: no longer suppressed; it was: {known.reason}.")


@subscribers.command()
@click.argument("address")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def erase(session: Session, address: str, yes: bool) -> None:
    """Removes all that is kept about one person but a keyed hash, so that no import mails them again."""
    from publisher.audience.erasing import erase as erased

    with session.store().reading() as connection:
        person = _found(session, connection, address)
    if not yes:
        if not session.answers:
            raise UsageError("nobody is here to be asked", remedy="if you are sure: --yes")
        click.confirm(f"Erase {person.address} for good?", abort=True)
    with session.store().writing() as connection:
        erased(connection, person.id, now=session.now(), source="publisher subscribers erase")
    if session.as_json:
        session.answer({"subscriber": person.id, "erased": True})
    else:
        session.say(f"Subscriber {person.id} is erased; old editions in ledger/ name the number only.")


@subscribers.command()
@click.option("--newsletter", metavar="NAME", help="Of one newsletter only.")
@click.pass_obj
def export(session: Session, newsletter: str | None) -> None:
    """Who reads what, as the CSV that `subscribers import` reads; on standard output.

    Suppressed ones, and those who read by feed instead of mail, are left out.
    """
    from publisher.audience.topics import wishes_of
    from publisher.model.subscriber import SubscriptionState
    from publisher.store import subscribers as rows

    if newsletter is not None:
        session.newsletter(newsletter)
    table = csv.writer(sys.stdout, lineterminator="\n")
    records: list[dict[str, str]] = []
    after = written = 0
    with session.store().reading() as connection:
        own = sorted(rows.own_fields(connection))
    columns = ("address", "name", "newsletter", "cadence", "topics", "language", "timezone", *own)
    if not session.as_json:
        table.writerow(columns)
    while True:
        with session.store().reading() as connection:
            found = rows.listing(
                connection, newsletter=newsletter, state=SubscriptionState.ACTIVE, after=after, limit=1000
            )
        if not found:
            break
        after = found[-1].subscription
        for one in found:
            if one.suppressed or one.by_feed:
                continue
            topics = ";".join(f"{kind}:{value}" for kind, value in wishes_of(one.topics))
            values = (
                *(one.address, one.name, one.newsletter, one.cadence, topics, one.language, one.timezone),
                *(one.fields.get(name, "") for name in own),
            )
            written += 1
            if session.as_json:
                records.append(dict(zip(columns, values, strict=True)))
            else:
                table.writerow(values)
    if session.as_json:
        session.answer(records)
    else:
        sys.stdout.flush()
        if not session.quiet:
            click.echo(f"{count(written, 'subscription')}", err=True)


def _ended(
    session: Session, address: str, newsletter: str | None, end: Callable[[Connection, Subscription], bool]
) -> tuple[str, list[str]]:
    """A person's address, and the newsletters of those of their subscriptions for which ``end`` had anything to end."""
    from publisher.store import subscriptions

    with session.store().writing() as connection:
        person = _found(session, connection, address)
        held = subscriptions.of_subscribers(connection, [person.id])
        chosen = {name: one for (_, name), one in held.items() if newsletter in (None, name)}
        if not chosen:
            raise UsageError(f"reads no {newsletter}", where=person.address, remedy="see: publisher subscribers show")
        return person.address, [name for name, one in sorted(chosen.items()) if end(connection, one)]


def _found(session: Session, connection: Connection, address: str) -> Subscriber:
    from publisher.audience.addresses import parse_address
    from publisher.audience.erasing import person_of

    parsed = parse_address(address)
    person = person_of(connection, parsed, session.secrets.signing)
    if person is None:
        raise UsageError("nobody reads at this address", where=parsed.text, remedy="see: publisher subscribers list")
    return person
