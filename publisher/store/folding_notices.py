"""Folding notices: the deliveries and attempts of confirmations and the like leave the database, with their texts.

A few hundred at least become a file, ``ledger/notices-000001204.jsonl.gz`` by the first delivery's number: gzip, a
line of JSON for each, without texts, links and addresses. It is synced and has its name before any row goes, all of
them in one transaction; killed between, the next pass writes the same file anew, and what has joined them. A notice to
many goes with the last of its deliveries. Who was told of a correction is remembered as long as editions ask for it.
"""

from __future__ import annotations

import gzip
import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, case, delete, exists, literal, select

from publisher.model.delivery import DeliveryState
from publisher.store.blocks import iso, without_addresses
from publisher.store.corrections import CARRIED_FOR
from publisher.store.database import Store
from publisher.store.schema import attempts, deliveries, notices
from publisher.store.unfinished import give_name, unfinished

__all__ = ["FEWEST", "MOST", "fold_notices"]

FEWEST = 500
"""Fewer wait until they are as many: a file for each would be a folder full of files."""
MOST = 5000

_ENDED = (DeliveryState.ACCEPTED, DeliveryState.FAILED, DeliveryState.WITHDRAWN)


def fold_notices(store: Store, folder: Path, *, before: datetime) -> int:
    """Folds notices that ended before ``before``, the oldest first, if there are enough; how many.

    Raises OutputError (nothing has changed), StoreError.
    """
    with store.reading() as connection:
        lines = _lines(connection, before)
    if len(lines) < FEWEST:
        return 0
    _write(folder, f"notices-{lines[0]['delivery']:09}.jsonl.gz", lines)
    numbers = sorted({line["notice"] for line in lines})
    listed = [line["delivery"] for line in lines]
    needed = exists().where(deliveries.c.notice_id == notices.c.id)
    with store.writing() as connection:
        connection.execute(delete(attempts).where(attempts.c.delivery_id.in_(listed)))
        connection.execute(delete(deliveries).where(deliveries.c.id.in_(listed)))
        connection.execute(delete(notices).where(notices.c.id.in_(numbers), ~needed))
    return len(lines)


def _lines(connection: Connection, before: datetime) -> list[dict[str, Any]]:
    sooner = literal(before, deliveries.c.ended_at.type)
    told = literal(before - CARRIED_FOR, deliveries.c.ended_at.type)
    found = connection.execute(
        select(notices.c.id.label("notice"), notices.c.kind, notices.c.newsletter, deliveries)
        .join_from(notices, deliveries, deliveries.c.notice_id == notices.c.id)
        .where(
            deliveries.c.state.in_(_ENDED),
            deliveries.c.ended_at < case((notices.c.kind.startswith("correction"), told), else_=sooner),
        )
        .order_by(deliveries.c.id)
        .limit(MOST)
    ).all()
    tried: dict[int, list[dict[str, Any]]] = {}
    for row in connection.execute(
        select(attempts).where(attempts.c.delivery_id.in_([one.id for one in found])).order_by(attempts.c.id)
    ):
        tried.setdefault(row.delivery_id, []).append(
            {
                "at": iso(row.at),
                "worker": row.worker,
                "relay": row.relay,
                "result": row.result,
                "code": row.code,
                "reply": without_addresses(row.reply),
                "seconds": round(row.seconds, 4),
            }
        )
    return [
        {
            "notice": one.notice,
            "kind": one.kind,
            "newsletter": one.newsletter,
            "delivery": one.id,
            "subscriber": one.subscriber_id,
            "subscription": one.subscription_id,
            "state": one.state,
            "due_at": iso(one.due_at),
            "ended_at": iso(one.ended_at),
            "was_unknown": bool(one.was_unknown),
            "reply": without_addresses(one.reply),
            "attempts": tried.get(one.id, []),
        }
        for one in found
    ]


def _write(folder: Path, name: str, lines: list[dict[str, Any]]) -> None:
    content = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in lines)
    with unfinished(folder, name) as temporary:
        with temporary.open("wb") as file:
            file.write(gzip.compress(content.encode(), mtime=0))
            file.flush()
            os.fsync(file.fileno())
        give_name(temporary, folder / name)
