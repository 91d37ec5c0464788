"""Compiling an edition: which articles each group of readers gets, and where their cursors move.

Deciding only, on values: groups of subscriptions in, decisions out. The database applies them to the readers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal
from zoneinfo import ZoneInfo

from publisher.audience.topics import parse_topics, wants
from publisher.model.article import Article
from publisher.model.correction import Correction
from publisher.model.edition import Decision, Group
from publisher.model.feed import Feed, Newsletter

__all__ = ["arranged", "candidates", "decide"]


def candidates(
    feed: Feed, newsletter: Newsletter, articles: Iterable[Article], *, now: datetime
) -> tuple[Article, ...]:
    """The articles that this newsletter mails at all, oldest number first. Pure.

    Numbered, public, in the feed's selection, and not older than ``since`` unless their ``mail = true`` says so.
    """
    zone = ZoneInfo(newsletter.timezone)
    return tuple(
        sorted(
            (
                article
                for article in articles
                if article.sequence is not None
                and article.mail is not False
                and article.is_public(now)
                and feed.selection.matches(article)
                and (
                    newsletter.since is None
                    or article.mail is True
                    or article.published.astimezone(zone).date() >= newsletter.since
                )
            ),
            key=_number,
        )
    )


def decide(
    groups: Iterable[Group],
    articles: Sequence[Article],
    newsletter: Newsletter,
    *,
    cutoff: int,
    numbered_at: Mapping[str, datetime],
    now: datetime,
    pending: Iterable[Correction] = (),
) -> list[Decision]:
    """What each group gets of ``articles`` (from `candidates`). Pure.

    ``numbered_at``: when each article id was numbered, for ``max_wait``; ``pending``: the corrections that groups may
    be owed.
    """
    corrected_at = {one.sequence: one.numbered_at for one in pending}
    return [
        _decide(
            group,
            articles,
            newsletter,
            cutoff=cutoff,
            numbered_at=numbered_at,
            corrected_at=corrected_at,
            now=now,
        )
        for group in groups
    ]


def _decide(
    group: Group,
    articles: Sequence[Article],
    newsletter: Newsletter,
    *,
    cutoff: int,
    numbered_at: Mapping[str, datetime],
    corrected_at: Mapping[int, datetime],
    now: datetime,
) -> Decision:
    topics = parse_topics(group.topics)
    wanted = [article for article in articles if group.start < _number(article) <= cutoff and wants(topics, article)]
    owed = tuple(number for number in group.corrections if number <= cutoff)
    is_new = any(_number(article) > group.cursor for article in wanted)
    if not is_new and not owed:
        return Decision(group=group, to=max(group.cursor, cutoff))
    if not is_new or len(wanted) < newsletter.min_items:
        # A correction alone waits for the next articles, too.
        since = [numbered_at.get(article.id, now) for article in wanted]
        since += [corrected_at.get(number, now) for number in owed]
        if newsletter.max_wait is None or now - min(since) < newsletter.max_wait:
            return Decision(group=group, to=group.cursor)
    if len(wanted) > newsletter.max_items and newsletter.overflow == "carry" and is_new and not group.snoozed:
        # What is too much for one digest is not taken over: the earlier delivery keeps its articles.
        taken = [article for article in wanted if _number(article) > group.cursor][: newsletter.max_items]
        to = _number(taken[-1])
        return Decision(
            group=group,
            articles=arranged(taken, newsletter.order),
            to=to,
            takes_over=False,
            corrections=tuple(number for number in owed if number <= to),
        )
    # A slice of minus zero would be everything, so the split is counted from the front.
    split = max(0, len(wanted) - newsletter.max_items)
    return Decision(
        group=group,
        articles=arranged(wanted[split:], newsletter.order),
        rest=tuple(article.id for article in reversed(wanted[:split])),
        to=cutoff,
        corrections=owed,
    )


def arranged(articles: Iterable[Article], order: Literal["section", "newest", "weight"] = "section") -> tuple[str, ...]:
    """Ids in the order of a digest: pinned first, then by weight, unless ``order`` is newest, then newest first. Pure;
    after they were taken. Sections are gathered by the page.
    """

    def place(article: Article) -> tuple[bool, int, float, int]:
        weight = 0 if order == "newest" else -article.weight
        return not article.pin, weight, -article.published.timestamp(), -(article.sequence or 0)

    ordered = sorted(articles, key=place)
    return tuple(article.id for article in ordered)


def _number(article: Article) -> int:
    assert article.sequence is not None
    return article.sequence
