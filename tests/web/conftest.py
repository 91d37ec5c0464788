"""A real server on a free port of this machine, with a publication and a store behind it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2
import pytest
import uvicorn

from publisher.audience.admitting import admit, candidate_of
from publisher.model.publication import Publication, Secrets
from publisher.model.subscriber import ConsentEvent, Subscription
from publisher.store import Store, consents, subscriptions
from publisher.web.application import application


@dataclass
class Clock:
    """A clock that stands still until it is moved."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Site:
    """A running site; ``client`` talks to it."""

    publication: Publication
    store: Store
    keys: tuple[bytes, ...]
    clock: Clock
    client: httpx2.Client = field(default_factory=httpx2.Client)

    def reader(self, address: str = "ana@example.com", newsletter: str = "world", language: str = "") -> int:
        """Somebody with an active subscription; its number."""
        candidate = candidate_of(self.publication, address=address, newsletter=newsletter, language=language)
        with self.store.writing() as connection:
            admit(connection, [candidate], event="added", source="test", keys=self.keys, now=self.clock.now)
        return 1

    def subscription(self, number: int = 1) -> Subscription:
        with self.store.reading() as connection:
            found = subscriptions.get(connection, number)
        assert found is not None
        return found

    def history(self, subscriber: int = 1) -> list[ConsentEvent]:
        with self.store.reading() as connection:
            return consents.history(connection, subscriber)


@contextmanager
def running(app: Any, listening: socket.socket | None = None) -> Iterator[str]:
    """The address at which ``app`` answers."""
    config = uvicorn.Config(app, log_config=None, lifespan="off", ws="none", proxy_headers=False)
    server = uvicorn.Server(config)
    listening = listening or socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    thread.join()
    listening.close()


SiteMaker = Callable[..., Site]


@pytest.fixture
def site_of(sqlite_store: Any, publication: Any, keys: Any, now: datetime) -> Iterator[SiteMaker]:
    """Makes a site; ``changed`` is the publication if it is not the ordinary one."""
    with ExitStack() as stack:

        def make(changed: Publication | None = None, *, answer_after: float = 0) -> Site:
            about = changed or publication
            clock = Clock(now)
            app = application(about, Secrets(signing=keys), sqlite_store, clock=clock, answer_after=answer_after)
            address = stack.enter_context(running(app))
            client = stack.enter_context(httpx2.Client(base_url=address))
            return Site(about, sqlite_store, keys, clock, client)

        yield make


@pytest.fixture
def site(site_of: SiteMaker) -> Site:
    """The ordinary site."""
    return site_of()
