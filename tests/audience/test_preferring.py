"""What a reader chooses, on both databases: only what is offered, and nothing old comes back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from publisher.audience.admitting import admit, candidate_of
from publisher.audience.offers import Offer, offered, offers_of, remember_offers
from publisher.audience.preferring import choosable, choose
from publisher.model.article import Article, Author
from publisher.store import Store, consents, subscriptions
from tests.store import readers as r

ANA = Author("ana", "Ana Example")


def article(name: str, **more: Any) -> Article:
    values: dict[str, Any] = {"language": "en", **more}
    moment = datetime.fromisoformat("2026-03-01T08:00:00Z")
    return Article(
        id=name,
        path=f"articles/{name}.md",
        url=f"https://news.example.org/{name}/",
        slug=name,
        title=name,
        html="",
        summary="",
        published=moment,
        updated=moment,
        content_hash=name,
        **values,
    )


ARTICLES = [
    article("storm", section="world", tags=("sea", "weather"), authors=(ANA,)),
    article("fog", section="science", tags=("weather",), language="de"),
    article("choir", section="world"),
]


@pytest.fixture
def reader(store: Store, publication: Any, keys: Any, now: datetime) -> int:
    wanted = candidate_of(publication, address="ana@example.com", newsletter="world")
    with store.writing() as connection:
        admit(connection, [wanted], event="added", source="test", keys=keys, now=now)
    return 1


def ask(store: Store, publication: Any, now: datetime, topics: list[str] | None, cadence: str = "daily") -> str:
    """Chooses; the topics as they are stored then."""
    with store.writing() as connection:
        known = subscriptions.get(connection, 1)
        assert known is not None
        newsletter = publication.newsletter("world")
        choose(connection, known, newsletter, cadence=cadence, topics=topics, now=now, source="test")
        after = subscriptions.get(connection, 1)
    assert after is not None
    return after.topics


def test_what_occurs_in_the_selection_is_offered_and_what_all_have_is_no_choice(publication: Any) -> None:
    feed = publication.feed("world")
    assert offered(publication, feed, ARTICLES) == (
        Offer("section", "science", "Science"),
        Offer("section", "world", "World"),
        Offer("tag", "sea", "sea"),
        Offer("tag", "weather", "weather"),
        Offer("author", "ana", "Ana Example"),
        Offer("language", "de", ""),
        Offer("language", "en", ""),
    )
    assert [offer.value for offer in offered(publication, publication.feed("science"), ARTICLES)] == []


def test_of_a_thousand_tags_the_most_used_forty_are_offered(publication: Any) -> None:
    many = [article(f"a{n}", tags=(f"t{n}", "often")) for n in range(200)] + [article("b")]
    tags = [offer.value for offer in offered(publication, publication.feed("world"), many) if offer.kind == "tag"]
    assert len(tags) == 40
    assert "often" in tags


def test_offers_are_remembered_for_the_server(store: Store, publication: Any) -> None:
    remember_offers(publication, store, ARTICLES)
    remember_offers(publication, store, ARTICLES)
    with store.reading() as connection:
        assert offers_of(connection, "world") == offered(publication, publication.feed("world"), ARTICLES)
        assert offers_of(connection, "nothing") == ()


def test_a_reader_picks_topics_and_goes_back_to_everything(
    store: Store, publication: Any, now: datetime, reader: int
) -> None:
    remember_offers(publication, store, ARTICLES)
    with store.writing() as connection:
        r.number_articles(connection, 7)
        r.begin(connection, cutoff=7)
    # Narrowing from everything inherits its sequence: nothing that was waiting is lost.
    assert ask(store, publication, now, ["section:world"]) == "section:world@0"
    # What is chosen later matches later articles only, and what is kept keeps its own.
    assert ask(store, publication, now, ["section:world", "tag:sea"]) == "section:world@0,tag:sea@7"
    assert ask(store, publication, now, None) == "section:world@0,tag:sea@7"
    assert ask(store, publication, now, []) == "*@7,section:world@0"
    assert ask(store, publication, now, []) == "*@7,section:world@0"
    with store.reading() as connection:
        wordings = [event.wording for event in consents.history(connection, 1)[1:]]
    assert wordings == ["topics: section world", "topics: section world, tag sea", "topics: everything"]


def test_a_topic_that_is_not_on_offer_changes_nothing(
    store: Store, publication: Any, now: datetime, reader: int
) -> None:
    remember_offers(publication, store, ARTICLES)
    assert ask(store, publication, now, ["section:sports", "x", "", "tag:" + "y" * 1000]) == "*"
    assert ask(store, publication, now, ["section:sports", "section:world"]) == "section:world@0"


def test_a_topic_that_nobody_writes_about_any_more_can_be_kept_and_left(
    store: Store, publication: Any, now: datetime, reader: int
) -> None:
    remember_offers(publication, store, ARTICLES)
    ask(store, publication, now, ["tag:sea", "section:world"])
    remember_offers(publication, store, ARTICLES[1:])
    with store.reading() as connection:
        held = choosable(offers_of(connection, "world"), "section:world@0,tag:sea@0")
    assert held[-1] == Offer("tag", "sea", "sea")
    assert ask(store, publication, now, ["tag:sea", "section:world"]) == "section:world@0,tag:sea@0"
    assert ask(store, publication, now, ["section:world"]) == "section:world@0"
