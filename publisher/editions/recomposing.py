"""Rendering a held edition anew, after a typo: the same lists, with what articles, templates and settings say now.

Guarantees: whose message was never begun gets the new digest; whoever has it, may have it, or has had a try keeps the
old one, so that a repeat is the very message that was sent. Killed anywhere, it can be asked for again. Fails with
UsageError for an edition that is not held, and for a list with an article that is not there any more.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from publisher.editions.opening import Opener
from publisher.model.edition import Digest, Edition, EditionState, Variant
from publisher.model.errors import UsageError
from publisher.model.feed import Newsletter
from publisher.store import editions as edition_store
from publisher.store import openings, recomposing
from publisher.store import pictures as picture_store

__all__ = ["Recomposed", "recompose"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomposed:
    """``changed`` of ``variants`` digests are not what they were. ``deliveries`` are still to go with what there is
    now; ``kept`` had a try before, and keep what they had then.
    """

    variants: int
    changed: int
    deliveries: int
    kept: int
    subjects: tuple[str, ...]


def recompose(opener: Opener, number: int) -> Recomposed:
    """Renders the digests of a held edition anew. Raises UsageError, TemplateError."""
    with opener.store.reading() as connection:
        edition = edition_store.get(connection, number)
        variants = recomposing.current(connection, number)
    if edition is None:
        raise UsageError(f"there is no edition {number}", remedy="see: publisher editions list")
    newsletter = _may(opener, edition, variants)
    # All are rendered before any is replaced: a broken template changes nothing.
    digests = [
        (variant, opener.digest(edition, newsletter, variant, language=variant.language)) for variant in variants
    ]
    new = [(variant, digest) for variant, digest in digests if not _same(variant.digest, digest)]
    for variant, digest in new:
        with opener.store.writing() as connection:
            picture_store.keep(connection, digest.pictures)
            target = recomposing.replacement(connection, variant, digest)
        more = openings.CHUNK
        while more == openings.CHUNK:
            with opener.store.writing() as connection:
                more = recomposing.move(connection, variant.id, target, size=openings.CHUNK)
            if more and opener.store.dialect == "sqlite":
                time.sleep(openings.PAUSE)
    with opener.store.reading() as connection:
        pending, kept = recomposing.counted(connection, number)
    return Recomposed(
        variants=len(variants),
        changed=len(new),
        deliveries=pending,
        kept=kept,
        subjects=tuple(digest.subject for _variant, digest in digests),
    )


def _may(opener: Opener, edition: Edition, variants: list[Variant]) -> Newsletter:
    """The edition's newsletter, if it can be recomposed. Raises UsageError."""
    if edition.state is not EditionState.HELD:
        awaits = edition.state is EditionState.AWAITING_APPROVAL
        raise UsageError(
            f"edition {edition.id} is {edition.state}"
            + (", and follows every edit by itself" if awaits else "; only a held one can be rendered anew"),
            remedy=f"see: publisher editions show {edition.id}"
            if awaits or edition.state in (EditionState.FINISHED, EditionState.CANCELLED)
            else f"first: publisher editions hold {edition.id}",
        )
    if edition.cutoff == edition_store.NOT_APPROVED:
        raise UsageError(
            f"nothing of edition {edition.id} is frozen yet: once it is resumed, it awaits approval and follows edits",
            remedy=f"publisher editions resume {edition.id}",
        )
    newsletter = opener.publication.newsletter(edition.newsletter)
    if newsletter is None:
        raise UsageError(f"the newsletter {edition.newsletter} is not there any more", remedy="bring it back first")
    there = {article.id for article in opener.articles if article.is_public(opener.now)}
    for variant in variants:
        for article in (*variant.articles, *variant.rest):
            if article not in there:
                raise UsageError(
                    f"edition {edition.id} has an article that is not public any more: {article}",
                    remedy=f"put it back, or: publisher editions cancel {edition.id}, "
                    "and the others come with the next one",
                )
    return newsletter


def _same(before: Digest, after: Digest) -> bool:
    return (before.subject, before.preheader, before.html, before.text) == (
        after.subject,
        after.preheader,
        after.html,
        after.text,
    )
