"""Values as plain lists and back, for JSON: the caches in .publisher/ are read without importing anything heavy.

Guarantees: `unpack(kind, pack(value)) == value` for the model's dataclasses. JSON and not pickle: a cache that came
with somebody's folder must not be able to run anything. Fails with ValueError, TypeError or LookupError on what was
not packed from the same dataclass: a cache is dropped then. Standard library only.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar, cast

__all__ = ["micros", "moment", "pack", "unpack"]

Value = TypeVar("Value")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def micros(moment: datetime) -> int:
    """An aware moment as microseconds since 1970. Pure."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(micros: int) -> datetime:
    """The moment of so many microseconds since 1970, in UTC. Pure."""
    return _EPOCH + timedelta(microseconds=micros)


def pack(value: Any) -> Any:
    """A dataclass as the list of its fields, in their order; what is in it likewise. Pure."""
    return _packer(cast(Any, type(value)))(value)


def unpack(kind: type[Value], packed: Any) -> Value:
    """The value of type ``kind`` that was packed. Pure."""
    made: Value = _unpacker(cast(Any, kind))(packed)
    return made


@cache
def _packer(kind: Any) -> Callable[[Any], Any]:
    if is_dataclass(kind):
        get = attrgetter(*(field.name for field in fields(kind)))
        simple = (str, int, float, bool, types.NoneType)
        return lambda value: [item if type(item) in simple else pack(item) for item in get(value)]
    if issubclass(kind, tuple | list):
        return lambda value: [pack(item) for item in value]
    if issubclass(kind, dict):
        return lambda value: {key: pack(item) for key, item in value.items()}
    if issubclass(kind, datetime):
        return micros
    if issubclass(kind, date):
        return lambda value: value.isoformat()
    if issubclass(kind, timedelta):
        return lambda value: value // _MICROSECOND
    if issubclass(kind, Path):
        return str
    return lambda value: value


@cache
def _unpacker(kind: Any) -> Callable[[Any], Any]:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is types.UnionType or origin is typing.Union:
        inner = _unpacker(next(one for one in arguments if one is not types.NoneType))
        return lambda packed: None if packed is None else inner(packed)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            item = _unpacker(arguments[0])
            return lambda packed: tuple([item(one) for one in packed]) if packed else ()
        items = [_unpacker(one) for one in arguments]
        return lambda packed: tuple([unpacker(one) for unpacker, one in zip(items, packed, strict=True)])
    if origin is dict:
        value = _unpacker(arguments[1])
        return lambda packed: {key: value(one) for key, one in packed.items()}
    if not isinstance(kind, type) or kind in (str, int, float, bool):
        return _itself
    if is_dataclass(kind):
        return _dataclass(kind)
    simple: dict[type, Callable[[Any], Any]] = {
        datetime: moment,
        date: date.fromisoformat,
        timedelta: _span,
        Path: Path,
    }
    return simple[kind]


def _dataclass(kind: type) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    names = [field.name for field in fields(kind)]
    unpackers = [_unpacker(hints[name]) for name in names]
    changed = [(at, unpacker) for at, unpacker in enumerate(unpackers) if unpacker is not _itself]
    by_name = any(field.kw_only for field in fields(kind))

    def made(packed: Any) -> Any:
        values = list(packed)
        if len(values) != len(names):
            raise ValueError(f"{kind.__name__} has other fields")
        for at, unpacker in changed:
            values[at] = unpacker(values[at])
        return kind(**dict(zip(names, values, strict=True))) if by_name else kind(*values)

    return made


def _itself(packed: Any) -> Any:
    return packed


def _span(packed: Any) -> timedelta:
    return timedelta(microseconds=packed)
