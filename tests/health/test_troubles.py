"""What is late or stuck, told at the right time and in whole sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from publisher.health.standing import Standing
from publisher.health.troubles import of_errors, troubles
from publisher.model.edition import Edition, EditionState
from publisher.model.publication import Publication
from publisher.publication import load
from publisher.store.outbox import Stalled

MONDAY = datetime(2026, 3, 2, 7, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
SUNDAY = datetime(2026, 3, 1, 8, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
FRIDAY = datetime(2026, 2, 27, 7, 30, tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
ALL_DECIDED = {("world", "daily"): MONDAY, ("world", "weekly"): SUNDAY, ("science", "weekly"): FRIDAY}


@pytest.fixture
def publication(folder: Path) -> Publication:
    return load(folder)


def texts(publication: Publication, standing: Standing, now: datetime) -> list[str]:
    return [one.text for one in troubles(publication, standing, now=now)]


def well(now: datetime) -> Standing:
    """Everything as it should be: the last run was a minute ago."""
    return Standing(last_run=now - MINUTE, decided=ALL_DECIDED)


def test_where_all_is_well_nothing_is_told(publication: Publication) -> None:
    now = MONDAY + 2 * HOUR
    assert texts(publication, well(now), now) == []


def test_a_last_run_long_ago_is_told_and_one_that_never_was(publication: Publication) -> None:
    now = MONDAY + 2 * HOUR
    assert texts(publication, replace(well(now), last_run=now - 3 * HOUR), now) == [
        "The last run was 3 hours ago; see whether cron or publisher serve is alive"
    ]
    assert texts(publication, replace(well(now), last_run=None), now) == [
        "Nothing has run yet; publisher run, or its line in cron"
    ]


def test_a_slot_for_which_nothing_opened_is_told_after_an_hour_and_says_what_becomes_of_it(
    publication: Publication,
) -> None:
    standing = Standing(last_run=MONDAY, decided={**ALL_DECIDED, ("world", "daily"): MONDAY - timedelta(days=3)})

    def told(now: datetime) -> list[str]:
        return texts(publication, replace(standing, last_run=now), now)

    assert told(MONDAY + 59 * MINUTE) == []
    assert told(MONDAY + 61 * MINUTE) == [
        "world daily of Mon 02 Mar 07:00 has not opened; it can open until Mon 02 Mar 13:00: publisher run"
    ]
    assert told(MONDAY + 7 * HOUR) == [
        "world daily of Mon 02 Mar 07:00 has not opened; its articles come with the next one, Tue 03 Mar 07:00"
    ]


@pytest.mark.parametrize(
    ("state", "after", "resumes", "told"),
    [
        (EditionState.PAUSED, MINUTE, None, "mend that, then publisher editions resume 214"),
        (EditionState.PAUSED, MINUTE, MONDAY + 15 * MINUTE, None),
        (EditionState.PAUSED, 2 * HOUR, MONDAY + 130 * MINUTE, "it tries again Mon 02 Mar 09:10, or now: "),
        (EditionState.HELD, 5 * HOUR, None, None),
        (EditionState.HELD, 7 * HOUR, None, "publisher editions resume 214, or publisher editions cancel 214"),
        (EditionState.OPENING, 30 * MINUTE, None, None),
        (EditionState.OPENING, 2 * HOUR, None, "publisher run goes on with it"),
        (EditionState.AWAITING_APPROVAL, 30 * MINUTE, None, None),
        (EditionState.AWAITING_APPROVAL, 2 * HOUR, None, "publisher editions approve 214"),
        (EditionState.GOING_OUT, 9 * HOUR, None, None),
    ],
)
def test_an_edition_that_does_not_go_on_is_told(
    publication: Publication, state: EditionState, after: timedelta, resumes: datetime | None, told: str | None
) -> None:
    edition = Edition(
        id=214,
        newsletter="world",
        cadence="daily",
        slot=MONDAY,
        state=state,
        cutoff=1,
        opened_at=MONDAY,
        reason="the relay refuses the sender",
    )
    now = MONDAY + after
    found = texts(publication, replace(well(now), unfinished=((edition, resumes),)), now)
    if told is None:
        assert found == []
    else:
        [text] = found
        assert text.startswith(
            f"Edition 214, world daily of Mon 02 Mar 07:00, is {state} (the relay refuses the sender); "
        )
        assert told in text


def test_an_outbox_in_which_nothing_moves_is_told_unless_the_relay_may_have_no_more(publication: Publication) -> None:
    now = MONDAY + 2 * HOUR
    stuck = replace(well(now), stalled=Stalled(due=1204, due_since=now - 40 * MINUTE, last_attempt=now - HOUR))
    assert texts(publication, stuck, now) == [
        "1,204 messages have been due for 40 minutes and none was tried; publisher run says why"
    ]
    assert texts(publication, replace(stuck, waits_until=now + MINUTE), now) == []
    moving = Stalled(due=1204, due_since=now - 2 * HOUR, last_attempt=now - MINUTE)
    assert texts(publication, replace(stuck, stalled=moving), now) == []
    opened = Edition(
        id=3,
        newsletter="world",
        cadence="daily",
        slot=MONDAY - timedelta(days=4),
        state=EditionState.GOING_OUT,
        cutoff=1,
        opened_at=now - MINUTE,
    )
    assert texts(publication, replace(stuck, unfinished=((opened, None),)), now) == [], "it opened a minute ago"
    fresh = Stalled(due=3, due_since=now - MINUTE, last_attempt=None)
    assert texts(publication, replace(stuck, stalled=fresh), now) == []


def test_an_error_whose_numbers_change_is_the_same_trouble_and_another_edition_is_not() -> None:
    keys = [
        next(one.key for one in of_errors([text]))
        for text in (
            "smtp://relay.example.org:587: 1,204 to go at 07:04",
            "smtp://relay.example.org:587: 3 to go at 07:09",
            "edition 214 is paused",
            "edition 215 is paused",
        )
    ]
    assert keys[0] == keys[1]
    assert keys[2] != keys[3]
