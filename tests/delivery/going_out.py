"""An edition that is going out to a few readers, and one delivering pass over it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from publisher.delivery.delivered import Delivered
from publisher.delivery.delivering import deliver_outbox
from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import Transport, parse_transport
from publisher.publication import load, load_secrets
from publisher.store import Store
from tests.relay import Relay
from tests.store import readers as r


def edition_for(store: Store, count: int) -> int:
    """The number of an edition of ``world`` for readers 1 to ``count``, reader1@example.org and so on."""
    with store.writing() as connection:
        r.number_articles(connection, 2)
        r.add_readers(connection, count)
        return r.open_edition(connection).id


def relay_transport(relay: Relay, *, lanes: int = 1) -> Transport:
    address = parse_transport(relay.url)
    return SmtpTransport(address, lanes=lanes)  # type: ignore[arg-type]


def deliver(
    folder: Path,
    store: Store,
    transport: Transport,
    *,
    now: datetime = r.NOW,
    stop: threading.Event | None = None,
    progress: Callable[[Delivered], None] = lambda _delivered: None,
) -> Delivered:
    """One pass."""
    return deliver_outbox(
        load(folder),
        load_secrets(folder),
        store,
        transport,
        clock=lambda: now,
        stop=stop or threading.Event(),
        progress=progress,
    )
