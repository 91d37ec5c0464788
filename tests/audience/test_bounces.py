"""What refusals mean: the reason before the status, the status before the code."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from publisher.audience.bounces import Kind, classify

SAMPLES = Path(os.environ.get("PUBLISHER_BOUNCES", Path(__file__).parents[2] / ".." / "shared" / "data" / "bounces"))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "5.1.1 <ana@example.com>: Recipient address rejected: User unknown in local recipient table"),
        (550, "5.1.1 The email account that you tried to reach does not exist."),
        (550, "No such user here"),
        (550, "5.1.1"),
        (550, "<ana@example.com> is not a valid mailbox"),
        (550, "5.4.1 Recipient address rejected: Access denied. AS(201806281)"),
        (550, "5.1.2 Host unknown: name or service not known"),
        (556, "5.1.10 example.com does not accept mail (null MX)"),
        (0, "smtp; 550 5.1.1 unknown user"),
    ],
)
def test_an_address_that_is_no_more_is_hard(code: int, text: str) -> None:
    assert classify(code, text).kind is Kind.HARD


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (552, "5.2.2 The mailbox is full"),
        (550, "5.1.1 user unknown; his mailbox is over quota"),
        (552, "The recipient has exceeded their storage quota"),
        (550, "5.2.1 The account is disabled"),
        (552, "5.3.4 Message size exceeds fixed limit"),
        (450, "4.2.0 Greylisted, please come back"),
        (451, "4.7.1 Greylisting in action"),
        (450, "4.1.1 User unknown, the directory is away"),
        (421, "4.7.0 Our system has detected unusual mail; try again later"),
        (452, "4.3.1 Insufficient system storage"),
        (451, ""),
        (550, "5.0.0 Unknown user"),
    ],
)
def test_what_passes_is_soft_whatever_its_code(code: int, text: str) -> None:
    assert classify(code, text).kind is Kind.SOFT


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "5.4.5 Daily user sending limit exceeded"),
        (550, "5.7.1 Daily SMTP relay sending quota exceeded for this customer"),
        (450, "4.2.1 Peak SMTP relay limit exceeded for customer"),
        (454, "Throttling failure: Maximum sending rate exceeded."),
        (454, "Throttling failure: Daily message quota exceeded."),
        (421, "4.4.5 Come back later"),
    ],
)
def test_a_limit_of_our_own_is_no_bounce(code: int, text: str) -> None:
    verdict = classify(code, text)
    assert verdict.kind is Kind.LIMIT
    assert not verdict.kind.blames_reader


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (554, "5.7.1 <ana@example.com>: Relay access denied"),
        (550, "5.7.1 Unable to relay for ana@example.com"),
        (530, "5.7.0 Authentication required"),
        (535, "5.7.8 whatever it says"),
        (554, "Message rejected: Email address is not verified. The following identities failed"),
    ],
)
def test_a_relay_that_does_not_let_us_send_blames_nobody_else(code: int, text: str) -> None:
    assert classify(code, text).kind is Kind.ACCOUNT


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (550, "5.7.1 Service unavailable; client host blocked using a block list"),
        (550, "5.7.26 Unauthenticated mail is not accepted due to the domain's DMARC policy"),
        (554, "5.7.1 The message looks like spam"),
        (550, "5.7.25 The sending IP address has no PTR record"),
        (550, "5.1.8 Domain of sender address world@example.org does not exist"),
        (550, "5.7.999"),
    ],
)
def test_what_the_receiving_side_has_against_us_is_the_operators_matter(code: int, text: str) -> None:
    assert classify(code, text).kind is Kind.POLICY


@pytest.mark.parametrize(
    "text", ["", "no", "Requested action not taken: mailbox unavailable", "\x00\ufffd 5.1", "5" * 9000]
)
def test_words_that_say_nothing_never_suppress(text: str) -> None:
    assert classify(550, text).kind is Kind.UNKNOWN


def test_the_status_is_kept() -> None:
    assert classify(550, "5.1.1 no such user").status == "5.1.1"
    assert classify(550, "see 10.5.1.1 for more").status == ""


def test_a_public_collection_is_sorted_as_its_labels_say() -> None:
    """Targets: 90 % right, at most 3 % of the soft ones taken for hard."""
    if not (SAMPLES / "labels.jsonl").is_file():
        pytest.skip("the labelled samples are not here: set PUBLISHER_BOUNCES to their folder")
    labels = (SAMPLES / "labels.jsonl").read_text("utf-8")
    found = [case for line in labels.splitlines() if (case := _case(json.loads(line))) is not None]
    right = sum(hard == (classify(code, text).kind is Kind.HARD) for code, text, hard in found)
    soft = [(code, text) for code, text, hard in found if not hard]
    mistaken = [text for code, text in soft if classify(code, text).kind is Kind.HARD]
    assert len(found) >= 90
    assert right / len(found) >= 0.9
    assert len(mistaken) / len(soft) <= 0.03, mistaken


def _case(label: dict[str, object]) -> tuple[int, str, bool] | None:
    """Code, words and whether it is hard, of a sample with one diagnosis; None for all others."""
    reasons = label["reason"]
    if label["corpus"] != "sisimai" or label["kind"] != "bounce" or not isinstance(reasons, list) or len(reasons) != 1:
        return None
    raw = (SAMPLES / str(label["file"])).read_bytes().decode("utf-8", "replace").replace("\r\n", "\n")
    diagnosis = re.search(r"^Diagnostic-Code:\s*(.*(?:\n[ \t]+.*)*)", raw, re.MULTILINE | re.IGNORECASE)
    if diagnosis is None:
        return None
    words = re.sub(r"^\S+;\s*", "", " ".join(diagnosis[1].split()))
    status = re.search(r"^Status:\s*([245]\.\d+\.\d+)", raw, re.MULTILINE | re.IGNORECASE)
    if status is not None and not re.search(r"[245]\.\d+\.\d+", words):
        words += f" {status[1]}"
    code = re.search(r"(?<![\d.])([245]\d\d)(?![\d.])", words)
    return int(code[1]) if code else 0, words, label["hard_or_soft"] == "hard"
