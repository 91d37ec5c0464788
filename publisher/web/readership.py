"""How many people read a feed through an aggregator, as aggregators announce it in their User-Agent.

Such as ``Feedly/1.0 (+https://feedly.com/fetcher.html; 123 subscribers)``. Guarantees: noting takes no lock that a
database holds and no more memory than a bound; what was noted and could not be saved is tried again. Fails with
StoreError, from `save` only.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from functools import lru_cache
from threading import Lock
from zoneinfo import ZoneInfo

from publisher.store import Store, readership

__all__ = ["Readership"]

_COUNT = re.compile(r"(?<!\d)(\d{1,9})[ +_-]*(?:subscriber|reader)s?\b", re.IGNORECASE)
_LONGEST = 160  # characters of an aggregator's name
_AGGREGATORS = 60  # of one document on one day; beyond that somebody makes them up
_NOTES = 20_000


class Readership:
    """What aggregators announced since the last `save`. Safe to share between threads."""

    def __init__(self, *, timezone: str, clock: Callable[[], datetime]) -> None:
        self._zone = ZoneInfo(timezone)
        self._clock = clock
        self._lock = Lock()
        self._day = date.min
        self._seen: dict[str, set[str]] = {}
        self._noted: dict[tuple[date, str, str], int] = {}

    def note(self, document: str, agent: bytes) -> None:
        """``document`` (a file under public/) was fetched by ``agent``."""
        announced = _announced(agent)
        if announced is None:
            return
        aggregator, subscribers = announced
        today = self._clock().astimezone(self._zone).date()
        with self._lock:
            if today != self._day:
                self._day, self._seen = today, {}
            seen = self._seen.setdefault(document, set())
            if aggregator not in seen:
                if len(seen) >= _AGGREGATORS or len(self._noted) >= _NOTES:
                    return
                seen.add(aggregator)
            key = (today, document, aggregator)
            self._noted[key] = max(subscribers, self._noted.get(key, 0))

    def save(self, store: Store) -> None:
        """Writes what was noted, in one transaction. Raises StoreError; then it is kept for the next time."""
        with self._lock:
            noted, self._noted = self._noted, {}
        if not noted:
            return
        try:
            with store.writing() as connection:
                readership.add(connection, noted)
        except BaseException:
            with self._lock:
                for key, subscribers in noted.items():
                    self._noted[key] = max(subscribers, self._noted.get(key, 0))
            raise


@lru_cache(1024)
def _announced(agent: bytes) -> tuple[str, int] | None:
    """Who the aggregator is, and for how many it asks. Pure."""
    text = agent.decode("latin-1")
    found = _COUNT.search(text)
    if found is None:
        return None
    # Without its number the rest names the aggregator, and which of its copies of the feed it means (feed-id).
    name = f"{text[: found.start()]}N{text[found.end() :]}"
    printable = "".join(character if character.isprintable() else " " for character in name)
    return " ".join(printable.split())[:_LONGEST], int(found[1])
