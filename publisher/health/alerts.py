"""Alerts: what is late, stuck or wrong is told when it is new, then once a day, and once more when it is over.

All of it happens after the delivery. What was told is in the database; when that cannot be used, see outage.py. A
heartbeat is called after each good run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from publisher.health.outage import A_DAY, outage_is_over, tell_outage
from publisher.health.standing import Standing, read_standing
from publisher.health.troubles import of_errors, troubles
from publisher.health.ways import Message, call, go, ways_of
from publisher.model.edition import Edition
from publisher.model.errors import PublisherError, StoreError
from publisher.model.publication import Publication, Secrets
from publisher.store import Store, meta
from publisher.store import editions as edition_store
from publisher.store import troubles as memory
from publisher.store.editions import Sums
from publisher.store.troubles import Remembered

__all__ = ["alert", "due"]


_ENDED = "alerts: ended through"


def due(remembered: Sequence[Remembered], *, now: datetime) -> bool:
    """Whether there is anything that nobody was told of, or not for a day. Pure."""
    return any(one.told_at is None or now - one.told_at >= A_DAY for one in remembered)


def alert(
    publication: Publication,
    secrets: Secrets,
    store: Store,
    errors: Sequence[PublisherError],
    *,
    now: datetime,
    standing: Standing | None = None,
) -> list[PublisherError]:
    """Takes note of what is wrong after a run that had these errors, and tells whoever wants to know.

    ``standing``: how things stand, if that is known; otherwise it is read.

    What could not be told, a line a way; never raises for it.
    """
    try:
        if standing is None:
            with store.reading() as connection:
                standing = read_standing(connection, publication, now)
        failed = _alert(publication, secrets, store, errors, standing, now=now)
    except StoreError as error:
        return [error, *tell_outage(publication, secrets, error, now=now)]
    except PublisherError as error:
        return [error]
    return [*failed, *outage_is_over(publication, secrets, now=now)]


def _alert(
    publication: Publication,
    secrets: Secrets,
    store: Store,
    errors: Sequence[PublisherError],
    standing: Standing,
    *,
    now: datetime,
) -> list[PublisherError]:
    settings = publication.alerts
    standing = replace(standing, remembered=())
    with store.reading() as connection:
        known = bool(memory.since(connection, now - timedelta(days=400)))
    found = {one.key: one.text for one in [*troubles(publication, standing, now=now), *of_errors(map(str, errors))]}
    remembered: list[Remembered] = []
    over: list[str] = []
    if found or known:
        with store.writing() as connection:
            remembered, over = memory.remember(connection, found, now)
    message = Message(
        troubles=tuple(remembered) if due(remembered, now=now) else (),
        over=tuple(over),
        ended=_ended(store, now) if settings.ended else (),
    )
    ways = ways_of(publication, secrets, message, now) if message else {}
    failed = go(ways)
    if len(failed) < len(ways):
        with store.writing() as connection:
            memory.told(connection, [one.key for one in message.troubles], now)
            if settings.ended:
                meta.write_moment(connection, _ENDED, now)
    if settings.heartbeat and not errors:
        failed += go({settings.heartbeat: lambda: call(settings.heartbeat, None)})
    if failed:
        lines = {one.key: one.text for one in of_errors(map(str, failed))}
        with store.writing() as connection:
            memory.remember(connection, lines, now)
    return failed


def _ended(store: Store, now: datetime) -> tuple[tuple[Edition, Sums], ...]:
    """Editions that ended since somebody was told of one; of those before the setting was made nobody is told."""
    with store.reading() as connection:
        since = meta.read_moment(connection, _ENDED)
        if since is not None:
            ended = edition_store.ended_since(connection, since)
            return tuple((edition, edition_store.sums(connection, edition.id)) for edition in ended)
    with store.writing() as connection:
        meta.write_moment(connection, _ENDED, now)
    return ()
