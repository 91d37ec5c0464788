"""What a client of public/ asks for: in which coding, as what, and whether it has it already. Pure, all of it.

Follows RFC 9110 sections 12.5.3 (Accept-Encoding), 13.1 and 13.2 (conditions) and 14.1 (ranges). What
cannot be read asks for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from email.utils import parsedate_to_datetime
from functools import lru_cache

__all__ = ["Asked", "codings", "is_navigation", "not_newer", "part", "tags"]

_WANTED = frozenset(
    (
        b"accept",
        b"accept-encoding",
        b"if-modified-since",
        b"if-none-match",
        b"if-range",
        b"range",
        b"user-agent",
        b"x-forwarded-for",
    )
)
_RANGE = re.compile(rb"bytes=(\d{0,18})-(\d{0,18})")
_OURS = ("br", "gzip")


class Asked:
    """The headers of a request that matter here, as they came; ``b""`` where there is none. ASGI's names are lower."""

    __slots__ = ("accept", "agent", "codings", "forwarded", "if_range", "range", "since", "tags")

    def __init__(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        found: dict[bytes, bytes] = {}
        for name, value in headers:
            if name in _WANTED:
                # A repeated header is one list (RFC 9110 section 5.3).
                found[name] = found[name] + b"," + value if name in found else value
        get = found.get
        self.accept = get(b"accept", b"")
        self.codings = get(b"accept-encoding", b"")
        self.range = get(b"range", b"")
        self.if_range = get(b"if-range", b"")
        self.since = get(b"if-modified-since", b"")
        self.tags = get(b"if-none-match", b"")
        self.agent = get(b"user-agent", b"")
        self.forwarded = get(b"x-forwarded-for", b"")


@lru_cache(1024)
def codings(accepted: bytes) -> tuple[str, ...]:
    """The codings that an Accept-Encoding allows, the best first: of ``br``, ``gzip`` and, always last resort, ``""``
    (none). What has the greater weight goes first; of equal ones brotli before gzip before none.
    """
    weights: dict[str, float] = {}
    for part in accepted.decode("latin-1").lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        weight = 1.0
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                weight = _weight(value.strip())
        if name:
            weights["gzip" if name == "x-gzip" else name] = weight
    rest = weights.get("*", 0.0)
    allowed = [(weights.get(name, rest), name) for name in _OURS]
    # Nothing said of "identity": it will do, but whatever is named is better.
    plain = weights.get("identity", 0.0)
    better = [name for weight, name in sorted(allowed, key=lambda one: -one[0]) if weight > 0 and weight >= plain]
    worse = [name for weight, name in sorted(allowed, key=lambda one: -one[0]) if 0 < weight < plain]
    return (*better, "", *worse)


def _weight(written: str) -> float:
    try:
        weight = float(written)
    except ValueError:
        return 0.0
    return weight if 0.0 <= weight <= 1.0 else 0.0


@lru_cache(1024)
def is_navigation(accept: bytes) -> bool:
    """Whether a person opens this in a browser: every browser's navigation accepts ``text/html``; a feed reader that
    says so as well names a feed's type, too.
    """
    wanted = accept.lower()
    return b"text/html" in wanted and b"application/rss+xml" not in wanted and b"application/atom+xml" not in wanted


def tags(listed: bytes, known: Container[bytes]) -> bytes | None:
    """The first entity tag of an If-None-Match that is ``known`` (with its quotes), compared weakly; ``b"*"`` for any.

    A tag of ours has no comma in it, so that a list may be split at commas.
    """
    if listed in known:
        return listed
    for tag in listed.split(b","):
        tag = tag.strip().removeprefix(b"W/")
        if tag in known or tag == b"*":
            return tag
    return None


def not_newer(modified: int, since: bytes) -> bool:
    """Whether what changed at ``modified`` (seconds since 1970) did not change after an If-Modified-Since."""
    try:
        return modified <= parsedate_to_datetime(since.decode("latin-1")).timestamp()
    except (ValueError, TypeError, OverflowError):
        return False


def part(asked: bytes, length: int) -> tuple[int | None, int]:
    """Of a Range: the first byte, and the one after the last; no first if it is none, or several. One that cannot be
    satisfied ends where it begins, or before.
    """
    found = _RANGE.fullmatch(asked.strip())
    if found is None or found[1] == found[2] == b"":
        return None, length
    if not found[1]:
        return (max(0, length - int(found[2])), length) if int(found[2]) else (length, length)
    first = int(found[1])
    if not found[2]:
        return first, length
    last = int(found[2])
    return (first, min(length, last + 1)) if last >= first else (None, length)
