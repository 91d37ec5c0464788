"""The letters of a copied text come out as they went in, whatever Markdown would make of them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

import pyromark
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.articles.copied_text import recognise
from publisher.model.errors import ImportRefused
from tests.articles.copied import COSTS, LEAD, OPTIONS, QUOTE, TITLE, imported, paragraphs, shown


class TestLetters:
    @pytest.mark.parametrize(
        "text",
        [
            "# hash at the start.",
            "###### six of them.",
            "#",
            "1. alone.",
            "1986. It was a year.",
            "1) alone.",
            "* star.",
            "- dash.",
            "-- two dashes.",
            "---",
            "***",
            "* * *",
            "- - -",
            "___",
            "===",
            "+ plus.",
            "+++",
            "> quoted.",
            "< less.",
            "<b>bold</b>.",
            "<https://example.org>.",
            "<!-- comment -->.",
            "&amp; &lt; &#65; &copy; AT&T.",
            "_under_ snake_case __x__ a_b_.",
            "a | b | c.",
            "| - | - |",
            "~~gone~~ ~x~.",
            "~~~",
            "```",
            "`code`.",
            "[^1] and [x](y) and ![x](y).",
            "[^1]: a note.",
            "[x]: https://example.org",
            "back\\slash \\* \\.",
            "ends with a backslash\\",
            "**bold** *it*.",
            "{#id} {.class}.",
            "$x$ ^y^.",
            ": definition.",
            "\"straight\" 'quotes' -- ... (c).",
            "“typographic” ‘quotes’ – — …",
            "C:\\Users\\ana.",
            "tab\tinside.",
            "non\xa0breaking.",
            "emoji 👩‍👧 and e\u0301.",
            "2 * 3 * 4 = 24.",
            "[ ] not a task.",
            "http://a_b_c/*x*.",
        ],
    )
    def test_come_out_as_they_went_in(self, text: str) -> None:
        assert [text for _, text in shown(imported(TITLE, LEAD, text, QUOTE).body)] == [LEAD, text, QUOTE]

    @settings(deadline=None)
    @given(st.lists(st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), min_size=1), min_size=1))
    def test_of_any_paragraphs_come_out_as_they_went_in(self, texts: Sequence[str]) -> None:
        come_out_as_they_went_in(texts)

    @settings(deadline=None)
    @given(st.lists(st.lists(st.text("aB.9*_#<&[-–|`~ ", min_size=1, max_size=8), min_size=1), min_size=1))
    def test_of_marked_up_looking_paragraphs_come_out_too(self, texts: Sequence[Sequence[str]]) -> None:
        come_out_as_they_went_in([" ".join(text) for text in texts])

    @settings(deadline=None)
    @given(
        st.lists(
            st.lists(st.from_regex(r"[A-Za-zäöü“”_<&][a-z*_<&]{0,8}[,.]?", fullmatch=True), min_size=1), min_size=1
        )
    )
    def test_of_wrapped_paragraphs_come_out_in_one_line_each(self, texts: Sequence[Sequence[str]]) -> None:
        source = [TITLE, LEAD, *(" ".join(text) for text in texts), QUOTE, LEAD]
        article = imported(*(textwrap.fill(text, 60) for text in source))
        assert words(" ".join(text for _, text in shown(article.body))) == words(" ".join(source[1:]))

    @settings(deadline=None)
    @given(st.text(st.characters()))
    def test_of_anything_make_an_article_or_are_refused(self, text: str) -> None:
        try:
            article = recognise(text, source="x.txt")
        except ImportRefused:
            return
        article.body.encode()
        assert article.title
        assert len(article.summary) <= 200


def come_out_as_they_went_in(texts: Sequence[str]) -> None:
    source = [TITLE, LEAD, *texts, QUOTE]
    article = imported(*source)
    assert article.authors == ()
    got = " ".join(text if tag == "li" else unmarked(text) for tag, text in shown(article.body))
    assert words(got) == words(" ".join(unmarked(text) for text in source[1:]))


def words(text: str) -> list[str]:
    return re.sub("[\u00ad\u200b-\u200f\u2060\ufeff\ufffe\uffff]", "", text).split()


def unmarked(text: str) -> str:
    """Without what makes a list's item of a line: it is a mark, not a letter, where it is taken for one."""
    return re.sub(r"^\s*([•‣◦▪●○■∙⁃]\s*(?=\S)|([-*+]|[1-9][0-9]{0,3}[.)])\s+(?=\S))", "", text)


class TestLists:
    @pytest.mark.parametrize("bullet", ["•", "-", "*", "+", "▪", "●"])
    @pytest.mark.parametrize("between", ["\n", "\n\n"])
    def test_of_bullets_are_lists(self, bullet: str, between: str) -> None:
        text = between.join(f"  {bullet} {word}" for word in ("steel", "paint_", "time."))
        article = imported(TITLE, LEAD, "What it took:", text, QUOTE)
        assert shown(article.body)[2:5] == [("li", "steel"), ("li", "paint_"), ("li", "time.")]
        assert "<ul>" in pyromark.html(article.body, options=OPTIONS)

    def test_with_numbers_keep_them(self) -> None:
        article = imported(TITLE, LEAD, "3. steel\n4. paint", "1. one\n2. two", QUOTE)
        assert pyromark.html(article.body, options=OPTIONS).count("<ol") == 2
        assert '<ol start="3">' in pyromark.html(article.body, options=OPTIONS)

    def test_whose_numbers_do_not_follow_each_other_stay_paragraphs(self) -> None:
        lines = ["1. one is here.", "3. three is here.", "01. so is this."]
        assert paragraphs(imported(TITLE, LEAD, *lines, QUOTE)) == [LEAD, *lines, QUOTE]

    def test_may_have_wrapped_items(self) -> None:
        item = textwrap.fill(COSTS, 60, initial_indent="- ", subsequent_indent="  ")
        article = imported(TITLE, textwrap.fill(LEAD, 60), f"{item}\n{item}", textwrap.fill(QUOTE, 60))
        assert shown(article.body)[1:3] == [("li", COSTS), ("li", COSTS)]
