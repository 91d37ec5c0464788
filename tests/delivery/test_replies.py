"""SMTP replies out of octets."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.delivery.replies import Reply, ReplyReader, turned

TWO = b"250-relay.test\r\n250-SIZE 1000\r\n250 PIPELINING\r\n354 go on\r\n"


@given(st.lists(st.integers(0, len(TWO)), max_size=6))
def test_replies_may_come_in_any_pieces(cuts: list[int]) -> None:
    reader, replies = ReplyReader(), []
    edges = [0, *sorted(cuts), len(TWO)]
    for start, end in pairwise(edges):
        replies += reader.feed(TWO[start:end])
    assert replies == [Reply(250, ("relay.test", "SIZE 1000", "PIPELINING")), Reply(354, ("go on",))]
    assert not reader.pending


def test_a_bare_line_feed_and_a_bare_code_will_do() -> None:
    assert ReplyReader().feed(b"250\n421 bye\n") == [Reply(250, ("",)), Reply(421, ("bye",))]


def test_half_a_reply_is_none_yet() -> None:
    reader = ReplyReader()
    assert reader.feed(b"250-one\r\n250 tw") == []
    assert reader.pending


@pytest.mark.parametrize(
    "octets",
    [
        b"\r\n",
        b"25 ok\r\n",
        b"1000 ok\r\n",
        b"999 ok\r\n",
        b"HTTP/1.1 400\r\n",
        b"250ok\r\n",
        b"250-a\r\n251 b\r\n",
        b"x" * 9000,
        b"250-a\r\n" * 300,
        b"250 " + b"x" * 9000 + b"\r\n",
    ],
)
def test_what_is_no_reply_is_garbled_and_what_came_before_counts(octets: bytes) -> None:
    reader = ReplyReader()
    assert reader.feed(b"250 taken\r\n" + octets) == [Reply(250, ("taken",))]
    assert reader.garbled


@given(st.binary(max_size=200))
def test_any_octets_are_replies_or_garbled(octets: bytes) -> None:
    reader = ReplyReader()
    assert all(200 <= reply.code < 600 and reply.text.isprintable() for reply in reader.feed(octets))
    assert reader.garbled.isprintable()


def test_the_ledger_gets_one_short_line() -> None:
    reply = Reply(550, ("5.1.1 no\x1b[1m such", "  reader" + "!" * 900))
    assert reply.text.startswith("5.1.1 no?[1m such reader!")
    assert len(reply.text) == 500


TURN = b"250 2.0.0 Ok: queued as 7F\r\n250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data\r\n"


@given(st.text("0 Ok=.\x7f\t\u00fc", max_size=8))
def test_a_turn_says_what_its_first_reply_says(words: str) -> None:
    octets = TURN.replace(b"2.0.0 Ok: queued as 7F", words.encode())
    said = turned(octets)
    if said is not None:
        assert said == ReplyReader().feed(octets)[0].text


@pytest.mark.parametrize("octets", [TURN[:-1], TURN + b"2", TURN * 2, TURN.replace(b"354", b"250"), b"4" + TURN[1:]])
def test_what_is_more_or_less_than_a_turn_is_read_reply_by_reply(octets: bytes) -> None:
    assert turned(TURN) == "2.0.0 Ok: queued as 7F"
    assert turned(octets) is None
