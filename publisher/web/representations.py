"""A file of public/ as ready answers: its headers and bytes in each coding, and the 304 that goes with them.

Nothing here waits for a client or looks at one: answers are made once, when a file is read. Each representation has
a tag of its own (RFC 9110 section 8.8.3), made from the content and nothing else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, BinaryIO

from publisher.syndication.compressing import SUFFIXES, compressed, is_copy
from publisher.syndication.headers import NAVIGATION, headers_of, is_feed, is_text, varies
from publisher.web.answers import PIECE

__all__ = ["Face", "Ready", "Representation", "State", "ready_of", "state_of"]

_SMALL = 1 << 20  # bytes; what is larger is read from disk each time
_SMALL_TEXT = 8 << 20
_WORTH = 256  # bytes; what is smaller is not compressed

Message = dict[str, Any]
State = tuple[int, ...]
"""What tells a file from its successor: number, size, time of change; () where there is none."""


@dataclass(slots=True)
class Representation:
    """The messages of ASGI that answer with it: its start, its body (None: too large to keep), its 304.

    ``validators``: what an If-Range may hold to mean it.
    """

    start: Message
    unchanged: Message
    body: Message | None
    validators: tuple[bytes, bytes]


class Face(dict[str, Representation]):
    """Coding → representation, for one media type. ``unchanged``: tag → 304, of all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.unchanged: dict[bytes, Message] = {}


@dataclass(slots=True)
class Ready:
    """A file as it was read. ``opened``: its face for a person who opens it in a browser, if it has another one.

    ``is_counted``: it is what people subscribe to, not an older page of it; ``is_divisible``: parts may be had.
    ``modified`` is in seconds since 1970; ``length`` is the file's; ``size`` is what it takes in memory.
    """

    name: str
    state: State
    modified: int
    length: int
    is_feed: bool
    is_counted: bool
    is_divisible: bool
    face: Face
    opened: Face | None
    size: int
    turn: int = 0


def state_of(status: os.stat_result) -> State:
    """The state of one file."""
    return (status.st_ino, status.st_size, status.st_mtime_ns)


def ready_of(name: str, state: State, file: BinaryIO, copy: Callable[[str], bytes | None], links: str = "") -> Ready:
    """Reads ``file``, which is ``name`` under public/. ``copy`` reads a compressed copy, if there is one.

    A copy that is not the file's is not used. A text without one is compressed by gzip here. ``links``: its Link
    header. Raises OSError.
    """
    status = os.fstat(file.fileno())
    text = is_text(name)
    small = status.st_size <= (_SMALL_TEXT if text else _SMALL)
    content = file.read() if small else None
    hashed = hashlib.sha256(content or b"")
    if content is None:
        while piece := file.read(PIECE):
            hashed.update(piece)
    bodies: dict[str, bytes | None] = {"": content}
    if text and content is not None:
        bodies |= _copies(name, content, copy)
    length = status.st_size if content is None else len(content)
    tag, modified = hashed.hexdigest()[:32], int(status.st_mtime)
    headers = {**headers_of(name), "last-modified": formatdate(modified, usegmt=True)}
    if links:
        headers["link"] = links
    if not text:
        headers["accept-ranges"] = "bytes"
    opened = _face(tag + "-x", {**headers, "content-type": NAVIGATION}, bodies, length) if varies(name) else None
    return Ready(
        name=name,
        state=state,
        modified=modified,
        length=length,
        is_feed=is_feed(name),
        is_counted=name.startswith("feeds/") and name.count("/") == 1,
        is_divisible=not text,
        face=_face(tag, headers, bodies, length),
        opened=opened,
        size=sum(len(body or b"") for body in bodies.values()) + 4096,
    )


def _copies(name: str, content: bytes, copy: Callable[[str], bytes | None]) -> dict[str, bytes]:
    found = {}
    for coding, suffix in SUFFIXES.items():
        made = copy(f"{name}{suffix}")
        if made is not None and is_copy(made, coding, content):
            found[coding] = made
    if "gzip" not in found and len(content) >= _WORTH:
        found["gzip"] = compressed(content, "gzip")
    return {coding: made for coding, made in found.items() if len(made) < len(content)}


def _face(tag: str, headers: dict[str, str], bodies: dict[str, bytes | None], length: int) -> Face:
    face = Face()
    for coding, body in bodies.items():
        own = f'"{tag}-{coding}"' if coding else f'"{tag}"'
        validated = {**headers, "etag": own}
        kept = {key: value for key, value in validated.items() if key != "content-type"}
        validated["content-length"] = str(length if body is None else len(body))
        if coding:
            validated["content-encoding"] = coding
        face[coding] = Representation(
            start=_start(200, validated),
            unchanged=_start(304, kept),
            body=None if body is None else {"type": "http.response.body", "body": body},
            validators=(own.encode(), headers["last-modified"].encode()),
        )
        face.unchanged[own.encode()] = face[coding].unchanged
    return face


def _start(status: int, headers: dict[str, str]) -> Message:
    encoded = [(key.encode(), value.encode()) for key, value in headers.items()]
    return {"type": "http.response.start", "status": status, "headers": encoded}
