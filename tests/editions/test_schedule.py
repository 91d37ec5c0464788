"""What `publisher schedule` says of slots to come."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from publisher.editions.schedule import clock_note, upcoming
from publisher.model.edition import Group
from publisher.model.feed import Cadence
from tests.editions.test_histories import START
from tests.editions.test_slots import newsletter

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_change_of_clock_is_noted_at_the_slot_after_it() -> None:
    letter = newsletter("07:00")
    lines = upcoming(
        letter,
        letter.cadences[0],
        count=3,
        groups=[],
        articles=[],
        newest=0,
        numbered_at={},
        now=datetime(2026, 3, 27, 12, tzinfo=UTC),
    )
    assert [line.local.isoformat() for line in lines] == [
        "2026-03-28T07:00:00+01:00",
        "2026-03-29T07:00:00+02:00",
        "2026-03-30T07:00:00+02:00",
    ]
    assert [line.note for line in lines] == ["", "the clock goes forward 1 h on 2026-03-29", ""]


def test_half_an_hour_is_half_an_hour() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    note = clock_note(datetime(2026, 4, 3, tzinfo=UTC), datetime(2026, 4, 6, tzinfo=UTC), zone)
    assert note == "the clock goes back 30 min on 2026-04-05"


def test_the_nearest_slot_says_what_min_items_would_do() -> None:
    letter = newsletter("07:00", min_items=2)
    cadence = Cadence("daily", "07:00", "0 7 * * *")
    lines = upcoming(
        letter,
        cadence,
        count=2,
        groups=[Group(0, "*", "", 5)],
        articles=[_article(1)],
        newest=1,
        numbered_at={},
        now=START,
    )
    assert [(line.articles, line.recipients, line.waiting) for line in lines] == [((), (), 5), ((), (), 0)]
    lines = upcoming(
        letter,
        cadence,
        count=2,
        groups=[Group(0, "*", "", 5), Group(1, "*", "", 2)],
        articles=[_article(1), _article(2)],
        newest=2,
        numbered_at={},
        now=START,
    )
    assert [(line.articles, line.recipients, line.waiting) for line in lines] == [(("a2", "a1"), (5,), 2), ((), (), 0)]


def _article(number: int):  # type: ignore[no-untyped-def]
    from publisher.model.article import Article

    return Article(
        id=f"a{number}",
        path=f"a{number}.md",
        url="https://news.example.org/a/",
        slug="a",
        title="x",
        html="",
        summary="",
        published=START,
        updated=START,
        language="en",
        content_hash="",
        sequence=number,
    )
