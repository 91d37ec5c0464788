"""Who is told, when, and what happens when telling fails: a real relay, a real web server, both databases."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from publisher import pipeline
from publisher.health import ways
from publisher.health.alerts import alert
from publisher.model.errors import PublisherError, TransportError
from publisher.model.publication import Alerts, Publication
from publisher.model.publication import Relay as Relay_
from publisher.publication import load, load_secrets
from publisher.store import Store, meta
from publisher.store import editions as edition_store
from publisher.store.schema import troubles
from tests.conftest import NOW
from tests.relay import Relay
from tests.store import readers as r

DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
ERROR = TransportError("the relay refuses the login", where="smtp://relay.example.org:587")


@dataclass
class Web:
    """A web server that keeps what it was sent, and answers ``status`` after ``wait`` seconds."""

    url: str = ""
    status: int = 200
    wait: float = 0
    calls: list[tuple[str, Any]] = field(default_factory=list)


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as one:
        yield one


@contextmanager
def serving() -> Iterator[Web]:
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            web.calls.append((self.command, json.loads(body) if body else None))
            time.sleep(web.wait)
            self.send_response(web.status)
            self.send_header("content-length", "0")
            self.end_headers()

        do_GET = do_POST

        def log_message(self, *_words: object) -> None:
            """Nothing: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.url = f"http://127.0.0.1:{server.server_port}/secret/hook"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield web
    server.shutdown()
    server.server_close()


def well(store: Store, publication: Publication, *, at: Any = NOW) -> None:
    """The last run was just now, and every slot is decided."""
    with store.writing() as connection:
        meta.write_moment(connection, "last_run", at)
        for newsletter in publication.newsletters:
            for cadence in newsletter.cadences:
                edition_store.pass_slot(connection, newsletter.name, cadence.name, at)


def tell(publication: Publication, store: Store, *errors: PublisherError, at: Any = NOW) -> list[str]:
    well(store, publication, at=at)
    return [str(error) for error in alert(publication, load_secrets(publication.root), store, errors, now=at)]


def with_alerts(folder: Path, **settings: Any) -> Publication:
    return replace(load(folder), alerts=Alerts(**settings))


def test_what_is_wrong_is_told_when_it_is_new_then_once_a_day_then_when_it_is_over(
    folder: Path, store: Store, web: Web
) -> None:
    publication = with_alerts(folder, webhook=web.url)
    assert tell(publication, store, ERROR) == []
    for minutes in range(5, 60 * 23, 55):
        tell(publication, store, ERROR, at=NOW + minutes * MINUTE)
    assert len(web.calls) == 1
    [(method, first)] = web.calls
    assert method == "POST"
    assert first["publication"] == "The Example"
    assert [(one["text"], one["new"]) for one in first["troubles"]] == [(str(ERROR), True)]
    assert str(ERROR) in first["text"]

    tell(publication, store, ERROR, at=NOW + DAY)
    assert len(web.calls) == 2
    assert web.calls[1][1]["troubles"][0]["new"] is False
    assert web.calls[1][1]["troubles"][0]["since"] == "2026-03-02T09:30:00Z"

    tell(publication, store, at=NOW + DAY + 2 * MINUTE)
    assert len(web.calls) == 2, "it may come back"
    tell(publication, store, at=NOW + DAY + 62 * MINUTE)
    assert web.calls[2][1]["over"] == [str(ERROR)]
    tell(publication, store, at=NOW + DAY + 70 * MINUTE)
    assert len(web.calls) == 3


def test_a_mail_goes_through_the_other_relay_when_the_first_is_down(folder: Path, store: Store) -> None:
    with Relay() as other:
        publication = with_alerts(folder, mail=("ana@example.org", "ben@example.org"), transport=other.url)
        publication = replace(
            publication, delivery=replace(publication.delivery, relays=(Relay_(transport="smtp://relay@127.0.0.1:1"),))
        )
        assert tell(publication, store, ERROR) == []
    assert sorted(message.recipient for message in other.accepted) == ["ana@example.org", "ben@example.org"]
    message = other.accepted[0].message
    assert message["Subject"].startswith("[The Example] smtp://relay.example.org:587: the relay refuses the login")
    assert message["From"] == "Science Desk <science@example.org>"
    assert "List-Unsubscribe" not in message
    assert "since Mon 02 Mar 09:30 UTC" in message.get_body(("plain",)).get_content()


def test_a_way_that_fails_is_one_line_without_its_secret_and_the_others_go_on(
    folder: Path, store: Store, web: Web
) -> None:
    publication = with_alerts(folder, webhook="http://127.0.0.1:1/secret", mail=("ana@example.org",))
    [line] = tell(publication, store, ERROR)
    assert line.startswith("http://127.0.0.1:1/…: it cannot be reached (")
    assert line.endswith("); the alert is tried again")
    assert len(list((folder / "mail" / "new").iterdir())) == 1
    with store.reading() as connection:
        assert any("127.0.0.1:1/…" in text for text in connection.scalars(select(troubles.c.text)))

    web.status = 500
    publication = with_alerts(folder, webhook=web.url)
    tell(publication, store, ERROR, at=NOW + DAY)
    assert tell(publication, store, ERROR, at=NOW + DAY + MINUTE) != [], "nobody was told, so it is tried again"


def test_somebody_who_hangs_holds_nothing_up(
    folder: Path, store: Store, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "PATIENCE", 0.2)
    web.wait = 2
    began = time.monotonic()
    [line] = tell(with_alerts(folder, webhook=web.url), store, ERROR)
    assert "it did not answer within" in line
    assert time.monotonic() - began < 1.8


def test_the_heartbeat_is_called_after_a_good_run_only(folder: Path, store: Store, web: Web) -> None:
    publication = with_alerts(folder, heartbeat=web.url)
    tell(publication, store, ERROR)
    assert web.calls == []
    tell(publication, store)
    assert web.calls == [("GET", None)]


def test_editions_that_ended_are_told_once_if_asked_for(folder: Path, store: Store, web: Web) -> None:
    publication = with_alerts(folder, webhook=web.url, ended=True)
    with store.writing() as connection:
        r.number_articles(connection, 2)
        r.add_reader(connection, 1)
        first = r.open_edition(connection)
        connection.execute(edition_store.editions.update().values(state="finished", finished_at=NOW - DAY))
    tell(publication, store)
    assert web.calls == [], "what ended before is no news"
    with store.writing() as connection:
        connection.execute(edition_store.editions.update().values(state="finished", finished_at=NOW + MINUTE))
    tell(publication, store, at=NOW + 2 * MINUTE)
    tell(publication, store, at=NOW + 3 * MINUTE)
    [(_, values)] = web.calls
    assert [(one["number"], one["state"], one["candidates"]) for one in values["ended"]] == [(first.id, "finished", 1)]


def test_a_run_at_a_pretended_time_tells_nobody(folder: Path, store: Store, web: Web) -> None:
    (folder / "articles" / "broken.md").write_text("+++\ntitle = \n+++\n")

    def run(fixed_time: bool) -> pipeline.Passed:
        return pipeline.run(
            with_alerts(folder, webhook=web.url, heartbeat=web.url),
            load_secrets(folder),
            store,
            clock=lambda: NOW,
            stop=threading.Event(),
            fixed_time=fixed_time,
        )

    assert run(True).errors
    assert web.calls == []
    assert run(False).errors
    assert [method for method, _ in web.calls] == ["POST"]
