"""A correction stands at the head of the next digest of those who have the faulty version, and of nobody else."""

from __future__ import annotations

import re
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import feedparser
import pytest
from sqlalchemy import func, select, update

from publisher import pipeline
from publisher.articles.correcting import number_corrections
from publisher.editions.compiling import decide
from publisher.editions.telling import Told, tell_of_corrections
from publisher.model.correction import Correction
from publisher.model.edition import Group
from publisher.model.errors import UsageError
from publisher.store import Store, corrections
from publisher.store.schema import corrections as correction_table
from publisher.store.schema import deliveries, subscriptions
from tests.editions.test_explaining import ANA, DAY, MONDAY, Desk
from tests.relay import Relay

BEN, ZOE = "ben@example.com", "zoe@example.com"
WRONG = 'correction = "It was the third pier, not the first."'
TUESDAY = MONDAY + DAY


@pytest.fixture
def desk(folder: Path, store: Store, relay: Relay) -> Desk:
    return Desk(folder, store, relay.url)


def mailed(relay: Relay, address: str) -> list[EmailMessage]:
    return [item.message for item in relay.accepted if item.recipient == address]


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


def corrected(relay: Relay, address: str) -> list[bool]:
    """Of each message to a reader, whether it opens with a correction."""
    return ["the third pier" in part(message, "plain") for message in mailed(relay, address)]


def edit(desk: Desk, head: str = WRONG) -> None:
    desk.article("storm", head=head)


def test_only_who_has_the_faulty_version_gets_the_correction_and_only_once(desk: Desk, relay: Relay) -> None:
    desk.reader()
    desk.reader(BEN, topics="section:science")
    desk.article("storm")
    desk.walk()
    desk.reader(ZOE, at=MONDAY + timedelta(hours=1))
    edit(desk)
    desk.article("flood", at=MONDAY + timedelta(hours=2), head='section = "science"')
    desk.walk(TUESDAY)
    assert (corrected(relay, ANA), corrected(relay, BEN), corrected(relay, ZOE)) == ([False, True], [False], [False])
    text, html = (part(mailed(relay, ANA)[-1], kind) for kind in ("plain", "html"))
    assert text.index("Corrections") < text.index("The storm") < text.index("The flood")
    assert "It was the third pier, not the first." in html
    assert mailed(relay, ANA)[-1]["Subject"] == "The flood"
    desk.article("frost", at=TUESDAY + timedelta(hours=2))
    desk.walk(TUESDAY + DAY)
    assert corrected(relay, ANA) == [False, True, False]


def test_who_gets_the_article_after_the_correction_gets_it_right_and_no_word_before_it(
    desk: Desk, relay: Relay
) -> None:
    desk.reader(cadence="weekly")
    desk.article("storm")
    desk.walk()
    edit(desk)
    desk.walk(TUESDAY)
    desk.walk(MONDAY + 6 * DAY + timedelta(hours=1))
    [message] = mailed(relay, ANA)
    assert "Corrections" not in part(message, "plain")


def test_a_correction_alone_waits_for_the_next_articles_or_for_max_wait(desk: Desk, relay: Relay) -> None:
    desk.set('sender = "World', 'max_wait = "3 days"\nsender = "World', "feeds/world.toml")
    desk.reader()
    desk.article("storm")
    desk.walk()
    edit(desk)
    for days in (1, 2, 3):
        desk.walk(MONDAY + days * DAY)
        assert corrected(relay, ANA) == [False]
    with desk.store.reading() as connection:
        assert connection.execute(select(subscriptions.c.cursor)).scalar() == 1
    desk.walk(MONDAY + 4 * DAY)
    assert corrected(relay, ANA) == [False, True]
    assert mailed(relay, ANA)[-1]["Subject"] == "Correction: The storm"
    desk.walk(MONDAY + 7 * DAY)
    assert corrected(relay, ANA) == [False, True]


def test_a_delivery_that_fails_brings_its_correction_back(folder: Path, store: Store) -> None:
    verdicts: list[str | None] = [None]
    with Relay(lambda _address: verdicts[-1]) as relay:
        desk = Desk(folder, store, relay.url)
        desk.reader()
        desk.article("storm")
        desk.walk()
        edit(desk)
        desk.article("flood", at=MONDAY + timedelta(hours=2))
        verdicts.append("554 5.6.0 we do not like it")
        desk.walk(TUESDAY)
        with store.writing() as connection:  # given up
            from publisher.model.delivery import DeliveryState
            from publisher.store import returns

            waiting = deliveries.c.state.in_(["queued", "deferred"])
            returns.end(connection, waiting, DeliveryState.FAILED, reason="given up", now=TUESDAY)
        verdicts.append(None)
        desk.walk(TUESDAY + DAY)
        assert corrected(relay, ANA) == [False, True]


