"""The web application: the endpoints of subscribers, and public/ for everything else.

What is in memory is answered before any route is looked at: most requests are for a feed that has not changed.
Guarantees: GET and HEAD change nothing, anywhere (mail scanners follow links); a request's body has at most 64 KB;
everything that blocks runs in a thread. Fails with a page in plain words; the cause goes to the log in one line.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from publisher.model.errors import PublisherError
from publisher.model.publication import Publication, Secrets
from publisher.store import Store
from publisher.syndication.hub import link_header
from publisher.syndication.moves import former_addresses
from publisher.syndication.public import MANIFEST
from publisher.web.clients import Proxies
from publisher.web.endpoints import FORMS, Endpoints
from publisher.web.files import Files
from publisher.web.metrics import PATH as METRICS
from publisher.web.metrics import Metrics
from publisher.web.preferences import Preferences
from publisher.web.private import PrivateFeeds
from publisher.web.readership import Readership
from publisher.web.settings_page import SettingsPage
from publisher.web.visits import Visits

__all__ = ["application"]

_LARGEST_BODY = 64 << 10


def application(
    publication: Publication,
    secrets: Secrets,
    store: Store,
    *,
    clock: Callable[[], datetime],
    answer_after: float = 0.25,
    readership: Readership | None = None,
    wake: Callable[[], None] = lambda: None,
) -> ASGIApp:
    """The ASGI application of a publication; ``web.pages`` and ``web.endpoints`` say what it has.

    ``answer_after``: seconds after which every sign-up is answered, so that the time does not tell who is known.
    ``readership`` is told who fetches feeds; ``wake`` is called when somebody waits for a notice.
    Raises ConfigurationError (trusted_proxies, metrics).
    """
    files = Files(
        publication.public,
        pages=publication.web.pages,
        build=publication.state / MANIFEST,
        former=former_addresses(publication),
        proxies=Proxies(publication.web.trusted_proxies),
        readership=readership,
        links=partial(link_header, publication),
    )
    metrics = Route(METRICS, Metrics(publication).answer, methods=["GET"])
    if not publication.web.endpoints:
        return _below(publication.url, _in_front(files, Starlette(routes=[metrics, Mount("/", files)])))
    visits = Visits(publication, secrets, store, clock=clock, wake=wake)
    endpoints = Endpoints(visits, answer_after=answer_after)
    preferences, settings = Preferences(visits), SettingsPage(visits)
    routes = [
        metrics,
        Route("/subscribe", endpoints.subscribe, methods=["POST"]),
        *([Route(FORMS, endpoints.forms, methods=["GET"])] if publication.web.pages else []),
        Route("/confirm/{token}", endpoints.confirmation_page, methods=["GET"]),
        Route("/confirm/{token}", endpoints.confirm, methods=["POST"]),
        Route("/u/{token}", endpoints.unsubscribe_page, methods=["GET"]),
        Route("/u/{token}", endpoints.unsubscribe, methods=["POST"]),
        Route("/preferences/{token}", preferences.page, methods=["GET"]),
        Route("/preferences/{token}", preferences.change, methods=["POST"]),
        Route("/preferences/{token}/more", settings.ask, methods=["POST"]),
        Route("/settings/{token}", settings.page, methods=["GET"]),
        Route("/settings/{token}", settings.change, methods=["POST"]),
        Route("/settings/{token}/data", settings.data, methods=["GET"]),
        Route("/settings/{token}/address", settings.move, methods=["POST"]),
        Route("/settings/{token}/erase", settings.erase, methods=["POST"]),
        Route("/settings/{token}/private", settings.private, methods=["POST"]),
        Route("/settings/{token}/private/end", settings.end_private, methods=["POST"]),
        Route("/address/{token}", settings.address_page, methods=["GET"]),
        Route("/address/{token}", settings.confirm_address, methods=["POST"]),
        Route("/private/{name}", PrivateFeeds(visits).feed, methods=["GET"]),
        Mount("/", files),
    ]
    app = Starlette(routes=routes, exception_handlers={PublisherError: endpoints.refuse})
    return _below(publication.url, _in_front(files, _bounded(app), but=FORMS))


def _in_front(files: Files, app: ASGIApp, but: str = "") -> ASGIApp:
    """Answers what is in memory, ``but`` one path, and leaves the rest to ``app``: endpoints, and ``files``, too."""

    async def front(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and scope["path"] != but:
            ready = files.ready(scope["path"])
            if ready is not None:
                await files.answer(ready, scope, send)
                return
        await app(scope, receive, send)

    return front


def _below(url: str, app: ASGIApp) -> ASGIApp:
    """For a publication below a host's root: its path is taken off, where the proxy has not done so."""
    base = urlsplit(url).path.rstrip("/")
    if not base:
        return app

    async def stripped(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(f"{base}/"):
            scope = {**scope, "path": scope["path"][len(base) :]}
        await app(scope, receive, send)

    return stripped


def _bounded(app: ASGIApp) -> ASGIApp:
    """Refuses a body that is larger than any form of ours."""

    async def bounded(scope: Scope, receive: Receive, send: Send) -> None:
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > _LARGEST_BODY:
                raise HTTPException(413)
            return message

        await app(scope, counted, send)

    return bounded
