"""The hub is told of every feed document that changed and of no other, and holds nothing up (W3C WebSub)."""

from __future__ import annotations

import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from publisher import pipeline
from publisher.model.errors import HubError
from publisher.model.publication import Publication, Secrets
from publisher.publication.loading import load
from publisher.store import hub_topics
from publisher.syndication.hub import is_told
from publisher.syndication.telling import tell_hub
from publisher.theme.environment import environment_of
from publisher.web.application import application
from tests.hub import Hub, Subscriber, wait_for
from tests.web.conftest import running

FORMATS = ("atom", "json", "rss")
NEWS = """\
+++
title = "The lock opens at six"
date = 2026-03-02T08:00:00Z
section = "{section}"
+++
Boats wait from five.
"""


class Publishing:
    """A publication that is published again and again, and its hub; ``now`` is moved by hand."""

    def __init__(self, folder: Path, store: Any, now: datetime) -> None:
        self.folder = folder
        self.store = store
        self.now = now

    @property
    def publication(self) -> Publication:
        return load(self.folder)

    def write(self, name: str, section: str = "world") -> None:
        (self.folder / "articles" / f"{name}.md").write_text(NEWS.format(section=section), "utf-8")

    def build(self) -> pipeline.Published:
        about = self.publication
        return pipeline.publish(
            about, self.store, environment=environment_of(about), now=self.now, mailing=False, compress=False
        )

    def tell(self) -> list[str]:
        """What the hub was told, by the documents' names."""
        return sorted(
            address.rpartition("/")[2] for address in tell_hub(self.publication, self.store, clock=self.clock).topics
        )

    def clock(self) -> datetime:
        return self.now

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)


