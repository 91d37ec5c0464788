"""Suppressions: addresses that must not be mailed, known by their keyed hash only."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, select, update

from publisher.model.subscriber import Suppression
from publisher.store.inserting import insert_missing
from publisher.store.schema import suppressions

__all__ = ["lift", "of_hashes", "suppress"]


def of_hashes(connection: Connection, hashes: Iterable[str]) -> dict[str, Suppression]:
    """The suppressions of these addresses (at most some 10,000), by address hash."""
    rows = connection.execute(
        select(suppressions.c.address_hash, suppressions.c.reason, suppressions.c.at, suppressions.c.source).where(
            suppressions.c.address_hash.in_(list(hashes))
        )
    )
    return {row.address_hash: Suppression(**row._mapping) for row in rows}


def suppress(connection: Connection, suppression: Suppression, *, weaker: Iterable[str] = ()) -> bool:
    """Adds a suppression; one that is there stays, unless its reason is in ``weaker``. True if written."""
    values = {"reason": suppression.reason, "at": suppression.at, "source": suppression.source}
    known = of_hashes(connection, [suppression.address_hash])
    insert_missing(connection, suppressions, [{"address_hash": suppression.address_hash, **values}], "address_hash")
    # Also where it was not known: a weaker one may have come in between.
    changed = connection.execute(
        update(suppressions)
        .where(
            suppressions.c.address_hash == suppression.address_hash,
            suppressions.c.reason.in_(list(weaker)),
        )
        .values(values)
    )
    return not known or changed.rowcount == 1


def lift(connection: Connection, address_hash: str, reasons: Iterable[str]) -> bool:
    """Removes the suppression if it is for one of ``reasons``; whether there was one."""
    removed = connection.execute(
        delete(suppressions).where(
            suppressions.c.address_hash == address_hash, suppressions.c.reason.in_(list(reasons))
        )
    )
    return removed.rowcount == 1
