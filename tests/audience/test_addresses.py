"""What is an address and how it goes on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.audience.addresses import needs_smtputf8, parse_address, wire_address
from publisher.model.errors import AddressError


def test_an_address_keeps_what_people_read_and_what_the_wire_carries() -> None:
    address = parse_address(" Ana@Bücher.Example.org ")
    assert address.text == "Ana@bücher.example.org"
    assert address.wire == "Ana@xn--bcher-kva.example.org"
    assert address.key == "ana@xn--bcher-kva.example.org"
    assert not address.smtputf8


def test_a_local_part_that_is_not_ascii_needs_smtputf8() -> None:
    address = parse_address("jörg@exämple.org")
    assert address.smtputf8
    assert address.wire == "jörg@xn--exmple-cua.org"
    assert needs_smtputf8(address.text)
    assert not needs_smtputf8("ana@bücher.example.org")
    assert not needs_smtputf8("ana@example.org")


def test_both_ways_of_writing_a_letter_are_one_address() -> None:
    assert parse_address("jo\u0308rg@example.org") == parse_address("jörg@example.org")


def test_a_stored_address_goes_on_the_wire_with_a_labels() -> None:
    assert wire_address("ana@example.org") == "ana@example.org"
    assert wire_address("ana@bücher.example.org") == "ana@xn--bcher-kva.example.org"


def test_dot_test_is_an_address_to_try_with() -> None:
    assert parse_address("ana@mail.test").wire == "ana@mail.test"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "ana",
        "ana@",
        "@example.org",
        "ana@example",
        "ana@localhost",
        "Ana <ana@example.org>",
        "ana@example.org, ben@example.org",
        "ana@example.org ben@example.org",
        "a b@example.org",
        '"a b"@example.org',
        "ana@[192.0.2.1]",
        "ana@exa mple.org",
        "ana@example.org\r\nBcc: ben@example.org",
        "ana@example.org\x00",
        "ana\x1b@example.org",
        "a..b@example.org",
        f"{'a' * 65}@example.org",
        f"{'ö' * 33}@example.org",
        f"{'a' * 60}@{'.'.join(['b' * 60] * 4)}.org",
        "mailto:ana@example.org:25",
    ],
)
def test_what_is_not_one_address_is_refused_in_one_line_with_a_remedy(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_address(text)
    line = str(caught.value)
    assert "write one address" in line
    assert line.isprintable()


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_an_address_error(text: str) -> None:
    try:
        address = parse_address(text)
    except AddressError:
        return
    assert parse_address(address.text) == address
    assert address.wire.count("@") == 1
    assert not set(address.wire) & set("\r\n\0 <>,;")
