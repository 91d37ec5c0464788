"""Notices in the outbox."""

from __future__ import annotations

from datetime import datetime, timedelta

from publisher.model.edition import Digest
from publisher.store import Store, notices, outbox
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
