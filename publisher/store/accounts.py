"""What became of an edition's deliveries, wherever they are: in the database, or in the edition's file.

Raises StoreError where a file is missing or damaged.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from publisher.model.delivery import Account, Attempt, DeliveryState, Result
from publisher.model.edition import Edition
from publisher.store import editions as edition_store
from publisher.store.blocks import read_block
from publisher.store.database import Store
from publisher.store.ledger_file import Block, LedgerFile

__all__ = ["account_of", "accounts_of", "doubtful"]


def account_of(connection: Connection, folder: Path, edition: Edition, subscription: int) -> Account | None:
    """What became of the edition for one reader, by the subscription's id; None: there was no delivery."""
    if edition.ledger:
        block = LedgerFile(folder / edition.ledger).block_of(subscription)
    else:
        block = read_block(connection, edition.id, after=subscription - 1, last=subscription)
    if block is None:
        return None
    return next(_accounts(block, subscription), None)


def accounts_of(store: Store, folder: Path, edition: Edition) -> Iterator[list[Account]]:
    """What became of every delivery of the edition, by subscription, some thousand at a time."""
    if edition.ledger:
        for block in LedgerFile(folder / edition.ledger).blocks():
            yield list(_accounts(block))
        return
    after = 0
    while True:
        with store.reading() as connection:
            found = read_block(connection, edition.id, after=after)
        if found is None:
            return
        yield list(_accounts(found))
        after = found.last


def doubtful(store: Store, folder: Path, edition: Edition) -> list[dict[str, Any]]:
    """Deliveries with an attempt whose fate is unknown: the final dot left and no reply was read."""
    if not edition.ledger:
        with store.reading() as connection:
            return edition_store.doubtful(connection, edition.id)
    return [case | {"at": _moment(case["at"])} for case in LedgerFile(folder / edition.ledger).doubtful]


def _accounts(block: Block, subscription: int | None = None) -> Iterator[Account]:
    """Of one subscription only, if it is given. Pure."""
    of, at = block.deliveries, block.attempts
    tried: dict[int, list[Attempt]] = {}
    chosen: range | list[int] = range(len(block))
    if subscription is not None:
        chosen = [number for number, one in enumerate(of["subscription"]) if one == subscription]
    for number, delivery in enumerate(at["delivery"]):
        if delivery in chosen:
            tried.setdefault(delivery, []).append(
                Attempt(
                    at=_moment(at["at"][number]),
                    worker=at["worker"][number],
                    relay=at["relay"][number],
                    result=Result(at["result"][number]),
                    code=at["code"][number],
                    reply=at["reply"][number],
                    seconds=at["seconds"][number] / 10_000,
                )
            )
    for number in chosen:
        yield Account(
            id=of["id"][number],
            subscriber=of["subscriber"][number],
            subscription=of["subscription"][number],
            generation=of["generation"][number],
            variant=of["variant"][number],
            cursor_from=of["from"][number],
            cursor_to=of["to"][number],
            state=DeliveryState(of["state"][number]),
            was_unknown=of["was_unknown"][number],
            due_at=_moment(of["due_at"][number]),
            first_tried_at=_perhaps(of["first_tried_at"][number]),
            ended_at=_perhaps(of["ended_at"][number]),
            reply=of["reply"][number],
            attempts=tuple(tried.get(number, ())),
        )


def _moment(stored: str) -> datetime:
    return datetime.fromisoformat(stored)


def _perhaps(stored: str | None) -> datetime | None:
    return None if stored is None else _moment(stored)
