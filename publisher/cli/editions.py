"""`publisher editions`: what went out, when, to how many, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from publisher.cli.session import Session, count
from publisher.cli.verb import VerbGroup
from publisher.model.errors import PublisherError, UsageError

if TYPE_CHECKING:
    from publisher.model.edition import Edition
    from publisher.store.editions import Sums

__all__ = ["edition_fields", "editions"]


@click.group(cls=VerbGroup)
def editions() -> None:
    """Editions: list, show, export, approve, recompose, hold, resume, cancel, retry."""


@editions.command("list")
@click.option("--newsletter", metavar="NAME", help="Of one newsletter only.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000_000), default=50, show_default=True, help="How many, newest first."
)
@click.pass_obj
def list_(session: Session, newsletter: str | None, limit: int) -> None:
    """The newest editions, newest first."""
    from publisher.cli.sentences import local, next_step, zone_of
    from publisher.store import editions as rows

    publication = session.publication
    if newsletter is not None:
        session.newsletter(newsletter)
    with session.store(only_reading=True).reading() as connection:
        found = rows.listing(connection, newsletter=newsletter, limit=limit)
        sums = {edition.id: rows.sums(connection, edition.id) for edition in found}
    if session.as_json:
        session.answer([edition_fields(edition, sums[edition.id]) for edition in found])
    elif not found:
        session.show("No edition yet. An edition opens when a slot of its newsletter is due: publisher run")
    else:
        session.table(
            ("number", "newsletter", "cadence", "slot", "state", "accepted", "candidates", "next"),
            [
                (
                    edition.id,
                    edition.newsletter,
                    edition.cadence,
                    local(edition.slot, zone_of(publication, edition.newsletter)),
                    edition.state,
                    sums[edition.id].accepted,
                    sums[edition.id].candidates,
                    next_step(edition).removeprefix("Next: "),
                )
                for edition in found
            ],
        )


@editions.command()
@click.argument("number", type=int)
@click.pass_obj
def show(session: Session, number: int) -> None:
    """One edition: its account, its digests, and every doubtful case."""
    from publisher.cli.sentences import account, edition_sentence, local, next_step, zone_of
    from publisher.store import editions as rows

    publication = session.publication
    with session.store(only_reading=True).reading() as connection:
        edition = rows.get(connection, number)
        if edition is None:
            raise UsageError(f"there is no edition {number}", remedy="see: publisher editions list")
        resumes = rows.resumes_at(connection, number)
        sums = rows.sums(connection, number)
        variants = rows.variants_of(connection, number)
    doubtful, fault = _doubtful(session, edition, sums)
    if session.as_json:
        session.answer(
            {
                **edition_fields(edition, sums),
                "variants": [
                    {
                        "language": variant.language,
                        "subject": variant.digest.subject,
                        "articles": variant.articles,
                        "rest": variant.rest,
                    }
                    for variant in variants
                ],
                "doubtful": doubtful,
                **({"error": str(fault)} if fault else {}),
            }
        )
        return
    if fault is not None:
        session.failed(fault)
    zone = zone_of(publication, edition.newsletter)
    session.show(edition_sentence(edition, sums, zone, resumes))
    unapproved = edition.cutoff == rows.NOT_APPROVED
    session.show(f"{'Composed' if unapproved else 'Opened'} {local(edition.opened_at, zone)}.")
    if edition.ledger:
        session.show(f"Its deliveries and attempts are in ledger/{edition.ledger}: publisher editions export {number}")
    for line in () if unapproved else account(sums):
        session.show(line)
    if not sums.adds_up:
        session.show(
            "The sum is open while the edition is opening."
            if edition.state == "opening"
            else "The sum does not add up: please report this with `publisher editions show --json`."
        )
    for variant in variants:
        listed = count(len(variant.articles), "article") + (f" and {len(variant.rest)} linked" if variant.rest else "")
        session.show(f"Digest ({', '.join(filter(None, (variant.language, listed)))}): {variant.digest.subject}")
    for case in doubtful:
        session.show(
            f"In doubt: subscriber {case['subscriber_id']}, {case['at']:%Y-%m-%d %H:%M:%S} UTC, {case['relay']}: "
            f"no reply came after the message; the delivery is now {case['state']}."
        )
    if step := next_step(edition, resumes):
        session.show(step)


def _doubtful(session: Session, edition: Edition, sums: Sums) -> tuple[list[dict[str, Any]], PublisherError | None]:
    """The doubtful cases. A file that is missing hides them, and nothing else."""
    from publisher.store import accounts

    if not sums.unknown and not edition.ledger:
        return [], None
    try:
        return accounts.doubtful(session.store(only_reading=True), session.publication.ledger, edition), None
    except PublisherError as error:
        return [], error


@editions.command()
@click.argument("number", type=int)
@click.option("--attempts", is_flag=True, help="A line an attempt (the ledger) instead of a line a delivery.")
@click.option("--out", metavar="FILE", help="Into this file instead of standard output.")
@click.pass_obj
def export(session: Session, number: int, attempts: bool, out: str | None) -> None:
    """Every delivery of an edition, as CSV; with --json a JSON object a line.

    Also of an edition that has left the database. Addresses are those of today: who was erased has none.
    """
    from publisher.cli.exporting import export_edition
    from publisher.store import editions as rows

    with session.store(only_reading=True).reading() as connection:
        edition = rows.get(connection, number)
    if edition is None:
        raise UsageError(f"there is no edition {number}", remedy="see: publisher editions list")
    export_edition(session, edition, attempts=attempts, out=out)


def edition_fields(edition: Edition, sums: Sums) -> dict[str, object]:
    """An edition for JSON. Pure."""
    from publisher.cli.sentences import next_step

    return {
        "number": edition.id,
        "newsletter": edition.newsletter,
        "cadence": edition.cadence,
        "slot": edition.slot,
        "state": edition.state,
        "reason": edition.reason,
        "next": next_step(edition).removeprefix("Next: "),
        "opened_at": edition.opened_at,
        "finished_at": edition.finished_at,
        "ledger": edition.ledger,
        "candidates": sums.candidates,
        "excluded": sums.excluded,
        "accepted": sums.accepted,
        "failed": sums.failed,
        "withdrawn": sums.withdrawn,
        "outstanding": sums.outstanding,
        "deferred": sums.deferred,
        "unknown": sums.unknown,
    }
