"""Tokens: good for one purpose, for as long as any of the keys is kept, and for nothing else."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from publisher.audience.tokens import (
    Purpose,
    confirmation_token,
    read_confirmation,
    read_token,
    token,
)

KEYS = (b"a new signing key of enough length.", b"the first signing key, quite long..")
PURPOSES: tuple[Purpose, ...] = ("unsubscribe", "preferences", "verp")
ENDS = datetime(2026, 3, 9, 9, 30, tzinfo=UTC)


@given(st.integers(min_value=0, max_value=2**63 - 1), st.sampled_from(PURPOSES))
def test_a_token_gives_its_number_back(number: int, purpose: Purpose) -> None:
    assert read_token(purpose, token(purpose, number, KEYS), KEYS) == number


def test_a_token_is_good_for_its_own_purpose_only() -> None:
    for purpose in PURPOSES:
        for other in PURPOSES:
            assert (read_token(other, token(purpose, 7, KEYS), KEYS) == 7) is (other == purpose)
        assert read_confirmation(token(purpose, 7, KEYS), KEYS, now=ENDS) is None
        assert read_token(purpose, confirmation_token(7, KEYS, ends=ENDS), KEYS) is None


def test_a_token_of_an_older_key_still_works_and_the_first_key_signs() -> None:
    older = token("unsubscribe", 7, KEYS[1:])
    assert read_token("unsubscribe", older, KEYS) == 7
    assert token("unsubscribe", 7, KEYS) != older
    assert read_token("unsubscribe", token("unsubscribe", 7, KEYS), KEYS[1:]) is None


def test_a_token_survives_a_mail_server_that_changes_its_case() -> None:
    assert read_token("verp", token("verp", 123_456, KEYS).upper(), KEYS) == 123_456


def test_any_changed_missing_or_added_character_makes_a_token_worthless() -> None:
    good = token("unsubscribe", 90_000, KEYS)
    for position in range(len(good)):
        for other in "a7":
            if good[position] != other:
                assert read_token("unsubscribe", good[:position] + other + good[position + 1 :], KEYS) is None
        assert read_token("unsubscribe", good[:position] + good[position + 1 :], KEYS) is None
    # Leading zeros would be a second token of the same number.
    assert read_token("unsubscribe", f"{good[:26]}aa{good[26:]}", KEYS) is None
    assert read_token("unsubscribe", good + "aa", KEYS) is None


@given(st.text(max_size=60))
def test_whatever_somebody_types_is_no_token_and_no_error(text: str) -> None:
    assert read_token("unsubscribe", text, KEYS) is None
    assert read_confirmation(text, KEYS, now=ENDS) is None


def test_a_token_fits_into_a_url_and_a_local_part_and_is_short() -> None:
    for number in (1, 1_048_575):
        assert len(token("verp", number, KEYS)) <= 30
    assert len(f"bounces+{token('verp', 2**63 - 1, KEYS)}") <= 64
    assert set(token("verp", 987_654, KEYS)) <= set("abcdefghijklmnopqrstuvwxyz234567")


def test_the_mac_is_an_hmac_sha256_of_130_bits() -> None:
    made = token("unsubscribe", 5, KEYS)
    expected = hmac.digest(KEYS[0], b"publisher unsubscribe:af", "sha256")
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"
    assert made == "".join(alphabet[octet & 31] for octet in expected[:26]) + "af"
    long_key = (b"k" * 100,)
    shorter = (hashlib.sha256(long_key[0]).digest(),)
    assert token("verp", 5, long_key) == token("verp", 5, shorter)  # RFC 2104: longer keys are hashed first


def test_tokens_of_neighbours_have_nothing_in_common() -> None:
    macs = {token("unsubscribe", number, KEYS)[:26] for number in range(2000)}
    assert len(macs) == 2000
    assert all(len({mac[position] for mac in macs}) == 32 for position in range(26))


def test_a_confirmation_lasts_until_its_end_and_then_says_that_it_expired() -> None:
    link = confirmation_token(7, KEYS, ends=ENDS)
    good = read_confirmation(link, KEYS, now=ENDS)
    late = read_confirmation(link, KEYS, now=ENDS + timedelta(seconds=1))
    assert good is not None
    assert late is not None
    assert (good.number, good.expired) == (7, False)
    assert (late.number, late.expired) == (7, True)


def test_nobody_can_move_the_end_of_a_confirmation() -> None:
    early = confirmation_token(7, KEYS, ends=ENDS)
    later = confirmation_token(7, KEYS, ends=ENDS + timedelta(days=7))
    forged = early.split("-")[0] + "-" + later.split("-")[1]
    assert read_confirmation(forged, KEYS, now=ENDS) is None
