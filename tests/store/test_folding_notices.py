"""Notices that ended long ago leave the database, with their texts and links."""

from __future__ import annotations

import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, insert, select, update

from publisher.model.delivery import Result
from publisher.model.edition import Digest
from publisher.model.errors import OutputError
from publisher.store import Store, folding_notices, notices
from publisher.store.corrections import CARRIED_FOR
from publisher.store.folding_notices import fold_notices
from publisher.store.schema import attempts, deliveries
from publisher.store.schema import notices as rows
from tests.store import readers as r
from tests.store.test_outbox import claim, ended, record

LATER = r.NOW + timedelta(days=1)


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding_notices, "FEWEST", 2)


def confirm(store: Store, readers: int) -> None:
    """Everybody is asked to confirm; it reaches all but the last, whom nothing was sent to yet."""
    digest = Digest(subject="Confirm", preheader="", html="<p>Confirm</p>", text="Confirm")
    with store.writing() as connection:
        for number in range(1, readers + 1):
            r.add_reader(connection, number)
            notices.insert_notice(
                connection,
                kind="confirmation",
                newsletter="world",
                digest=digest,
                fields={"confirm_url": "https://news.example.org/confirm/secret"},
                subscriber=number,
                subscription=number,
                due_at=r.NOW,
                now=r.NOW,
            )
    claimed = claim(store, limit=readers)
    outcomes = list(claimed.values())[:-1]
    if outcomes:
        record(store, ended(outcomes[0], Result.FAILED, 550, "no <reader1@example.org>"), *outcomes[1:])


def counts(store: Store) -> tuple[int, ...]:
    with store.reading() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (rows, deliveries, attempts)
        )


def test_they_become_a_file_without_texts_links_and_addresses(store: Store, folder: Path) -> None:
    confirm(store, 5)
    assert counts(store) == (5, 5, 4)
    assert fold_notices(store, folder / "ledger", before=LATER) == 4
    assert counts(store) == (1, 1, 0)
    [path] = (folder / "ledger").iterdir()
    assert path.name == "notices-000000001.jsonl.gz"
    text = gzip.decompress(path.read_bytes()).decode()
    assert "@" not in text
    assert "secret" not in text
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["subscriber"], line["state"]) for line in lines] == [
        (1, "failed"), (2, "accepted"), (3, "accepted"), (4, "accepted"),
    ]  # fmt: skip
    assert [one["reply"] for one in lines[0]["attempts"]] == ["no …"]


def test_few_and_late_ones_stay(store: Store, folder: Path) -> None:
    confirm(store, 2)
    assert fold_notices(store, folder / "ledger", before=LATER) == 0
    assert fold_notices(store, folder / "ledger", before=r.NOW) == 0
    assert counts(store) == (2, 2, 1)


def test_what_cannot_be_written_stays(store: Store, folder: Path) -> None:
    confirm(store, 4)
    (folder / "ledger").write_text("in the way")
    with pytest.raises(OutputError):
        fold_notices(store, folder / "ledger", before=LATER)
    assert counts(store) == (4, 4, 3)


def tell_many(store: Store, kind: str, readers: int) -> None:
    """One notice to all of them; all but the last got it."""
    confirm(store, 1)
    with store.writing() as connection:
        for number in range(2, readers + 1):
            r.add_reader(connection, number)
        connection.execute(update(rows).values(kind=kind))
        [first] = connection.execute(select(deliveries)).all()
        values = {key: value for key, value in first._mapping.items() if key != "id"}
        more = [{**values, "subscriber_id": one, "subscription_id": one} for one in range(2, readers + 1)]
        connection.execute(insert(deliveries), more)
        connection.execute(
            update(deliveries).where(deliveries.c.subscriber_id < readers).values(state="accepted", ended_at=r.NOW)
        )


def test_a_notice_to_many_goes_with_the_last_of_its_deliveries(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folding_notices, "MOST", 3)
    tell_many(store, "letter", 8)
    assert [fold_notices(store, folder / "ledger", before=LATER) for _ in range(3)] == [3, 3, 0]
    assert counts(store)[:2] == (1, 2), "one is not enough for a file, the other has not ended"
    texts = [gzip.decompress(path.read_bytes()) for path in sorted((folder / "ledger").iterdir())]
    kept = [json.loads(line) for text in texts for line in text.splitlines()]
    assert [line["subscriber"] for line in kept] == [1, 2, 3, 4, 5, 6]


def test_who_was_told_of_a_correction_is_known_for_as_long_as_editions_ask(store: Store, folder: Path) -> None:
    tell_many(store, "correction 12", 5)
    assert fold_notices(store, folder / "ledger", before=LATER) == 0
    assert fold_notices(store, folder / "ledger", before=LATER + CARRIED_FOR) == 4
