"""An edition that is going out, for the benchmarks: a publication, its readers, one digest of some 40 KB."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import insert

from publisher.delivery.composing import edition_envelope
from publisher.delivery.message import compile_message
from publisher.model.edition import Decision, Digest, EditionState
from publisher.model.publication import Publication
from publisher.publication import load
from publisher.store import Store, groups, open_store, openings
from publisher.store import editions as edition_store
from publisher.store.schema import subscribers, subscriptions
from publisher.theme.fields import token

SLOT = datetime(2026, 3, 2, 6, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 6, 5, tzinfo=UTC)

PUBLICATION = """\
title = "The Example"
url = "https://news.example.org"
postal_address = "1 Example Street, 10115 Berlin"
database = "{database}"
[delivery]
transport = "{transport}"
lanes = {lanes}
"""
FEED = """\
title = "World"
[newsletter]
sender = "World Desk <world@example.org>"
since = 2026-01-01
[newsletter.cadences]
daily = "mon-fri 07:00"
"""
_SENTENCE = "The ferry left the harbour at half past six, later than the timetable says, and nobody aboard minded. "


def digest(size: int = 40_000) -> Digest:
    """A digest whose message has about ``size`` octets: seven in ten are HTML, and it greets each reader."""
    foot = f"{token('unsubscribe_url')} {token('preferences_url')}"
    paragraphs = size * 7 // 10 // (len(_SENTENCE) * 4 + 40)
    body = "".join(f'<p style="margin:0 0 12px">{_SENTENCE * 4}</p>\n' for _ in range(paragraphs))
    lines = size * 3 // 10 // (len(_SENTENCE) + 2)
    return Digest(
        subject="The ferry has a new name and 19 more",
        preheader="Nobody aboard knew it yet",
        html="<!doctype html><html lang=en><head><title>World</title></head><body>"
        f'<p>Good morning {token("name")},</p>\n{body}<p><a href="{token("unsubscribe_url")}">Unsubscribe</a> '
        f'<a href="{token("preferences_url")}">Preferences</a> {token("address")}</p></body></html>\n',
        text=f"Good morning {token('name')},\n\n{(_SENTENCE + chr(10)) * lines}\n{foot}\n",
    )


def make(folder: Path, *, readers: int, transport: str, lanes: int = 8, database: str = "sqlite:publisher.db") -> None:
    """A publication in ``folder`` whose edition is going out to so many readers."""
    (folder / "feeds").mkdir(parents=True)
    (folder / "articles").mkdir()
    (folder / "publication.toml").write_text(
        PUBLICATION.format(transport=transport, lanes=lanes, database=database), "utf-8"
    )
    (folder / "feeds" / "world.toml").write_text(FEED, "utf-8")
    publication = load(folder)
    store = open_store(publication.database, folder)
    _add_readers(store, readers)
    _open_edition(store)
    store.close()


def _add_readers(store: Store, count: int) -> None:
    for start in range(1, count + 1, 20_000):
        numbers = range(start, min(start + 20_000, count + 1))
        with store.writing() as connection:
            connection.execute(
                insert(subscribers),
                [
                    {
                        "id": number,
                        "address": f"reader{number}@example.com",
                        "name": f"Reader {number}",
                        "address_hash": f"{number:064x}",
                        "created_at": SLOT,
                    }
                    for number in numbers
                ],
            )
            connection.execute(
                insert(subscriptions),
                [
                    {
                        "id": number,
                        "subscriber_id": number,
                        "newsletter": "world",
                        "cadence": "daily",
                        "state": "active",
                        "cursor": 0,
                        "created_at": SLOT,
                    }
                    for number in numbers
                ],
            )


def _open_edition(store: Store) -> None:
    with store.writing() as connection:
        number = edition_store.insert_edition(
            connection, newsletter="world", cadence="daily", slot=SLOT, cutoff=1, now=SLOT
        )
        edition = edition_store.get(connection, number)
        assert edition is not None
        for group in groups.read_groups(connection, newsletter="world", cadence="daily", slot=SLOT):
            decision = Decision(group=group, articles=("a1",), to=1)
            variant = groups.freeze_variant(connection, number, decision, digest())
            groups.decide_group(connection, number, decision, variant)
    more = True
    while more:
        with store.writing() as connection:
            more = openings.open_chunk(connection, edition)
    with store.writing() as connection:
        edition_store.set_state(connection, number, EditionState.GOING_OUT, came_from=EditionState.OPENING)


def message_size(publication: Publication) -> int:
    """Octets of one reader's message, for the rivals to send as much."""
    newsletter = publication.newsletters[0]
    envelope = edition_envelope(publication, newsletter, number=1, date=SLOT, language="en")
    buffers = compile_message(digest(), envelope).message(
        message_id="<1.0123456789abcdef0123@example.org>",
        recipient_address="reader1@example.com",
        recipient_name="Reader 1",
        fields=dict.fromkeys(("unsubscribe_url", "preferences_url"), "https://news.example.org/u/" + "a" * 32),
    )
    return sum(map(len, buffers))
