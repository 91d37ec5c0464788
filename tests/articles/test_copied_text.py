"""A news page copied as plain text becomes one good article."""

from __future__ import annotations

import re
import textwrap

import pytest

from publisher.articles.copied_text import recognise
from publisher.model.errors import ImportRefused
from tests.articles.copied import (
    BIO,
    BOX,
    CAPTION,
    COSTS,
    LEAD,
    PAGE,
    QUOTE,
    TITLE,
    headings,
    imported,
    paragraphs,
)


class TestANewsPage:
    def test_has_title_caption_headings_paragraphs_author_and_summary(self) -> None:
        article = imported(*PAGE, *BOX)
        assert article.title == TITLE
        assert article.caption == CAPTION
        assert headings(article) == ["What the Repairs Cost", "The Ferry Stays Until June"]
        assert paragraphs(article) == [LEAD, QUOTE, COSTS, COSTS, QUOTE]
        assert [(a.key, a.name, a.bio) for a in article.authors] == [("ana-example", "Ana Example", BIO)]
        assert article.summary == LEAD.split(". ")[0] + "."
        assert article.source == "page.txt"
        assert article.date_text == ""

    def test_loses_its_author_box_and_nothing_else(self) -> None:
        assert imported(*PAGE, *BOX).body == imported(*PAGE).body

    @pytest.mark.parametrize("end", ["\r\n", "\r", "\u2028"])
    def test_may_have_any_line_ends(self, end: str) -> None:
        text = "\n\n".join(PAGE + BOX)
        assert recognise(text.replace("\n", end), source="page.txt") == recognise(text, source="page.txt")

    def test_may_have_no_blank_lines(self) -> None:
        box = "\n".join(BOX).replace("\n\n", "\n")
        assert imported(*PAGE, box, between="\n") == imported(*PAGE, *BOX)

    @pytest.mark.parametrize("column", [48, 60, 66, 72, 78, 80, 100])
    def test_may_be_wrapped_at_a_column(self, column: int) -> None:
        box = [
            "Author",
            "  • Ana Example",
            textwrap.indent(textwrap.fill(BIO, column - 4), "    "),
            "    View all posts",
        ]
        wrapped = [textwrap.fill(block, column) for block in PAGE]
        assert imported(*wrapped, *box) == imported(*PAGE, *BOX)

    def test_may_have_its_caption_right_below_its_title(self) -> None:
        caption = "The drawbridge at first light. Photo: Ana Example/The Example"
        box = f"About the author\n{BIO}"
        article = imported(f"{TITLE}\n{caption}", *PAGE[2:], box, "Read more", "Ten bridges\nTwelve ferries")
        assert (article.title, article.caption) == (TITLE, caption)
        assert [(author.name, author.bio) for author in article.authors] == [("Ana Example", BIO)]
        assert headings(article) == headings(imported(*PAGE))

    def test_may_be_wrapped_and_indented_without_blank_lines(self) -> None:
        wrapped = [textwrap.fill(block, 72, initial_indent="    ") for block in (LEAD, QUOTE, COSTS, LEAD)]
        assert paragraphs(imported(TITLE, *wrapped, between="\n")) == [LEAD, QUOTE, COSTS, LEAD]

    def test_may_have_lines_of_invisible_characters_for_blank_ones(self) -> None:
        assert imported(*PAGE, between="\n\u200b\xa0\n") == imported(*PAGE)


class TestTheCaption:
    def test_is_only_a_line_before_the_first_paragraph(self) -> None:
        assert imported(TITLE, LEAD, CAPTION, QUOTE).caption == ""

    @pytest.mark.parametrize("line", ["What did it cost?", "1. The start", "Background", "Why the bridge was closed"])
    def test_is_not_a_heading(self, line: str) -> None:
        article = imported(TITLE, line, LEAD)
        assert article.caption == ""
        assert headings(article) == [line]

    def test_may_name_the_photographer(self) -> None:
        line = "The bridge is open. Photo: Ben Example"
        assert imported(TITLE, line, LEAD).caption == line

    def test_and_a_heading_may_both_stand_before_the_first_paragraph(self) -> None:
        article = imported(TITLE, CAPTION, "The Start", LEAD)
        assert (article.caption, headings(article)) == (CAPTION, ["The Start"])

    def test_is_never_the_only_paragraph(self) -> None:
        article = imported(TITLE, "A short line")
        assert (article.caption, article.body, article.summary) == ("", "A short line\n", "A short line")

    def test_is_not_the_line_above_a_list(self) -> None:
        article = imported(TITLE, "Key facts", "• steel", "• paint", LEAD)
        assert (article.caption, headings(article)) == ("", ["Key facts"])


