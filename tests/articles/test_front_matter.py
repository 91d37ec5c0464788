"""Front matter: TOML or YAML, and one clear line for what it cannot be."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from publisher.articles.front_matter import split
from publisher.model.errors import ArticleError

BERLIN = ZoneInfo("Europe/Berlin")
TOML = '+++\ntitle = "Fog"\ndate = 2026-01-20\ntags = ["a", "b"]\ndraft = false\n+++\n\nBody\n'
YAML = '---\ntitle: "Fog"\ndate: 2026-01-20\ntags: [a, b]\ndraft: false\n---\nBody\n'


@pytest.mark.parametrize("text", [TOML, YAML])
def test_both_kinds_say_the_same(text: str) -> None:
    front, body = split(text, path="articles/fog.md")
    assert body == "Body\n"
    assert front.line("title") == "Fog"
    assert front.words("tags") == ("a", "b")
    assert front.flag("draft") is False
    assert front.flag("mail") is None
    assert front.moment("date", BERLIN) == datetime(2026, 1, 19, 23, tzinfo=UTC)


def test_a_text_without_front_matter_is_all_body() -> None:
    front, body = split("Just text\n\n---\n\nmore", path="a.md")
    assert body == "Just text\n\n---\n\nmore"
    assert front.line("title") == ""


@pytest.mark.parametrize(
    ("head", "hour"),
    [
        ("date = 2026-01-20T07:30:00+01:00", 6),
        ("date = 2026-01-20T07:30:00", 6),
        ('date = "2026-01-20 07:30"', 6),
        ("date = 2026-01-20T07:30:00Z", 7),
    ],
)
def test_a_time_without_a_zone_is_in_the_publications(head: str, hour: int) -> None:
    front, _ = split(f"+++\n{head}\n+++\n", path="a.md")
    moment = front.moment("date", BERLIN)
    assert moment is not None
    assert moment.astimezone(UTC) == datetime(2026, 1, 20, hour, 30 if hour == 6 or hour == 7 else 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("+++\ntitle = Fog\n+++\n", "a.md:2: front matter is not TOML"),
        ("+++\ntitle = 'Fog'\n", "a.md:1: the front matter has no end"),
        ("---\ntitle: Fog: thick\n---\n", "a.md:2: front matter is not YAML"),
        ("---\n- a\n---\n", "a.md:2: front matter is not a list of keys"),
        ("---\n\ttitle: x\n---\n", "a.md:2: front matter is not YAML"),
        ("---\ntitle: !!python/object:os.system x\n---\n", "front matter is not YAML"),
    ],
)
def test_front_matter_that_does_not_parse_names_its_line(text: str, says: str) -> None:
    with pytest.raises(ArticleError) as caught:
        split(text, path="a.md")
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_value_of_the_wrong_kind_names_its_line_and_an_example() -> None:
    front, _ = split('+++\ntitle = "x"\ndraft = "yes"\ndate = "soon"\nweight = "1"\n+++\n', path="a.md")
    with pytest.raises(ArticleError, match=r'a\.md:3: "draft": should be true or false, not text; write: draft = true'):
        front.flag("draft")
    with pytest.raises(ArticleError, match=r'a\.md:4: "date": "soon" is not a date'):
        front.moment("date", BERLIN)
    with pytest.raises(ArticleError, match=r'a\.md:5: "weight"'):
        front.number("weight")


def test_one_word_may_stand_without_brackets_and_other_generators_keys_are_passed_over() -> None:
    front, _ = split("---\ntags: fog\nlayout: post\ncover: {image: x}\n---\n", path="a.md")
    assert front.words("tags") == ("fog",)
