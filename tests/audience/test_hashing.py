"""The keyed hash by which a suppression knows an address."""

from __future__ import annotations

from publisher.audience.addresses import parse_address
from publisher.audience.hashing import address_hash

KEYS = (b"a new signing key of enough length.", b"the first signing key, quite long..")
ANA = parse_address("ana@example.org")


def test_all_spellings_of_a_mailbox_have_one_hash() -> None:
    assert address_hash(parse_address("Ana@Example.ORG"), KEYS) == address_hash(ANA, KEYS)
    german, ascii_form = parse_address("info@bücher.example.com"), parse_address("info@xn--bcher-kva.example.com")
    assert address_hash(german, KEYS) == address_hash(ascii_form, KEYS)


def test_a_new_signing_key_in_front_loses_no_suppression() -> None:
    assert address_hash(ANA, (b"the newest key of them all, long...", *KEYS)) == address_hash(ANA, KEYS)


def test_without_the_key_nobody_can_try_addresses_against_it() -> None:
    assert address_hash(ANA, KEYS) != address_hash(ANA, KEYS[:1])
    assert "ana" not in address_hash(ANA, KEYS)
    assert len(address_hash(ANA, KEYS)) == 64
