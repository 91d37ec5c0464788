"""What a delivering pass did, counted as its outcomes are recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from publisher.model.delivery import Outcome, Result
from publisher.model.errors import PublisherError

__all__ = ["Delivered"]


@dataclass(slots=True)
class Delivered:
    """What a pass did. ``elsewhere``: another process of this host is delivering, so this one did not.

    ``refused``: by the relay for a limit or a fault of ours; they wait, and nobody is to blame for them.
    ``finished``: numbers of the editions that ended. ``error``: why the pass could not go on. ``complaints``: what
    the operator must know besides, such as an edition that was paused. ``orphaned``: newsletters that are not there
    any more, and how many messages of theirs wait. ``waiting``: messages that the relay may be given at ``again_at``
    only, for ``waits_for``: its rate, or what it said. ``batch``: the outcomes that were recorded last.
    """

    accepted: int = 0
    deferred: int = 0
    failed: int = 0
    refused: int = 0
    unknown: int = 0
    recovered: int = 0
    elsewhere: bool = False
    finished: list[int] = field(default_factory=list)
    error: PublisherError | None = None
    complaints: list[PublisherError] = field(default_factory=list)
    orphaned: dict[str, int] = field(default_factory=dict)
    waiting: int = 0
    waits_for: str = ""
    again_at: datetime | None = None
    batch: list[Outcome] = field(default_factory=list)

    @property
    def attempts(self) -> int:
        """Attempts made in this pass."""
        return self.accepted + self.deferred + self.failed + self.refused + self.unknown

    def count(self, outcomes: list[Outcome]) -> None:
        """Adds recorded outcomes."""
        for result in Result:
            if result is not Result.UNTOUCHED:
                made = sum(outcome.result is result for outcome in outcomes)
                setattr(self, result.value, getattr(self, result.value) + made)
