"""Who wrote a copied text, and when, is found in its bylines, author boxes and datelines."""

from __future__ import annotations

import pytest

from tests.articles.copied import BIO, BOX, CAPTION, LEAD, PAGE, QUOTE, TITLE, headings, imported, paragraphs


class TestAuthors:
    def test_of_one_box_each_have_their_biography(self) -> None:
        ana = "  • Ana Example\n\n    Ana Example writes.\n\n    View all posts"
        box = f"{ana}\n  • Ben de Vries\n\n    Ben draws."
        article = imported(*PAGE, "Authors", box)
        assert [(a.name, a.bio) for a in article.authors] == [
            ("Ana Example", "Ana Example writes."),
            ("Ben de Vries", "Ben draws."),
        ]
        assert article.body == imported(*PAGE).body

    def test_may_be_named_first_and_described_after(self) -> None:
        article = imported(
            *PAGE, "Authors", "• Ana Example\n• Ben Example", "Ana Example writes.", "Ben Example draws."
        )
        assert [a.bio for a in article.authors] == ["Ana Example writes.", "Ben Example draws."]

    def test_need_no_bullet(self) -> None:
        assert imported(*PAGE, "About the author", "Ana Example", BIO).authors[0].bio == BIO

    @pytest.mark.parametrize("between", ["\n", "\n\n"])
    @pytest.mark.parametrize("name", ["Ana Example", "Ana de la Cruz", "Ben van Dam"])
    def test_need_no_line_for_the_name(self, name: str, between: str) -> None:
        bio = f"{name} writes about bridges for The Example, and lives on a barge."
        article = imported(*PAGE, f"About the author{between}{bio}")
        assert [(author.name, author.bio) for author in article.authors] == [(name, bio)]
        assert article.body == imported(*PAGE).body

    def test_are_not_made_of_a_biography_that_names_nobody(self) -> None:
        text = "The author of these lines has crossed the bridge every day for eleven years."
        assert text in paragraphs(imported(*PAGE, "About the author", text))

    def test_may_follow_a_colon(self) -> None:
        assert imported(*PAGE, "Author: Ana Example", BIO).authors[0].bio == BIO

    @pytest.mark.parametrize(
        "line",
        [
            "By Ana Example and Ben van Dam",
            "BY Ana Example, Ben van Dam",
            "Written by Ana Example & Ben van Dam, Staff Writers",
            "Von Ana Example und Ben van Dam",
            "By Ana Example and Ben van Dam | January 20, 2026, 10:15 AM",
        ],
    )
    def test_stand_in_a_byline(self, line: str) -> None:
        article = imported(TITLE, line, CAPTION, LEAD, QUOTE)
        assert [author.name for author in article.authors] == ["Ana Example", "Ben van Dam"]
        assert article.caption == CAPTION
        assert paragraphs(article) == [LEAD, QUOTE]

    def test_of_byline_and_box_are_the_same_person(self) -> None:
        assert imported(TITLE, "By Ana Example", LEAD, *BOX).authors == imported(TITLE, LEAD, *BOX).authors

    def test_are_not_made_of_sentences_that_begin_like_a_byline(self) -> None:
        line = "By noon the bridge was open."
        assert paragraphs(imported(TITLE, line, LEAD)) == [line, LEAD]

    def test_are_not_made_of_a_section_about_authors(self) -> None:
        text = "Many who wrote about the bridge came to see it open."
        article = imported(TITLE, LEAD, "Authors", text)
        assert (article.authors, headings(article)) == ((), ["Authors"])

    def test_are_not_made_of_a_list_of_names(self) -> None:
        names = ["Authors", "• Ana Example\n• Ben Example"]
        article = imported(TITLE, LEAD, *names, LEAD, QUOTE)
        assert (article.authors, headings(article)) == ((), ["Authors"])

    def test_give_back_what_stands_after_their_box(self) -> None:
        correction = "Correction: an earlier version named another pier."
        assert paragraphs(imported(TITLE, LEAD, *BOX, correction)) == [LEAD, correction]


class TestTheDay:
    def test_in_a_dateline_stays_in_its_paragraph(self) -> None:
        text = f"MOSCOW, Jan 20 — {LEAD}"
        article = imported(TITLE, CAPTION, text, QUOTE)
        assert paragraphs(article)[0] == text
        assert (article.date_text, article.caption) == ("Jan 20", CAPTION)

    @pytest.mark.parametrize("between", ["\n", "\n\n"])
    def test_in_a_dateline_of_its_own_line_goes_to_its_paragraph(self, between: str) -> None:
        article = imported(TITLE, f"MOSCOW, Jan 20 —{between}{LEAD}", QUOTE)
        assert paragraphs(article)[0] == f"MOSCOW, Jan 20 — {LEAD}"
        assert article.caption == ""

    @pytest.mark.parametrize(
        "line",
        [
            "January 20, 2026",
            "Published: Tuesday, 20 January 2026, 10:15 CET",
            "20.01.2026",
            "2026-01-20",
            "20. Januar 2026",
        ],
    )
    def test_on_a_line_of_its_own_is_no_paragraph(self, line: str) -> None:
        article = imported(TITLE, line, LEAD)
        assert (article.date_text, paragraphs(article)) == (line.removeprefix("Published: "), [LEAD])

    def test_in_a_sentence_is_a_sentence(self) -> None:
        assert imported(TITLE, f"On January 9, it rained. {LEAD}").date_text == ""
