"""Tokens: what stands in links and envelope senders instead of an address.

A token is 26 characters of an HMAC-SHA256 (RFC 2104), 5 bits of each of its first 26 octets, so 130 bits;
then the number it speaks for, in base 32. It has the alphabet of RFC 4648 section 6 in lower case: it stands
in a URL or a local part as it is, and survives being turned to capitals. Up to number 1,048,575 it has 30
characters at most, beyond that 32 up to a thousand million.

Guarantees: a token is good for one purpose; any of the publication's keys verifies it and the first signs; it
is compared in constant time. Only a confirmation's token ends. Reading a wrong one gives None, never an
exception.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hmac import compare_digest
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from hashlib import _Hash

__all__ = [
    "Confirmation",
    "Purpose",
    "Timed",
    "confirmation_token",
    "read_confirmation",
    "read_timed",
    "read_token",
    "timed_token",
    "token",
]

Purpose = Literal["unsubscribe", "preferences", "verp", "form", "private"]

TimedPurpose = Literal["settings", "address"]

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
_PAIRS = tuple(high + low for high in _ALPHABET for low in _ALPHABET)
_FOLDED = bytes(ord(_ALPHABET[octet & 31]) for octet in range(256))
_MAC = 26
_TOKEN = re.compile(rf"([a-z2-7]{{{_MAC}}})((?:[a-z2-7]{{2}}){{1,7}})")
_TIMED = re.compile(rf"([a-z2-7]{{{_MAC}}})((?:(?:[a-z2-7]{{2}}){{1,7}}-){{1,2}}(?:[a-z2-7]{{2}}){{1,5}})")
_CONFIRMATION = re.compile(rf"([a-z2-7]{{{_MAC}}})((?:[a-z2-7]{{2}}){{1,7}})-((?:[a-z2-7]{{2}}){{1,5}})")
_BLOCK = 64  # octets, of SHA-256


@dataclass(frozen=True, slots=True)
class Timed:
    """A token with an end that was read: the numbers it speaks for, and whether its time is over."""

    numbers: tuple[int, ...]
    expired: bool


@dataclass(frozen=True, slots=True)
class Confirmation:
    """A confirmation's token that was read: the subscription it speaks for, and whether its time is over."""

    number: int
    expired: bool


def token(purpose: Purpose, number: int, keys: Sequence[bytes]) -> str:
    """The token of ``number``: a subscription's; for "verp" a delivery's, for "private" a link's, for "form"
    milliseconds since 1970.
    """
    digits = _digits(number)
    return _mac(purpose, keys[0], digits) + digits


def read_token(purpose: Purpose, text: str, keys: Sequence[bytes]) -> int | None:
    """The number that ``text`` is a token of, or None. Upper and lower case are the same."""
    found = _TOKEN.fullmatch(text.lower())
    if found is None or not _verifies(purpose, found[1], found[2], keys):
        return None
    return _number(found[2])


def confirmation_token(number: int, keys: Sequence[bytes], *, ends: datetime) -> str:
    """The token that confirms the subscription ``number`` until ``ends`` (aware; whole seconds)."""
    digits = f"{_digits(number)}-{_digits(int(ends.timestamp()))}"
    return _mac("confirm", keys[0], digits) + digits


def read_confirmation(text: str, keys: Sequence[bytes], *, now: datetime) -> Confirmation | None:
    """What a confirmation's token says at ``now``, or None if it is not one of ours."""
    found = _CONFIRMATION.fullmatch(text.lower())
    if found is None or not _verifies("confirm", found[1], f"{found[2]}-{found[3]}", keys):
        return None
    ends = datetime.fromtimestamp(_number(found[3]), UTC)
    return Confirmation(_number(found[2]), expired=now > ends)


def timed_token(purpose: TimedPurpose, numbers: Sequence[int], keys: Sequence[bytes], *, ends: datetime) -> str:
    """The token of one number or two until ``ends`` (aware; whole seconds)."""
    digits = "-".join(map(_digits, (*numbers, int(ends.timestamp()))))
    return _mac(purpose, keys[0], digits) + digits


def read_timed(purpose: TimedPurpose, text: str, keys: Sequence[bytes], *, now: datetime) -> Timed | None:
    """What such a token says at ``now``, or None if it is not one of ours."""
    found = _TIMED.fullmatch(text.lower())
    if found is None or not _verifies(purpose, found[1], found[2], keys):
        return None
    *numbers, ends = map(_number, found[2].split("-"))
    return Timed(tuple(numbers), expired=now > datetime.fromtimestamp(ends, UTC))


def _verifies(purpose: str, mac: str, digits: str, keys: Sequence[bytes]) -> bool:
    """Every key is tried, so that the time does not tell which."""
    return sum(compare_digest(_mac(purpose, key, digits), mac) for key in keys) > 0


def _mac(purpose: str, key: bytes, digits: str) -> str:
    inner, outer = _states(purpose, key)
    message = inner.copy()
    message.update(digits.encode())
    result = outer.copy()
    result.update(message.digest())
    return str(result.digest()[:_MAC].translate(_FOLDED), "ascii")


@lru_cache(maxsize=64)
def _states(purpose: str, key: bytes) -> tuple[_Hash, _Hash]:
    """HMAC's inner and outer hash with the key already in (RFC 2104 section 4): half of hmac.new's time."""
    block = (hashlib.sha256(key).digest() if len(key) > _BLOCK else key).ljust(_BLOCK, b"\0")
    inner = hashlib.sha256(bytes(octet ^ 0x36 for octet in block))
    inner.update(f"publisher {purpose}:".encode())
    return inner, hashlib.sha256(bytes(octet ^ 0x5C for octet in block))


def _digits(number: int) -> str:
    """Base 32, an even count of digits."""
    digits = _PAIRS[number & 1023]
    while number := number >> 10:
        digits = _PAIRS[number & 1023] + digits
    return digits


def _number(digits: str) -> int:
    number = 0
    for digit in digits:
        number = number * 32 + _ALPHABET.index(digit)
    return number
