"""Short answers in plain text, and files that are sent in pieces. Nothing here looks at a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.types import Send

__all__ = ["EMPTY", "PIECE", "moved", "plain", "stream"]

PIECE = 1 << 18
"""Bytes that are read at a time."""
EMPTY: dict[str, Any] = {"type": "http.response.body", "body": b""}


async def plain(send: Send, status: int, body: str | bytes, headers: Mapping[str, str], *, head: bool = False) -> None:
    """A status with a text; ``headers`` change or add to the usual ones."""
    content = body.encode() if isinstance(body, str) else body
    complete = {
        "content-type": "text/plain; charset=utf-8",
        "content-length": str(len(content)),
        "cache-control": "no-cache",
        "x-content-type-options": "nosniff",
        **headers,
    }
    encoded = [(key.encode(), value.encode()) for key, value in complete.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": b"" if head else content})


async def moved(send: Send, target: str | None, *, head: bool) -> None:
    """301 to ``target`` for good; without one, 410."""
    headers = {"cache-control": "max-age=86400", "access-control-allow-origin": "*"}
    if target is None:
        await plain(send, 410, "This feed has ended.", headers, head=head)
    else:
        await plain(send, 301, "This feed has moved.", {**headers, "location": target}, head=head)


async def stream(send: Send, start: dict[str, Any], file: BinaryIO, first: int, stop: int) -> None:
    """``start``, then the bytes from ``first`` to before ``stop``, as fast as the client takes them."""
    await run_in_threadpool(file.seek, first)
    await send(start)
    left = stop - first
    while left > 0 and (piece := await run_in_threadpool(file.read, min(PIECE, left))):
        left -= len(piece)
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send(EMPTY)
