"""What happens to editions and readers when settings, articles or the clock change under them."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from publisher.model.edition import EditionState
from publisher.model.errors import ConfigurationError
from publisher.publication import load
from publisher.store import editions as edition_store
from tests.cli.conftest import Program, program
from tests.relay import Relay
from tests.test_pipeline import MONDAY, Road, part

__all__ = ["program"]

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def editions(road: Road) -> list[tuple[str, datetime, str]]:
    with road.store.reading() as connection:
        return [(one.cadence, one.slot, str(one.state)) for one in edition_store.listing(connection)][::-1]


@pytest.mark.parametrize("schedule", ["0 7 30 2 *", "0 7 31 4,6,9,11 *", "30 feb"])
def test_a_schedule_that_never_fires_is_refused_at_load(folder: Path, schedule: str) -> None:
    file = folder / "feeds/world.toml"
    file.write_text(file.read_text("utf-8").replace("mon-fri 07:00", schedule), "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load(folder)
    assert caught.value.line == 10
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "times",
    [
        (MONDAY, MONDAY - HOUR, MONDAY - HOUR + timedelta(minutes=5), MONDAY + timedelta(minutes=1)),
        (MONDAY, MONDAY + DAY, MONDAY + HOUR, MONDAY + DAY + HOUR),
        (MONDAY, MONDAY + DAY, MONDAY - DAY, MONDAY + 2 * HOUR),
    ],
    ids=["back an hour", "forward a day and back", "forward a day and back two"],
)
def test_a_clock_that_is_set_opens_nothing_twice(road: Road, relay: Relay, times: tuple[datetime, ...]) -> None:
    for at in times:
        road.walk(at)
        road.walk(at)
    assert len(editions(road)) == 1
    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1}
    # And the next one comes all the same.
    road.article("quay", "A quay is built.", date=MONDAY + DAY + HOUR)
    road.walk(MONDAY + 2 * DAY)
    assert relay.counts == {"ana@example.com": 2, "juergen@example.com": 2}


def test_readers_of_a_cadence_that_is_gone_wait_and_get_everything_when_it_is_back(
    road: Road, relay: Relay, program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    road.walk(MONDAY)
    road.set('default_cadence = "daily"', 'default_cadence = "weekly"', "feeds/world.toml")
    road.set('daily = "mon-fri 07:00"\n', 'each-day = "mon-fri 07:00"\n', "feeds/world.toml")
    road.article("quay", "A quay is built.", date=MONDAY + HOUR)
    passed = road.walk(MONDAY + DAY)
    assert passed.errors == []
    assert len(relay.accepted) == 2
    monkeypatch.chdir(road.folder)
    assert "2 subscriptions of world, daily: no feed offers that any more; they wait." in program("status").out
    assert "missing-cadence" in program("check", "--json").out
    road.set('each-day = "mon-fri 07:00"\n', 'daily = "mon-fri 07:00"\n', "feeds/world.toml")
    road.walk(MONDAY + 2 * DAY)
    assert relay.counts["ana@example.com"] == 2
    assert relay.accepted[-1].message["Subject"] == "quay"


def test_an_edition_whose_cadence_goes_while_it_opens_or_goes_out_goes_out(road: Road, relay: Relay) -> None:
    relay.refuse = lambda _address: "450 later"
    road.walk(MONDAY)
    road.set('default_cadence = "daily"\n', "", "feeds/world.toml")
    road.set('daily = "mon-fri 07:00"\n', "", "feeds/world.toml")
    relay.refuse = lambda _address: None
    road.walk(MONDAY + 2 * HOUR)
    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1}


def test_an_article_that_is_deleted_between_opening_and_delivery_is_delivered_as_it_was_frozen(
    road: Road, relay: Relay
) -> None:
    relay.refuse = lambda _address: "450 later"
    road.walk(MONDAY)
    (road.folder / "articles/ferry.md").unlink()
    relay.refuse = lambda _address: None
    road.walk(MONDAY + 2 * HOUR)
    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1}
    assert "Nobody aboard knew it yet." in part(relay.accepted[0].message, "plain")
    assert not (road.folder / "public/2026/ferry/index.html").exists()


def test_an_article_that_is_deleted_while_its_edition_opens_is_not_in_what_was_not_frozen_yet(
    road: Road, relay: Relay
) -> None:
    """The slot was committed, and then the power failed."""
    with road.store.writing() as connection:
        edition_store.pass_slot(connection, "world", "daily", MONDAY - timedelta(minutes=5))
        edition_store.insert_edition(
            connection,
            newsletter="world",
            cadence="daily",
            slot=MONDAY - timedelta(minutes=5),
            cutoff=1,
            now=MONDAY,
        )
    (road.folder / "articles/ferry.md").unlink()
    road.article("quay", "A quay is built.", date=MONDAY - HOUR)
    road.walk(MONDAY)
    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1}
    assert relay.accepted[0].message["Subject"] == "quay"


def test_a_newsletter_that_is_removed_and_comes_back_has_lost_nothing(road: Road, relay: Relay) -> None:
    road.walk(MONDAY)
    file = road.folder / "feeds/world.toml"
    text = file.read_text("utf-8")
    file.unlink()
    road.publication = load(road.folder)
    road.article("quay", "A quay is built.", date=MONDAY + HOUR)
    assert road.walk(MONDAY + DAY).errors == []
    file.write_text(text, "utf-8")
    road.publication = load(road.folder)
    road.walk(MONDAY + 2 * DAY)
    assert relay.counts == {"ana@example.com": 2, "juergen@example.com": 2}
    assert {state for _cadence, _slot, state in editions(road)} == {str(EditionState.FINISHED)}