def test_who_never_received_it_is_told_nothing(folder: Path, store: Store) -> None:
    with Relay(lambda address: "550 5.1.1 no such user" if address == BEN else None) as relay:
        desk = Desk(folder, store, relay.url)
        desk.reader()
        desk.reader(BEN)
        desk.article("storm")
        desk.walk()
        with store.writing() as connection:
            from publisher.store.schema import suppressions

            connection.execute(suppressions.delete())
        edit(desk)
        relay.refuse = lambda _address: None
        desk.article("flood", at=MONDAY + timedelta(hours=2))
        desk.walk(TUESDAY)
        assert corrected(relay, ANA) == [False, True]
        [late] = mailed(relay, BEN)
        assert "Corrections" not in part(late, "plain")
        assert "The storm" in part(late, "plain")


def test_feeds_and_pages_show_it_and_updated_moves(desk: Desk) -> None:
    desk.article("storm")
    desk.walk()
    edit(desk)
    desk.walk(TUESDAY)
    [entry] = feedparser.parse((desk.folder / "public/feeds/world.atom").read_bytes()).entries
    assert entry.updated.startswith("2026-03-03")
    assert "<strong>Correction.</strong> It was the third pier" in entry.content[0].value
    page = (desk.folder / "public/2026/storm/index.html").read_text("utf-8")
    assert "It was the third pier" in page


def test_a_correction_that_was_taken_back_or_worded_anew(desk: Desk, relay: Relay) -> None:
    desk.reader()
    desk.article("storm")
    desk.walk()
    edit(desk)
    desk.walk(MONDAY + timedelta(hours=2))
    edit(desk, 'minor = true\ncorrection = "It was the third pier, not the second."')
    desk.walk(MONDAY + timedelta(hours=3))
    with desk.store.reading() as connection:
        assert connection.execute(select(func.count()).select_from(correction_table)).scalar() == 1
    edit(desk, "")
    desk.article("flood", at=MONDAY + timedelta(hours=4))
    desk.walk(TUESDAY)
    assert corrected(relay, ANA) == [False, False]


def test_an_article_that_had_its_correction_before_it_was_mailed_is_not_faulty(desk: Desk, relay: Relay) -> None:
    desk.reader()
    edit(desk)
    desk.walk()
    desk.article("flood", at=MONDAY + timedelta(hours=2))
    desk.walk(TUESDAY)
    assert [len(re.findall("Corrections", part(message, "plain"))) for message in mailed(relay, ANA)] == [0, 0]


def test_readers_with_and_without_it_have_variants_of_their_own(desk: Desk, relay: Relay) -> None:
    desk.reader()
    desk.reader(ZOE, language="de")
    desk.article("storm")
    desk.walk()
    desk.reader(BEN, at=MONDAY + timedelta(hours=1))
    edit(desk)
    desk.article("flood", at=MONDAY + timedelta(hours=2))
    desk.walk(TUESDAY)
    assert corrected(relay, ANA)[-1]
    assert not corrected(relay, BEN)[-1]
    assert "Berichtigungen" in part(mailed(relay, ZOE)[-1], "plain")


def correct(desk: Desk, number: int = 1) -> Told:
    at = MONDAY + timedelta(hours=3)
    environment = pipeline.environment_of(desk.publication)
    published = pipeline.publish(desk.publication, desk.store, environment=environment, now=at, mailing=True)
    opener = pipeline.opener_of(desk.publication, desk.store, published, environment=environment, now=at)
    return tell_of_corrections(opener, number)


def test_readers_of_an_edition_are_told_at_once_and_once_each(desk: Desk, relay: Relay) -> None:
    desk.reader()
    desk.reader(BEN, language="de")
    desk.reader(ZOE, topics="section:science")
    desk.article("storm")
    desk.walk()
    with pytest.raises(UsageError, match="no article of edition 1 has a correction"):
        correct(desk)
    edit(desk)
    assert correct(desk).readers == 2
    assert correct(desk).readers == 0
    desk.walk(MONDAY + timedelta(hours=3))
    desk.article("flood", at=MONDAY + timedelta(hours=4))
    desk.walk(TUESDAY)
    assert (corrected(relay, ANA), corrected(relay, ZOE)) == ([False, True, False], [])
    told = mailed(relay, ANA)[1]
    assert told["Subject"] == "Correction: The storm"
    assert told["List-Unsubscribe"]
    assert mailed(relay, BEN)[1]["Subject"] == "Berichtigung: The storm"
    assert correct(desk).readers == 0
    with pytest.raises(UsageError, match="there is no edition 9"):
        correct(desk, 9)


