"""The database cannot be used: somebody is told without it, once a day, and when it is over."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from publisher import pipeline
from publisher.cli import call
from publisher.health.alerts import alert
from publisher.health.outage import outage_is_over, tell_outage
from publisher.model.errors import StoreUnreachable
from publisher.publication import load_secrets
from publisher.store import Store, open_store
from publisher.store.host import host_lock
from tests.conftest import NOW
from tests.delivery.going_out import edition_for
from tests.health.test_alerts import DAY, MINUTE, Web, serving, well, with_alerts

AWAY = StoreUnreachable("connection refused", where="postgresql://db.example.org/news", remedy="see that it runs")


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as one:
        yield one


def texts(web: Web) -> list[str]:
    return [text for _, values in web.calls for text in [one["text"] for one in values["troubles"]] + values["over"]]


def test_it_is_told_once_a_day_and_when_it_is_over(folder: Path, web: Web) -> None:
    publication, secrets = with_alerts(folder, webhook=web.url), load_secrets(folder)
    for minutes in range(0, 60 * 25, 5):
        assert tell_outage(publication, secrets, AWAY, now=NOW + minutes * MINUTE) == []
    assert texts(web) == [str(AWAY)] * 2
    assert [values["troubles"][0]["new"] for _, values in web.calls] == [True, False]
    for minutes in (5, 40, 70, 75):
        assert outage_is_over(publication, secrets, now=NOW + DAY + (55 + minutes) * MINUTE) == []
    assert texts(web)[2:] == ["the database could not be used"]
    assert tell_outage(publication, secrets, AWAY, now=NOW + 2 * DAY) == []
    assert len(web.calls) == 4, "it is news again"


def test_what_nobody_could_be_told_is_tried_again(folder: Path, web: Web) -> None:
    publication, secrets = with_alerts(folder, webhook=web.url), load_secrets(folder)
    web.status = 500
    [error] = tell_outage(publication, secrets, AWAY, now=NOW)
    assert "it answered 500; the alert is tried again" in str(error)
    web.status = 200
    assert tell_outage(publication, secrets, AWAY, now=NOW + MINUTE) == []
    assert len(web.calls) == 2


def test_two_processes_tell_it_once(folder: Path, web: Web) -> None:
    publication, secrets = with_alerts(folder, webhook=web.url), load_secrets(folder)
    with host_lock(publication.state, "outage.lock") as mine:
        assert mine
        tell_outage(publication, secrets, AWAY, now=NOW)
    assert web.calls == []
    threads = [
        threading.Thread(target=tell_outage, args=(publication, secrets, AWAY), kwargs={"now": NOW}) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(web.calls) == 1


def test_where_the_folder_cannot_be_written_it_is_remembered_elsewhere(
    folder: Path, web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publication, secrets = with_alerts(folder, webhook=web.url), load_secrets(folder)
    (folder / ".publisher").write_text("a file in the way")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for minutes in (0, 5):
        assert tell_outage(publication, secrets, AWAY, now=NOW + minutes * MINUTE) == []
    assert len(web.calls) == 1
    monkeypatch.setattr("tempfile.tempdir", str(folder / ".publisher"))
    for minutes in (0, 5):
        assert tell_outage(publication, secrets, AWAY, now=NOW + minutes * MINUTE) == []
    assert len(web.calls) == 1, "an alert with every run would be a storm"


@pytest.mark.parametrize("verb", ["run", "deliver"])
@pytest.mark.parametrize(
    ("database", "says"),
    [
        ("sqlite:broken.db", "broken.db: file is not a database"),
        ("postgresql://nobody@127.0.0.1:1/none", "127.0.0.1:1/none: connection"),
    ],
)
def test_a_database_that_cannot_be_opened_is_told_by_the_first_run_that_meets_it(
    folder: Path, web: Web, capsys: pytest.CaptureFixture[str], verb: str, database: str, says: str
) -> None:
    (folder / "broken.db").write_text("this is no database" * 100)
    settings = folder / "publication.toml"
    text = settings.read_text("utf-8")
    alerts = f'\n[alerts]\nwebhook = "{web.url}"\nheartbeat = "{web.url}"\n'
    settings.write_text(f'database = "{database}"\n{text}{alerts}', "utf-8")
    for _ in range(2):
        assert call([verb, "--publication", str(folder)]) == 1
    [text] = texts(web)
    assert says in text
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert [method for method, _ in web.calls] == ["POST"], "no heartbeat"
    call(["run", "--now", "2026-03-02 07:00", "--publication", str(folder)])
    assert len(web.calls) == 1


def test_a_database_that_is_locked_or_full_while_the_run_tells_is_told_without_it(
    folder: Path, sqlite_database: str, web: Web
) -> None:
    publication, secrets = with_alerts(folder, webhook=web.url), load_secrets(folder)
    store = open_store(sqlite_database, folder, wait=0.2)
    well(store, publication)
    other = sqlite3.connect(folder / "publisher.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    failed = [str(error) for error in alert(publication, secrets, store, [AWAY], now=NOW)]
    other.rollback()
    other.close()
    assert ["another process has held its lock" in line for line in failed] == [True]
    assert texts(web) == failed
    store.close()


def test_a_run_that_the_database_fails_in_the_middle_tells_it(folder: Path, sqlite_store: Store, web: Web) -> None:
    """A table is gone, as after an error of the disk."""
    publication = with_alerts(folder, webhook=web.url)
    edition_for(sqlite_store, 3)
    with sqlite_store.writing() as connection:
        connection.exec_driver_sql("DROP TABLE attempts")
    passed = pipeline.run(publication, load_secrets(folder), sqlite_store, clock=lambda: NOW, stop=threading.Event())
    assert any("no such table" in str(error) for error in passed.errors)
    assert any("no such table" in text for text in texts(web))


def test_what_keeps_articles_from_being_published_is_told_too(folder: Path, sqlite_store: Store, web: Web) -> None:
    (folder / "templates").mkdir()
    (folder / "public").write_text("a file in the way")
    publication = with_alerts(folder, webhook=web.url)
    passed = pipeline.run(publication, load_secrets(folder), sqlite_store, clock=lambda: NOW, stop=threading.Event())
    assert passed.errors
    assert texts(web)
