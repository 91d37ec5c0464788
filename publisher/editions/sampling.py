"""Samples: the next edition of each cadence, rendered for `check` as it would go out. Nothing is saved.

Fails with TemplateError, which names the template's file and line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import get_args

from publisher.editions.digest import render_digest
from publisher.editions.fitting import Style
from publisher.editions.notices import render_notice
from publisher.editions.preview import Preview, Reader, next_articles
from publisher.editions.slots import slots_after
from publisher.model.article import Article
from publisher.model.edition import Digest
from publisher.model.feed import Feed, Newsletter
from publisher.model.publication import Publication
from publisher.theme.environment import Environment
from publisher.theme.media import logo_of

__all__ = ["Sample", "sample_editions", "sample_notices", "sample_of"]

_UNLIMITED = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A digest that some reader could get next.

    ``waiting``: its articles really wait to be mailed; else the newest ones stand in. ``sizes``: bytes of its HTML in
    each style, were there no limit.
    """

    feed: Feed
    newsletter: Newsletter
    cadence: str
    slot: datetime
    articles: tuple[Article, ...]
    rest: tuple[Article, ...]
    waiting: bool
    digest: Digest
    sizes: Mapping[Style, int]


def sample_editions(
    environment: Environment,
    publication: Publication,
    feed: Feed,
    newsletter: Newsletter,
    articles: Sequence[Article],
    *,
    cursors: Mapping[str, int],
    now: datetime,
) -> list[Sample]:
    """The next edition of each cadence for somebody at its cursor; cadences with the same list are one sample.

    None where there is no public article. Raises TemplateError.
    """
    samples: dict[tuple[str, ...], Sample] = {}
    for cadence in newsletter.cadences:
        reader = Reader(address="", cursor=cursors.get(cadence.name, 0))
        chosen, rest, waiting = next_articles(feed, newsletter, reader, articles, now=now)
        key = tuple(article.id for article in (*chosen, *rest))
        if not chosen or key in samples:
            continue
        slot = next(slots_after(cadence, newsletter.timezone, now), now)
        rendered = partial(
            render_digest,
            environment,
            publication,
            articles=chosen,
            rest=rest,
            edition_number=1,
            slot=slot,
            cadence=cadence.name,
            language=newsletter.language,
            logo=logo_of(publication),
        )
        samples[key] = Sample(
            feed=feed,
            newsletter=newsletter,
            cadence=cadence.name,
            slot=slot,
            articles=tuple(chosen),
            rest=tuple(rest),
            waiting=waiting,
            digest=rendered(newsletter),
            sizes=_sizes(rendered, newsletter),
        )
    return list(samples.values())


def sample_of(environment: Environment, publication: Publication, feed: Feed, seen: Preview) -> Sample:
    """A preview as a sample. Raises TemplateError."""
    rendered = partial(
        render_digest,
        environment,
        publication,
        articles=seen.articles,
        rest=seen.rest,
        edition_number=seen.number,
        slot=seen.slot,
        cadence=seen.cadence,
        language=seen.language,
        corrections=seen.corrections,
        note=seen.note,
        logo=logo_of(publication),
    )
    return Sample(
        feed=feed,
        newsletter=seen.newsletter,
        cadence=seen.cadence,
        slot=seen.slot,
        articles=seen.articles,
        rest=seen.rest,
        waiting=seen.waiting,
        digest=seen.digest,
        sizes=_sizes(rendered, seen.newsletter),
    )


def _sizes(rendered: Callable[..., Digest], newsletter: Newsletter) -> dict[Style, int]:
    """Bytes of the HTML in each style, were there no limit."""
    return {
        style: len(rendered(replace(newsletter, style=style), limit=_UNLIMITED).html.encode())
        for style in get_args(Style)
    }


def sample_notices(environment: Environment, publication: Publication, newsletter: Newsletter) -> list[Digest]:
    """The confirmation and the welcome. Raises TemplateError."""
    language = newsletter.language
    return [
        render_notice(environment, publication, newsletter, "confirmation", language=language),
        render_notice(environment, publication, newsletter, "welcome", language=language),
    ]
