"""How much a digest looks like spam: by SpamAssassin, and by our own rules where there is none."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from publisher.editions.spam import own_verdict, spam_verdict
from publisher.publication.loading import load
from tests.editions.test_checking import article, samples

WORDS = "The ferry has a new name, and nobody aboard knew it yet. " * 4


def page(body: str) -> str:
    return f"<html><head><title>x</title></head><body><p>{WORDS}</p>{body}</body></html>"


@pytest.mark.parametrize(
    ("subject", "body", "text", "reason"),
    [
        ("LAST CHANCE TODAY", "", WORDS, "capitals"),
        ("Really?!", "", WORDS, "shouts"),
        ("All for $$", "", WORDS, "shouts"),
        ("Ferry", '<img src="https://example.org/a.png" alt="">' * 3, WORDS, "words for 3 pictures"),
        ("Ferry", '<a href="https://bit.ly/x">more</a>', WORDS, "shortened (bit.ly)"),
        ("Ferry", '<a href="http://192.0.2.1/x">more</a>', WORDS, "bare number"),
        ("Ferry", '<a href="https://evil.example/">www.bank.example.org</a>', WORDS, "says www.bank.example.org"),
        ("Ferry", "", "Hello.", "the text part has 1 words"),
    ],
)
def test_each_of_our_rules_says_what_adds_to_the_score(subject: str, body: str, text: str, reason: str) -> None:
    verdict = own_verdict(subject, page(body), text)
    assert verdict.score > 0
    assert len(verdict.reasons) == 1
    assert reason in verdict.reasons[0]
    assert "of our own" in verdict.by


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        ("NATO and the EU", ""),
        ("The ferry has a new name!", ""),
        ("العبّارة لها اسم جديد", ""),
        ("Ferry", '<a href="https://news.example.org/2026/">example.org</a>'),
        ("Ferry", '<a href="https://news.example.org/">The ferry, in full</a>'),
        ("Ferry", '<img src="https://example.org/a.png" alt="">'),
    ],
)
def test_ordinary_writing_has_no_points(subject: str, body: str) -> None:
    assert own_verdict(subject, page(body), WORDS).score == 0


def test_without_spamassassin_the_verdict_is_labelled_as_ours(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(folder))
    [sample] = samples(folder, article(html=f"<p>{WORDS}</p>"))
    verdict = spam_verdict(sample, load(folder))
    assert (verdict.score, verdict.reasons) == (0, ())
    assert "SpamAssassin is not installed" in verdict.by


@pytest.mark.parametrize("answer", ["exit 3", "echo nonsense", "exec sleep 0"])
def test_a_spamassassin_that_does_not_answer_is_none(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    program = folder / "spamassassin"
    program.write_text(f"#!/bin/sh\n{answer}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    [sample] = samples(folder, article(html=f"<p>{WORDS}</p>"))
    assert "of our own" in spam_verdict(sample, load(folder)).by


def test_spamassassin_finds_nothing_in_a_digest_and_something_in_spam(folder: Path) -> None:
    if shutil.which("spamassassin") is None:
        pytest.skip("SpamAssassin is missing: apt-get install spamassassin")
    publication = load(folder)
    [sample] = samples(folder, article(html=f"<p>{WORDS}</p>"))
    verdict = spam_verdict(sample, publication)
    assert verdict.by == "SpamAssassin's local rules"
    assert verdict.score <= 0
    bad = "<p>FREE VIAGRA!!! Click here, http://192.0.2.7/buy now, 100% risk free, dear friend. $$$</p>"
    spam = replace(sample, digest=replace(sample.digest, subject="FREE VIAGRA $$$", html=bad, text="FREE VIAGRA"))
    verdict = spam_verdict(spam, publication)
    assert verdict.score >= 1
    assert verdict.reasons