def test_who_has_it_from_a_digest_is_not_told_again(desk: Desk, relay: Relay) -> None:
    desk.reader()
    desk.article("storm")
    desk.walk()
    edit(desk)
    desk.article("flood", at=MONDAY + timedelta(hours=2))
    desk.walk(TUESDAY)
    assert correct(desk).readers == 0


def test_a_telling_that_was_cut_short_goes_on(desk: Desk, relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        desk.reader(f"r{number}@example.com")
    desk.article("storm")
    desk.walk()
    edit(desk)
    monkeypatch.setattr("publisher.store.tellings.CHUNK", 2)

    def stop(readers: int) -> None:
        if readers >= 2:
            raise KeyboardInterrupt

    at = MONDAY + timedelta(hours=3)
    environment = pipeline.environment_of(desk.publication)
    published = pipeline.publish(desk.publication, desk.store, environment=environment, now=at, mailing=True)
    opener = pipeline.opener_of(desk.publication, desk.store, published, environment=environment, now=at)
    with pytest.raises(KeyboardInterrupt):
        tell_of_corrections(opener, 1, progress=stop)
    assert tell_of_corrections(opener, 1).readers == 3
    desk.walk(at)
    assert relay.counts == {f"r{number}@example.com": 2 for number in range(5)}


def test_deciding_keeps_a_reader_whose_list_is_only_a_correction(desk: Desk) -> None:
    newsletter = desk.publication.newsletter("world")
    assert newsletter is not None
    group = Group(3, "*", "", 1, corrections=(4,))
    pending = [Correction(sequence=4, article="a", text="wrong", numbered_at=MONDAY)]
    [decision] = decide([group], [], newsletter, cutoff=9, numbered_at={}, now=TUESDAY, pending=pending)
    assert (decision.to, decision.is_mailed) == (3, False)
    [moved] = decide([Group(3, "*", "", 1)], [], newsletter, cutoff=9, numbered_at={}, now=TUESDAY)
    assert moved.to == 9


def test_a_number_is_taken_once_however_many_run_at_once(desk: Desk) -> None:
    edit(desk)
    desk.walk()
    with desk.store.writing() as connection:
        connection.execute(update(correction_table).values(text="something else"))
    articles, _ = pipeline.look(desk.publication, desk.store, now=TUESDAY)
    assert [one.sequence for one in number_corrections(desk.store, articles, now=TUESDAY)] == [2, 3]
    assert [one.sequence for one in number_corrections(desk.store, articles, now=TUESDAY)] == [2, 3]
    with desk.store.reading() as connection:
        assert len(corrections.every(connection)) == 2


def test_a_correction_that_failed_while_its_reader_moved_on_is_recorded_as_missed(folder: Path, store: Store) -> None:
    from publisher.model.delivery import DeliveryState
    from publisher.store import returns
    from publisher.store.schema import missed

    verdicts: list[str | None] = [None]
    with Relay(lambda _address: verdicts[-1]) as relay:
        desk = Desk(folder, store, relay.url)
        desk.reader()
        desk.article("storm")
        desk.walk()
        edit(desk)
        desk.article("flood", at=MONDAY + timedelta(hours=2))
        verdicts.append("450 4.2.0 greylisted")
        desk.walk(TUESDAY)
        verdicts.append(None)
        desk.article("frost", at=TUESDAY + timedelta(hours=2))
        with store.writing() as connection:  # the relay does not take it for another day
            connection.execute(update(deliveries).values(try_at=MONDAY + 9 * DAY))
        desk.walk(TUESDAY + DAY)
        with store.writing() as connection:
            deferred = deliveries.c.state == "deferred"
            returns.end(connection, deferred, DeliveryState.FAILED, reason="given up", now=TUESDAY + DAY)
            numbers = connection.execute(select(missed.c.sequence).order_by(missed.c.sequence)).scalars().all()
            every = {one.sequence for one in corrections.every(connection)}
    assert len(numbers) == 2
    assert every <= set(numbers)
