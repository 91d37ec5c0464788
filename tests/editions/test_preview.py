"""A preview is what the next run delivers: byte for byte, but for the Message-ID and the time of a signature."""

from __future__ import annotations

import email
import re
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import policy
from pathlib import Path
from typing import Any

import pytest

from publisher import pipeline
from publisher.audience.addresses import parse_address
from publisher.audience.admitting import admit, candidate_of
from publisher.audience.hashing import address_hash
from publisher.delivery.dkim import make_key
from publisher.editions.preview import Preview, next_edition
from publisher.model.publication import Publication, Secrets
from publisher.publication import load
from publisher.store import subscriptions
from publisher.theme.environment import environment_of

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SLOT = datetime(2026, 3, 3, 6, 0, tzinfo=UTC)
KEYS = Secrets(signing=(b"a signing key of enough length..",))
OWN = {b"message-id", b"dkim-signature", b"return-path", b"delivered-to"}
ARTICLE = '+++\ntitle = "{0}"\ndate = {1}\nsection = "world"\n{2}+++\nText of {0}.\n'


@pytest.fixture
def folder(folder: Path) -> Path:
    for name, date, more in (
        ("Anchor", "2026-03-01T08:00:00Z", ""),
        ("Buoy", "2026-03-02T08:00:00Z", "weight = 5\n"),
        ("Crane", "2026-03-02T20:00:00Z", ""),
        ("Draft", "2026-03-02T08:00:00Z", "draft = true\n"),
    ):
        (folder / "articles" / f"{name}.md").write_text(ARTICLE.format(name, date, more), "utf-8")
    return folder


@pytest.fixture
def publication(folder: Path) -> Publication:
    return load(folder)


def subscribe(publication: Publication, store: Any, address: str, **given: Any) -> None:
    candidate = candidate_of(publication, address=address, newsletter="world", **given)
    with store.writing() as connection:
        admit(connection, [candidate], event="added", source="test", keys=KEYS.signing, now=NOW - timedelta(days=1))


def seen(publication: Publication, store: Any, address: str | None, *, now: datetime, **given: Any) -> Preview:
    articles, errors = pipeline.look(publication, store, now=now)
    assert not errors
    feed = publication.feed("world")
    assert feed is not None
    assert feed.newsletter is not None
    return next_edition(
        publication,
        KEYS,
        store,
        environment_of(publication),
        feed,
        feed.newsletter,
        articles,
        address=address,
        cadence=given.get("cadence"),
        now=now,
    )


def run(publication: Publication, store: Any, at: datetime) -> dict[str, bytes]:
    """The messages of one pass, by recipient."""
    before = set((publication.root / "mail").rglob("*.publisher"))
    passed = pipeline.run(publication, KEYS, store, clock=lambda: at, stop=threading.Event(), fixed_time=True)
    assert not passed.errors, passed.errors
    made = set((publication.root / "mail").rglob("*.publisher")) - before
    messages = [file.read_bytes() for file in made]
    parsed = [email.message_from_bytes(message, policy=policy.default) for message in messages]
    return {one["To"].addresses[0].addr_spec: message for one, message in zip(parsed, messages, strict=True)}


def named_apart(message: bytes) -> bytes:
    """The message without what is a delivery's own, and what a Maildir adds; with line ends as a Maildir has them."""
    head, _, body = message.replace(b"\r\n", b"\n").partition(b"\n\n")
    fields = re.split(rb"\n(?![ \t])", head)
    names = {field.partition(b":")[0].lower() for field in fields}
    assert b"message-id" in names
    kept = [field for field in fields if field.partition(b":")[0].lower() not in OWN]
    return b"\n".join(kept) + b"\n\n" + body


