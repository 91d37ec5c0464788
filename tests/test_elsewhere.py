"""What keeps going wrong in programs of this kind, and what none of them has: a test for each, in the product's words.

Each goes the whole road on a small publication. The rooms' own tests go deeper.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import feedparser
import pytest
from sqlalchemy import select, update

from publisher import pipeline
from publisher.audience.tokens import confirmation_token, token
from publisher.editions.digest import CLIPPED_AT
from publisher.editions.slots import slots_after
from publisher.model.edition import EditionState
from publisher.model.feed import Cadence
from publisher.store import Store, notices, suppressions
from publisher.store import editions as edition_store
from publisher.store.schema import deliveries, missed, subscriptions
from tests.editions.test_corrections import mailed, part
from tests.editions.test_explaining import ANA, DAY, MONDAY, Desk
from tests.relay import Relay
from tests.road import finish, start
from tests.web.conftest import Site, SiteMaker, site, site_of
from tests.web.test_endpoints import FORM, everything

__all__ = ["site", "site_of"]

HOUR = timedelta(hours=1)
BEN = "ben@example.com"


class Moody(Relay):
    """Answers with what it is told to; None: everything is fine."""

    def __init__(self) -> None:
        self.says: str | None = None
        super().__init__(lambda _recipient: self.says)


@pytest.fixture
def relay() -> Iterator[Moody]:
    with Moody() as relay:
        yield relay


@pytest.fixture
def desk(folder: Path, sqlite_store: Store, relay: Moody) -> Desk:
    desk = Desk(folder, sqlite_store, relay.url)
    desk.reader()
    return desk


def titles(relay: Relay, address: str = ANA) -> list[str]:
    """The articles of all messages to a reader, in order."""
    found: list[str] = []
    for message in mailed(relay, address):
        names = dict.fromkeys(re.findall(r"The (\w+)", part(message, "plain")))
        found += sorted(name for name in names if name.islower())
    return found


def edition(desk: Desk, number: int = 1) -> Any:
    with desk.store.reading() as connection:
        return edition_store.get(connection, number), edition_store.sums(connection, number)


# What keeps going wrong


def test_nobody_is_sent_an_edition_twice_by_two_runs_at_once_or_by_holding_and_resuming(
    desk: Desk, relay: Moody
) -> None:
    for number in range(8):
        desk.reader(f"r{number}@example.com")
    desk.article("storm")
    runs = [start(desk.folder, MONDAY), start(desk.folder, MONDAY)]
    assert [finish(run) for run in runs] == [0, 0]
    with desk.store.writing() as connection:
        edition_store.hold(connection, 1)
        edition_store.resume(connection, 1)
    desk.walk(MONDAY + timedelta(minutes=5))
    assert set(relay.counts.values()) == {1}
    assert len(relay.counts) == 9


@pytest.mark.parametrize("reply", ["421 4.7.0 try again later", "450 4.2.0 greylisted"])
def test_nobody_is_left_out_and_an_edition_is_not_finished_before_every_delivery_has_ended(
    desk: Desk, relay: Moody, reply: str
) -> None:
    desk.article("storm")
    relay.says = reply
    desk.walk()
    state, sums = edition(desk)
    assert state.state is not EditionState.FINISHED
    assert (sums.accepted, sums.outstanding) == (0, 1)
    relay.says = None
    for hours in (1, 3, 9, 20):
        with desk.store.writing() as connection:
            edition_store.resume(connection, 1)
        desk.walk(MONDAY + hours * HOUR)
    assert relay.counts == {ANA: 1}
    assert edition(desk)[0].state is EditionState.FINISHED


def test_old_news_is_not_mailed_when_articles_are_restored_or_imported(desk: Desk, relay: Moody) -> None:
    desk.set("since = 2026-03-02", "since = 2025-01-01", "feeds/world.toml")
    desk.article("storm", at=MONDAY - 40 * DAY)
    desk.walk()
    assert relay.counts == {}


@pytest.mark.parametrize(
    ("cron", "zone", "days", "first"),
    [
        ("0 0 * * *", "America/New_York", 30, datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("0 0 * * mon", "America/New_York", 70, datetime(2026, 2, 20, 12, tzinfo=UTC)),
        ("30 1 * * *", "America/New_York", 20, datetime(2026, 10, 20, 12, tzinfo=UTC)),
        ("30 2 * * *", "Europe/Berlin", 20, datetime(2026, 3, 20, 12, tzinfo=UTC)),
    ],
)
def test_a_change_of_clock_neither_skips_a_slot_nor_doubles_it(
    cron: str, zone: str, days: int, first: datetime
) -> None:
    cadence = Cadence("daily", cron, cron)
    slots = [slot for slot in islice(slots_after(cadence, zone, first), 100) if slot < first + days * DAY]
    dates = [slot.astimezone(ZoneInfo(zone)).date() for slot in slots]
    every = 7 if cron.endswith("mon") else 1
    assert {(after - before).days for before, after in pairwise(dates)} == {every}
    assert len(dates) == days // every


def test_a_run_that_comes_late_or_days_late_opens_one_edition(desk: Desk, relay: Moody) -> None:
    desk.article("storm")
    desk.walk(MONDAY + 2 * HOUR)
    desk.article("flood", at=MONDAY + 3 * HOUR)
    desk.walk(MONDAY + 3 * DAY + HOUR)
    assert titles(relay) == ["storm", "flood"]
    with desk.store.reading() as connection:
        assert len(edition_store.listing(connection)) == 2


def test_no_digest_is_empty_and_what_comes_a_minute_after_a_slot_is_in_the_next(desk: Desk, relay: Moody) -> None:
    desk.walk()
    desk.article("storm", at=MONDAY + timedelta(minutes=1))
    desk.walk(MONDAY + timedelta(minutes=2))
    assert relay.counts == {}
    desk.walk(MONDAY + DAY)
    desk.walk(MONDAY + 2 * DAY)
    assert titles(relay) == ["storm"]


def test_a_scanner_that_follows_every_link_neither_confirms_nor_unsubscribes(site: Site) -> None:
    site.reader()
    site.client.post("/subscribe", data={**FORM, "address": BEN})
    before = everything(site)
    for link in (
        f"/u/{token('unsubscribe', 1, site.keys)}",
        f"/confirm/{confirmation_token(2, site.keys, ends=site.clock.now + DAY)}",
        f"/preferences/{token('preferences', 1, site.keys)}",
    ):
        assert site.client.get(link).status_code == 200
    assert everything(site) == before


def test_a_form_cannot_be_used_to_bomb_a_mailbox_or_to_mail_words_to_strangers(site_of: SiteMaker) -> None:
    site = site_of()
    for _ in range(15):
        site.client.post("/subscribe", data={**FORM, "name": "Buy now", "cadence": "Buy now"})
    with site.store.reading() as connection:
        sent = notices.times(connection, 1, "confirmation", site.clock.now - DAY)
        notice = notices.get(connection, 1)
    assert len(sent) == 1
    assert "Buy now" not in notice.digest.html + notice.digest.text + notice.digest.subject


def test_feeds_have_no_control_characters_no_changing_ids_and_no_clock(desk: Desk) -> None:
    path = desk.folder / "articles/storm.md"
    text = '+++\ntitle = "A \\u000b storm"\ndate = 2026-03-02T05:00:00Z\n+++\nWords\x0b here.\n'
    path.write_text(text, "utf-8")
    desk.walk()
    feed = desk.folder / "public/feeds/world.rss"
    first = feed.read_bytes()
    assert b"\x0b" not in first
    parsed = feedparser.parse(first)
    assert not parsed.bozo
    desk.walk(MONDAY + 3 * HOUR)
    assert feed.read_bytes() == first
    path.write_text(text.replace("A \\u000b storm", "Another title"), "utf-8")
    desk.walk(MONDAY + 4 * HOUR)
    assert feedparser.parse(feed.read_bytes()).entries[0].id == parsed.entries[0].id


def test_fifty_readers_of_one_list_cost_one_rendering(desk: Desk) -> None:
    for number in range(50):
        desk.reader(f"r{number}@example.com")
    desk.article("storm")
    environment = pipeline.environment_of(desk.publication)
    published = pipeline.publish(desk.publication, desk.store, environment=environment, now=MONDAY, mailing=True)
    opener = pipeline.opener_of(desk.publication, desk.store, published, environment=environment, now=MONDAY)
    rendered: list[int] = []

    def counted(*arguments: Any, **more: Any) -> Any:
        rendered.append(1)
        return opener.render(*arguments, **more)

    [opened] = replace(opener, render=counted).open_due()
    assert (opened.deliveries, len(rendered)) == (51, 1)


def test_a_mailbox_that_is_refused_in_the_session_is_suppressed(desk: Desk, relay: Moody) -> None:
    desk.article("storm")
    relay.says = "550 5.1.1 no such user"
    desk.walk()
    relay.says = None
    desk.article("flood", at=MONDAY + HOUR)
    desk.walk(MONDAY + DAY)
    assert relay.counts == {}
    assert desk.why("flood")[0] == "suppressed"


# What none of them has


def test_why_a_reader_did_or_did_not_get_an_article_can_be_asked(desk: Desk) -> None:
    desk.reader(BEN, topics="section:science")
    desk.article("storm")
    desk.walk()
    assert (desk.why()[0], desk.why(address=BEN)[0]) == ("accepted", "topic")


def test_the_account_of_an_edition_adds_up_and_lists_what_is_in_doubt(desk: Desk, relay: Moody) -> None:
    desk.reader(BEN, topics="section:science")
    desk.article("storm")
    desk.walk()
    _, sums = edition(desk)
    assert sums.adds_up
    assert (sums.candidates, sums.accepted, sum(sums.excluded.values())) == (2, 1, 1)
    with desk.store.reading() as connection:
        assert edition_store.doubtful(connection, 1) == []


def test_a_reader_who_changes_how_often_misses_nothing_and_gets_nothing_twice(desk: Desk, relay: Moody) -> None:
    written = []
    for day in range(9):
        at = MONDAY + day * DAY
        if day in (2, 4, 5, 8):
            desk.change(cadence="daily" if day in (4, 8) else "weekly")
        name = "abcdefghi"[day] * 3
        written.append(name)
        desk.article(name, at=at - HOUR)
        desk.walk(at + timedelta(minutes=56) if day == 6 else at)  # on Sundays the weekly one opens at eight
    desk.walk(MONDAY + 9 * DAY)
    assert sorted(titles(relay)) == sorted(written)


def test_what_is_too_little_rolls_over_until_there_is_enough_or_it_has_waited_too_long(
    desk: Desk, relay: Moody
) -> None:
    limits = 'min_items = 2\nmax_items = 2\nmax_wait = "3 days"\nsender = "World'
    desk.set('sender = "World', limits, "feeds/world.toml")
    desk.article("storm")
    desk.walk()
    assert titles(relay) == []
    desk.article("flood", at=MONDAY + HOUR)
    desk.walk(MONDAY + DAY)
    assert sorted(titles(relay)) == ["flood", "storm"]
    desk.article("frost", at=MONDAY + DAY + HOUR)
    for day in (2, 3, 4):
        desk.walk(MONDAY + day * DAY)
    desk.walk(MONDAY + 7 * DAY)
    assert sorted(titles(relay)) == ["flood", "frost", "storm"]


def test_a_pause_ends_with_one_catch_up_digest(desk: Desk, relay: Moody) -> None:
    desk.set('sender = "World', 'max_items = 3\nsender = "World', "feeds/world.toml")
    desk.change(snoozed_until=MONDAY + 3 * DAY + HOUR)
    for day, name in enumerate(("storm", "flood", "frost", "thaw", "spring")):
        desk.article(name, at=MONDAY + day * DAY - HOUR)
        desk.walk(MONDAY + day * DAY)
    [message] = mailed(relay, ANA)
    text = part(message, "plain")
    assert all(f"The {name}" in text for name in ("storm", "flood", "frost", "thaw", "spring"))
    assert message["Subject"] == "The spring and 2 more"


def test_no_digest_is_so_long_that_mail_programs_clip_it(desk: Desk, relay: Moody) -> None:
    path = desk.folder / "articles/storm.md"
    path.write_text(
        '+++\ntitle = "The storm"\ndate = 2026-03-02T05:00:00Z\n+++\n' + "It rained and rained.\n\n" * 20_000, "utf-8"
    )
    desk.article("flood")
    desk.walk()
    [message] = mailed(relay, ANA)
    html = part(message, "html")
    assert len(html.encode()) <= CLIPPED_AT
    assert "/u/" in html


def test_a_correction_reaches_those_who_have_the_error_and_nobody_else(desk: Desk, relay: Moody) -> None:
    desk.article("storm")
    desk.walk()
    desk.reader(BEN, at=MONDAY + HOUR)
    desk.article("storm", head='correction = "It was a gale."')
    desk.article("flood", at=MONDAY + HOUR)
    desk.walk(MONDAY + DAY)
    assert ["gale" in part(mailed(relay, address)[-1], "plain") for address in (ANA, BEN)] == [True, False]


def test_the_schedule_is_rehearsed_with_its_changes_of_clock(desk: Desk) -> None:
    lines, _ = pipeline.schedule(
        desk.publication, desk.store, "world", count=3, now=datetime(2026, 3, 27, 12, tzinfo=UTC)
    )
    assert any("the clock goes forward 1 h on 2026-03-29" in line.note for line in lines)


def test_feeds_and_digests_are_the_same_bytes_when_nothing_has_changed(desk: Desk, relay: Moody) -> None:
    desk.article("storm")
    desk.walk()
    desk.walk(MONDAY + HOUR)  # the edition that went out has its page now
    public = desk.folder / "public"
    before = {path: path.read_bytes() for path in public.rglob("*") if path.is_file()}
    desk.walk(MONDAY + 5 * HOUR)
    assert {path: path.read_bytes() for path in public.rglob("*") if path.is_file()} == before
    environment = pipeline.environment_of(desk.publication)
    published = pipeline.publish(desk.publication, desk.store, environment=environment, now=MONDAY, mailing=False)
    opener = pipeline.opener_of(desk.publication, desk.store, published, environment=environment, now=MONDAY)
    newsletter = desk.publication.newsletter("world")
    assert newsletter is not None
    shown = [article for article in published.articles if article.title == "The storm"]
    values: dict[str, Any] = {
        "articles": shown, "rest": [], "number": 1, "slot": MONDAY, "cadence": "daily", "language": "",
    }  # fmt: skip
    assert opener.render(newsletter, **values) == opener.render(newsletter, **values)


# Bad input


def test_a_topic_that_nothing_has_yet_waits_for_its_first_article(desk: Desk, relay: Moody) -> None:
    desk.reader(BEN, topics="section:sports")
    desk.article("storm")
    desk.walk()
    desk.article("match", at=MONDAY + HOUR, head='section = "sports"')
    desk.walk(MONDAY + DAY)
    assert titles(relay, BEN) == ["match"]


def test_a_reader_whose_cadence_is_gone_waits_and_loses_nothing(desk: Desk, relay: Moody) -> None:
    desk.change(cadence="hourly")
    desk.article("storm")
    desk.walk()
    assert relay.counts == {}
    desk.change(cadence="daily")
    desk.walk(MONDAY + DAY)
    assert titles(relay) == ["storm"]


def test_an_article_that_is_deleted_between_opening_and_delivery_still_arrives_as_it_was(
    desk: Desk, relay: Moody
) -> None:
    desk.article("storm")
    environment = pipeline.environment_of(desk.publication)
    published = pipeline.publish(desk.publication, desk.store, environment=environment, now=MONDAY, mailing=True)
    pipeline.opener_of(desk.publication, desk.store, published, environment=environment, now=MONDAY).open_due()
    (desk.folder / "articles/storm.md").unlink()
    desk.walk()
    assert titles(relay) == ["storm"]
    with desk.store.reading() as connection:
        assert connection.execute(select(missed)).all() == []
        assert connection.execute(select(deliveries.c.state)).scalars().all() == ["accepted"]
        assert suppressions.of_hashes(connection, []) == {}


def test_a_subscription_that_was_never_confirmed_gets_no_edition(desk: Desk, relay: Moody) -> None:
    with desk.store.writing() as connection:
        connection.execute(update(subscriptions).values(state="pending"))
    desk.article("storm")
    desk.walk()
    assert relay.counts == {}