def set_up(folder: Path, *, hub: str, url: str = "http://127.0.0.1:9") -> None:
    text = (folder / "publication.toml").read_text("utf-8").replace("https://news.example.org", url)
    (folder / "publication.toml").write_text(f'{text}\n[web]\nhub = "{hub}"\n', "utf-8")


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody serves public/ in most of these tests."""
    monkeypatch.setattr("publisher.syndication.telling._SETTLED", 0)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with Hub() as hub:
        yield hub


@pytest.fixture
def publishing(folder: Path, store: Any, now: datetime, hub: Hub) -> Publishing:
    set_up(folder, hub=hub.address)
    return Publishing(folder, store, now)


def test_the_hub_is_told_of_every_document_that_changed_and_of_no_other(publishing: Publishing, hub: Hub) -> None:
    publishing.build()
    assert publishing.tell() == [f"{name}.{format}" for name in ("science", "world") for format in FORMATS]
    assert publishing.tell() == []
    publishing.build()
    assert publishing.tell() == [], "nothing changed"
    publishing.write("lock", section="world")
    publishing.build()
    assert publishing.tell() == [f"world.{format}" for format in FORMATS]
    assert len(hub.told) == 9
    assert set(hub.told[6:]) == {f"http://127.0.0.1:9/feeds/world.{format}" for format in FORMATS}


def test_an_edit_that_is_taken_back_before_the_hub_was_told_is_nothing(publishing: Publishing) -> None:
    publishing.build()
    publishing.tell()
    file = publishing.folder / "articles" / "ferry.md"
    text = file.read_text("utf-8").replace("title = ", "minor = true\ntitle = ")
    file.write_text(text.replace("Nobody", "No one"), "utf-8")
    assert "feeds/world.rss" in publishing.build().written.changed
    file.write_text(text, "utf-8")
    publishing.build()
    assert publishing.tell() == []


def test_archive_pages_pages_and_what_somebody_else_put_there_are_no_topics(publishing: Publishing) -> None:
    world = publishing.folder / "feeds" / "world.toml"
    world.write_text(world.read_text("utf-8").replace("[newsletter]", "limit = 1\n[newsletter]", 1), "utf-8")
    publishing.write("lock")
    publishing.build()
    assert (publishing.folder / "public" / "feeds" / "world" / "1.rss").exists()
    (publishing.folder / "public" / "feeds" / "mine.rss").write_text("<rss>somebody's</rss>")
    assert publishing.tell() == [f"{name}.{format}" for name in ("science", "world") for format in FORMATS]


def test_a_feed_that_ends_is_forgotten(publishing: Publishing) -> None:
    publishing.build()
    publishing.tell()
    (publishing.folder / "feeds" / "science.toml").unlink()
    publishing.build()
    assert publishing.tell() == []
    with publishing.store.reading() as connection:
        assert len(hub_topics.topics(connection)) == 3


def test_what_a_killed_run_did_not_tell_the_next_one_tells(publishing: Publishing) -> None:
    publishing.build()  # and the process ends here
    assert len(publishing.tell()) == 6


@pytest.mark.parametrize(
    ("url", "hub", "pretended", "told"),
    [
        ("https://news.example.org", "https://hub.example.net/", False, False),
        ("https://news.example.org", "http://127.0.0.1:4000/", False, True),
        ("https://news.example.org", "http://localhost:4000/", True, True),
        ("https://news.harbour.de", "https://hub.harbour.de/", False, True),
        ("https://news.harbour.de", "https://hub.harbour.de/", True, False),
        ("https://news.harbour.de", "", False, False),
    ],
)
def test_of_an_example_or_at_a_made_up_time_only_a_hub_on_this_machine_is_told(
    publication: Publication, url: str, hub: str, pretended: bool, told: bool
) -> None:
    about = replace(publication, url=url, web=replace(publication.web, hub=hub))
    assert is_told(about, pretended=pretended) is told


def test_a_hub_that_is_down_is_tried_again_later_and_each_time_later(folder: Path, store: Any, now: datetime) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    set_up(folder, hub=f"http://127.0.0.1:{port}/")
    publishing = Publishing(folder, store, now)
    publishing.build()
    waits = []
    for _ in range(7):
        told = tell_hub(publishing.publication, store, clock=publishing.clock)
        assert (told.topics, told.failed, told.errors) == ([], 6, [])
        with store.reading() as connection:
            topics = hub_topics.topics(connection).values()
        [again] = {topic.try_at for topic in topics}
        assert all("cannot be reached" in topic.answer for topic in topics)
        waits.append((again - publishing.now) / timedelta(minutes=1))
        publishing.now = again - timedelta(seconds=1)
        assert tell_hub(publishing.publication, store, clock=publishing.clock).failed == 0, "not before its time"
        publishing.now = again
    assert waits == [1, 5, 15, 60, 240, 240, 240]
    with Hub() as back:
        text = (folder / "publication.toml").read_text("utf-8")
        (folder / "publication.toml").write_text(text.replace(f":{port}/", back.address[16:]), "utf-8")
        publishing.build()
        assert len(publishing.tell()) == 6


def test_an_operator_is_told_once_a_day_of_a_hub_that_has_failed_for_a_day(publishing: Publishing, hub: Hub) -> None:
    hub.reply = lambda _topic: (500, {})
    publishing.build()
    errors: list[tuple[int, str]] = []
    hours = 0
    while hours < 73:
        told = tell_hub(publishing.publication, publishing.store, clock=publishing.clock)
        errors += [(hours // 24, str(error)) for error in told.errors if isinstance(error, HubError)]
        publishing.later(hours=1)
        hours += 1
    assert [day for day, _ in errors] == [1, 2, 3]
    assert "6 changed feed documents since 2026-03-02 09:30 UTC: it answered 500" in errors[0][1]


@pytest.mark.parametrize(
    ("status", "headers", "minutes", "requests"),
    [
        (500, {}, 1, 6),
        (410, {}, 1, 6),
        (429, {"retry-after": "1800"}, 30, None),
        (503, {"retry-after": "999999999"}, 1440, None),
        (429, {"retry-after": "soon"}, 1, None),
        (307, {"location": "https://elsewhere.example.org/"}, 1, None),
    ],
)
def test_a_hub_that_refuses_is_asked_again_when_it_says(
    publishing: Publishing, hub: Hub, status: int, headers: dict[str, str], minutes: int, requests: int | None
) -> None:
    hub.reply = lambda _topic: (status, headers)
    publishing.build()
    assert publishing.tell() == []
    assert requests is None or len(hub.told) == requests
    assert len(hub.told) <= 6
    with publishing.store.reading() as connection:
        topics = hub_topics.topics(connection).values()
    assert {topic.try_at for topic in topics} == {publishing.now + timedelta(minutes=minutes)}
    assert {topic.attempts for topic in topics} == {1}
    hub.reply = lambda _topic: (204, {})
    publishing.later(minutes=minutes)
    assert len(publishing.tell()) == 6


def test_one_topic_that_the_hub_refuses_leaves_the_others_alone(publishing: Publishing, hub: Hub) -> None:
    hub.reply = lambda topic: (404 if topic.endswith("world.rss") else 204, {})
    publishing.build()
    assert len(publishing.tell()) == 5
    publishing.later(minutes=1)
    hub.told.clear()
    publishing.tell()
    assert hub.told == ["http://127.0.0.1:9/feeds/world.rss"]


def test_two_passes_at_once_tell_the_hub_once(publishing: Publishing, hub: Hub) -> None:
    publishing.build()
    gate = threading.Barrier(2)

    def tell() -> None:
        gate.wait()
        publishing.tell()

    threads = [threading.Thread(target=tell) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(hub.told) == len(set(hub.told)) == 6


def test_what_comes_into_place_while_the_hub_is_told_is_told_next(publishing: Publishing, hub: Hub) -> None:
    publishing.build()
    publishing.tell()
    publishing.write("lock")
    publishing.build()

    def meanwhile(_topic: str) -> tuple[int, dict[str, str]]:
        hub.reply = lambda _topic: (204, {})
        publishing.write("weir")
        publishing.build()
        publishing.tell()  # of what another pass has claimed it says nothing
        return 204, {}

    hub.reply = meanwhile
    assert publishing.tell() == [f"world.{format}" for format in FORMATS]
    assert publishing.tell() == [f"world.{format}" for format in FORMATS]
    assert publishing.tell() == []


def test_a_hub_that_hangs_is_told_beside_everything_else(
    folder: Path, sqlite_store: Any, keys: tuple[bytes, ...], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("publisher.syndication.telling._PATIENCE", 60)
    monkeypatch.setattr("publisher.syndication.telling._LONGEST", 120)
    opened = threading.Event()

    def hang(_topic: str) -> tuple[int, dict[str, str]]:
        return (204, {}) if opened.wait(50) else (500, {})

    with Hub(hang) as hub:
        set_up(folder, hub=hub.address)
        stages: list[pipeline.Passed] = []

        def step(passed: pipeline.Passed) -> None:
            stages.append(passed)
            if len(stages) == 2:  # editions are open, and the hub has not said a word
                opened.set()

        passed = pipeline.run(
            load(folder), Secrets(signing=keys), sqlite_store, clock=lambda: now, stop=threading.Event(), step=step
        )
    assert len(passed.told.topics) == 6


def test_a_hub_that_never_answers_ends_no_run_and_is_nobody_s_business_for_a_day(
    folder: Path, sqlite_store: Any, keys: tuple[bytes, ...], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("publisher.syndication.telling._PATIENCE", 0.3)
    over = threading.Event()

    def hang(_topic: str) -> tuple[int, dict[str, str]]:
        over.wait(60)
        return 204, {}

    with Hub(hang) as hub:
        set_up(folder, hub=hub.address)
        passed = pipeline.run(
            load(folder), Secrets(signing=keys), sqlite_store, clock=lambda: now, stop=threading.Event()
        )
        over.set()
    assert (passed.told.topics, passed.told.failed, passed.errors) == ([], 6, [])


def test_a_subscriber_has_the_new_article_after_a_run(
    folder: Path, sqlite_store: Any, keys: tuple[bytes, ...], now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # our server is asked at once: it must have seen the build
    listening = socket.create_server(("127.0.0.1", 0))
    with Hub() as hub, Subscriber() as subscriber:
        set_up(folder, hub=hub.address, url=f"http://127.0.0.1:{listening.getsockname()[1]}")
        publishing = Publishing(folder, sqlite_store, now)
        publishing.build()
        app = application(publishing.publication, Secrets(signing=keys), sqlite_store, clock=publishing.clock)
        with running(app, listening) as address:
            topic = subscriber.follow(f"{address}/feeds/world.rss")
            assert topic == f"{publishing.publication.url}/feeds/world.rss"
            wait_for(lambda: hub.has_subscriber(topic))
            httpx2.get(topic)  # now the server has it in memory
            publishing.write("lock")
            passed = pipeline.run(
                publishing.publication,
                Secrets(signing=keys),
                sqlite_store,
                clock=publishing.clock,
                stop=threading.Event(),
            )
            assert len(passed.told.topics) == 6
            wait_for(lambda: subscriber.got)
    assert subscriber.got[0] == (folder / "public" / "feeds" / "world.rss").read_bytes()
    assert b"The lock opens at six" in subscriber.got[0]


def test_a_hub_can_be_told_of_everything_again(
    folder: Path, sqlite_database: str, capsys: pytest.CaptureFixture[str]
) -> None:
    from publisher.cli import call

    here = ["--publication", str(folder)]
    assert call(["build", "--tell-hub", *here]) == 2
    assert "no hub is set" in capsys.readouterr().err
    with Hub() as hub:
        set_up(folder, hub=hub.address)
        assert call(["build", *here]) == 0
        assert call(["build", *here]) == 0
        assert len(hub.told) == 6, "nothing has changed"
        assert call(["build", "--tell-hub", *here]) == 0
        assert len(hub.told) == 12
        assert "told the hub: 6 feed documents" in capsys.readouterr().out
        hub.reply = lambda _topic: (500, {})
        assert call(["build", "--tell-hub", *here]) == 1
        err = capsys.readouterr().err
        assert f"{hub.address}: was told of 0 of 6 feed documents: it answered 500; runs go on with the others" in err
        hub.reply = lambda _topic: (204, {})
        assert call(["build", *here]) == 0, "its time has not come"
        assert "told the hub" not in capsys.readouterr().out
        assert call(["build", "--tell-hub", *here]) == 0
        assert "told the hub: 6 feed documents" in capsys.readouterr().out


def test_status_says_what_the_hub_could_not_be_told(
    folder: Path, sqlite_store: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    from publisher.cli import call

    with Hub(lambda _topic: (500, {})) as hub:
        set_up(folder, hub=hub.address)
        assert call(["build", "--publication", str(folder)]) == 0
        assert call(["status", "--publication", str(folder)]) == 0
        said = capsys.readouterr().out
        assert f"The hub {hub.address} has not been told of 6 changed feed documents since" in said
        assert "it answered 500; tried again after" in said
        hub.reply = lambda _topic: (204, {})
        shutil.rmtree(folder / "public")
        with sqlite_store.writing() as connection:
            hub_topics.forget(connection, list(hub_topics.topics(connection)))
        assert call(["build", "--publication", str(folder)]) == 0
        assert "told the hub: 6 feed documents" in capsys.readouterr().out
        assert call(["status", "--publication", str(folder)]) == 0
        assert "The hub" not in capsys.readouterr().out
