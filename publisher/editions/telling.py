"""Telling of a correction at once: a notice to everybody who has the faulty version from one edition.

Guarantees: each of them gets it once, by this or with a digest, however often it is asked for and wherever it was
killed: a chunk of readers is one transaction, and who has been told is left out. Fails with UsageError where there is
nothing to tell.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from publisher.editions.opening import Opener
from publisher.model.correction import Correction
from publisher.model.edition import Edition, Variant
from publisher.model.errors import UsageError
from publisher.store import corrections, openings, tellings
from publisher.store import editions as edition_store

__all__ = ["Told", "tell_of_corrections"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """The corrections of an edition, and how many readers are told now."""

    corrections: tuple[Correction, ...]
    readers: int


def tell_of_corrections(
    opener: Opener, number: int, *, progress: Callable[[int], None] = lambda _readers: None
) -> Told:
    """Puts a notice for each of its readers into the outbox, ahead of editions. Raises UsageError, TemplateError."""
    with opener.store.reading() as connection:
        edition = edition_store.get(connection, number)
        variants = edition_store.variants_of(connection, number)
        known = corrections.every(connection)
    if edition is None:
        raise UsageError(f"there is no edition {number}", remedy="see: publisher editions list")
    newsletter = opener.publication.newsletter(edition.newsletter)
    said = {article.id: article.correction for article in opener.articles if article.is_public(opener.now)}
    wrong = _wrong(edition, variants, [one for one in known if said.get(one.article) == one.text])
    if newsletter is None or not wrong:
        raise UsageError(
            f"no article of edition {number} has a correction",
            remedy='write what was wrong into the article, correction = "…", and ask again',
        )
    readers = 0
    for correction in wrong:
        having = [variant for variant in variants if correction.article in variant.articles]
        for language in sorted({variant.language for variant in having}):
            digest = opener.render(
                newsletter,
                articles=(),
                rest=(),
                number=number,
                slot=edition.slot,
                cadence=edition.cadence,
                language=language,
                corrections=opener.corrected([correction.sequence]),
            )
            ids = [variant.id for variant in having if variant.language == language]
            with opener.store.writing() as connection:
                notice = tellings.notice_of(connection, correction, edition, language, digest, opener.now)
            after: int | None = 0
            while after is not None:
                with opener.store.writing() as connection:
                    told, after = tellings.tell_chunk(
                        connection, correction, edition, variants=ids, notice=notice, after=after, now=opener.now
                    )
                readers += told
                progress(readers)
                if after is not None and opener.store.dialect == "sqlite":
                    time.sleep(openings.PAUSE)
    return Told(corrections=tuple(wrong), readers=readers)


def _wrong(edition: Edition, variants: Sequence[Variant], known: Sequence[Correction]) -> list[Correction]:
    """The newest correction of each article that the edition carried before it was numbered. Pure."""
    listed = {article for variant in variants for article in variant.articles}
    newest = {one.article: one for one in known if one.article in listed and one.sequence > edition.cutoff}
    return list(newest.values())