def test_the_message_is_what_the_run_at_that_slot_delivers(publication: Publication, store: Any) -> None:
    assert run(publication, store, NOW) == {}
    subscribe(publication, store, "ana@example.com", name="Ana Röhl", fields={"city": "Kiel"})
    subscribe(publication, store, "ben@example.com", language="de", topics="section:science")
    shown = seen(publication, store, "ana@example.com", now=NOW)
    assert shown.slot == SLOT
    assert [article.title for article in shown.articles] == ["Buoy", "Crane", "The ferry has a new name", "Anchor"]
    delivered = run(publication, store, SLOT)
    assert delivered.keys() == {"ana@example.com"}
    assert named_apart(delivered["ana@example.com"]) == named_apart(shown.message)


def test_so_it_is_with_runs_in_between_other_languages_and_a_signature(
    publication: Publication, store: Any, folder: Path
) -> None:
    make_key(folder, "s1")
    publication = replace(publication, dkim=replace(publication.dkim, selectors=("s1",)))
    assert run(publication, store, NOW) == {}
    subscribe(publication, store, "ben@example.com", name="Ben", language="ar")
    assert run(publication, store, NOW + timedelta(minutes=5)) == {}
    shown = seen(publication, store, "ben@example.com", now=NOW + timedelta(hours=1))
    assert shown.message.startswith(b"DKIM-Signature:")
    delivered = run(publication, store, SLOT)["ben@example.com"]
    assert named_apart(delivered) == named_apart(shown.message)


def test_a_slot_that_is_due_and_not_opened_yet_is_the_next(publication: Publication, store: Any) -> None:
    subscribe(publication, store, "ana@example.com")
    shown = seen(publication, store, "ana@example.com", now=SLOT + timedelta(minutes=4))
    assert shown.slot == SLOT
    delivered = run(publication, store, SLOT + timedelta(minutes=5))
    assert named_apart(delivered["ana@example.com"]) == named_apart(shown.message)
    later = seen(publication, store, "ana@example.com", now=SLOT + timedelta(minutes=6))
    assert later.slot > SLOT
    assert not later.waiting


def test_what_stands_in_has_the_order_of_an_edition(publication: Publication, store: Any) -> None:
    subscribe(publication, store, "ana@example.com")
    first = seen(publication, store, "ana@example.com", now=SLOT)
    run(publication, store, SLOT)
    again = seen(publication, store, "ana@example.com", now=SLOT + timedelta(hours=1))
    assert first.waiting
    assert not again.waiting
    assert [article.title for article in again.articles] == [article.title for article in first.articles]


def test_the_backlog_and_too_few_articles_are_decided_as_a_run_does(folder: Path, store: Any) -> None:
    settings = (
        (folder / "feeds" / "world.toml")
        .read_text()
        .replace("[newsletter]\n", '[newsletter]\nmin_items = 9\nmax_wait = "1 day"\n')
    )
    (folder / "feeds" / "world.toml").write_text(settings)
    publication = load(folder)
    subscribe(publication, store, "ana@example.com")
    assert not seen(publication, store, "ana@example.com", now=NOW).waiting
    assert run(publication, store, NOW) == {}
    assert run(publication, store, SLOT) == {}
    shown = seen(publication, store, "ana@example.com", now=SLOT + timedelta(hours=1))
    assert shown.waiting
    delivered = run(publication, store, SLOT + timedelta(days=1))
    assert named_apart(delivered["ana@example.com"]) == named_apart(shown.message)


def test_it_says_who_would_get_nothing(publication: Publication, store: Any) -> None:
    subscribe(publication, store, "ana@example.com")
    with store.writing() as connection:
        found = subscriptions.of_address(
            connection, address_hash(parse_address("ana@example.com"), KEYS.signing), "world"
        )
        assert found is not None
        subscriptions.end(connection, found[1].id, NOW)
    assert seen(publication, store, "ana@example.com", now=NOW).reader.barred == "unsubscribed"


def changed(folder: Path, *settings: str) -> Publication:
    feed = folder / "feeds" / "world.toml"
    feed.write_text(feed.read_text().replace("[newsletter]\n", "\n".join(("[newsletter]", *settings, ""))))
    return load(folder)


