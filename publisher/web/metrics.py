"""`/metrics`: the figures of the last run, for Prometheus, and for those networks only that ``web.metrics`` names."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from publisher.health.metrics import FILE
from publisher.model.publication import Publication
from publisher.web.clients import Proxies

__all__ = ["PATH", "Metrics"]

PATH = "/metrics"
_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """The endpoint. Raises ConfigurationError (web.trusted_proxies, web.metrics)."""

    def __init__(self, publication: Publication) -> None:
        self._file = publication.state / FILE
        self._proxies = Proxies(publication.web.trusted_proxies)
        self._allowed = Proxies(publication.web.metrics)

    async def answer(self, request: Request) -> Response:
        """404 for everybody else: nobody has to know that it is there."""
        peer = request.client.host if request.client else ""
        client = self._proxies.client(peer, request.headers.getlist("x-forwarded-for"))
        # A proxy of ours that does not say for whom it asks asks for anybody.
        hidden = client == peer and any(name in request.headers for name in ("forwarded", "via", "x-real-ip"))
        if hidden or not self._allowed.has(client):
            return PlainTextResponse("Not found\n", 404)
        return PlainTextResponse(await run_in_threadpool(self._read), headers={"content-type": _TYPE})

    def _read(self) -> str:
        try:
            return self._file.read_text("utf-8")
        except OSError:
            return "# nothing has run yet\n"
