"""Topics: one canonical string for one set of wishes, and what it lets through."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.audience.topics import choose_topics, format_topics, parse_topics, wants
from publisher.model.article import Article, Author
from publisher.model.errors import PublisherError
from publisher.model.subscriber import Topic

DAY = datetime(2026, 3, 2, tzinfo=UTC)
VALUES = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
TOPICS = st.builds(Topic, st.sampled_from(["section", "tag", "author", "language"]), VALUES, st.integers(0, 10**12))


def article(sequence: int | None, **changes: Any) -> Article:
    values: dict[str, Any] = {
        **{"id": "a", "path": "a.md", "url": "", "slug": "a", "title": "A", "html": "", "summary": ""},
        **{"published": DAY, "updated": DAY, "language": "en", "content_hash": "", "sequence": sequence},
    }
    return Article(**(values | changes))


@given(st.lists(TOPICS, min_size=1, max_size=6))
def test_topics_survive_being_stored(topics: list[Topic]) -> None:
    stored = format_topics(topics)
    assert format_topics(parse_topics(stored)) == stored
    assert {(topic.kind, topic.value) for topic in parse_topics(stored)} == {(t.kind, t.value) for t in topics}


@given(st.lists(TOPICS, min_size=1, max_size=6), st.randoms())
def test_the_same_wishes_are_the_same_string_in_any_order(topics: list[Topic], random: Any) -> None:
    shuffled = list(topics)
    random.shuffle(shuffled)
    assert format_topics(shuffled) == format_topics(topics)


def test_the_format_is_the_one_of_the_database() -> None:
    topics = [Topic("tag", "trade", 40), Topic("section", "world", 12)]
    assert format_topics(topics) == "section:world@12,tag:trade@40"
    assert format_topics([Topic("*", "", 0)]) == "*"
    assert format_topics([Topic("*", "", 7)]) == "*@7"
    assert format_topics([Topic("tag", "a,b@c;100%", 1)]) == "tag:a%2Cb%40c%3B100%25@1"


def test_a_wish_that_is_kept_keeps_its_earliest_sequence_and_everything_covers_the_rest() -> None:
    assert format_topics([Topic("tag", "trade", 40), Topic("tag", "trade", 9)]) == "tag:trade@9"
    assert format_topics([Topic("*", "", 10), Topic("tag", "trade", 40)]) == "*@10"
    assert format_topics([Topic("*", "", 10), Topic("tag", "trade", 4)]) == "*@10,tag:trade@4"


def test_what_a_file_says_is_chosen_at_the_sequence_of_the_import() -> None:
    assert choose_topics("section:science;tag:trade", 30) == "section:science@30,tag:trade@30"
    assert choose_topics("tag:trade, section:science", 30) == "section:science@30,tag:trade@30"
    assert choose_topics(" Section: science ; ", 0) == "section:science@0"
    assert choose_topics("", 30) == choose_topics("*", 30) == choose_topics("tag:x;*", 30) == "*"


@pytest.mark.parametrize("written", ["science", "colour:red", "section:", ":x", "section"])
def test_what_is_not_a_topic_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(PublisherError, match="section:world;tag:trade"):
        choose_topics(written, 0)


@pytest.mark.parametrize("stored", ["", "section:world", "section:world@x", "nothing@3", "tag:@3", "*@", "tag:a@1,"])
def test_a_damaged_string_is_refused(stored: str) -> None:
    with pytest.raises(PublisherError):
        parse_topics(stored)


def test_a_topic_matches_only_articles_after_the_sequence_at_which_it_was_chosen() -> None:
    chosen = parse_topics("section:world@12")
    assert not wants(chosen, article(12, section="world"))
    assert wants(chosen, article(13, section="world"))
    assert not wants(chosen, article(13, section="science"))
    assert not wants(parse_topics("*"), article(None))


@pytest.mark.parametrize(
    ("topics", "wanted"),
    [
        ("*", True),
        ("section:world@0", True),
        ("tag:trade@0", True),
        ("tag:sea@0", False),
        ("author:ana@0", True),
        ("author:Ana Example@0", False),
        ("language:en@0", True),
        ("language:en-GB@0", True),
        ("language:en-US@0", False),
        ("language:de@0,tag:trade@0", True),
    ],
)
def test_each_kind_of_topic_looks_at_its_own_part_of_the_article(topics: str, wanted: bool) -> None:
    written = article(1, section="world", tags=("trade",), authors=(Author("ana", "Ana Example"),), language="en-GB")
    assert wants(parse_topics(topics), written) is wanted
