"""A summary is the beginning of the first paragraph."""

from __future__ import annotations

import pytest

from publisher.articles.summaries import summary_of


class TestTheSummary:
    @pytest.mark.parametrize(
        ("text", "summary"),
        [
            ("It opened. It closed.", "It opened. It closed."),
            (f"{'One two three. ' * 20}", ("One two three. " * 13).strip()),
            (
                f"Mr. A. Example met the U.S. President. {'Then ' * 40}.",
                "Mr. A. Example met the U.S. President.",
            ),
            (f"It is Jan. 20 today. {'Then ' * 40}.", "It is Jan. 20 today."),
            (f"“It is open.” {'Then ' * 60}", "“It is open.”"),
        ],
    )
    def test_is_whole_sentences(self, text: str, summary: str) -> None:
        assert summary_of(text) == summary

    def test_of_one_long_sentence_ends_at_a_word(self) -> None:
        summary = summary_of("bridges and " * 40)
        assert len(summary) <= 200
        assert summary.endswith(("bridges…", "and…"))

    def test_of_chinese_ends_with_a_sentence(self) -> None:
        assert summary_of("桥重新开放。" + "市长剪彩，" * 60) == "桥重新开放。"
