"""The ways by which somebody is told: mail, and a web address that is called with JSON.

Each goes for itself and takes at most some seconds; one that fails is one line. None needs the database. The mail is a
message of its own, not of the outbox: it goes through another relay if there is one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from publisher.delivery.transport import open_transport
from publisher.delivery.trial import send_plain
from publisher.model.edition import Edition
from publisher.model.errors import AlertError, PublisherError
from publisher.model.publication import Publication, Relay, Secrets
from publisher.store.editions import Sums
from publisher.store.troubles import Remembered

__all__ = ["Message", "call", "go", "ways_of", "written"]

PATIENCE = 5.0
"""Seconds that a web address has to answer."""
MAIL_PATIENCE = 20.0
"""Seconds that a relay has to take the mail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What is told at once. ``ended``: editions with their sums."""

    troubles: tuple[Remembered, ...] = ()
    over: tuple[str, ...] = ()
    ended: tuple[tuple[Edition, Sums], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.troubles or self.over or self.ended)


def ways_of(
    publication: Publication, secrets: Secrets, message: Message, now: datetime
) -> dict[str, Callable[[], None]]:
    """What tells it to whom. Nothing is sent yet."""
    settings = publication.alerts
    subject, text = written(publication, message)
    ways: dict[str, Callable[[], None]] = {
        address: lambda address=address: _mail(publication, secrets, address, subject, text, now)  # type: ignore[misc]
        for address in settings.mail
    }
    if settings.webhook:
        ways[settings.webhook] = lambda: call(settings.webhook, _values(publication, message, text, now))
    return ways


def go(ways: dict[str, Callable[[], None]]) -> list[PublisherError]:
    """Goes all ways side by side; what failed. A way that never ends is left alone."""
    failed: dict[str, PublisherError] = {}
    going = set(ways)

    def take(name: str) -> None:
        try:
            ways[name]()
        except PublisherError as error:
            failed[name] = AlertError(error.cause, where=_named(name), remedy="the alert is tried again")
        going.discard(name)

    threads = [threading.Thread(target=take, args=(name,), daemon=True) for name in ways]
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


def call(address: str, values: object) -> None:
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
