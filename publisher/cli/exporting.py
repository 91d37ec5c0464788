"""What became of an edition, reader by reader, as CSV or JSON lines: into a file or to standard output."""

from __future__ import annotations

import contextlib
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from publisher.cli.session import Session
from publisher.model.errors import OutputError

if TYPE_CHECKING:
    from publisher.model.delivery import Account
    from publisher.model.edition import Edition

__all__ = ["export_edition"]

_DELIVERY = (
    "edition", "delivery", "subscriber", "address", "state", "in_doubt", "due_at", "ended_at", "attempts", "reply",
)  # fmt: skip
_ATTEMPT = (
    "edition", "delivery", "subscriber", "address", "at", "worker", "relay", "result", "code", "reply", "seconds",
)  # fmt: skip


def export_edition(session: Session, edition: Edition, *, attempts: bool, out: str | None) -> None:
    """Writes the edition's deliveries, or its attempts. Raises OutputError, StoreError."""
    from publisher.store import accounts, subscribers

    store = session.store(only_reading=True)
    with _target(out) as file:
        put = _writer(file, _ATTEMPT if attempts else _DELIVERY, as_json=session.as_json)
        for found in accounts.accounts_of(store, session.publication.ledger, edition):
            with store.reading() as connection:
                addresses = subscribers.addresses(connection, [one.subscriber for one in found])
            for one in found:
                address = addresses.get(one.subscriber, "")
                for values in _attempts(edition, one, address) if attempts else [_delivery(edition, one, address)]:
                    put(values)
    if out is not None:
        session.say(f"written: {out}")


def _delivery(edition: Edition, one: Account, address: str) -> tuple[Any, ...]:
    return (
        edition.id, one.id, one.subscriber, address, one.state.value, one.was_unknown, one.due_at, one.ended_at,
        len(one.attempts), one.reply,
    )  # fmt: skip


def _attempts(edition: Edition, one: Account, address: str) -> Iterator[tuple[Any, ...]]:
    for tried in one.attempts:
        yield (
            edition.id, one.id, one.subscriber, address, tried.at, tried.worker, tried.relay, tried.result.value,
            tried.code, tried.reply, tried.seconds,
        )  # fmt: skip


def _writer(file: IO[str], names: tuple[str, ...], *, as_json: bool) -> Any:
    if as_json:

        def put(values: tuple[Any, ...]) -> None:
            file.write(json.dumps(dict(zip(names, map(_plain, values), strict=True)), ensure_ascii=False) + "\n")

        return put
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(names)
    return lambda values: rows.writerow([_cell(value) for value in values])


def _plain(value: Any) -> Any:
    return value.isoformat().replace("+00:00", "Z") if hasattr(value, "isoformat") else value


def _cell(value: Any) -> str:
    """Other people's text (replies) must not become a formula in a spreadsheet."""
    text = "" if value is None else str(_plain(value)).lower() if isinstance(value, bool) else str(_plain(value))
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


@contextlib.contextmanager
def _target(out: str | None) -> Iterator[IO[str]]:
    if out is None:
        yield sys.stdout
        return
    try:
        with Path(out).open("w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror or error})", where=out) from error
