"""PostgreSQL rolls one of two transactions back that wait for each other: an opening that it chooses goes on."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import insert

from publisher import pipeline
from publisher.publication import load, load_secrets
from publisher.store import open_store
from publisher.store.schema import subscribers, subscriptions
from tests.conftest import NOW

LOCK = "SELECT id FROM subscriptions WHERE id = %s FOR UPDATE"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


@pytest.mark.postgresql
def test_an_opening_that_waits_in_a_circle_with_somebody_else_is_done_again(
    folder: Path, postgresql_database: str
) -> None:
    file = folder / "publication.toml"
    setting = f'database = "{postgresql_database}"\n[sections]'
    file.write_text(file.read_text("utf-8").replace("[sections]", setting), "utf-8")
    store = open_store(postgresql_database, folder)
    with store.writing() as connection:
        for number in (1, 2):
            connection.execute(
                insert(subscribers).values(
                    id=number, address=f"{number}@example.org", address_hash=str(number), created_at=NOW
                )
            )
            connection.execute(
                insert(subscriptions).values(
                    subscriber_id=number, newsletter="world", cadence="daily", state="active", cursor=0, created_at=NOW
                )
            )
    circles: list[bool] = []

    def close_the_circle() -> None:
        with psycopg.connect(postgresql_database) as other, psycopg.connect(postgresql_database) as watching:
            other.execute(LOCK, [2])
            locked.set()
            while watching.execute(WAITING).fetchone() != (1,):
                watching.rollback()
                time.sleep(0.02)
            other.execute(LOCK, [1])  # the opening has it, and looks for a circle a second after it began to wait
            circles.append(True)

    locked = threading.Event()
    somebody = threading.Thread(target=close_the_circle)
    somebody.start()
    assert locked.wait(30)
    passed = pipeline.run(
        load(folder), load_secrets(folder), store, clock=lambda: NOW, stop=threading.Event(), fixed_time=True
    )
    somebody.join()
    store.close()
    assert circles == [True], "the opening was rolled back, not the other one"
    assert passed.errors == []
    assert passed.delivered is not None
    assert passed.delivered.accepted == 2
