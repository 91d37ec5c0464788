"""What is late or stuck, in whole sentences with the next step. Pure, all of it.

===============  =====================================================================================================
slot             nothing has opened for it an hour after it was due, or when its newsletter's ``late`` is over
edition          paused and not going on by itself; opening, paused or awaiting approval an hour after its slot; held
                 for longer than six hours after it
outbox           messages have been due for half an hour, and none was tried in that time
run              the last run is longer ago than ``alerts.last_run``
===============  =====================================================================================================
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from publisher.editions.slots import due_slot, first_moment, lateness, slots_after
from publisher.health.standing import Standing
from publisher.model.edition import Edition, EditionState
from publisher.model.feed import Cadence, Newsletter
from publisher.model.publication import Publication

__all__ = ["Trouble", "of_errors", "troubles"]

AN_HOUR = timedelta(hours=1)
HALF_AN_HOUR = timedelta(minutes=30)
HELD = timedelta(hours=6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """Something that somebody must mend. ``key`` stays the same while it lasts, ``text`` need not."""

    key: str
    text: str


def troubles(publication: Publication, standing: Standing, *, now: datetime) -> list[Trouble]:
    """Everything that is late or stuck at ``now``, and what the last run found wrong."""
    found = [*_runs(publication, standing, now)]
    for newsletter in publication.newsletters if standing.last_run else ():
        for cadence in newsletter.cadences:
            found += _slots(newsletter, cadence, standing, now)
    for edition, resumes in standing.unfinished:
        found += _editions(publication, edition, resumes, now)
    found += _outbox(standing, now)
    wrong = (one for one in standing.remembered if one.key.startswith("error"))
    return [*found, *(Trouble(key=one.key, text=one.text) for one in wrong)]


def of_errors(errors: Iterable[str]) -> list[Trouble]:
    """The errors of a run. Numbers that change from run to run make no new trouble; those of editions do."""
    return [
        Trouble(key=f"error: {re.sub(r'(?<!edition )(?<![-/.#a-z0-9])[0-9][0-9,.:-]*', '#', error)}", text=error)
        for error in errors
    ]


def _runs(publication: Publication, standing: Standing, now: datetime) -> Iterator[Trouble]:
    quiet = publication.alerts.last_run
    if standing.last_run is None:
        yield Trouble(key="run", text="Nothing has run yet; publisher run, or its line in cron")
    elif now - standing.last_run > quiet:
        yield Trouble(
            key="run",
            text=f"The last run was {_ago(now - standing.last_run)} ago; see whether cron or publisher serve is alive",
        )


def _slots(newsletter: Newsletter, cadence: Cadence, standing: Standing, now: datetime) -> Iterator[Trouble]:
    last = standing.decided.get((newsletter.name, cadence.name)) or first_moment(newsletter)
    slot = due_slot(cadence, newsletter.timezone, last=last, now=now) if last is not None else None
    if slot is None:
        return
    late = lateness(newsletter, cadence, slot)
    if now - slot <= min(late, AN_HOUR):
        return
    zone = newsletter.timezone
    following = next(slots_after(cadence, zone, slot), None)
    if now - slot <= late:
        what = f"it can open until {_local(slot + late, zone)}: publisher run"
    else:
        what = "its articles come with the next one" + (f", {_local(following, zone)}" if following else "")
    yield Trouble(
        key=f"slot {newsletter.name} {cadence.name} {slot:%Y-%m-%dT%H:%MZ}",
        text=f"{newsletter.name} {cadence.name} of {_local(slot, zone)} has not opened; {what}",
    )


def _editions(publication: Publication, edition: Edition, resumes: datetime | None, now: datetime) -> Iterator[Trouble]:
    known = publication.newsletter(edition.newsletter)
    zone = known.timezone if known else publication.timezone
    waits = now - max(edition.slot, edition.opened_at)
    show, resume = f"publisher editions show {edition.id}", f"publisher editions resume {edition.id}"
    match edition.state:
        case EditionState.PAUSED if resumes is None:
            remedy = f"mend that, then {resume}"
        case EditionState.PAUSED if waits > AN_HOUR and resumes is not None:
            remedy = f"it tries again {_local(resumes, zone)}, or now: {resume}"
        case EditionState.HELD if waits > HELD:
            remedy = f"{resume}, or publisher editions cancel {edition.id}"
        case EditionState.AWAITING_APPROVAL if now - edition.slot > AN_HOUR:
            remedy = f"publisher editions approve {edition.id}"
        case EditionState.OPENING if waits > AN_HOUR:
            remedy = f"publisher run goes on with it; {show}"
        case _:
            return
    reason = f" ({edition.reason})" if edition.reason else ""
    yield Trouble(
        key=f"edition {edition.id} {edition.state}",
        text=f"Edition {edition.id}, {edition.newsletter} {edition.cadence} of {_local(edition.slot, zone)}, "
        f"is {edition.state}{reason}; {remedy}",
    )


def _outbox(standing: Standing, now: datetime) -> Iterator[Trouble]:
    stalled = standing.stalled
    if stalled is None or stalled.due_since is None:
        return
    # A slot may be long over when its edition opens.
    since = max([stalled.due_since, *(edition.opened_at for edition, _ in standing.unfinished)])
    if now - since <= HALF_AN_HOUR:
        return
    if stalled.last_attempt is not None and now - stalled.last_attempt <= HALF_AN_HOUR:
        return
    if standing.waits_until is not None and standing.waits_until > now:
        return
    messages = "1 message has" if stalled.due == 1 else f"{stalled.due:,} messages have"
    yield Trouble(
        key="outbox",
        text=f"{messages} been due for {_ago(now - since)} and none was tried; publisher run says why",
    )


def _ago(time: timedelta) -> str:
    """``40 minutes``, ``3 hours``, ``12 days``: rounded down."""
    minutes = int(time.total_seconds() // 60)
    for size, name in ((1440, "day"), (60, "hour")):
        if minutes >= 2 * size:
            return f"{minutes // size:,} {name}s"
    return f"{minutes} minute{'' if minutes == 1 else 's'}"


def _local(moment: datetime, zone: str) -> str:
    return moment.astimezone(ZoneInfo(zone)).strftime("%a %d %b %H:%M")
