"""Faulty servers in a thread of their own, and passes over the outbox through one or all of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from publisher.delivery.delivered import Delivered
from publisher.delivery.delivering import deliver_outbox
from publisher.delivery.relays import Member, Relays
from publisher.delivery.session import Timeouts
from publisher.delivery.transport import Transport
from publisher.model.rate import Limits, parse_rate
from publisher.publication import load, load_secrets
from publisher.store import Store
from tests.delivery.faulty_smtp import Action, Connection, FaultySmtp
from tests.delivery.relays import relay
from tests.store import readers as r


class Several:
    """Faulty servers in a thread of their own, and a pass over the outbox through all of them."""

    def __init__(self, *scripts: Callable[[str, Connection], Action], round_trip: float = 0.0) -> None:
        self.servers = [FaultySmtp(script, round_trip=round_trip) for script in scripts]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Several:
        self._thread.start()
        for server in self.servers:
            self._do(server.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        for server in self.servers:
            self._do(server.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)  # type: ignore[arg-type]

    def walk(
        self, folder: Path, store: Store, weights: list[int], *rates: str, now: timedelta = timedelta()
    ) -> Delivered:
        """A pass through all servers, with these weights and rates, at this time after NOW."""
        members = []
        for place, (server, weight) in enumerate(zip(self.servers, weights, strict=True)):
            rate = (parse_rate(rates[place]),) if place < len(rates) and rates[place] else ()
            members.append(Member(relay(server, limits=Limits(lanes=4, rates=rate), timeouts=Timeouts()), weight))
        return self.deliver(folder, store, Relays(members), now=now)

    def alone(
        self, folder: Path, store: Store, limits: Limits | None = None, *, now: timedelta = timedelta()
    ) -> Delivered:
        """A pass through the first server alone, at this time after NOW."""
        limits = limits or Limits(lanes=4)
        return self.deliver(
            folder, store, relay(self.servers[0], limits=limits, pause=0.01, timeouts=Timeouts()), now=now
        )

    def deliver(self, folder: Path, store: Store, transport: Transport, *, now: timedelta) -> Delivered:
        """A pass through this transport."""
        began = time.monotonic()
        return deliver_outbox(
            load(folder),
            load_secrets(folder),
            store,
            transport,
            clock=lambda: r.NOW + now + timedelta(seconds=time.monotonic() - began),
            stop=threading.Event(),
        )

    @property
    def counts(self) -> list[int]:
        """Messages that each server took."""
        return [len(server.delivered) for server in self.servers]

    @property
    def recipients(self) -> list[str]:
        """Whom all of them took messages for."""
        return sorted(recipient for server in self.servers for recipient in server.recipients)


def once_more(store: Store) -> None:
    """The edition goes out again."""
    with store.writing() as connection:
        connection.exec_driver_sql("UPDATE deliveries SET state = 'queued'")
        connection.exec_driver_sql("UPDATE editions SET state = 'going out', finished_at = NULL")
