"""Editions: what one newsletter publishes for one slot of one cadence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

__all__ = ["Decision", "Digest", "Edition", "EditionPage", "EditionState", "Embedded", "Group", "Variant"]


class EditionState(StrEnum):
    """The states of an edition; ``finished`` only when every delivery is in an end state."""

    OPENING = "opening"
    AWAITING_APPROVAL = "awaiting approval"
    GOING_OUT = "going out"
    HELD = "held"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """``slot`` is the due time, aware UTC; ``cutoff`` the newest sequence it can carry.

    ``ledger``     the file that has its deliveries and attempts, once they have left the database (or are leaving it)
    ``folded_at``  when the last of them had left it
    """

    id: int
    newsletter: str
    cadence: str
    slot: datetime
    state: EditionState
    cutoff: int
    opened_at: datetime
    reason: str = ""
    candidates: int = 0
    finished_at: datetime | None = None
    ledger: str = ""
    folded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Subscriptions that can only be decided alike. ``count`` of them.

    ``start``    where their list begins: the cursor, or the ``from`` of a delivery that ends at the cursor and was
                 never claimed, which a new delivery takes over (supersedes)
    ``snoozed``  they return from a snooze
    ``corrections``  the numbers of corrections of articles that they have in a faulty version, oldest first
    """

    cursor: int
    topics: str
    language: str
    count: int = 1
    start: int = -1
    snoozed: bool = False
    corrections: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.start < 0:
            object.__setattr__(self, "start", self.cursor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What an edition does with a group.

    ``articles``  ids, in the order of the digest; empty: no delivery
    ``rest``      ids that are only linked (more than ``max_items``)
    ``corrections``  numbers of the corrections at its head
    ``to``        where the cursor moves; equal to the group's cursor: it stays (waiting for ``min_items``)
    ``takes_over``  the new delivery supersedes the one between the group's start and its cursor
    """

    group: Group
    articles: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    to: int
    takes_over: bool = True
    corrections: tuple[int, ...] = ()

    @property
    def is_mailed(self) -> bool:
        """Whether the group gets a delivery."""
        return bool(self.articles or self.corrections)

    @property
    def key(self) -> str:
        """Readers with the same key share one variant: language, articles, rest, corrections."""
        shared = (self.group.language, ",".join(self.articles), ",".join(self.rest))
        return "|".join((*shared, ",".join(map(str, self.corrections))) if self.corrections else shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class Embedded:
    """A picture that travels inside the message. ``cid``: its Content-ID without brackets, made of its content."""

    cid: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """An edition rendered: personal fields still stand as tokens (``publisher.theme.fields``).

    ``pictures``: those that its HTML shows as ``cid:…``, in their order.
    """

    subject: str
    preheader: str
    html: str
    text: str
    pictures: tuple[Embedded, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A frozen digest of an edition for all readers with one list and language."""

    id: int
    edition: int
    key: str
    language: str
    articles: tuple[str, ...]
    rest: tuple[str, ...]
    digest: Digest
    corrections: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class EditionPage:
    """What everybody may read of an edition: nothing in it is personal.

    ``language`` ``""``: the newsletter's. ``html`` is clean, a part of a page; its headings begin at the second level.
    """

    number: int
    newsletter: str
    cadence: str
    slot: datetime
    opened_at: datetime
    language: str
    subject: str
    preheader: str
    html: str
