"""How editions, slots and the outbox are told to a person: whole sentences, local times. Pure, all of it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher.cli.session import count

if TYPE_CHECKING:
    from publisher.model.edition import Edition
    from publisher.model.publication import Publication
    from publisher.model.rate import RelayState
    from publisher.store.editions import Sums
    from publisher.store.hub_topics import Topic
    from publisher.store.outbox import Waiting

__all__ = [
    "account",
    "edition_sentence",
    "hub_sentence",
    "local",
    "next_step",
    "outbox_sentence",
    "readership_sentence",
    "relay_sentence",
    "zone_of",
]


def local(moment: datetime, zone: str) -> str:
    """``Fri 20 Nov 2026 08:00`` on the wall clock of ``zone``."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%a %d %b %Y %H:%M")


def zone_of(publication: Publication, newsletter: str) -> str:
    """The newsletter's zone; the publication's for one that is no longer there."""
    known = publication.newsletter(newsletter)
    return known.timezone if known else publication.timezone


def edition_sentence(edition: Edition, sums: Sums, zone: str, resumes: datetime | None = None) -> str:
    """``214 world daily of Fri 20 Nov 2026 07:00: 1,204 of 3,000 accepted; 3 failed; paused: the reason.``

    ``resumes``: when a paused one goes on by itself.
    """
    name = f"{edition.id} {edition.newsletter} {edition.cadence}"
    if edition.cutoff == 0 and edition.state in ("awaiting approval", "held"):
        return f"{name} of {local(edition.slot, zone)}: {edition.state}; {edition.reason or 'composed'}."
    recipients = sums.candidates - sum(sums.excluded.values())
    parts = [f"{sums.accepted:,} of {recipients:,} accepted" if recipients else "nobody to mail it to"]
    if sums.failed:
        parts.append(f"{sums.failed:,} failed")
    if sums.withdrawn:
        parts.append(f"{sums.withdrawn:,} withdrawn")
    if sums.deferred:
        parts.append(f"{sums.deferred:,} deferred, tried again by themselves")
    if sums.unknown:
        parts.append(f"{sums.unknown:,} in doubt (publisher editions show {edition.id})")
    state = str(edition.state)
    parts.append(f"{state}: {edition.reason}" if edition.reason else state)
    if edition.state == "paused" and resumes is not None:
        parts.append(
            f"tries again {local(resumes, zone)}; nothing to do, or now: publisher editions resume {edition.id}"
        )
    return f"{name} of {local(edition.slot, zone)}: {'; '.join(parts)}."


def next_step(edition: Edition, resumes: datetime | None = None) -> str:
    """What somebody can do about an edition now; ``""``: nothing, also where it ``resumes`` by itself. Pure."""
    number = edition.id
    if resumes is not None:
        return ""
    if edition.state == "awaiting approval":
        return f"Next: publisher editions approve {number}, or hold {number}, or cancel {number}"
    if edition.state == "held":
        approve = f"approve {number}" if edition.cutoff == 0 else f"recompose {number} after a correction"
        return f"Next: publisher editions resume {number}, or {approve}, or cancel {number}"
    if edition.state == "paused":
        return f"Next: publisher editions resume {number}, once that is mended, or cancel {number}"
    return ""


def account(sums: Sums) -> list[str]:
    """The sum of an edition: every candidate stands in exactly one line."""
    lines = [("candidates", sums.candidates)]
    lines += [(f"excluded: {reason}", number) for reason, number in sorted(sums.excluded.items())]
    lines += [
        ("accepted", sums.accepted),
        ("failed", sums.failed),
        ("withdrawn", sums.withdrawn),
        ("outstanding", sums.outstanding),
    ]
    names = max(len(name) for name, _ in lines) + 2
    numbers = max(len(f"{number:,}") for _, number in lines)
    signs = ["=" if place == 1 else "+" for place in range(len(lines))]
    return [
        f"{' ' if place == 0 else signs[place]} {name:<{names}}{number:>{numbers},}"
        for place, (name, number) in enumerate(lines)
    ]


def outbox_sentence(waiting: Waiting, zone: str) -> str:
    """What is still to be sent."""
    if not (waiting.due or waiting.later or waiting.claimed):
        return "The outbox is empty."
    parts = []
    if waiting.claimed:
        parts.append(f"{count(waiting.claimed, 'message')} being sent")
    if waiting.due:
        parts.append(f"{count(waiting.due, 'message')} for the next run")
    if waiting.later:
        when = f", the first at {local(waiting.next_try, zone)}" if waiting.next_try else ""
        parts.append(f"{count(waiting.later, 'message')} later{when}")
    return f"The outbox has {'; '.join(parts)}."


def relay_sentence(relay: str, state: RelayState, now: datetime, zone: str) -> str:
    """``The relay smtp.example.org:587 is left alone until …: it said '421 …'.``"""
    from publisher.model.rate import share_of

    at = now.timestamp()
    if state.aside_until > at:
        until = local(datetime.fromtimestamp(state.aside_until, UTC), zone)
        return f"The relay {relay} is left alone until {until}: {state.reason}."
    return (
        f"The relay {relay} has slowed down: it is given {share_of(state, at):.0%} of the usual, and more each minute."
    )


def readership_sentence(readers: Sequence[tuple[str, int]]) -> str:
    """``Through aggregators all is read by 123, world by 12 (announced in the last 7 days).``"""
    (first, number), *others = readers
    parts = [f"{first} is read by {number:,}", *(f"{feed} by {many:,}" for feed, many in others[:9])]
    if len(others) > 9:
        parts.append(f"{len(others) - 9:,} more feeds by {sum(many for _, many in others[9:]):,}")
    return f"Through aggregators {', '.join(parts)} (announced in the last 7 days)."


def hub_sentence(hub: str, untold: Sequence[Topic], zone: str) -> str:
    """``The hub … has not been told of 3 feed documents since Fri …: it answered 500; tried again Fri ….``"""
    since = min(topic.since for topic in untold if topic.since is not None)
    again = min(topic.try_at for topic in untold if topic.try_at is not None)
    what = count(len(untold), "changed feed document")
    return (
        f"The hub {hub} has not been told of {what} since {local(since, zone)}: "
        f"{untold[0].answer or 'it did not answer'}; tried again after {local(again, zone)}."
    )
