"""`publisher editions hold|resume|cancel|retry`: while an edition is going out, too, whoever is delivering it.

Approving and recomposing, which read the articles: `publisher.cli.approving`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from publisher.cli.editions import editions
from publisher.cli.session import Session, count
from publisher.model.errors import UsageError

if TYPE_CHECKING:
    from publisher.model.edition import Edition
    from publisher.store import Connection

__all__ = ["editions", "found"]


@editions.command()
@click.argument("number", type=int)
@click.pass_obj
def hold(session: Session, number: int) -> None:
    """No more of this edition leaves, until it is resumed."""
    from publisher.publication.freshness import forget
    from publisher.store import editions as rows

    with session.store().writing() as connection:
        edition = found(connection, number)
        if not rows.hold(connection, number):
            raise cannot(edition, "held")
    forget(session.publication)
    note = "what was in the air when you asked is finished"
    if edition.cutoff == rows.NOT_APPROVED:
        note = "it does not go out by itself, whatever its slot"
    _tell(session, number, "held", note)


@editions.command()
@click.argument("number", type=int)
@click.pass_obj
def resume(session: Session, number: int) -> None:
    """A held or paused edition goes on."""
    from publisher.publication.freshness import forget
    from publisher.store import editions as rows

    with session.store().writing() as connection:
        edition = found(connection, number)
        if not rows.resume(connection, number):
            raise cannot(edition, "resumed")
    forget(session.publication)
    if edition.cutoff == rows.NOT_APPROVED:
        _tell(session, number, "awaiting approval", f"publisher editions approve {number}")
    else:
        waits = edition.slot > session.now()
        when = "at its slot" if waits else "with the next run, or at once where one is delivering"
        _tell(session, number, "going out", when)


@editions.command()
@click.argument("number", type=int)
@click.option("--reason", metavar="TEXT", default="cancelled by the operator", help="Stands in the edition's account.")
@click.pass_obj
def cancel(session: Session, number: int, reason: str) -> None:
    """What has not left does not leave any more; its articles return to their readers' next edition."""
    from publisher.model.edition import EditionState
    from publisher.publication.freshness import forget
    from publisher.store import editions as rows
    from publisher.store import returns

    with session.store().writing() as connection:
        edition = found(connection, number)
        if edition.state in (EditionState.FINISHED, EditionState.CANCELLED):
            raise cannot(edition, "cancelled")
        withdrawn = returns.cancel(connection, number, reason, session.now())
        claimed = rows.sums(connection, number).outstanding
    forget(session.publication)
    more = f"; {count(claimed, 'message')} may be in the air, or come back within a second" if claimed else ""
    _tell(session, number, "cancelled", f"{count(withdrawn, 'delivery', 'deliveries')} withdrawn{more}")


@editions.command()
@click.argument("number", type=int)
@click.option("--failed", is_flag=True, help="Only those that certainly did not arrive.")
@click.option("--unknown", is_flag=True, help="Only those in doubt: no reply came after the message.")
@click.pass_obj
def retry(session: Session, number: int, failed: bool, unknown: bool) -> None:
    """Failed deliveries go back into the queue.

    Readers whose later edition has the articles already are left out, and so is who has left since.
    """
    from publisher.model.edition import EditionState
    from publisher.store import retrying

    with session.store().writing() as connection:
        edition = found(connection, number)
        if edition.state is EditionState.CANCELLED:
            raise cannot(edition, "tried again")
        if edition.ledger:
            raise UsageError(
                f"edition {number} ended {edition.finished_at:%Y-%m-%d} and has left the database: it cannot be tried "
                "again",
                where=f"ledger/{edition.ledger}",
                remedy=f"its deliveries: publisher editions export {number}; its articles can be mailed anew",
            )
        both = failed == unknown
        again = retrying.retry(connection, number, failed=failed or both, unknown=unknown or both)
    _tell(session, number, "tried again", count(again, "delivery", "deliveries"))


def found(connection: Connection, number: int) -> Edition:
    """The edition of that number. Raises UsageError."""
    from publisher.store import editions as rows

    edition = rows.get(connection, number)
    if edition is None:
        raise UsageError(f"there is no edition {number}", remedy="see: publisher editions list")
    return edition


def cannot(edition: Edition, verb: str) -> UsageError:
    """What to say where the state forbids it. Pure."""
    return UsageError(
        f"edition {edition.id} is {edition.state} and cannot be {verb}",
        remedy=f"see: publisher editions show {edition.id}",
    )


def _tell(session: Session, number: int, state: str, more: str) -> None:
    from publisher.publication.freshness import forget

    forget(session.publication)  # pages may show something else of it now, and no file of the publication says so
    if session.as_json:
        session.answer({"number": number, "state": state, "note": more})
    else:
        session.show(f"Edition {number}: {state}; {more}.")
