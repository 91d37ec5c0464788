"""Serving: uvicorn and the scheduler in one process, and a clean stop.

Guarantees: on SIGTERM or SIGINT no new connection is accepted, open requests are answered, the running pass is told
to stop and finishes what it has claimed; then it returns. A second signal ends the process at once, which
loses nothing either. Fails with PublisherError where it cannot listen.
"""

from __future__ import annotations

import errno
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from publisher.model.errors import PublisherError, StoreError
from publisher.model.publication import Publication, Secrets
from publisher.store import Store
from publisher.web.application import application
from publisher.web.readership import Readership
from publisher.web.scheduler import scheduler

__all__ = ["serve"]

Renew = Callable[[Publication, Secrets], None]

_LOG = logging.getLogger("publisher.web")
_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_TRIES, _IN_A_MOMENT = 20, 0.5  # then the next pass has it
_PATIENCE = 10  # seconds that open requests have when we stop


def serve(
    publication: Publication,
    secrets: Secrets,
    store: Store,
    *,
    host: str,
    port: int,
    tick: Callable[[threading.Event, Renew], None],
    notices: Callable[[threading.Event], bool] = lambda _stop: True,
    every: float,
    ready: Callable[[str], None],
    clock: Callable[[], datetime],
) -> None:
    """Serves until a signal comes. ``tick(stop, renew)`` is called at once and then ``every`` so many seconds; it calls
    ``renew`` when the settings have changed. ``notices(stop)`` is called as soon as somebody waits for one; False: once
    more in a moment, because another process or pass is delivering.

    ``port`` 0 picks a free one; ``ready`` is given a line with the address once requests are answered.
    Raises PublisherError (the address is taken or not ours), ConfigurationError.
    """
    readership = Readership(timezone=publication.timezone, clock=clock)
    stop, due = threading.Event(), threading.Event()

    def made(publication: Publication, secrets: Secrets) -> ASGIApp:
        return application(publication, secrets, store, clock=clock, readership=readership, wake=due.set)

    app = _Renewable(made, publication, secrets)
    listening = _listen(host, port)
    server = _Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_PATIENCE,
        ),
        lambda: ready(f"serving {_address(listening)} (stop with Ctrl-C)"),
    )
    save = partial(_save, readership, store)
    waking = scheduler(partial(tick, stop, app.renew), every=every, now=clock(), minutely=save)
    with listening, _stopping(stop, server):
        waking.start()
        waker = threading.Thread(target=_deliver_notices, args=(due, stop, notices), name="notices")
        waker.start()
        try:
            server.run(sockets=[listening])
        finally:
            stop.set()
            due.set()
            waker.join()
            waking.shutdown(wait=True)
            save()


class _Renewable:
    """The application, made anew when the settings have changed; open requests are answered by the old one."""

    def __init__(
        self, made: Callable[[Publication, Secrets], ASGIApp], publication: Publication, secrets: Secrets
    ) -> None:
        self._made = made
        self._app = made(publication, secrets)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app(scope, receive, send)

    def renew(self, publication: Publication, secrets: Secrets) -> None:
        """From now on by these settings. Raises ConfigurationError, TemplateError; then the old ones hold."""
        self._app = self._made(publication, secrets)


def _deliver_notices(due: threading.Event, stop: threading.Event, notices: Callable[[threading.Event], bool]) -> None:
    """Waits until a notice is due, and has it delivered, also while a pass takes long."""
    while not stop.is_set():
        due.wait()
        due.clear()
        for _ in range(_TRIES):
            if stop.is_set() or notices(stop):
                break
            stop.wait(_IN_A_MOMENT)


def _save(readership: Readership, store: Store) -> None:
    """What cannot be saved now is kept for the next minute; what a stop loses are numbers that come again tomorrow."""
    try:
        readership.save(store)
    except StoreError as error:
        _LOG.warning("%s", error)


class _Server(uvicorn.Server):
    """uvicorn's server, which would end the process by the signal it was sent; this one returns."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are `_stopping`'s."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says so when it is done."""
        await super().startup(sockets)
        self._started()


@contextmanager
def _stopping(stop: threading.Event, server: _Server) -> Iterator[None]:
    """The first signal asks everything to stop; a second one does what it does anywhere."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()
        server.should_exit = True
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)

    for number in _SIGNALS:
        signal.signal(number, ask)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _listen(host: str, port: int) -> socket.socket:
    where = f"{host}:{port}"
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0][0]
        return socket.create_server((host, port), family=family, backlog=2048)
    except socket.gaierror as error:
        raise PublisherError(
            "that is no address of this machine", where=where, remedy="choose another with --host"
        ) from error
    except OSError as error:
        causes = {
            errno.EADDRINUSE: ("another program listens there already", "stop it, or choose another with --port"),
            errno.EACCES: ("ports below 1024 are for root", "choose another with --port, and let a proxy forward"),
            errno.EADDRNOTAVAIL: ("that is no address of this machine", "choose another with --host"),
        }
        cause, remedy = causes.get(error.errno or 0, (f"cannot listen ({error.strerror})", "choose another --port"))
        raise PublisherError(cause, where=where, remedy=remedy) from error


def _address(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
