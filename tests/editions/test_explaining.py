"""Why a reader did or did not get an article, answered from the records of real passes, on both databases."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, update

from publisher import pipeline
from publisher.audience import joining
from publisher.audience.addresses import parse_address
from publisher.audience.admitting import admit, candidate_of
from publisher.audience.hashing import address_hash
from publisher.editions.asking import ask, ask_for_reader
from publisher.editions.explaining import edition_sentence
from publisher.model.errors import UsageError
from publisher.model.subscriber import BY_FEED, Suppression
from publisher.publication import load, load_secrets
from publisher.store import Store, returns, subscribers, suppressions
from publisher.store import editions as edition_store
from publisher.store.schema import missed, subscriptions
from publisher.store.schema import subscribers as people
from tests.relay import Relay

MONDAY = datetime(2026, 3, 2, 6, 5, tzinfo=UTC)  # 07:05 in Berlin: the daily slot of 07:00 is due
DAY = timedelta(days=1)
ANA = "ana@example.com"


class Desk:
    """A publication that runs, and questions about it."""

    def __init__(self, folder: Path, store: Store, relay: str) -> None:
        self.folder, self.store, self.relay = folder, store, relay
        self.set("[sections]", f'[delivery]\ntransport = "{relay}"\n[sections]')
        self.set("since = 2026-01-01", "since = 2026-03-02", "feeds/world.toml")
        self.set("since = 2026-01-01", "since = 2026-03-02", "feeds/science.toml")
        (folder / "articles/ferry.md").unlink()
        self.secrets = load_secrets(folder)

    def set(self, old: str, new: str, file: str = "publication.toml") -> None:
        path = self.folder / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")
        self.publication = load(self.folder)

    def article(self, name: str, *, at: datetime = MONDAY - timedelta(hours=1), head: str = "") -> None:
        path = self.folder / "articles" / f"{name}.md"
        path.write_text(f'+++\ntitle = "The {name}"\ndate = {at.isoformat()}\n{head}\n+++\nText.\n', "utf-8")

    def reader(
        self, address: str = ANA, *, newsletter: str = "world", at: datetime = MONDAY - DAY, **more: Any
    ) -> None:
        wanted = candidate_of(self.publication, address=address, newsletter=newsletter, **more)
        with self.store.writing() as connection:
            admit(connection, [wanted], event="added", source="a test", keys=self.secrets.signing, now=at)

    def change(self, **values: object) -> None:
        """Changes all subscriptions."""
        with self.store.writing() as connection:
            connection.execute(update(subscriptions).values(**values))

    def walk(self, at: datetime = MONDAY) -> None:
        passed = pipeline.run(
            self.publication, self.secrets, self.store, clock=lambda: at, stop=threading.Event(), fixed_time=True
        )
        assert passed.errors == []

    def why(self, article: str = "storm", address: str = ANA, *, at: datetime = MONDAY + timedelta(hours=1)) -> Any:
        """State and sentence of each answer, by newsletter: the last one if there are several."""
        found = ask(self.publication, self.store, article, now=at)
        answers = ask_for_reader(self.publication, self.store, found, address, keys=self.secrets.signing, now=at)
        self.all = answers
        return answers[-1].state, answers[-1].sentence


@pytest.fixture
def desk(folder: Path, store: Store, relay: Relay) -> Desk:
    return Desk(folder, store, relay.url)


def test_included_accepted_when_by_which_server_with_which_reply(desk: Desk) -> None:
    desk.reader()
    desk.article("storm")
    desk.walk()
    state, sentence = desk.why()
    assert state == "accepted"
    assert "Included in edition 1 (world daily of Mon 02 Mar 2026 07:00): accepted Mon 02 Mar 2026 07:05" in sentence
    assert f"by {desk.relay.split('//')[1]}" in sentence
    assert "250" in sentence
    assert desk.all[-1].attempts[0].result == "accepted"


def test_the_editions_that_carry_an_article(desk: Desk) -> None:
    desk.reader()
    desk.reader("ben@example.com")
    desk.article("storm")
    desk.walk()
    found = ask(desk.publication, desk.store, "articles/storm.md", now=MONDAY)
    [carried] = found.carried
    assert (carried.in_full, carried.linked, carried.deliveries) == (2, 0, {"accepted": 2})
    assert edition_sentence(carried, "Europe/Berlin") == (
        "In edition 1 (world daily of Mon 02 Mar 2026 07:00), finished: 2 accepted."
    )


def test_behind_the_link_to_the_rest(desk: Desk) -> None:
    desk.set('sender = "World', 'max_items = 1\nsender = "World', "feeds/world.toml")
    desk.reader()
    desk.article("storm", at=MONDAY - timedelta(hours=2))
    desk.article("flood")
    desk.walk()
    state, sentence = desk.why()
    assert state == "accepted"
    assert "behind the link to the rest" in sentence
    assert "behind the link" not in desk.why("flood")[1]


@pytest.mark.parametrize(
    ("verdict", "expected"), [("451 4.3.0 greylisted", "deferred"), ("550 5.1.1 no such user", "failed")]
)
def test_refused_deliveries_are_told_with_their_attempts(
    folder: Path, store: Store, verdict: str, expected: str
) -> None:
    with Relay(lambda _address: verdict) as relay:
        desk = Desk(folder, store, relay.url)
        desk.reader()
        desk.article("storm")
        desk.walk()
        desk.why()
    first = desk.all[0]
    assert first.state == expected
    assert verdict in first.sentence
    assert [attempt.result for attempt in first.attempts] == [expected]
    if expected == "failed":  # its articles came back to the cursor
        assert desk.all[-1].state == "suppressed"


class Silent(Relay):
    """Takes every message and hangs up instead of answering."""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        server.transport.abort()
        return "250 2.0.0 OK"


def test_a_message_without_a_reply_is_unknown(folder: Path, store: Store) -> None:
    with Silent() as relay:
        desk = Desk(folder, store, relay.url)
        desk.reader()
        desk.article("storm")
        desk.walk()
        state, sentence = desk.why()
    assert state == "unknown"
    assert "no reply came" in sentence
    assert desk.all[-1].attempts


@pytest.mark.parametrize(
    ("head", "at", "state", "words"),
    [
        ("draft = true", MONDAY - DAY, "draft", "It is a draft"),
        ("", MONDAY + 3 * DAY, "future", "It is dated Thu 05 Mar 2026"),
        ("mail = false", MONDAY - timedelta(hours=1), "mail = false", "mail = false"),
        ('kind = "note"', MONDAY - timedelta(hours=1), "note", "It is a note"),
        ("", MONDAY - 30 * DAY, "old news", "old news when it was first seen"),
        ("", MONDAY - 2 * DAY, "before since", "begins on 2026-03-02"),
        ('section = "science"', MONDAY - timedelta(hours=1), "topic", "none of this reader's topics: section world"),
    ],
)
def test_what_keeps_an_article_from_a_reader(desk: Desk, head: str, at: datetime, state: str, words: str) -> None:
    desk.reader(topics="section:world")
    desk.article("storm", at=at, head=head)
    desk.walk()
    found, sentence = desk.why()
    assert (found, words in sentence) == (state, True), sentence


def test_a_feed_that_selects_something_else(desk: Desk) -> None:
    desk.reader(newsletter="science")
    desk.article("storm", head='section = "world"')
    desk.walk()
    desk.why()
    answers = {answer.newsletter: answer for answer in desk.all}
    assert answers["science"].state == "not selected"
    assert "selects the sections science, and the article has world" in answers["science"].sentence
    assert answers["world"].state == "not subscribed"


def test_another_language_of_selection(desk: Desk) -> None:
    desk.set('sections = ["science"]', 'languages = ["de"]', "feeds/science.toml")
    desk.reader(newsletter="science")
    desk.article("storm")
    desk.walk()
    desk.why()
    assert "selects the languages de, and the article has en" in desk.all[0].sentence


def test_a_topic_that_was_chosen_later(desk: Desk) -> None:
    desk.reader(topics="section:world")
    desk.article("storm", head='section = "science"')
    desk.walk()
    desk.change(topics="section:science@1,section:world@0")
    state, sentence = desk.why()
    assert state == "topic chosen later"
    assert "chose section science after the article was numbered (behind what was numbered Mon 02 Mar 2026" in sentence


def test_a_reader_who_subscribed_after_it(desk: Desk) -> None:
    desk.reader("ben@example.com")
    desk.article("storm")
    desk.walk()
    desk.reader(at=MONDAY + timedelta(minutes=30))
    state, sentence = desk.why()
    assert state == "cursor"
    assert "subscribed Mon 02 Mar 2026 07:35 and begins behind it" in sentence


def test_an_edition_that_passed_it_by(desk: Desk) -> None:
    desk.reader()
    desk.change(topics="section:world@0")
    desk.article("storm", head='section = "science"')
    desk.article("flood", head='section = "world"')
    desk.walk()
    desk.article("storm", head='section = "world"')
    state, sentence = desk.why()
    assert state == "passed by"
    assert sentence.startswith("Edition 1 (world daily of Mon 02 Mar 2026 07:00) passed it by, Mon 02 Mar 2026 07:05")


def test_missed_and_why(desk: Desk) -> None:
    desk.reader()
    desk.article("storm")
    desk.walk(MONDAY - timedelta(hours=1))
    with desk.store.writing() as connection:
        connection.execute(
            insert(missed).values(subscription_id=1, sequence=1, reason="the edition was cancelled", at=MONDAY)
        )
    state, sentence = desk.why()
    assert state == "missed"
    assert sentence == "It was recorded as missed, Mon 02 Mar 2026 07:05: the edition was cancelled."


def test_suppressed_since_when_and_why(desk: Desk) -> None:
    desk.reader()
    desk.article("storm")
    with desk.store.writing() as connection:
        hashed = address_hash(parse_address(ANA), desk.secrets.signing)
        suppressions.suppress(
            connection, Suppression(address_hash=hashed, reason="hard bounce", at=MONDAY - DAY, source="a report")
        )
    desk.walk()
    state, sentence = desk.why()
    assert state == "suppressed"
    assert "since Sun 01 Mar 2026 07:05, hard bounce (a report)" in sentence


def test_snoozed_until(desk: Desk) -> None:
    desk.reader()
    desk.change(snoozed_until=MONDAY + 7 * DAY)
    desk.article("storm")
    desk.walk()
    state, sentence = desk.why()
    assert state == "snoozed"
    assert "until Mon 09 Mar 2026" in sentence


def test_by_feed_instead_of_mail(desk: Desk) -> None:
    desk.reader()
    desk.change(snoozed_until=BY_FEED)
    desk.article("storm")
    desk.walk()
    assert desk.why()[0] == "by feed"


def test_unsubscribed_when(desk: Desk) -> None:
    desk.reader()
    desk.article("storm")
    desk.walk(MONDAY - timedelta(hours=1))
    with desk.store.writing() as connection:
        joining.unsubscribe(connection, 1, now=MONDAY, source="one-click")
    state, sentence = desk.why()
    assert (state, sentence) == ("unsubscribed", "This reader unsubscribed Mon 02 Mar 2026 07:05 (one-click).")


def test_signed_up_and_never_confirmed(desk: Desk) -> None:
    desk.reader()
    desk.change(state="pending")
    desk.article("storm")
    desk.walk()
    assert desk.why()[0] == "pending"


def test_rolled_over_for_min_items(desk: Desk) -> None:
    desk.set('sender = "World', 'min_items = 3\nsender = "World', "feeds/world.toml")
    desk.reader()
    desk.article("storm")
    desk.walk()
    state, sentence = desk.why()
    assert state == "rolled over"
    assert "1 of 3 articles (min_items). The next slot is daily, Tue 03 Mar 2026 07:00." in sentence


def test_it_comes_with_the_next_edition(desk: Desk) -> None:
    desk.reader(cadence="weekly")
    desk.article("storm")
    assert desk.why()[0] == "not numbered"
    desk.walk()
    assert desk.why() == ("next edition", "It comes with the next edition: weekly, Sun 08 Mar 2026 08:00.")


def test_an_edition_that_is_held_or_cancelled(desk: Desk) -> None:
    desk.reader()
    desk.article("storm")

    def hold_and_walk() -> None:
        environment = pipeline.environment_of(desk.publication)
        published = pipeline.publish(desk.publication, desk.store, environment=environment, now=MONDAY, mailing=True)
        pipeline.open_editions(
            desk.publication, desk.store, published, environment=environment, keys=desk.secrets.signing, now=MONDAY
        )

    hold_and_walk()
    with desk.store.writing() as connection:
        assert edition_store.hold(connection, 1)
    assert desk.why()[0] == "held"
    with desk.store.writing() as connection:
        returns.cancel(connection, 1, "a wrong picture", MONDAY)
    state, sentence = desk.why()
    assert state == "next edition"
    assert desk.all[0].state == "withdrawn"
    assert "withdrawn Mon 02 Mar 2026 07:05: a wrong picture" in desk.all[0].sentence
    assert "daily, Tue 03 Mar" in sentence


def test_an_edition_that_is_still_opening(desk: Desk) -> None:
    desk.reader()
    desk.article("storm")
    desk.walk(MONDAY - timedelta(hours=1))
    with desk.store.writing() as connection:
        edition_store.insert_edition(connection, newsletter="world", cadence="daily", slot=MONDAY, cutoff=1, now=MONDAY)
    assert desk.why()[0] == "opening"


def test_a_cadence_that_is_gone(desk: Desk) -> None:
    desk.reader()
    desk.change(cadence="hourly")
    desk.article("storm")
    desk.walk()
    assert desk.why()[0] == "no cadence"


def test_a_newsletter_that_is_gone(desk: Desk) -> None:
    desk.reader(newsletter="science")
    desk.article("storm")
    desk.walk()
    (desk.folder / "feeds/science.toml").unlink()
    desk.publication = load(desk.folder)
    desk.why()
    assert ("science", "no newsletter") in [(answer.newsletter, answer.state) for answer in desk.all]


def test_readers_who_are_not_there(desk: Desk) -> None:
    desk.article("storm")
    assert desk.why()[0] == "unknown reader"
    desk.reader()
    with desk.store.writing() as connection:
        connection.execute(update(people).values(address=None, erased_at=MONDAY))
    desk.walk()
    assert desk.why()[0] == "erased"


def test_a_file_that_is_gone_or_cannot_be_used(desk: Desk) -> None:
    desk.reader(cadence="weekly")
    desk.article("storm")
    desk.walk()
    path = desk.folder / "articles/storm.md"
    path.write_text("+++\ntitle = \n+++\nText.\n", "utf-8")
    state, sentence = desk.why()
    assert state == "unreadable"
    assert "Its file cannot be used now: " in sentence
    path.unlink()
    with desk.store.reading() as connection:
        assert subscribers.active(connection) == 1
    desk.walk(MONDAY + timedelta(minutes=5))
    assert desk.why()[0] == "gone"


def test_articles_are_found_by_file_slug_id_title_and_part_of_it(desk: Desk) -> None:
    desk.article("storm")
    desk.article("storm-again")
    for text in ("articles/storm.md", "storm.md", "storm", "The storm", "tag:news.example.org,2026-03-02:/storm"):
        assert ask(desk.publication, desk.store, text, now=MONDAY).asked.record.path == "articles/storm.md"
    assert ask(desk.publication, desk.store, "AGAIN", now=MONDAY).asked.record.path == "articles/storm-again.md"
    with pytest.raises(UsageError, match=r"fits 2 articles: articles/storm-again.md, articles/storm.md; name one"):
        ask(desk.publication, desk.store, "the st", now=MONDAY)
    with pytest.raises(UsageError, match=r'no article "the storn"; did you mean "The storm"\?'):
        ask(desk.publication, desk.store, "the storn", now=MONDAY)
    with pytest.raises(UsageError, match='no article ""'):
        ask(desk.publication, desk.store, " ", now=MONDAY)


def test_whether_a_reader_knows_of_a_correction(desk: Desk) -> None:
    desk.reader()
    desk.article("storm")
    desk.walk()
    desk.article("storm", head='correction = "It was a gale."')
    desk.walk(MONDAY + timedelta(hours=2))
    state, sentence = desk.why()
    assert state == "correction"
    assert sentence == (
        'That was before the correction "It was a gale.", which stands at the head of this reader\'s next digest.'
    )
    desk.article("flood", at=MONDAY + timedelta(hours=3))
    desk.walk(MONDAY + DAY)
    assert desk.why()[1].endswith('"It was a gale.", which was told with edition 2: accepted.')
    assert [answer.state for answer in desk.all] == ["accepted", "correction"]


def test_an_edition_that_awaits_approval(desk: Desk) -> None:
    desk.set('sender = "World', 'approval = "12 hours"\neditor = "ed@example.com"\nsender = "World', "feeds/world.toml")
    desk.reader()
    desk.article("storm", at=MONDAY + timedelta(hours=1))
    desk.walk(MONDAY + timedelta(hours=14))
    state, sentence = desk.why(at=MONDAY + timedelta(hours=15))
    assert state == "awaiting approval"
    assert sentence.startswith("Edition 1 (world daily of Tue 03 Mar 2026 07:00) is awaiting approval")


def test_a_cadence_on_publish_has_no_hour_to_name(desk: Desk) -> None:
    desk.set('weekly = "sun 08:00"', 'weekly = "on publish"', "feeds/world.toml")
    desk.reader(cadence="weekly")
    desk.article("storm")
    desk.walk()
    assert "weekly, once it has settled" in desk.why()[1]
