"""Telling somebody: by mail, by a web address that is called with JSON, and by a heartbeat after each good run.

What is late, stuck or wrong is told when it is new, then once a day, and once more when it is over. All of it happens
after the delivery, each way for itself, and takes at most some seconds; a way that fails is one line. The mail is
a message of its own, not of the outbox: it goes through another relay if there is one, and when the outbox is stuck.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from publisher.delivery.transport import open_transport
from publisher.delivery.trial import send_plain
from publisher.health.standing import read_standing
from publisher.health.troubles import of_errors, troubles
from publisher.model.edition import Edition
from publisher.model.errors import AlertError, PublisherError
from publisher.model.publication import Publication, Relay, Secrets
from publisher.store import Store, meta
from publisher.store import editions as edition_store
from publisher.store import troubles as memory
from publisher.store.editions import Sums
from publisher.store.troubles import Remembered

__all__ = ["Message", "alert", "due", "written"]

A_DAY = timedelta(hours=23, minutes=30)  # cron is not punctual
PATIENCE = 5.0
"""Seconds that a web address has to answer."""
MAIL_PATIENCE = 20.0
"""Seconds that a relay has to take the mail."""

_ENDED = "alerts: ended through"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is told at once. ``ended``: editions with their sums."""

    troubles: tuple[Remembered, ...] = ()
    over: tuple[str, ...] = ()
    ended: tuple[tuple[Edition, Sums], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.troubles or self.over or self.ended)


def due(remembered: Sequence[Remembered], *, now: datetime) -> bool:
    """Whether there is anything that nobody was told of, or not for a day. Pure."""
    return any(one.told_at is None or now - one.told_at >= A_DAY for one in remembered)


def alert(
    publication: Publication, secrets: Secrets, store: Store, errors: Sequence[PublisherError], *, now: datetime
) -> list[PublisherError]:
    """Takes note of what is wrong after a run that had these errors, and tells whoever wants to know.

    What could not be told, a line a way; never raises for it.
    """
    try:
        return _alert(publication, secrets, store, errors, now=now)
    except PublisherError as error:
        return [error]


def _alert(
    publication: Publication, secrets: Secrets, store: Store, errors: Sequence[PublisherError], *, now: datetime
) -> list[PublisherError]:
    settings = publication.alerts
    with store.reading() as connection:
        standing = replace(read_standing(connection, publication, now), remembered=())
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
    ways = _ways(publication, secrets, message, now) if message else {}
    failed = _at_once(ways)
    if len(failed) < len(ways):
        with store.writing() as connection:
            memory.told(connection, [one.key for one in message.troubles], now)
            if settings.ended:
                meta.write_moment(connection, _ENDED, now)
    if settings.heartbeat and not errors:
        failed += _at_once({settings.heartbeat: lambda: _call(settings.heartbeat, None)})
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


def _ways(publication: Publication, secrets: Secrets, message: Message, now: datetime) -> dict[str, Callable[[], None]]:
    settings = publication.alerts
    subject, text = written(publication, message)
    ways: dict[str, Callable[[], None]] = {
        address: lambda address=address: _mail(publication, secrets, address, subject, text, now)  # type: ignore[misc]
        for address in settings.mail
    }
    if settings.webhook:
        ways[settings.webhook] = lambda: _call(settings.webhook, _values(publication, message, text, now))
    return ways


def _at_once(ways: dict[str, Callable[[], None]]) -> list[PublisherError]:
    """Goes all ways side by side; what failed. A way that never ends is left alone."""
    failed: dict[str, PublisherError] = {}
    going = set(ways)

    def go(name: str) -> None:
        try:
            ways[name]()
        except PublisherError as error:
            failed[name] = AlertError(error.cause, where=_named(name), remedy="the alert is tried again")
        going.discard(name)

    threads = [threading.Thread(target=go, args=(name,), daemon=True) for name in ways]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(MAIL_PATIENCE + 1)
    late = [AlertError("it did not answer in time", where=_named(name), remedy="the alert is tried again")
            for name in sorted(going)]  # fmt: skip
    return [*failed.values(), *late]


def _named(way: str) -> str:
    """A way as it may be printed: the path of a web address is often a secret."""
    return f"{'/'.join(way.split('/')[:3])}/…" if "://" in way else way


def _mail(publication: Publication, secrets: Secrets, recipient: str, subject: str, text: str, now: datetime) -> None:
    settings = publication.alerts
    own = bool(settings.transport)
    transport = open_transport(
        [Relay(transport=settings.transport, tls=publication.delivery.tls)] if own else publication.delivery.relays,
        root=publication.root,
        secrets=({} if secrets.alerts_password is None else {"": secrets.alerts_password})
        if own
        else secrets.relay_passwords,
    )
    if transport.real and publication.examples_left:
        raise AlertError(f"still an example's: {', '.join(publication.examples_left)}")
    send_plain(publication, transport, recipient, subject=subject, text=text, now=now, secrets=secrets)


def _call(address: str, values: object) -> None:
    """GET without values, else POST as JSON. Raises AlertError."""
    import httpx2

    try:
        with httpx2.Client(timeout=PATIENCE) as client:
            response = client.get(address) if values is None else client.post(address, json=values)
    except httpx2.TimeoutException:
        raise AlertError(f"it did not answer within {PATIENCE:.0f} seconds") from None
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        cause = " ".join(str(error).split()) or type(error).__name__
        raise AlertError(f"it cannot be reached ({cause})") from error
    if not 200 <= response.status_code < 300:
        raise AlertError(f"it answered {response.status_code}")


def written(publication: Publication, message: Message) -> tuple[str, str]:
    """The alert as a mail: subject and text. Pure."""
    lines = []
    for one in message.troubles:
        lines.append(f"- {one.text} (since {one.since:%a %d %b %H:%M} UTC)")
    lines += [f"- Over: {text}" for text in message.over]
    for edition, sums in message.ended:
        lines.append(
            f"- Edition {edition.id}, {edition.newsletter} {edition.cadence}, is {edition.state}: {sums.accepted:,} of "
            f"{sums.candidates - sum(sums.excluded.values()):,} accepted, {sums.failed:,} failed, "
            f"{sums.withdrawn:,} withdrawn"
        )
    first = lines[0].removeprefix("- ")
    if len(first) > 100:
        first = f"{first[:99]}…"
    more = f" (and {len(lines) - 1} more)" if len(lines) > 1 else ""
    subject = f"[{publication.title}] {first}{more}"
    return subject, "\n".join([*lines, "", "publisher status says more.", ""])


def _values(publication: Publication, message: Message, text: str, now: datetime) -> dict[str, object]:
    """What a web address gets. ``text`` is what most chat services show."""
    return {
        "publication": publication.title,
        "url": publication.url,
        "at": _iso(now),
        "text": text,
        "troubles": [
            {"key": one.key, "text": one.text, "since": _iso(one.since), "new": one.told_at is None}
            for one in message.troubles
        ],
        "over": list(message.over),
        "ended": [
            {
                "number": edition.id,
                "newsletter": edition.newsletter,
                "cadence": edition.cadence,
                "slot": _iso(edition.slot),
                "state": str(edition.state),
                "candidates": sums.candidates,
                "accepted": sums.accepted,
                "failed": sums.failed,
                "withdrawn": sums.withdrawn,
            }
            for edition, sums in message.ended
        ],
    }


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z")
