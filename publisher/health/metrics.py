"""Figures for Prometheus: after each run a file for the node exporter, which ``/metrics`` of `serve` answers with, too.

Names and units by https://prometheus.io/docs/practices/naming/, the text by its exposition format 0.0.4. The counts of
attempts only grow: each run adds its own to the database, so that folding and restarts leave them alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import PurePosixPath

from publisher import __version__
from publisher.delivery.delivered import Delivered
from publisher.model.errors import OutputError, PublisherError
from publisher.model.publication import Publication
from publisher.store import Store, consents, meta, outbox, readership, subscribers, tallies
from publisher.store import editions as edition_store
from publisher.store.outbox import Stalled

__all__ = ["FILE", "Family", "count_attempts", "gathered", "text", "write_metrics"]

FILE = "metrics.prom"
"""In the publication's .publisher/."""

_READERS = "readers of each cadence"
"""The fact of `meta` that has them, at which line of the consent history and when they were counted."""

_RESULTS = ("accepted", "deferred", "failed", "refused", "unknown")


@dataclass(slots=True)
class Family:
    """A metric: its samples by their labels."""

    name: str
    kind: str
    help: str
    samples: list[tuple[Mapping[str, str], float]] = field(default_factory=list)

    def add(self, value: float, **labels: str) -> None:
        """One sample."""
        self.samples.append((labels, value))


def text(families: Sequence[Family]) -> str:
    """The exposition format, version 0.0.4. Pure."""
    lines = []
    for family in families:
        if not family.samples:
            continue
        lines.append(f"# HELP {family.name} {family.help}")
        lines.append(f"# TYPE {family.name} {family.kind}")
        for labels, value in family.samples:
            pairs = ",".join(f'{name}="{_escaped(label)}"' for name, label in labels.items())
            lines.append(f"{family.name}{f'{{{pairs}}}' if pairs else ''} {value:.15g}")
    return "\n".join([*lines, ""])


def _escaped(label: str) -> str:
    return label.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def gathered(
    publication: Publication,
    store: Store,
    delivered: Delivered,
    *,
    errors: int,
    took: timedelta,
    now: datetime,
    waiting: Stalled | None = None,
) -> list[Family]:
    """All figures at ``now``, after a run that took so long. Raises StoreError."""
    info = Family("publisher_info", "gauge", "Which publication, and by which version.")
    info.add(1, publication=publication.title, version=__version__)
    last = Family("publisher_last_run_timestamp_seconds", "gauge", "When the last run ended.")
    last.add(now.timestamp())
    seconds = Family("publisher_last_run_duration_seconds", "gauge", "How long the last run took.")
    seconds.add(took.total_seconds())
    faults = Family("publisher_last_run_errors", "gauge", "What the last run found that an operator must mend.")
    faults.add(errors)
    rate = Family("publisher_last_run_messages_per_second", "gauge", "Attempts a second in the last run.")
    rate.add(delivered.attempts / took.total_seconds() if took else 0)
    families = [info, last, seconds, faults, rate]
    readers = _active_by_cadence(store, now)
    with store.reading() as connection:
        attempts = Family("publisher_attempts_total", "counter", "Attempts at deliveries that runs have made.")
        totals = tallies.read(connection, "attempts")
        for result in _RESULTS:
            attempts.add(totals.get(result, 0), result=result)
        editions = Family("publisher_editions", "gauge", "Editions by their state.")
        for state, number in edition_store.by_state(connection).items():
            editions.add(number, state=state)
        deliveries = Family(
            "publisher_newest_edition_deliveries",
            "gauge",
            "Deliveries of each cadence's newest edition by state.",
        )
        numbers = Family("publisher_newest_edition_number", "gauge", "The number of each cadence's newest edition.")
        for edition in edition_store.newest_of_each(connection):
            of = {"newsletter": edition.newsletter, "cadence": edition.cadence}
            numbers.add(edition.id, **of)
            states = edition_store.states(connection, edition.id)
            outstanding = sum(states.get(state, 0) for state in edition_store.OUTSTANDING)
            for state in ("accepted", "failed", "withdrawn"):
                deliveries.add(states.get(state, 0), **of, state=state)
            deliveries.add(outstanding, **of, state="outstanding")
        names = [newsletter.name for newsletter in publication.newsletters]
        stalled = waiting or outbox.stalled(connection, now, names)
        size = Family("publisher_outbox_deliveries", "gauge", "Deliveries that are not finished.")
        for when in ("due", "later", "claimed"):
            size.add(getattr(stalled, when), when=when)
        age = Family("publisher_outbox_oldest_due_age_seconds", "gauge", "For how long the oldest has been due.")
        age.add(max(0.0, (now - stalled.due_since).total_seconds()) if stalled.due_since else 0)
        people = Family("publisher_subscriptions", "gauge", "Active subscriptions.")
        for (newsletter, cadence), number in readers.items():
            people.add(number, newsletter=newsletter, cadence=cadence)
        feeds = Family("publisher_feed_readers", "gauge", "Readers that aggregators announced in the last 7 days.")
        found: dict[str, int] = {}
        for document, number in readership.newest(connection, (now - timedelta(days=7)).date()).items():
            stem = PurePosixPath(document).stem
            found[stem] = found.get(stem, 0) + number
        for feed, number in sorted(found.items()):
            feeds.add(number, feed=feed)
    return [*families, attempts, editions, numbers, deliveries, size, age, people, feeds]


def _active_by_cadence(store: Store, now: datetime) -> Mapping[tuple[str, str], int]:
    """Counted anew when the consent history has grown (nothing else makes a subscription active, or ends it), and once
    an hour: on PostgreSQL an event may be seen after a later one.
    """
    with store.reading() as connection:
        at = consents.newest(connection)
        known = json.loads(meta.read(connection, _READERS) or "[-1, 0, []]")
        if known[0] == at and 0 <= now.timestamp() - known[1] < 3600:
            return {(newsletter, cadence): number for newsletter, cadence, number in known[2]}
        counted = subscribers.active_by_cadence(connection)
    written = json.dumps([at, now.timestamp(), [[*key, number] for key, number in counted.items()]])
    with store.writing() as connection:
        meta.write(connection, _READERS, written)
    return counted


def write_metrics(
    publication: Publication,
    store: Store,
    delivered: Delivered,
    *,
    errors: int,
    began: datetime,
    now: datetime,
    outbox: Stalled | None = None,
) -> list[PublisherError]:
    """Counts the attempts of a run and writes the file; what went wrong with it. ``outbox``: if it is known already."""
    failed = count_attempts(store, delivered)
    try:
        took = now - began
        figures = gathered(publication, store, delivered, errors=errors, took=took, now=now, waiting=outbox)
        _replace(publication, text(figures))
    except PublisherError as error:
        failed.append(error)
    return failed


def count_attempts(store: Store, delivered: Delivered) -> list[PublisherError]:
    """Adds the attempts of a pass to those of all time; what went wrong with it."""
    made = {name: number for name in _RESULTS if (number := getattr(delivered, name))}
    try:
        if made:
            with store.writing() as connection:
                tallies.add(connection, "attempts", made)
    except PublisherError as error:
        return [error]
    return []


def _replace(publication: Publication, content: str) -> None:
    path = publication.state / FILE
    temporary = path.with_name(f".{FILE}.{os.getpid()}")
    try:
        path.parent.mkdir(exist_ok=True)
        temporary.write_text(content, "utf-8")
        temporary.chmod(0o644)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror or error})",
            where=f"{path.parent.name}/{FILE}",
            remedy="make the folder writable",
        ) from error
