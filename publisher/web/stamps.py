"""Stamps: the time at which a form was fetched, signed, so that a form sent too fast is told from a person's.

A stamp is a token (``publisher.audience.tokens``) of milliseconds. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from publisher.audience.tokens import read_token, token

__all__ = ["LASTS", "TOO_FAST", "read_stamp", "stamp"]

TOO_FAST = timedelta(seconds=2)
"""Nobody reads a form and types an address in less."""

LASTS = timedelta(days=1)
"""A page that stood open for longer is asked again: stamps must not be collected."""


def stamp(keys: Sequence[bytes], *, now: datetime) -> str:
    """The stamp of a form that is fetched at ``now``."""
    return token("form", round(now.timestamp() * 1000), keys)


def read_stamp(text: str, keys: Sequence[bytes], *, now: datetime) -> bool:
    """Whether a form with this stamp was fetched long enough ago, and not too long."""
    fetched = read_token("form", text, keys)
    if fetched is None or fetched >= 1 << 48:
        return False
    return TOO_FAST <= now - datetime.fromtimestamp(fetched / 1000, UTC) <= LASTS