class TestHeadings:
    @pytest.mark.parametrize(
        "line",
        [
            "What happens next?",
            "¿Qué pasa ahora?",
            "1. The start",
            "2) The end",
            "IV. The Council",
            "“Open at Last”: A Chronicle",
            "What We Know (So Far)",
            "Talks With the U.S.",
            "Vote Now!",
            "C#",
            "Prices {2026}",
            "A * B_c_ <i> & &amp; [x] `y` ~z~ |",
            "2026",
        ],
    )
    def test_are_found_letter_for_letter(self, line: str) -> None:
        expected = [line] if any(map(str.isalpha, line)) else []
        assert headings(imported(TITLE, LEAD, line, QUOTE)) == expected

    @pytest.mark.parametrize(
        "line",
        [
            "It is over.",
            "“No comment”",
            "Here is what we know:",
            "(Additional reporting by Ben Example)",
            "— Ana Example",
            "and so it went",
            "https://example.org/bridge",
            "BERLIN, Jan 20 (Example Wire) — Talks go on",
            "A line, which has more words in it than a heading of a news page ever should have",
        ],
    )
    def test_are_not_other_short_lines(self, line: str) -> None:
        article = imported(TITLE, LEAD, line, QUOTE)
        assert headings(article) == []
        assert paragraphs(article) == [LEAD, line, QUOTE]

    def test_have_something_below_them(self) -> None:
        assert headings(imported(TITLE, LEAD, "The End of It")) == []

    def test_are_not_the_lines_of_a_poem(self) -> None:
        lines = ["The bridge is up", "The bridge is down", "The ferry sleeps", "Beside the town"]
        assert headings(imported(TITLE, LEAD, *lines, QUOTE)) == []


class TestOtherLanguages:
    def test_german(self) -> None:
        article = imported(
            "Die Klappbrücke öffnet nach langem Winter",
            "Klappbrücke über den Kanal",
            "Von Jörg Müller",
            "Die alte Klappbrücke über den Kanal ist am Montag wieder für den Verkehr geöffnet worden.",
            "Was kostet das?",
            "„Wir haben lange gewartet“, sagte sie. „Niemand wird diesen Winter vergessen.“",
        )
        assert article.caption == "Klappbrücke über den Kanal"
        assert [author.key for author in article.authors] == ["jorg-muller"]
        assert headings(article) == ["Was kostet das?"]

    def test_arabic(self) -> None:
        lead = "فتح الجسر القديم فوق القناة يوم الاثنين أمام حركة المرور بعد أحد عشر شهرا."
        article = imported("الجسر القديم يفتح من جديد", "جسر القناة", lead, "كم كانت التكلفة؟", lead)
        assert (article.caption, headings(article)) == ("جسر القناة", ["كم كانت التكلفة؟"])
        assert paragraphs(article) == [lead, lead]

    def test_chinese_wrapped_too(self) -> None:
        lead = "运河上的老吊桥星期一重新开放，距离驳船撞上北侧桥墩已有十一个月。市长剪彩，第一辆公交车随后通过。"
        blocks = [
            "老桥重新开放",
            "运河上的老桥",
            f"　　{lead}",
            "费用是多少？",
            f"　　{lead}",
            "作者",
            "• 张三",
            "张三是记者。",
        ]
        article = imported(*blocks)
        assert (article.caption, headings(article)) == ("运河上的老桥", ["费用是多少？"])
        assert paragraphs(article) == [lead, lead]
        assert [(author.name, author.bio) for author in article.authors] == [("张三", "张三是记者。")]
        assert imported(*(re.sub("(.{20})", r"\1\n", block.strip()) for block in blocks)).body == article.body


class TestTheTitle:
    def test_alone_is_an_article_without_a_body(self) -> None:
        article = imported(TITLE)
        assert (article.title, article.body, article.summary) == (TITLE, "", "")

    def test_is_the_first_line_letter_for_letter(self) -> None:
        for title in ("# 1. *Bridge* & <Ferry>", "1. Bridge", "• Bridge", "Ferry — “open” at last?"):
            assert imported(title, LEAD).title == title

    def test_of_two_wrapped_lines_is_one(self) -> None:
        title = "Drawbridge Over the Canal Opens to Traffic After a Long and Very Cold Winter"
        assert imported(*(textwrap.fill(text, 60) for text in (title, CAPTION, LEAD, QUOTE))).title == title

    def test_of_a_text_that_has_none_is_its_beginning(self) -> None:
        article = imported(f"{LEAD} {COSTS}", QUOTE)
        assert article.title == LEAD.split(". ")[0] + "."
        assert paragraphs(article) == [f"{LEAD} {COSTS}", QUOTE]


@pytest.mark.parametrize("text", ["", " \n\t\n", "\ufeff", "...", "a\x00b", "\x01\x02\x03abc", "\x1b[31m" * 30])
def test_what_is_no_text_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ImportRefused, match=r"^x\.txt: [^\n]+$"):
        recognise(text, source="x.txt")
