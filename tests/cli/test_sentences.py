"""How editions and the outbox are told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from publisher.cli.sentences import account, edition_sentence, local, outbox_sentence
from publisher.model.edition import Edition, EditionState
from publisher.store.editions import Sums
from publisher.store.outbox import Waiting

SLOT = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
EDITION = Edition(
    id=214,
    newsletter="all",
    cadence="daily",
    slot=SLOT,
    state=EditionState.GOING_OUT,
    cutoff=9,
    opened_at=SLOT,
)
SUMS = Sums(
    candidates=3010,
    excluded={"nothing new": 10},
    accepted=1204,
    failed=2,
    withdrawn=1,
    outstanding=1793,
    deferred=12,
    unknown=1,
)


def test_an_edition_is_one_sentence_in_its_own_time() -> None:
    assert edition_sentence(EDITION, SUMS, "Europe/Berlin") == (
        "214 all daily of Fri 20 Nov 2026 07:00: 1,204 of 3,000 accepted; 2 failed; 1 withdrawn; "
        "12 deferred, tried again by themselves; 1 in doubt (publisher editions show 214); going out."
    )


def test_an_edition_that_stands_still_says_why() -> None:
    paused = replace(EDITION, state=EditionState.PAUSED, reason="the relay said 454 Throttling")
    assert edition_sentence(paused, SUMS, "UTC").endswith("; paused: the relay said 454 Throttling.")
    again = datetime(2026, 11, 20, 7, 19, tzinfo=UTC)
    assert edition_sentence(paused, SUMS, "UTC", again).endswith(
        "; paused: the relay said 454 Throttling; tries again Fri 20 Nov 2026 07:19; nothing to do, "
        f"or now: publisher editions resume {paused.id}."
    )


def test_every_candidate_is_in_exactly_one_line_of_the_account() -> None:
    lines = account(SUMS)
    assert lines[0].split() == ["candidates", "3,010"]
    assert [line.split()[0] for line in lines[1:]] == ["=", "+", "+", "+", "+"]
    numbers = [int(line.split()[-1].replace(",", "")) for line in lines]
    assert numbers[0] == sum(numbers[1:])
    assert len({len(line) for line in lines}) == 1


def test_the_outbox_says_when_it_goes_on() -> None:
    assert outbox_sentence(Waiting(0, 0, 0, None), "UTC") == "The outbox is empty."
    assert outbox_sentence(Waiting(1, 2, 3, SLOT), "Europe/Berlin") == (
        "The outbox has 3 messages being sent; 1 message for the next run; "
        "2 messages later, the first at Fri 20 Nov 2026 07:00."
    )


def test_local_times_follow_the_zone_through_the_year() -> None:
    assert local(datetime(2026, 7, 1, 5, tzinfo=UTC), "Europe/Berlin") == "Wed 01 Jul 2026 07:00"
