"""The subjects of the last editions, as the newsletter's template makes them now: to try one before it is used.

Nothing is saved. What was sent keeps the subject that it had.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from publisher.editions.digest import subject_of
from publisher.model.article import Article
from publisher.model.edition import Edition
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.store import Connection
from publisher.store import editions as edition_store
from publisher.theme.environment import Environment

__all__ = ["Subject", "subjects"]


@dataclass(frozen=True, slots=True)
class Subject:
    """``now`` by the template as it is (``""``: its articles are gone), ``then`` as it was sent."""

    edition: Edition
    now: str
    then: str


def subjects(
    connection: Connection,
    environment: Environment,
    publication: Publication,
    newsletter: Newsletter,
    articles: Sequence[Article],
    *,
    count: int = 10,
) -> list[Subject]:
    """The last ``count`` editions, newest first: of each the variant with the most articles. Raises TemplateError."""
    known = {article.id: article for article in articles}
    found: list[Subject] = []
    for edition in edition_store.listing(connection, newsletter=newsletter.name, limit=count):
        variants = [one for one in edition_store.variants_of(connection, edition.id) if one.articles]
        if not variants:
            continue
        largest = max(variants, key=lambda one: (len(one.articles), -one.id))
        listed = [known[one] for one in largest.articles if one in known]
        now = ""
        if listed:
            now = subject_of(
                environment,
                publication,
                newsletter,
                articles=listed,
                rest=[known[one] for one in largest.rest if one in known],
                edition_number=edition.id,
                slot=edition.slot,
                language=largest.language or newsletter.language,
            )
        found.append(Subject(edition, now, largest.digest.subject))
    return found
