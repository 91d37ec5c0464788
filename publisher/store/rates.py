"""What all processes know about a relay: moments granted, messages counted, how fast it can take them.

Guarantees: a claim of moments is one short transaction under the relay's row lock, so several processes together
never exceed its rates; a process that dies loses at most a second's moments, and nobody gets them twice; a clock
that was ahead and is set back keeps nobody waiting. Deciding is `publisher.model.rate`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select, update

from publisher.model.rate import SKEW, Counted, Grant, Rate, RelayState, grant, halved, share_of
from publisher.store.inserting import insert_missing
from publisher.store.schema import relay_minutes, relays

__all__ = ["claim_moments", "give_back", "hampered", "set_aside", "slow_down", "state_of"]

_KEPT = 25 * 60  # minutes: a little more than the longest rate counts


def claim_moments(connection: Connection, relay: str, rates: Sequence[Rate], *, want: int, now: datetime) -> Grant:
    """Moments for up to ``want`` messages to ``relay``, or when to ask again."""
    at = now.timestamp()
    state = _locked(connection, relay)
    windows = [rate.seconds for rate in rates if not rate.spaced]
    if windows:
        _mend(connection, relay, at)
    counted = {seconds: _counted(connection, relay, seconds, at) for seconds in windows}
    granted, after = grant(state, rates, counted, want=want, now=at)
    if after != state:
        _save(connection, relay, after)
    if granted.count and windows:
        _count(connection, relay, granted.count, at)
    return granted


def give_back(connection: Connection, relay: str, unused: int) -> None:
    """Counted messages that did not go to ``relay`` after all. Their moments are lost."""
    _locked(connection, relay)
    newest = select(func.max(relay_minutes.c.minute)).where(relay_minutes.c.relay == relay).scalar_subquery()
    row = and_(relay_minutes.c.relay == relay, relay_minutes.c.minute == newest, relay_minutes.c.messages >= unused)
    connection.execute(update(relay_minutes).where(row).values(messages=relay_minutes.c.messages - unused))


def slow_down(connection: Connection, relay: str, *, now: datetime) -> RelayState:
    """The relay has slowed down: from now on it gets half of what it got."""
    state = halved(_locked(connection, relay), now.timestamp())
    _save(connection, relay, state)
    return state


def set_aside(connection: Connection, relay: str, *, until: datetime, reason: str) -> None:
    """Nobody gives this relay anything before ``until``."""
    _locked(connection, relay)
    connection.execute(
        update(relays).where(relays.c.relay == relay).values(aside_until=until.timestamp(), reason=reason)
    )


def state_of(connection: Connection, relay: str) -> RelayState:
    """What is known about the relay; nothing, where it has never been slow or limited."""
    return _state(connection, relays.c.relay == relay) or RelayState()


def hampered(connection: Connection, now: datetime) -> dict[str, RelayState]:
    """The relays that are left alone, or given less than usual, now."""
    at = now.timestamp()
    names = connection.scalars(select(relays.c.relay).order_by(relays.c.relay)).all()
    states = {name: state_of(connection, name) for name in names}
    return {name: state for name, state in states.items() if state.aside_until > at or share_of(state, at) < 1}


def _locked(connection: Connection, relay: str) -> RelayState:
    """The relay's state, which nobody else changes before this transaction ends."""
    state = _state(connection, relays.c.relay == relay, lock=True)
    if state is None:
        insert_missing(connection, relays, [{"relay": relay}], "relay")
        state = _state(connection, relays.c.relay == relay, lock=True)
        assert state is not None
    return state


def _state(connection: Connection, chosen: ColumnElement[bool], *, lock: bool = False) -> RelayState | None:
    query = select(relays.c.next_at, relays.c.share, relays.c.share_at, relays.c.aside_until, relays.c.reason).where(
        chosen
    )
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else RelayState(**row._mapping)


def _save(connection: Connection, relay: str, state: RelayState) -> None:
    connection.execute(
        update(relays)
        .where(relays.c.relay == relay)
        .values(next_at=state.next_at, share=state.share, share_at=state.share_at)
    )


def _mend(connection: Connection, relay: str, at: float) -> None:
    """What a clock that was ahead has counted counts as of now; what no rate counts any more is forgotten."""
    ahead = and_(relay_minutes.c.relay == relay, relay_minutes.c.minute > int((at + SKEW) // 60))
    if messages := connection.execute(select(func.sum(relay_minutes.c.messages)).where(ahead)).scalar():
        connection.execute(delete(relay_minutes).where(ahead))
        _count(connection, relay, messages, at)
    old = and_(relay_minutes.c.relay == relay, relay_minutes.c.minute < int(at // 60) - _KEPT)
    connection.execute(delete(relay_minutes).where(old))


def _counted(connection: Connection, relay: str, seconds: int, at: float) -> Counted:
    """A minute counts as long as any of its seconds is in the window."""
    row = connection.execute(
        select(func.coalesce(func.sum(relay_minutes.c.messages), 0), func.min(relay_minutes.c.minute)).where(
            relay_minutes.c.relay == relay,
            relay_minutes.c.messages > 0,
            relay_minutes.c.minute > (at - seconds) // 60 - 1,
        )
    ).one()
    messages, oldest = row
    return Counted(messages=int(messages), free_at=at if oldest is None else (oldest + 1) * 60.0 + seconds)


def _count(connection: Connection, relay: str, messages: int, at: float) -> None:
    minute = int(at // 60)
    row = and_(relay_minutes.c.relay == relay, relay_minutes.c.minute == minute)
    changed = connection.execute(update(relay_minutes).where(row).values(messages=relay_minutes.c.messages + messages))
    if not changed.rowcount:
        connection.execute(insert(relay_minutes).values(relay=relay, minute=minute, messages=messages))
