"""What clients send is read strictly, and never breaks anything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from publisher.web.negotiation import codings, is_navigation, not_newer, part, tags


@given(st.binary(max_size=80))
def test_any_header_at_all_is_read(value: bytes) -> None:
    found = codings(value)
    assert "" in found
    assert set(found) <= {"br", "gzip", ""}
    assert len(found) == len(set(found))
    is_navigation(value)
    not_newer(0, value)
    assert tags(value, {b'"ours"'}) in (None, b"*", b'"ours"')
    first, stop = part(value, 10)
    assert first is None or stop <= 10


@given(st.integers(0, 2000), st.integers(0, 2000), st.integers(1, 1000))
def test_a_range_lies_within_the_file(first: int, last: int, length: int) -> None:
    found, stop = part(f"bytes={first}-{last}".encode(), length)
    if last < first:
        assert found is None
    elif first < length:
        assert (found, stop) == (first, min(length, last + 1))
    else:
        assert found is not None
        assert found >= stop


def test_a_tag_is_found_in_a_list_and_compared_weakly() -> None:
    known = {b'"a"': 1, b'"a-br"': 2}
    assert tags(b'"a-br"', known) == b'"a-br"'
    assert tags(b' W/"x" ,  W/"a"', known) == b'"a"'
    assert tags(b'"x,a"', known) is None
    assert tags(b"a", known) is None
    assert tags(b"*", known) == b"*"


def test_weights_decide_and_brotli_goes_first_among_equals() -> None:
    assert codings(b"gzip, br") == ("br", "gzip", "")
    assert codings(b"gzip;q=1.0, br;q=0.8") == ("gzip", "br", "")
    assert codings(b"br;q=0, *") == ("gzip", "")
    assert codings(b"identity;q=0.9, br;q=0.5, gzip") == ("gzip", "", "br")
    assert codings(b"gzip;q=2, br;q=-1") == ("",)
    assert codings(b"gzip ; q=0.001") == ("gzip", "")
