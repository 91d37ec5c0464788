"""Notices in the outbox."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select

from publisher.model.delivery import Outcome, Result
from publisher.model.edition import Digest
from publisher.store import Store, notices, outbox
from publisher.store.outcomes import record
from publisher.store.schema import deliveries
from tests.store import readers as r

DIGEST = Digest(subject="Please confirm", preheader="One click", html="<p>zqfconfirm_urlqfz</p>", text="…")


def test_a_notice_goes_ahead_of_editions_and_only_once_it_is_due(store: Store) -> None:
    later = r.NOW + timedelta(minutes=10)
    with store.writing() as connection:
        r.number_articles(connection, 2)
        r.add_reader(connection, 1)
        r.open_edition(connection)
        numbers = [
            notices.insert_notice(
                connection,
                kind="confirmation",
                newsletter="world",
                digest=DIGEST,
                fields={"confirm_url": "https://news.example.org/confirm/ü"},
                subscriber=1,
                subscription=1,
                due_at=due_at,
                now=r.NOW,
            )
            for due_at in (later, r.NOW)
        ]
        claimed = outbox.claim(connection, worker="one", now=r.NOW, lease=timedelta(minutes=1), limit=10)
        assert [(delivery.notice, delivery.edition is None) for delivery in claimed] == [
            (numbers[1], True),
            (None, False),
        ]
        notice = notices.get(connection, numbers[1])
        assert (notice.kind, notice.newsletter, notice.digest) == ("confirmation", "world", DIGEST)
        assert notice.fields == {"confirm_url": "https://news.example.org/confirm/ü"}


def test_the_times_of_somebodys_notices_are_known_by_kind(store: Store, now: datetime) -> None:
    with store.writing() as connection:
        r.add_reader(connection, 1)
        for kind, minutes in (("confirmation", 30), ("confirmation", 5), ("welcome", 1)):
            notices.insert_notice(
                connection,
                kind=kind,
                newsletter="world",
                digest=DIGEST,
                fields={},
                subscriber=1,
                subscription=None,
                due_at=now - timedelta(minutes=minutes),
                now=now,
            )
        half_an_hour = now - timedelta(minutes=30)
        assert notices.times(connection, 1, "confirmation", half_an_hour) == [("world", now - timedelta(minutes=5))]
        assert notices.times(connection, 2, "confirmation", half_an_hour) == []


def test_a_notice_that_fails_for_a_reader_who_was_never_mailed_ends_and_moves_nobody(store: Store) -> None:
    with store.writing() as connection:
        r.add_reader(connection, 1)
        notices.insert_notice(
            connection,
            kind="welcome",
            newsletter="world",
            digest=DIGEST,
            fields={},
            subscriber=1,
            subscription=1,
            due_at=r.NOW,
            now=r.NOW,
        )
        [claimed] = outbox.claim(connection, worker="one", now=r.NOW, lease=timedelta(minutes=1), limit=10)
        failed = Outcome(delivery=claimed.id, fence=claimed.fence, result=Result.FAILED, code=550, reply="no")
        record(connection, [failed], worker="one", now=r.NOW, retry_at=lambda *_words: None)
        assert connection.execute(select(deliveries.c.state)).scalar_one() == "failed"
        assert r.cursors(connection) == {1: 0}
