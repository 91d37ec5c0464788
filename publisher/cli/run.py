"""`publisher run`: the whole road once. Overlapping runs are harmless; cron calls it every few minutes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from types import FrameType
from typing import TYPE_CHECKING

import click

from publisher.cli.moments import read_moment
from publisher.cli.session import Session, count
from publisher.cli.telling import LOG, Telling
from publisher.cli.verb import Verb
from publisher.model.errors import UsageError

if TYPE_CHECKING:
    from publisher.model.publication import Publication
    from publisher.pipeline import Passed, Published

__all__ = ["closing", "run", "seconds_of", "stop_when_told", "tell"]

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@click.command(cls=Verb)
@click.option("--now", "at", metavar="TIME", help="Pretend it is TIME (Maildir or a relay on this machine only).")
@click.option("--max-time", metavar="DURATION", help='Stop delivering after this long, for example "4 minutes".')
@LOG
@click.pass_obj
def run(session: Session, at: str | None, max_time: str | None, log: str | None) -> None:
    """The whole road once: what cron calls.

    Articles become feeds and pages, editions that are due open, and what the outbox holds is delivered. A second
    run, or two at once, delivers nothing twice. Without a terminal and with --quiet it says nothing unless it did
    something; an error is printed when it is new, then once a day.
    """
    from publisher import pipeline

    telling = Telling(session, log, pretended=at is not None)
    with telling.working():
        publication = session.publication
        stop = threading.Event()
        told = stop_when_told(stop, seconds_of(max_time))
        passed = pipeline.run(
            publication,
            session.secrets,
            session.store(),
            clock=_clock(session, at, publication),
            stop=stop,
            fixed_time=at is not None,
            step=telling.log.step if telling.log else _Teller(session, publication),
            progress=telling.progress,
        )
        more = telling.ended(passed)
        if session.as_json:
            session.answer(_as_values(passed))
        elif telling.log is None and (session.terminal or not session.quiet or more):
            line = closing(publication, passed, stopped=stop.is_set())
            session.show(line) if more else session.say(line)
        if signal.SIGINT in told:
            session.status = session.status or 130


def _clock(session: Session, at: str | None, publication: Publication) -> Callable[[], datetime]:
    """The real clock, or one that starts at TIME and goes on from there."""
    if at is None:
        return session.now
    start, began = read_moment(at, zone=publication.timezone, option="--now"), session.now()
    return lambda: start + (session.now() - began)


def seconds_of(max_time: str | None) -> float | None:
    """What ``--max-time`` says, in seconds. Raises UsageError."""
    if max_time is None:
        return None
    from publisher.publication.schedules import parse_duration

    try:
        return parse_duration(max_time) / timedelta(seconds=1)
    except ValueError as error:
        raise UsageError(f"--max-time: {error}") from None


def stop_when_told(stop: threading.Event, seconds: float | None) -> list[int]:
    """SIGTERM and SIGINT let us finish what is in the air; so does the end of --max-time.

    A second signal ends the process at once, which loses nothing either. The signals that came are in the answer.
    """
    came: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        came.append(number)
        stop.set()
        for name in _SIGNALS:
            signal.signal(name, signal.SIG_DFL)

    for name in _SIGNALS:
        signal.signal(name, ask)
    if seconds is not None:
        # A timer cannot wait for longer than this (292 years).
        timer = threading.Timer(min(seconds, threading.TIMEOUT_MAX), stop.set)
        timer.daemon = True
        timer.start()
    return came


class _Teller:
    """Says a line about each stage as it ends."""

    def __init__(self, session: Session, publication: Publication) -> None:
        self._session = session
        self._publication = publication
        self._told = 0

    def __call__(self, passed: Passed) -> None:
        lines = tell(self._publication, passed)
        quiet = self._session.quiet and not self._session.terminal
        for line in lines[self._told :]:
            if not (quiet or self._session.as_json):
                self._session.say(line)
        self._told = len(lines)


def tell(publication: Publication, passed: Passed) -> list[str]:
    """What a pass did so far, a line a step, in the order of the road. Pure; it only grows."""
    lines = []
    if passed.published is not None:
        written = passed.published.written
        drafts = passed.published.drafts
        how = "as before" if passed.published.as_before else "read"
        lines.append(
            f"published: {count(passed.published.read, 'article')} {how}"
            + (f", {count(drafts, 'draft')} among them; " if drafts else "; ")
            + f"{count(len(written.changed), 'file')} of public/ written, "
            f"{written.unchanged:,} unchanged" + (f", {len(written.removed):,} removed" if written.removed else "")
        )
        lines += [
            f"not mailed: {record.path} ({record.left_out}); set mail = true in it to mail it all the same"
            for record in passed.published.left_out
        ]
        lines += _unknown_sections(publication, passed.published)
    if passed.came_back_from is not None:
        lines.append(
            f"the last run was at {passed.came_back_from:%Y-%m-%d %H:%M} UTC, which is still to come: "
            "slots count from now again"
        )
    if passed.started_afresh is not None:
        lines.append(
            f"first run on a real transport: {count(passed.started_afresh, 'subscription')} start now; "
            "what was published before is not mailed"
        )
    lines += [
        f"to be approved: edition {edition.id}, {edition.newsletter} {edition.cadence}, {edition.reason}; "
        f"publisher editions approve {edition.id}"
        for edition in passed.shown
    ]
    lines += [
        f"opened: edition {opened.edition.id}, {opened.edition.newsletter} {opened.edition.cadence}, for "
        f"{count(opened.deliveries, 'reader')}: {'; '.join(dict.fromkeys(opened.subjects)) or 'nobody'}"
        for opened in passed.opened
    ]
    if passed.told.topics:
        lines.append(f"told the hub: {count(len(passed.told.topics), 'feed document')}")
    if passed.folded:
        numbers = ", ".join(map(str, passed.folded))
        lines.append(f"folded: edition{'s' if len(passed.folded) > 1 else ''} {numbers}, now in ledger/")
    return lines


def _unknown_sections(publication: Publication, published: Published) -> list[str]:
    """One line about sections that [sections] does not know; where there are none, any will do."""
    if not publication.sections:
        return []
    odd = [one for one in published.articles if one.section and one.section not in publication.sections]
    if not odd:
        return []
    names = ", ".join(f'"{name}"' for name in sorted({one.section for one in odd if one.section})[:5])
    more = f" and {len(odd) - 1:,} more" if len(odd) > 1 else ""
    return [f"warning: not in [sections]: {names}, in {odd[0].path}{more}; add it there, or see: publisher check"]


def closing(publication: Publication, passed: Passed, *, stopped: bool) -> str:
    """What was delivered. Pure."""
    from publisher.cli.sentences import local

    delivered = passed.delivered
    if delivered.elsewhere:
        return "delivered: nothing; another process of this machine is delivering"
    parts = [f"{count(delivered.accepted, 'message')} accepted"]
    for name in ("deferred", "failed", "refused", "unknown"):
        if number := getattr(delivered, name):
            parts.append(f"{number:,} {name}")
    waits = ""
    if delivered.again_at is not None:
        zone = publication.timezone
        waits = (
            f"{delivered.waiting:,} wait for {delivered.waits_for}; next at {local(delivered.again_at, zone)} ({zone})"
        )
        if delivered.attempts == 0:
            return f"delivered: nothing; {waits}"
    if delivered.attempts == 0 and (stopped or delivered.error is not None):
        return "delivered: nothing; what is due waits for the next run"
    if delivered.attempts == 0:
        return "delivered: nothing was due"
    line = "delivered: " + ", ".join(parts)
    if publication.delivery.transport.startswith("maildir:"):
        folder = publication.delivery.transport.removeprefix("maildir:")
        line += f"; written to {folder}/; nobody was mailed"
    return f"{line}; {waits}" if waits else line


def _as_values(passed: Passed) -> dict[str, object]:
    published, delivered = passed.published, passed.delivered
    return {
        "published": None
        if published is None
        else {
            "articles": published.read,
            "changed": list(published.written.changed),
            "unchanged": published.written.unchanged,
            "removed": list(published.written.removed),
            "numbered": [record.path for record in published.numbered],
            "left_out": {record.path: record.left_out for record in published.left_out},
        },
        "came_back_from": passed.came_back_from,
        "started_afresh": passed.started_afresh,
        "opened": [
            {
                "edition": opened.edition.id,
                "newsletter": opened.edition.newsletter,
                "cadence": opened.edition.cadence,
                "slot": opened.edition.slot,
                "deliveries": opened.deliveries,
                "subjects": list(opened.subjects),
            }
            for opened in passed.opened
        ],
        "shown": [edition.id for edition in passed.shown],
        "delivered": {
            "accepted": delivered.accepted,
            "deferred": delivered.deferred,
            "failed": delivered.failed,
            "refused": delivered.refused,
            "unknown": delivered.unknown,
            "recovered": delivered.recovered,
            "elsewhere": delivered.elsewhere,
            "finished": delivered.finished,
            "waiting": delivered.waiting,
            "waits_for": delivered.waits_for,
            "again_at": delivered.again_at,
        },
        "told_hub": {"topics": sorted(passed.told.topics), "failed": passed.told.failed},
        "folded": passed.folded,
        "errors": [str(error) for error in passed.errors],
    }
