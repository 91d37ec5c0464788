"""JSON log lines: what a pass did, an object a line on standard error, with the ids of editions and deliveries.

Every line has ``at`` and ``event``; there are no addresses, in replies either.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from publisher.cli.session import Session

if TYPE_CHECKING:
    from publisher.delivery.delivered import Delivered
    from publisher.pipeline import Passed

__all__ = ["JsonLog"]

_ADDRESS = re.compile(r"<?[^\s<>@,;:()]+@[^\s<>@,;:()]+>?")


class JsonLog:
    """Writes what it is told. ``editions_of``: the edition of each of these deliveries; notices have none."""

    def __init__(self, session: Session, editions_of: Callable[[list[int]], dict[int, int]]) -> None:
        self._session = session
        self._editions_of = editions_of
        self._opened = 0
        self._published = False

    def begin(self) -> None:
        """Another pass begins."""
        self._opened, self._published = 0, False

    def event(self, name: str, **values: object) -> None:
        """One line."""
        line = {"at": _iso(self._session.now()), "event": name, **values}
        sys.stderr.write(json.dumps(line, default=_plain, ensure_ascii=False) + "\n")

    def step(self, passed: Passed) -> None:
        """What is new since the stage before."""
        if passed.published is not None and not self._published:
            self._published = True
            written = passed.published.written
            self.event(
                "published",
                articles=len(passed.published.articles),
                changed=len(written.changed),
                removed=len(written.removed),
            )
        for opened in passed.opened[self._opened :]:
            edition = opened.edition
            self.event(
                "opened",
                edition=edition.id,
                newsletter=edition.newsletter,
                cadence=edition.cadence,
                slot=edition.slot,
                deliveries=opened.deliveries,
            )
        self._opened = len(passed.opened)

    def progress(self, delivered: Delivered) -> None:
        """The attempts of a batch that is recorded."""
        editions = self._editions_of([outcome.delivery for outcome in delivered.batch])
        for outcome in delivered.batch:
            self.event(
                "attempt",
                edition=editions.get(outcome.delivery),
                delivery=outcome.delivery,
                result=outcome.result.value,
                code=outcome.code,
                reply=_ADDRESS.sub("…", outcome.reply),
                relay=outcome.relay,
                seconds=round(outcome.seconds, 4),
            )

    def ended(self, passed: Passed) -> None:
        """What there is to say at the end: errors, editions that ended, and the sums."""
        for error in passed.errors:
            self.error(str(error))
        for number in passed.delivered.finished:
            self.event("finished", edition=number)
        for number in passed.folded:
            self.event("folded", edition=number)
        delivered = passed.delivered
        names = ("accepted", "deferred", "failed", "refused", "unknown", "recovered")
        self.event("ended", **{name: getattr(delivered, name) for name in names}, errors=len(passed.errors))

    def error(self, text: str) -> None:
        """Something that an operator must mend."""
        self.event("error", text=_ADDRESS.sub("…", text) if "@" in text else text)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _plain(value: object) -> object:
    return _iso(value) if isinstance(value, datetime) else str(value)
