"""Digests that replace others: a held edition that is rendered anew.

Guarantees: a digest that anybody may have been mailed is never changed; who was never tried moves to the new one.
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, and_, exists, func, insert, select, update

from publisher.model.delivery import DeliveryState
from publisher.model.edition import Digest, Variant
from publisher.store.editions import lock, variants_of
from publisher.store.schema import deliveries, variants

__all__ = ["counted", "current", "move", "replacement"]


def current(connection: Connection, edition: int) -> list[Variant]:
    """The variants that somebody is still to get, of whom nothing has been tried."""
    waiting = set(
        connection.scalars(
            select(deliveries.c.variant_id).distinct().where(deliveries.c.edition_id == edition, _untried())
        )
    )
    return [variant for variant in variants_of(connection, edition) if variant.id in waiting]


def replacement(connection: Connection, variant: Variant, digest: Digest) -> int:
    """Where the new digest is: in the variant itself if nobody was tried with it, else in a new one."""
    lock(connection, variant.edition)  # somebody else may be recomposing it, too
    values = {
        "subject": digest.subject,
        "preheader": digest.preheader,
        "html": digest.html,
        "text": digest.text,
    }
    tried = exists().where(deliveries.c.variant_id == variant.id, deliveries.c.fence > 0)
    if not connection.execute(select(tried)).scalar():
        connection.execute(update(variants).where(variants.c.id == variant.id).values(values))
        return variant.id
    of_edition = select(func.count()).where(variants.c.edition_id == variant.edition).scalar_subquery()
    row = connection.execute(select(variants).where(variants.c.id == variant.id)).one()._mapping
    copied = {name: row[name] for name in ("edition_id", "language", "articles", "rest", "corrections")}
    number = connection.execute(select(of_edition)).scalar_one()
    inserted = connection.execute(
        insert(variants).values(copied | values | {"key": f"{variant.key}+{number}"}).returning(variants.c.id)
    )
    return int(inserted.scalar_one())


def move(connection: Connection, variant: int, target: int, *, size: int) -> int:
    """Gives the next ``size`` deliveries that were never tried the new variant; how many they were."""
    if variant == target:
        return 0
    chosen = (
        select(deliveries.c.id).where(deliveries.c.variant_id == variant, _untried()).order_by(deliveries.c.id)
    ).limit(size)
    return connection.execute(update(deliveries).where(deliveries.c.id.in_(chosen)).values(variant_id=target)).rowcount


def counted(connection: Connection, edition: int) -> tuple[int, int]:
    """How many of the edition are still to go and were never tried, and how many have been tried."""
    # Not grouped by a comparison: PostgreSQL takes its bound value for another expression each time.
    of_edition = select(func.count()).where(deliveries.c.edition_id == edition)
    untried = connection.execute(of_edition.where(_untried())).scalar_one()
    return untried, connection.execute(of_edition.where(deliveries.c.fence > 0)).scalar_one()


def _untried() -> ColumnElement[bool]:
    """Queued and never claimed: nobody has been given its digest."""
    return and_(deliveries.c.state == DeliveryState.QUEUED, deliveries.c.fence == 0)
