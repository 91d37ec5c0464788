"""The next slots of a newsletter, with what the clock does to them and what the nearest would carry as of now.

Deciding only: groups of readers and articles come in, nothing is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from publisher.editions.compiling import decide
from publisher.editions.slots import Slot, slots
from publisher.model.article import Article
from publisher.model.edition import Edition, Group
from publisher.model.feed import Cadence, Newsletter

__all__ = ["Upcoming", "clock_note", "upcoming"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """A slot to come. ``articles`` (ids) and ``recipients`` (one number a variant) are the nearest slot's, as of now.

    ``waiting``: readers who would get nothing yet, because fewer than ``min_items`` articles wait for them.
    """

    newsletter: str
    cadence: str
    slot: datetime
    local: datetime
    note: str
    articles: tuple[str, ...] = ()
    recipients: tuple[int, ...] = ()
    waiting: int = 0


def upcoming(
    newsletter: Newsletter,
    cadence: Cadence,
    *,
    count: int,
    groups: Sequence[Group],
    articles: Sequence[Article],
    newest: int,
    numbered_at: Mapping[str, datetime],
    now: datetime,
    ahead: Sequence[Edition] = (),
) -> list[Upcoming]:
    """The next ``count`` slots of a cadence. Pure.

    ``articles`` are the newsletter's candidates, numbered; ``ahead`` its editions that are there before their slot.
    """
    there = {edition.slot: f"edition {edition.id}: {edition.state}" for edition in ahead}
    zone = ZoneInfo(newsletter.timezone)
    found: list[Upcoming] = []
    before = now
    coming = [Slot(_settles(newsletter, articles, newest, numbered_at, now))] if cadence.on_publish else None
    for slot in coming or islice(slots(cadence, newsletter.timezone, now), count):
        notes = (clock_note(before, slot.at, zone), _quiet_note(cadence, slot.quiet), there.get(slot.at, ""))
        line = Upcoming(
            newsletter=newsletter.name,
            cadence=cadence.name,
            slot=slot.at,
            local=slot.at.astimezone(zone),
            note="; ".join(filter(None, notes)),
        )
        found.append(line if found else _filled(line, newsletter, groups, articles, newest, numbered_at))
        before = slot.at
    if coming and not found[0].articles:
        return []  # no article, no slot
    return found


def _settles(
    newsletter: Newsletter,
    articles: Sequence[Article],
    newest: int,
    numbered_at: Mapping[str, datetime],
    now: datetime,
) -> datetime:
    """When the newest article has settled: the slot of a cadence on publish. Pure."""
    taken = [numbered_at.get(article.id, now) for article in articles if (article.sequence or 0) <= newest]
    return max([now, *(at + newsletter.settle for at in taken)])


def _quiet_note(cadence: Cadence, days: Sequence[date]) -> str:
    """What quiet days do to a slot, in words; ``""`` if nothing. Pure."""
    if not days:
        return ""
    what = "with what was due on" if cadence.on_quiet == "move" else "none on"
    listed = ", ".join(f"{day:%Y-%m-%d}" for day in days)
    return f"{what} the quiet {'day' if len(days) == 1 else 'days'} {listed}"


def _filled(
    line: Upcoming,
    newsletter: Newsletter,
    groups: Sequence[Group],
    articles: Sequence[Article],
    newest: int,
    numbered_at: Mapping[str, datetime],
) -> Upcoming:
    """The nearest slot with what it would carry if nothing were published any more. Pure."""
    decisions = decide(groups, articles, newsletter, cutoff=newest, numbered_at=numbered_at, now=line.slot)
    variants: dict[str, int] = {}
    for decision in decisions:
        if decision.is_mailed:
            variants[decision.key] = variants.get(decision.key, 0) + decision.group.count
    listed = {article for decision in decisions for article in decision.articles}
    return Upcoming(
        newsletter=line.newsletter,
        cadence=line.cadence,
        slot=line.slot,
        local=line.local,
        note=line.note,
        articles=tuple(article.id for article in reversed(articles) if article.id in listed),
        recipients=tuple(sorted(variants.values(), reverse=True)),
        waiting=sum(decision.group.count for decision in decisions if not decision.is_mailed and decision.to < newest),
    )


def clock_note(before: datetime, slot: datetime, zone: ZoneInfo) -> str:
    """What a change of clock between two moments does, in words; ``""`` if there is none. Pure."""
    earlier, later = before.astimezone(zone).utcoffset(), slot.astimezone(zone).utcoffset()
    assert earlier is not None
    assert later is not None
    if earlier == later:
        return ""
    minutes = int(abs(later - earlier) / timedelta(minutes=1))
    amount = f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
    day = _change(before, slot, zone)
    return f"the clock goes {'forward' if later > earlier else 'back'} {amount} on {day:%Y-%m-%d}"


def _change(before: datetime, slot: datetime, zone: ZoneInfo) -> datetime:
    """The first local day in (before, slot] whose end has the later offset."""
    later = slot.astimezone(zone).utcoffset()
    while slot - before > timedelta(minutes=15):
        middle = before + (slot - before) / 2
        if middle.astimezone(zone).utcoffset() == later:
            slot = middle
        else:
            before = middle
    return slot.astimezone(zone)
