"""Many thousand readers, some of whom are refused for now and some for ever: everybody is accounted for.

PUBLISHER_READERS=100000 for as many.
"""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress
from publisher.store import editions as edition_store
from publisher.store import open_store
from publisher.store.schema import attempts, deliveries, suppressions
from tests.delivery.fast_smtp import FastSmtp
from tests.delivery.going_out import deliver, edition_for
from tests.store import readers as r

READERS = int(os.environ.get("PUBLISHER_READERS", "20000")) // 100 * 100


@pytest.mark.slow
def test_every_one_of_them_has_it_once_or_is_told_as_failed(folder: Path, sqlite_database: str) -> None:
    store = open_store(sqlite_database, folder)
    edition_for(store, READERS)
    failing = READERS // 100
    with FastSmtp() as server:
        relay = SmtpTransport(RelayAddress("127.0.0.1", server.port), lanes=8)
        first = deliver(folder, store, relay)
        assert (first.accepted, first.deferred, first.failed) == (READERS - 3 * failing, 2 * failing, failing)
        assert (first.unknown, first.refused, first.error, first.complaints) == (0, 0, None, [])
        second = deliver(folder, store, relay, now=r.NOW + timedelta(minutes=10))
        assert second.accepted == 2 * failing
        got = server.counts
    assert set(got.values()) == {1}
    assert len(got) == READERS - failing
    with store.reading() as connection:
        sums = edition_store.sums(connection, 1)
        count = select(func.count())
        assert (sums.candidates, sums.accepted, sums.failed) == (READERS, READERS - failing, failing)
        assert sums.outstanding == 0
        assert sums.adds_up
        assert connection.execute(count.select_from(attempts)).scalar_one() == READERS + 2 * failing
        assert connection.execute(count.select_from(suppressions)).scalar_one() == failing
        assert connection.execute(count.where(deliveries.c.state == "claimed")).scalar_one() == 0
    store.close()
