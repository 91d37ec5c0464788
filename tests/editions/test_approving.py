"""Editions that somebody has to approve: shown before their slot, following every edit, frozen on approval."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher import pipeline
from publisher.cli.run import tell
from publisher.editions import approving, recomposing
from publisher.editions.approving import answer, with_banner
from publisher.editions.recomposing import Recomposed
from publisher.model.edition import Digest, Edition, EditionState
from publisher.model.errors import UsageError
from publisher.publication import load
from publisher.store import editions as edition_store
from publisher.store import outbox, subscriptions
from publisher.theme.environment import environment_of
from tests.cli.conftest import Program, program
from tests.editions.test_slots import newsletter
from tests.relay import Relay
from tests.test_pipeline import MONDAY, Road, part

__all__ = ["program"]

SLOT = datetime(2026, 3, 2, 6, tzinfo=UTC)
EVENING = SLOT - timedelta(hours=12)
READERS = {"ana@example.com", "juergen@example.com"}


@pytest.fixture
def road(folder: Path, sqlite_database: str, relay: Relay) -> Iterator[Road]:
    """The daily edition of Monday 07:00 is to be approved from Sunday 19:00 on."""
    road = Road(folder, relay.url)
    road.set('default_cadence = "daily"', EDITED, "feeds/world.toml")
    road.set("since = 2026-03-02", "since = 2026-03-01", "feeds/world.toml")
    road.set('weekly = "sun 08:00"\n', 'weekly = "sat 08:00"\n', "feeds/world.toml")
    road.set("date = 2026-03-02T05:00:00Z", "date = 2026-03-01T08:00:00Z", "articles/ferry.md")
    road.walk(EVENING - timedelta(days=1))
    road.import_readers()
    yield road
    road.store.close()


EDITED = 'default_cadence = "daily"\napproval = "12 hours"\neditor = "Editor <editor@example.com>"'


def approve(road: Road, number: int, at: datetime) -> approving.Opened:
    environment = environment_of(road.publication)
    published = pipeline.publish(road.publication, road.store, environment=environment, now=at, mailing=True)
    opener = pipeline.opener_of(road.publication, road.store, published, environment=environment, now=at)
    return approving.approve(opener, number)


def recompose(road: Road, number: int, at: datetime) -> Recomposed:
    environment = environment_of(road.publication)
    published = pipeline.publish(road.publication, road.store, environment=environment, now=at, mailing=False)
    opener = pipeline.opener_of(road.publication, road.store, published, environment=environment, now=at)
    return recomposing.recompose(opener, number)


def state(road: Road, number: int = 1) -> Edition:
    with road.store.reading() as connection:
        edition = edition_store.get(connection, number)
    assert edition is not None
    return edition


def previews(relay: Relay) -> list[str]:
    return [item.message["Subject"] for item in relay.accepted if item.recipient == "editor@example.com"]


def to_readers(relay: Relay) -> set[str]:
    return {item.recipient for item in relay.accepted} - {"editor@example.com"}


def test_the_editor_gets_a_preview_and_nobody_else_gets_anything_before_it_is_approved(
    road: Road, relay: Relay
) -> None:
    road.walk(EVENING - timedelta(minutes=1))
    assert previews(relay) == []
    passed = road.walk(EVENING)
    assert passed.errors == []
    assert "to be approved: edition 1, world daily, 1 article for 2 readers; publisher editions approve 1" in tell(
        road.publication, passed
    )
    assert previews(relay) == ["[Preview 1] The ferry has a new name"]
    message = relay.accepted[-1].message
    for kind in ("plain", "html"):
        assert "publisher editions approve 1" in part(message, kind)
        assert "1 article for 2 readers" in part(message, kind)
        assert "Nobody aboard knew it yet." in part(message, kind)
    assert "zqf" not in part(message, "html")
    assert state(road).state is EditionState.AWAITING_APPROVAL
    road.walk(SLOT + timedelta(hours=1))
    assert to_readers(relay) == set()


def test_approved_before_its_slot_it_leaves_at_the_slot(road: Road, relay: Relay) -> None:
    road.walk(EVENING)
    opened = approve(road, 1, EVENING + timedelta(hours=1))
    assert opened.deliveries == 2
    road.walk(SLOT - timedelta(minutes=1))
    assert to_readers(relay) == set()
    road.walk(SLOT)
    assert to_readers(relay) == READERS
    assert state(road).state is EditionState.FINISHED
    assert {item.message["Date"].datetime for item in relay.accepted if item.recipient in READERS} == {SLOT}


def test_approved_after_its_slot_it_leaves_at_once(road: Road, relay: Relay) -> None:
    road.walk(EVENING)
    road.walk(MONDAY)
    approve(road, 1, MONDAY + timedelta(hours=3))
    road.walk(MONDAY + timedelta(hours=3))
    assert to_readers(relay) == READERS


def test_the_preview_follows_edits_at_most_every_half_hour(road: Road, relay: Relay) -> None:
    road.walk(EVENING)
    road.set("Nobody aboard", "No one aboard", "articles/ferry.md")
    road.walk(EVENING + timedelta(minutes=10))
    assert len(previews(relay)) == 1
    road.article("quay", "A quay is built.", date=EVENING + timedelta(minutes=20))
    road.walk(EVENING + timedelta(minutes=30))
    assert len(previews(relay)) == 2
    text = part(relay.accepted[-1].message, "plain")
    assert "No one aboard" in text
    assert "A quay is built." in text
    assert text.startswith("Changed: edition 1,")
    road.walk(EVENING + timedelta(hours=2))
    assert len(previews(relay)) == 2, "nothing has changed since"


def test_what_is_written_after_approval_waits_for_the_next_edition(road: Road, relay: Relay) -> None:
    road.walk(EVENING)
    road.article("before", "Written before.", date=EVENING + timedelta(minutes=5))
    approve(road, 1, EVENING + timedelta(hours=1))
    road.set("Nobody aboard", "No one aboard", "articles/ferry.md")
    road.article("after", "Written after.", date=EVENING + timedelta(hours=2))
    road.walk(EVENING + timedelta(hours=3))
    road.walk(SLOT)
    text = part(next(item.message for item in relay.accepted if item.recipient in READERS), "plain")
    assert "Written before." in text
    assert "Nobody aboard" in text
    assert "Written after." not in text
    road.walk(SLOT + timedelta(hours=12))  # Tuesday's is composed
    assert previews(relay)[-1] == "[Preview 2] after"


def test_approving_twice_is_one_clear_line(road: Road) -> None:
    road.walk(EVENING)
    approve(road, 1, EVENING)
    with pytest.raises(UsageError) as caught:
        approve(road, 1, EVENING)
    assert str(caught.value) == (
        "edition 1 awaits no approval: it is going out; see: publisher editions show 1"
    )  # one line, with the state and what to do
    with pytest.raises(UsageError, match="there is no edition 7"):
        approve(road, 7, EVENING)


@pytest.mark.parametrize(
    ("unanswered", "expected", "readers"),
    [
        ("wait", EditionState.AWAITING_APPROVAL, set()),
        ("send", EditionState.FINISHED, READERS),
        ("skip", EditionState.CANCELLED, set()),
    ],
)
def test_what_happens_if_nobody_answers_is_configured(
    road: Road, relay: Relay, unanswered: str, expected: EditionState, readers: set[str]
) -> None:
    road.set('approval = "12 hours"', f'approval = "12 hours"\nunanswered = "{unanswered}"', "feeds/world.toml")
    road.walk(EVENING)
    road.walk(SLOT - timedelta(minutes=1))
    assert state(road).state is EditionState.AWAITING_APPROVAL
    road.walk(SLOT)
    assert state(road).state is expected
    assert to_readers(relay) == readers


def test_articles_of_an_edition_that_was_skipped_join_the_next_one(road: Road, relay: Relay) -> None:
    road.set('approval = "12 hours"', 'approval = "12 hours"\nunanswered = "skip"', "feeds/world.toml")
    road.walk(EVENING)
    road.walk(SLOT)
    road.article("quay", "A quay is built.", date=SLOT)
    road.walk(SLOT + timedelta(hours=12))
    assert state(road, 2).slot == SLOT + timedelta(days=1)
    approve(road, 2, SLOT + timedelta(hours=12))
    road.walk(SLOT + timedelta(days=1))
    text = part(next(item.message for item in relay.accepted if item.recipient in READERS), "plain")
    assert "Nobody aboard" in text
    assert "A quay is built." in text


def test_one_that_still_waits_when_the_next_slot_comes_gives_its_articles_to_that(road: Road, relay: Relay) -> None:
    road.walk(EVENING)
    for hours in (1, 13, 25):
        road.walk(EVENING + timedelta(hours=hours))
    assert state(road, 1).state is EditionState.AWAITING_APPROVAL
    road.walk(SLOT + timedelta(days=1))
    assert state(road, 1).state is EditionState.CANCELLED
    assert state(road, 1).reason == "nobody approved it before the next slot"
    assert state(road, 2).state is EditionState.AWAITING_APPROVAL
    assert previews(relay) == ["[Preview 1] The ferry has a new name", "[Preview 2] The ferry has a new name"]
    approve(road, 2, SLOT + timedelta(days=1))
    road.walk(SLOT + timedelta(days=1))
    assert to_readers(relay) == READERS


def test_an_article_that_is_written_in_the_last_hour_is_still_shown_before_the_slot(road: Road, relay: Relay) -> None:
    road.set('title = "The ferry', 'draft = true\ntitle = "The ferry', "articles/ferry.md")
    road.walk(EVENING)
    assert previews(relay) == []
    road.set("draft = true\n", "", "articles/ferry.md")
    road.walk(SLOT - timedelta(hours=1))
    assert previews(relay) == ["[Preview 1] The ferry has a new name"]


def test_one_that_became_empty_cannot_be_approved(road: Road) -> None:
    road.walk(EVENING)
    road.set('title = "The ferry', 'draft = true\ntitle = "The ferry', "articles/ferry.md")
    road.walk(EVENING + timedelta(hours=1))
    assert state(road).reason == "nobody has anything to read in it now"
    with pytest.raises(UsageError, match="nobody has anything to read in edition 1 now"):
        approve(road, 1, EVENING + timedelta(hours=1))


def test_held_before_it_was_approved_it_waits_whatever_is_configured_and_resumes_to_awaiting(
    road: Road, relay: Relay
) -> None:
    road.set('approval = "12 hours"', 'approval = "12 hours"\nunanswered = "send"', "feeds/world.toml")
    road.walk(EVENING)
    with road.store.writing() as connection:
        assert edition_store.hold(connection, 1)
    road.walk(SLOT)
    assert to_readers(relay) == set()
    with road.store.writing() as connection:
        assert edition_store.resume(connection, 1)
    assert state(road).state is EditionState.AWAITING_APPROVAL
    road.walk(SLOT + timedelta(minutes=5))
    assert to_readers(relay) == READERS


def test_one_that_a_pretended_time_composed_is_composed_anew_when_its_time_has_come(road: Road, relay: Relay) -> None:
    road.walk(EVENING + timedelta(days=7))
    assert state(road, 1).slot > SLOT
    road.walk(EVENING, fixed_time=False)
    assert state(road, 1).state is EditionState.CANCELLED
    assert (state(road, 3).state, state(road, 3).slot) == (EditionState.AWAITING_APPROVAL, SLOT)
    approve(road, 3, EVENING)
    road.walk(SLOT)
    assert to_readers(relay) == READERS


def test_who_subscribes_while_an_edition_awaits_approval_is_in_it(road: Road) -> None:
    road.walk(EVENING)
    with road.store.reading() as connection:
        assert subscriptions.starting_cursor(connection, "world", "daily") == 0


def test_a_newsletter_that_is_removed_takes_its_unapproved_edition_with_it(road: Road) -> None:
    road.walk(EVENING)
    (road.folder / "feeds/world.toml").unlink()
    road.publication = load(road.folder)
    road.walk(EVENING + timedelta(minutes=5))
    assert state(road).state is EditionState.CANCELLED
    assert state(road).reason == "its newsletter was removed before it was approved"


def test_an_editor_that_no_mail_reaches_keeps_only_this_newsletter_waiting(road: Road) -> None:
    road.set("editor@example.com", "editor@example..com", "feeds/world.toml")
    passed = road.walk(EVENING)
    assert len(passed.errors) == 1
    assert "not an e-mail address" in str(passed.errors[0])


def test_a_typo_in_a_held_edition_is_mended_by_recomposing_it(road: Road, relay: Relay) -> None:
    road.walk(EVENING)
    approve(road, 1, EVENING)
    road.set("Nobody aboard knew", "Nobody on board knew", "articles/ferry.md")
    with pytest.raises(UsageError, match="first: publisher editions hold 1"):
        recompose(road, 1, EVENING)
    with road.store.writing() as connection:
        assert edition_store.hold(connection, 1)
    done = recompose(road, 1, EVENING + timedelta(minutes=5))
    assert (done.variants, done.changed, done.deliveries, done.kept) == (1, 1, 2, 0)
    with road.store.writing() as connection:
        assert edition_store.resume(connection, 1)
    road.walk(SLOT)
    texts = {part(item.message, "plain") for item in relay.accepted if item.recipient in READERS}
    assert all("on board" in text for text in texts)


def test_who_had_a_try_before_keeps_the_digest_of_that_time(road: Road) -> None:
    def refuse_one(address: str) -> str | None:
        return "450 later" if address.startswith("juergen") else None

    with Relay(refuse_one) as relay:
        road.set(road.publication.delivery.transport, relay.url)
        road.walk(EVENING)
        approve(road, 1, EVENING)
        road.walk(SLOT)
        assert to_readers(relay) == {"ana@example.com"}
        with road.store.writing() as connection:
            assert edition_store.hold(connection, 1)
        road.set("Nobody aboard knew", "Nobody on board knew", "articles/ferry.md")
        done = recompose(road, 1, SLOT + timedelta(minutes=5))
        assert (done.variants, done.deliveries, done.kept) == (0, 0, 2)


def test_of_one_variant_only_who_was_never_tried_gets_the_new_digest(road: Road, relay: Relay) -> None:
    road.walk(EVENING)
    approve(road, 1, EVENING)
    with road.store.writing() as connection:
        [claimed] = outbox.claim(connection, worker="w", now=SLOT, lease=timedelta(minutes=1), limit=1)
        outbox.release(connection, "w")
        edition_store.hold(connection, 1)
    road.set("Nobody aboard knew", "Nobody on board knew", "articles/ferry.md")
    done = recompose(road, 1, SLOT)
    assert (done.variants, done.changed, done.deliveries, done.kept) == (1, 1, 1, 1)
    with road.store.writing() as connection:
        edition_store.resume(connection, 1)
    road.walk(SLOT)
    texts = {item.recipient: part(item.message, "plain") for item in relay.accepted if item.recipient in READERS}
    assert {address: "on board" in text for address, text in texts.items()} == {
        address: address != claimed.address for address in READERS
    }


def test_an_edition_with_an_article_that_is_gone_is_not_recomposed(road: Road) -> None:
    road.walk(EVENING)
    approve(road, 1, EVENING)
    with road.store.writing() as connection:
        edition_store.hold(connection, 1)
    (road.folder / "articles/ferry.md").unlink()
    with pytest.raises(UsageError, match="has an article that is not public any more"):
        recompose(road, 1, EVENING)


def test_time_is_up_at_the_slot_or_as_long_after_composing_if_that_was_late() -> None:
    letter = newsletter(approval=timedelta(hours=12), unanswered="skip")
    edition = Edition(
        id=1,
        newsletter="all",
        cadence="daily",
        slot=SLOT,
        state=EditionState.AWAITING_APPROVAL,
        cutoff=0,
        opened_at=EVENING,
    )
    assert answer(letter, edition, SLOT - timedelta(seconds=1)) == "wait"
    assert answer(letter, edition, SLOT) == "skip"
    late = Edition(**{**{name: getattr(edition, name) for name in edition.__slots__}, "opened_at": MONDAY})
    assert answer(letter, late, MONDAY + timedelta(hours=11)) == "wait"
    assert answer(letter, late, MONDAY + timedelta(hours=12)) == "skip"
    assert answer(newsletter(), edition, SLOT) == "send", "approval is not asked for any more"


def test_the_banner_stands_in_the_body_and_is_escaped() -> None:
    digest = Digest(subject="News", preheader="", html='<html><body class="page"><p>x</p></body></html>', text="x")
    shown = with_banner(digest, ["Edition 1 of <World>"], 1)
    assert shown.html.index("<body") < shown.html.index("&lt;World&gt;") < shown.html.index("<p>x</p>")
    assert with_banner(Digest(subject="", preheader="", html="<p>x</p>", text=""), ["a"], 1).html.endswith("<p>x</p>")


def test_list_show_and_status_tell_the_next_step(road: Road, program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    road.walk(EVENING)
    monkeypatch.chdir(road.folder)
    assert "approve 1" in program("editions", "list").out
    shown = program("editions", "show", "1").out
    assert "awaiting approval; 1 article for 2 readers" in shown
    assert "Next: publisher editions approve 1, or hold 1, or cancel 1" in shown
    assert "Next: publisher editions approve 1" in program("status").out
    lines, _errors = pipeline.schedule(road.publication, road.store, "world", count=2, now=EVENING)
    assert [(line.note, len(line.articles)) for line in lines if line.cadence == "daily"] == [
        ("edition 1: awaiting approval", 1),
        ("", 0),
    ]
    assert program("editions", "hold", "1").status == 0
    refused = program("editions", "recompose", "1")
    assert refused.status == 2
    assert "it awaits approval and follows edits" in refused.err
    assert program("editions", "resume", "1").out.startswith("Edition 1: awaiting approval")
    approved = program("editions", "approve", "1")
    assert approved.status == 0
    assert approved.out.startswith("Edition 1: approved; it leaves with the next run, to 2 readers: The ferry")
    again = program("editions", "approve", "1")
    assert again.status == 2
    assert again.err.count("\n") == 1
    assert program("editions", "hold", "1").status == 0
    assert "nothing is different" in program("editions", "recompose", "1").out
