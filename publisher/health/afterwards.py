"""After a run: somebody is told what is wrong, monitors get their figures, and what is old leaves the database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import datetime

from publisher.delivery.delivered import Delivered
from publisher.health.alerts import alert
from publisher.health.metrics import write_metrics
from publisher.health.outage import tell_outage
from publisher.health.standing import read_standing
from publisher.model.errors import PublisherError, StoreError
from publisher.model.publication import Publication, Secrets
from publisher.store import Store
from publisher.store.folding import Folded, fold_ended

__all__ = ["after_run"]


def after_run(
    publication: Publication,
    secrets: Secrets,
    store: Store,
    delivered: Delivered,
    errors: Sequence[PublisherError],
    *,
    published: bool,
    began: datetime,
    clock: Callable[[], datetime],
    stop: threading.Event,
) -> Folded:
    """What follows a run that had these ``errors``; the editions that were folded, and what went wrong with all of it.

    ``published``: it could read the articles; otherwise somebody is told, and no more.
    """
    try:
        with store.reading() as connection:
            # Read once: the outbox may have a million messages.
            standing = read_standing(connection, publication, clock())
    except StoreError as error:
        return Folded(errors=[error, *tell_outage(publication, secrets, error, now=clock())])
    failed = alert(publication, secrets, store, errors, standing=standing, now=clock())
    if not published:
        return Folded(errors=failed)
    number = len(errors) + len(failed)
    failed += write_metrics(
        publication, store, delivered, outbox=standing.stalled, errors=number, began=began, now=clock()
    )
    folded = fold_ended(publication, store, clock=clock, stop=stop)
    folded.errors[:0] = failed
    return folded
