"""The keyed hash of an address: how suppressions know an address that is no longer stored.

Guarantees: the same mailbox has the same hash, however it is spelt in capitals; nobody without the signing
keys can try addresses against it. The key is derived from the oldest signing key, the last in secrets.toml:
new keys go in front, so rotation loses no suppression. Take the last one away, and all of them are lost.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from functools import lru_cache

from publisher.audience.addresses import Address

__all__ = ["address_hash"]


def address_hash(address: Address, keys: Sequence[bytes]) -> str:
    """HMAC-SHA256 in hexadecimal. Pure."""
    return hmac.digest(_derived(keys[-1]), address.key.encode(), "sha256").hex()


@lru_cache(maxsize=4)
def _derived(key: bytes) -> bytes:
    return hmac.digest(key, b"publisher address hash", "sha256")
