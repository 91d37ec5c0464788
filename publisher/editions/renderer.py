"""Rendering as a value: the publication and its environment, ready to make any newsletter's digest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from publisher.editions.browser import browser_url
from publisher.editions.digest import render_digest
from publisher.editions.embedding import embeddable
from publisher.model.article import Article
from publisher.model.correction import Corrected
from publisher.model.edition import Digest
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.theme.environment import Environment
from publisher.theme.media import logo_of

__all__ = ["DigestRenderer", "Renderer"]


class Renderer(Protocol):
    """Makes the digest of one variant."""

    def __call__(
        self,
        newsletter: Newsletter,
        *,
        articles: Sequence[Article],
        rest: Sequence[Article],
        number: int,
        slot: datetime,
        cadence: str,
        language: str,
        corrections: Sequence[Corrected] = (),
        note: Article | None = None,
    ) -> Digest: ...


@dataclass(frozen=True, slots=True)
class DigestRenderer:
    """The theme's digests. Raises TemplateError with file and line. ``whole`` gives an article with its text."""

    publication: Publication
    environment: Environment
    whole: Callable[[Article], Article] = field(default=lambda article: article)

    def __call__(
        self,
        newsletter: Newsletter,
        *,
        articles: Sequence[Article],
        rest: Sequence[Article],
        number: int,
        slot: datetime,
        cadence: str,
        language: str,
        corrections: Sequence[Corrected] = (),
        note: Article | None = None,
    ) -> Digest:
        """The digest, frozen but for its personal fields; ``language`` empty: the newsletter's."""
        articles, rest = [*map(self.whole, articles)], [*map(self.whole, rest)]
        return render_digest(
            self.environment,
            self.publication,
            newsletter,
            articles=articles,
            rest=rest,
            corrections=corrections,
            note=self.whole(note) if note and note.path else note,
            edition_number=number,
            slot=slot,
            cadence=cadence,
            language=language or newsletter.language,
            logo=logo_of(self.publication),
            browser_url=browser_url(self.publication, newsletter.name, number),
            pictures=embeddable(self.publication, articles) if newsletter.images == "embed" else None,
        )
