"""What is wrong or doubtful in what newsletters take: too much for their editions, or articles that none of them takes.

Each rule is a function. Deciding only: everything here is pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from publisher.editions.compiling import candidates
from publisher.editions.slots import slots_after
from publisher.model.article import Article, Record
from publisher.model.feed import Cadence, Feed, Newsletter
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.publication.positions import Positions

__all__ = ["articles_not_mailed", "check_newsletter"]

_SLOTS_BACK = (timedelta(days=1), timedelta(days=10), timedelta(days=40), timedelta(days=400))
_PERIODS = 4
_MANY = 5
_NOT_SELECTED = "no newsletter selects it"
_MAIL_IT = "set mail = true in it to mail it all the same"


def check_newsletter(
    feed: Feed, newsletter: Newsletter, articles: Sequence[Article], positions: Positions, *, now: datetime
) -> Iterator[Finding]:
    """All findings about a newsletter's settings in the light of its articles. Pure."""
    for cadence in newsletter.cadences:
        yield from steady_overload(feed, newsletter, cadence, articles, positions, now=now)


def steady_overload(
    feed: Feed,
    newsletter: Newsletter,
    cadence: Cadence,
    articles: Sequence[Article],
    positions: Positions,
    *,
    now: datetime,
) -> Iterator[Finding]:
    """More than ``max_items`` in three of the last four periods: what overflows does so always."""
    slots = _last_slots(cadence, newsletter.timezone, now)
    mailed = [
        article.published
        for article in articles
        if article.mail is not False and article.is_public(now) and feed.selection.matches(article)
    ]
    counts = [sum(start < published <= end for published in mailed) for start, end in pairwise(slots)]
    if sum(count > newsletter.max_items for count in counts) >= _PERIODS - 1:
        is_carried = newsletter.overflow == "carry"
        yield Finding(
            severity=Severity.WARNING,
            rule="steady-overload",
            file=feed.file,
            line=positions(feed.file, ["newsletter", "max_items"]),
            what=f'"{cadence.name}" has had {", ".join(map(str, counts))} articles a period, and max_items is '
            f"{newsletter.max_items}: "
            + ("the backlog grows for ever" if is_carried else "the rest is always a mere list of links"),
            remedy="raise max_items, narrow the selection, or offer a more frequent cadence",
        )


def articles_not_mailed(
    publication: Publication,
    articles: Sequence[Article],
    records: Mapping[str, Record],
    left_out: Mapping[str, str],
    *,
    now: datetime,
) -> Iterator[Finding]:
    """Public articles that nobody will get by mail, and why; many with one reason are one finding. Pure.

    ``left_out``: reasons by article id, as a run at ``now`` decides. What front matter asks for is no news, and what
    was numbered before has had its turn.
    """
    letters = [(feed, feed.newsletter) for feed in publication.feeds if feed.newsletter is not None]
    if not letters:
        return
    mailed = {one.id for feed, letter in letters for one in candidates(feed, letter, articles, now=now)}
    by_reason: dict[str, list[Article]] = {}
    for article in articles:
        known = records.get(article.id)
        was_numbered = known is not None and known.sequence is not None
        if article.mail is False or was_numbered or article.id in mailed or not article.is_public(now):
            continue
        reason = left_out.get(article.id) or (_not_taken(article, letters) if article.sequence is not None else "")
        if reason:
            by_reason.setdefault(reason, []).append(article)
    for reason, those in by_reason.items():
        remedy = "nothing to do, if that is meant" if reason == _NOT_SELECTED else _MAIL_IT
        if reason == "old news":
            reason = "old news: published more than a week before the run that first saw it"
        for article in those if len(those) <= _MANY else ():
            yield _not_mailed(article.path, f"will not be mailed ({reason})", remedy)
        if len(those) > _MANY:
            yield _not_mailed(publication.articles, f"{len(those):,} articles will not be mailed ({reason})", remedy)


def _not_taken(article: Article, letters: Sequence[tuple[Feed, Newsletter]]) -> str:
    """Why none of the newsletters takes an article that has a number."""
    selecting = [letter.name for feed, letter in letters if feed.selection.matches(article)]
    return f"older than since of {', '.join(selecting)}" if selecting else _NOT_SELECTED


def _not_mailed(file: str, what: str, remedy: str) -> Finding:
    return Finding(severity=Severity.HINT, rule="not-mailed", file=file, what=what, remedy=remedy)


def _last_slots(cadence: Cadence, timezone: str, now: datetime) -> list[datetime]:
    """The ends of the last four full periods, and the beginning of the first."""
    slots: list[datetime] = []
    for back in _SLOTS_BACK:
        slots = []
        for slot in slots_after(cadence, timezone, now - back):
            if slot > now:
                break
            slots.append(slot)
        if len(slots) > _PERIODS:
            break
    return slots[-_PERIODS - 1 :]
