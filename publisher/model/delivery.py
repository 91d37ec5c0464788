"""Deliveries: one edition (or notice) for one subscriber, and every attempt made at it.

The three values of which there is one a message are named tuples: made in a quarter of a frozen dataclass's time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["Account", "Attempt", "Claimed", "DeliveryState", "Outcome", "Outgoing", "Result"]


class DeliveryState(StrEnum):
    """queued → claimed → accepted, deferred (→ claimed …), failed or withdrawn."""

    QUEUED = "queued"
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    FAILED = "failed"
    WITHDRAWN = "withdrawn"


class Result(StrEnum):
    """How one attempt ended.

    ``accepted``   250 after the final dot: the receiving server took responsibility (RFC 5321 section 6.1)
    ``deferred``   a 4xx, or the connection broke before the final dot
    ``failed``     a 5xx for this recipient or message
    ``refused``    for a limit or a fault of the sender's: the reader is blameless, the delivery goes back to the queue
    ``unknown``    the final dot left, no reply came: better twice than never, and never silently
    ``untouched``  not attempted (the lane closed, or we were asked to stop): goes back to the outbox at once
    """

    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    FAILED = "failed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    UNTOUCHED = "untouched"


_NO_FIELDS: Mapping[str, str] = MappingProxyType({})


class Claimed(NamedTuple):
    """A delivery under lease, with all that its message needs. ``fence`` must still hold when its outcome is written.

    Exactly one of ``variant`` and ``notice`` is set; ``subscription`` is None for a notice to somebody without one.
    """

    id: int
    fence: int
    subscriber: int
    address: str
    name: str
    due_at: datetime
    fields: Mapping[str, str] = _NO_FIELDS
    subscription: int | None = None
    newsletter: str = ""
    edition: int | None = None
    variant: int | None = None
    notice: int | None = None
    attempts: int = 0


class Outgoing(NamedTuple):
    """One message for one recipient, ready for the wire.

    ``buffers`` joined are the whole message: CRLF line ends, no line over 998 octets, and no line that
    begins with a dot (so SMTP needs no dot-stuffing, RFC 5321 section 4.5.2), ending in CRLF.
    ``smtputf8``: the recipient's local part is not ASCII (RFC 6531). ``edition``: None for a notice.
    """

    delivery: int
    fence: int
    message_id: str
    envelope_sender: str
    recipient: str
    buffers: Sequence[bytes]
    smtputf8: bool = False
    edition: int | None = None

    @property
    def size(self) -> int:
        """Octets of the message."""
        return sum(map(len, self.buffers))


class Outcome(NamedTuple):
    """What became of one attempt. ``code``: the SMTP reply's, 0 where there was none; ``reply``: its text, one line."""

    delivery: int
    fence: int
    result: Result
    code: int = 0
    reply: str = ""
    relay: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A line of the ledger. ``seconds``: how long it took, to a ten-thousandth."""

    at: datetime
    worker: str
    relay: str
    result: Result
    code: int
    reply: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What became of one delivery of an edition, and every attempt made at it; no address, not in replies either.

    ``cursor_from``, ``cursor_to``: it has the reader's articles with numbers in (from, to].
    ``ended_at`` None: it is not finished.
    """

    id: int
    subscriber: int
    subscription: int
    generation: int
    variant: int
    cursor_from: int
    cursor_to: int
    state: DeliveryState
    was_unknown: bool
    due_at: datetime
    first_tried_at: datetime | None
    ended_at: datetime | None
    reply: str
    attempts: tuple[Attempt, ...]