def test_at_a_readers_own_hour_the_date_is_that_hour(folder: Path, store: Any) -> None:
    publication = changed(folder, 'deliver = "reader-local"')
    assert run(publication, store, NOW) == {}
    subscribe(publication, store, "ana@example.com", timezone="America/Lima")
    shown = seen(publication, store, "ana@example.com", now=NOW)
    assert run(publication, store, SLOT) == {}
    delivered = run(publication, store, SLOT + timedelta(hours=6))
    assert b"Date: Tue, 03 Mar 2026 12:00:00" in delivered["ana@example.com"]
    assert named_apart(delivered["ana@example.com"]) == named_apart(shown.message)


def test_the_edition_that_awaits_approval_is_the_next(folder: Path, store: Any) -> None:
    publication = changed(folder, 'approval = "12 hours"', 'editor = "ed@example.org"')
    run(publication, store, NOW)
    subscribe(publication, store, "ana@example.com")
    run(publication, store, SLOT - timedelta(hours=6))
    shown = seen(publication, store, "ana@example.com", now=SLOT - timedelta(hours=5))
    assert (shown.slot, shown.number) == (SLOT, 1)
    assert "No. 1" in shown.text


def test_where_each_article_is_a_slot_the_preview_is_of_now(folder: Path, store: Any) -> None:
    feed = folder / "feeds" / "world.toml"
    feed.write_text(feed.read_text().replace('"mon-fri 07:00"', '"on publish"'))
    publication = load(folder)
    subscribe(publication, store, "ana@example.com")
    shown = seen(publication, store, "ana@example.com", now=NOW)
    assert shown.slot == NOW
    assert shown.waiting


def test_pictures_that_travel_in_the_message_are_the_same_too(folder: Path, store: Any) -> None:
    publication = changed(folder, 'images = "embed"')
    png = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    (folder / "articles" / "dot.png").write_bytes(png)
    article = folder / "articles" / "Buoy.md"
    article.write_text(article.read_text() + "\n![A dot](dot.png)\n")
    assert run(publication, store, NOW) == {}
    subscribe(publication, store, "ana@example.com")
    shown = seen(publication, store, "ana@example.com", now=NOW)
    assert b"Content-ID: <" in shown.message
    assert "cid:" not in shown.html
    assert named_apart(run(publication, store, SLOT)["ana@example.com"]) == named_apart(shown.message)


def test_a_note_and_the_corrections_that_the_reader_is_owed_are_in_it(folder: Path, store: Any) -> None:
    publication = load(folder)
    assert run(publication, store, NOW) == {}
    subscribe(publication, store, "ana@example.com")
    assert run(publication, store, SLOT)
    buoy = folder / "articles" / "Buoy.md"
    buoy.write_text(buoy.read_text().replace("weight = 5\n", 'weight = 5\ncorrection = "It was green."\n'))
    later = SLOT + timedelta(hours=2)
    (folder / "articles" / "Fog.md").write_text(ARTICLE.format("Fog", "2026-03-03T07:00:00Z", ""))
    note = '+++\ndate = 2026-03-03T06:30:00Z\nkind = "note"\nsection = "world"\n+++\nBring a coat.\n'
    (folder / "articles" / "note.md").write_text(note)
    assert run(publication, store, later) == {}
    shown = seen(publication, store, "ana@example.com", now=later + timedelta(minutes=5))
    assert "It was green." in shown.text
    assert "Bring a coat." in shown.text
    delivered = run(publication, store, SLOT + timedelta(days=1))
    assert named_apart(delivered["ana@example.com"]) == named_apart(shown.message)
    again = seen(publication, store, "ana@example.com", now=SLOT + timedelta(days=1, hours=1))
    assert not again.waiting
    assert "Bring a coat." not in again.text
