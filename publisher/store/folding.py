"""Folding: the deliveries and attempts of an edition that ended long ago leave the database for a file.

The file is written, synced, read back and compared with the database's own sums before it has its name; the edition
names it in one transaction, and only then do its rows go, a block a transaction, each compared with the file once
more. Killed anywhere, the next pass goes on: a file without an edition is written anew, an edition with a file loses
the rest of its rows. The edition, its sums, its variants' lists and subjects stay. An edition that `retry` opens again
meanwhile keeps its rows. SQLite uses the freed pages for the next edition; the file does not grow by it.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import zip_longest
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, and_, delete, exists, func, or_, select, text, update

from publisher.model.edition import Edition, EditionState
from publisher.model.errors import PublisherError, StoreError
from publisher.model.publication import Publication
from publisher.store import editions as edition_store
from publisher.store import pictures as picture_store
from publisher.store.blocks import iso, read_block
from publisher.store.database import Store
from publisher.store.folding_notices import fold_notices
from publisher.store.host import host_lock
from publisher.store.inserting import inserting
from publisher.store.ledger_file import Block, LedgerFile, LedgerWriter
from publisher.store.schema import attempts, deliveries, editions, folded, groups, variants
from publisher.store.unfinished import give_name, unfinished

__all__ = ["Folded", "fold", "fold_ended", "to_fold"]

FOLD_FOR = timedelta(seconds=20)
"""What a pass spends on it, and on a file that is being written then: the next pass is a few minutes away."""

PAUSE = 0.025
"""Seconds between two transactions on SQLite, so that waiting writers have their turn."""


@dataclass(slots=True)
class Folded:
    """What a pass folded, and what kept it from more."""

    editions: list[int] = field(default_factory=list)
    errors: list[PublisherError] = field(default_factory=list)


def fold_ended(
    publication: Publication, store: Store, *, clock: Callable[[], datetime], stop: threading.Event
) -> Folded:
    """Folds editions and notices that ended more than ``delivery.keep`` ago, for FOLD_FOR or until ``stop`` is set.

    One process a host. A file that is being written when the time is over is written to its end, unless ``stop`` is
    set.
    """
    done, keep = Folded(), publication.delivery.keep
    if keep is None or stop.is_set():
        return done
    try:
        with host_lock(publication.state, "fold.lock") as mine:
            if mine:
                _fold_all(store, publication.ledger, done, keep=keep, clock=clock, stop=stop)
    except PublisherError as error:
        done.errors.append(error)
    return done


def _fold_all(
    store: Store,
    folder: Path,
    done: Folded,
    *,
    keep: timedelta,
    clock: Callable[[], datetime],
    stop: threading.Event,
) -> None:
    end = clock() + FOLD_FOR
    with store.reading() as connection:
        ripe = to_fold(connection, clock() - keep)
    for edition in ripe:
        if edition.ledger and not (folder / edition.ledger).exists():
            continue  # another machine's: it has the file, and lets the rows go
        if stop.is_set() or clock() > end:
            break
        try:
            if fold(
                store,
                folder,
                edition,
                now=clock(),
                go_on=lambda: not stop.is_set(),
                in_time=lambda: clock() < end,
            ):
                done.editions.append(edition.id)
        except PublisherError as error:
            done.errors.append(error)
    if not stop.is_set():
        while clock() < end and fold_notices(store, folder, before=clock() - keep):
            pass


def to_fold(connection: Connection, before: datetime) -> list[Edition]:
    """Those whose rows are leaving already, then those that ended before ``before``, the oldest first."""
    outstanding = exists().where(
        deliveries.c.edition_id == editions.c.id, deliveries.c.state.in_(edition_store.OUTSTANDING)
    )
    ended = and_(
        editions.c.state.in_([EditionState.FINISHED, EditionState.CANCELLED]),
        editions.c.finished_at < before,
        ~outstanding,
    )
    numbers = connection.scalars(
        select(editions.c.id)
        .where(editions.c.folded_at.is_(None), or_(editions.c.ledger != "", ended))
        .order_by(editions.c.ledger == "", editions.c.id)
    ).all()
    return [edition for number in numbers if (edition := edition_store.get(connection, number)) is not None]


def fold(
    store: Store,
    folder: Path,
    edition: Edition,
    *,
    now: datetime,
    go_on: Callable[[], bool],
    in_time: Callable[[], bool] = lambda: True,
) -> bool:
    """Moves the edition's rows into a file of ``folder``; False if ``go_on`` said no before the end, or ``in_time``,
    which is asked once the file is there: one that was begun would otherwise be for nothing.

    Raises OutputError (the file cannot be written; nothing has changed), StoreError (the file is not what the
    database says; what it still has stays there).
    """
    if not edition.ledger:
        name = f"edition-{edition.id:06}.jsonl.gz"
        try:
            if not _written(store, folder, edition, name, go_on):
                return False
        except StoreError:
            if _read_again(store, edition) == edition:
                raise
            return False  # meanwhile it was opened again, or another machine has begun to let its rows go
        with store.writing() as connection:
            named = connection.execute(
                update(editions)
                .where(
                    editions.c.id == edition.id,
                    editions.c.finished_at == edition.finished_at,
                    editions.c.state == edition.state,
                    editions.c.ledger == "",
                )
                .values(ledger=name)
            )
        if named.rowcount == 0:
            return True  # it was opened again, or another machine has folded it: it is looked at anew
        edition = _read_again(store, edition)
    file = LedgerFile(folder / edition.ledger)
    for block in file.blocks():
        if not (go_on() and in_time()):
            return False
        if _let_go(store, edition, block) and store.dialect == "sqlite":
            time.sleep(PAUSE)
    with store.writing() as connection:
        _let_go_of_digests(connection, edition, now)
    return True


def _read_again(store: Store, edition: Edition) -> Edition:
    with store.reading() as connection:
        found = edition_store.get(connection, edition.id)
    assert found is not None
    return found


def _written(store: Store, folder: Path, edition: Edition, name: str, go_on: Callable[[], bool]) -> bool:
    """Writes the file, reads it back, and gives it its name; False if it was told to stop."""
    with unfinished(folder, name) as temporary:
        with temporary.open("wb") as file:
            if not _write(store, folder, LedgerWriter(file, edition.id), edition, go_on):
                return False
            file.flush()
            os.fsync(file.fileno())
        _compare(store, edition, LedgerFile(temporary))
        give_name(temporary, folder / name)
    return True


def _write(store: Store, folder: Path, writer: LedgerWriter, edition: Edition, go_on: Callable[[], bool]) -> bool:
    writer.begin(
        {
            "newsletter": edition.newsletter,
            "cadence": edition.cadence,
            "slot": iso(edition.slot),
            "opened_at": iso(edition.opened_at),
            "finished_at": iso(edition.finished_at),
        }
    )
    with store.reading() as connection:
        numbers = connection.scalars(
            select(variants.c.id).where(variants.c.edition_id == edition.id).order_by(variants.c.id)
        ).all()
    shown = set()
    for number in numbers:
        with store.reading() as connection:
            variant, embedded = _variant(connection, number)
        writer.line({"variant": variant})
        for one in embedded:
            if one.cid not in shown:
                shown.add(one.cid)
                writer.line({"picture": picture_store.to_file(one, folder / "pictures")})
    after = 0
    while True:
        if not go_on():
            return False
        with store.reading() as connection:
            block = read_block(connection, edition.id, after=after)
        if block is None:
            writer.finish()
            return True
        writer.block(block)
        after = block.last


def _variant(connection: Connection, number: int) -> tuple[dict[str, Any], tuple[Any, ...]]:
    variant = edition_store.digest_of(connection, number)
    digest = variant.digest
    return {
        "id": variant.id,
        "key": variant.key,
        "language": variant.language,
        "articles": variant.articles,
        "rest": variant.rest,
        "subject": digest.subject,
        "preheader": digest.preheader,
        "html": digest.html,
        "text": digest.text,
    }, digest.pictures


def _compare(store: Store, edition: Edition, file: LedgerFile) -> None:
    """Raises StoreError if the file has not exactly what the database counts."""
    with store.reading() as connection:
        mine = select(variants.c.id).where(variants.c.edition_id == edition.id).order_by(variants.c.id)
        numbers = connection.scalars(mine).all()
    written = [line["variant"] for line in file.heads() if "variant" in line]
    for number, variant in zip_longest(numbers, written):
        with store.reading() as connection:
            if number is None or json.loads(json.dumps(_variant(connection, number)[0])) != variant:
                raise _differs(edition, file.path.name)
    tried = 0
    counts = file.counts
    for block in file.blocks():
        counts -= block.counts
        tried += len(block.attempts["delivery"])
    kind = (deliveries.c.variant_id, deliveries.c.state, deliveries.c.was_unknown)
    theirs = deliveries.c.edition_id == edition.id
    made = select(func.count()).join_from(attempts, deliveries, attempts.c.delivery_id == deliveries.c.id)
    with store.reading() as connection:
        rows = connection.execute(select(*kind, func.count()).where(theirs).group_by(*kind)).all()
        attempted = connection.execute(made.where(theirs)).scalar_one()
    there = {(variant, state, bool(unknown)): number for variant, state, unknown, number in rows}
    if counts or file.counts != there or not tried == file.attempts == attempted:
        raise _differs(edition, file.path.name)


def _differs(edition: Edition, name: str) -> StoreError:
    return StoreError(
        f"edition {edition.id} in the database and its file differ; its rows stay in the database",
        where=name,
        remedy="please report this",
    )


def _let_go(store: Store, edition: Edition, block: Block) -> bool:
    """Deletes the block's rows in one transaction, if they are there and are what the file says."""
    with store.reading() as connection:
        there = read_block(connection, edition.id, after=block.first - 1, last=block.last)
    if there is None:
        return False
    if there != block:
        raise _differs(edition, edition.ledger)
    chosen = and_(deliveries.c.edition_id == edition.id, deliveries.c.subscription_id.between(block.first, block.last))
    with store.writing() as connection:
        connection.execute(delete(attempts).where(attempts.c.delivery_id.in_(select(deliveries.c.id).where(chosen))))
        gone = connection.execute(delete(deliveries).where(chosen)).rowcount
        if gone == 0:
            return False  # another process was faster
        counts = [
            {"edition_id": edition.id, "variant_id": variant, "state": state, "was_unknown": unknown, "count": number}
            for (variant, state, unknown), number in sorted(block.counts.items())
        ]
        more = inserting(connection, folded)
        added = {"count": folded.c.count + more.excluded.count}
        connection.execute(more.on_conflict_do_update(index_elements=list(folded.primary_key), set_=added), counts)
    return True


def _let_go_of_digests(connection: Connection, edition: Edition, now: datetime) -> None:
    """The digests, which are in the file, the groups, which nobody needs now, and pictures that nobody shows now."""
    if connection.dialect.name == "postgresql":
        # Nobody keeps a picture for a new digest between our look and our deletion.
        connection.execute(text("LOCK TABLE pictures IN SHARE ROW EXCLUSIVE MODE"))
    mine = variants.c.edition_id == edition.id
    cids = {cid for html in connection.scalars(select(variants.c.html).where(mine)) for cid in picture_store.cids(html)}
    connection.execute(update(variants).where(mine).values(html="", text="", preheader=""))
    connection.execute(delete(groups).where(groups.c.edition_id == edition.id))
    picture_store.let_go(connection, cids)
    connection.execute(update(editions).where(editions.c.id == edition.id).values(folded_at=now))
