"""Front matter: the settings at the head of an article's file, TOML between ``+++`` or YAML between ``---``.

Guarantees: `split` gives the values and the body, or an ArticleError with the line. Keys that other generators
use and we don't are passed over; the values of ours are checked by `fields`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from publisher.model.errors import ArticleError

__all__ = ["FrontMatter", "split"]

_FENCE = {"+++": re.compile(r"^\+\+\+[ \t]*$", re.M), "---": re.compile(r"^(?:---|\.\.\.)[ \t]*$", re.M)}
_SPACED_ZONE = re.compile(r"[ \t]+(Z|[+-]\d\d:?\d\d)$")  # Jekyll writes 2026-01-20 10:00:00 +0100
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the one in C is eight times as fast


class FrontMatter:
    """The values of one file's front matter, read by type; every fault names file, line and key.

    ``names``: under which other name a key is written, where it is not under its own.
    """

    def __init__(
        self, values: Mapping[str, Any], *, path: str, head: str, names: Mapping[str, str] | None = None
    ) -> None:
        self._values = values
        self.head = head
        self._path = path
        self._names = names or {}

    def error(self, key: str, cause: str, remedy: str) -> ArticleError:
        """An ArticleError that points at ``key``'s line."""
        written = self._names.get(key, key)
        return ArticleError(f'"{written}": {cause}', where=self._path, line=self._line(written), remedy=remedy)

    @property
    def values(self) -> Mapping[str, Any]:
        """What is written, as TOML or YAML reads it."""
        return self._values

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that are written, in their order."""
        return tuple(str(key) for key in self._values)

    def line_of(self, key: str) -> int | None:
        """The line of the file that ``key`` stands on; None if it is not written."""
        return self._line(key)

    def line(self, key: str, default: str = "") -> str:
        """One line of text, trimmed; numbers are taken as text."""
        value = self.values.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, str | int | float | date):
            raise self.error(key, f"should be text, not {_kind(value)}", f'write: {key} = "…"')
        return " ".join(str(value).split())

    def flag(self, key: str) -> bool | None:
        """true, false, or None where nothing is said."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.error(key, f"should be true or false, not {_kind(value)}", f"write: {key} = true")
        return value

    def number(self, key: str) -> int:
        """A whole number; 0 where nothing is said."""
        value = self.values.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(key, f"should be a whole number, not {_kind(value)}", f"write: {key} = 10")
        return value

    def words(self, *keys: str) -> tuple[str, ...]:
        """A list of words under the first of ``keys`` that is there; one word may stand without brackets."""
        for key in keys:
            value = self.values.get(key)
            if value is None or value == "":
                continue
            items = value if isinstance(value, list) else [value]
            if not all(isinstance(item, str | int | float | date) and not isinstance(item, bool) for item in items):
                raise self.error(key, "should be a list of words", f'write: {key} = ["one", "two"]')
            return tuple(dict.fromkeys(word for item in items if (word := " ".join(str(item).split()))))
        return ()

    def moment(self, key: str, zone: ZoneInfo) -> datetime | None:
        """A date or time; without a zone it is in ``zone``, without a time it is midnight there."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            try:
                value = datetime.fromisoformat(_SPACED_ZONE.sub(r"\1", value.strip()))
            except ValueError:
                raise self.error(
                    key, f'"{value}" is not a date', f"write: {key} = 2026-01-20 or 2026-01-20T07:30:00+01:00"
                ) from None
        if not isinstance(value, date):
            raise self.error(key, f"should be a date, not {_kind(value)}", f"write: {key} = 2026-01-20")
        if not isinstance(value, datetime):
            value = datetime.combine(value, time())
        if not 1000 <= value.year <= 9998:  # at the ends of the calendar no other zone could show it
            raise self.error(key, f"{value:%Y-%m-%d} is in no year that we know", f"write: {key} = 2026-01-20")
        return value if value.tzinfo else value.replace(tzinfo=zone)

    def _line(self, key: str) -> int | None:
        found = re.search(rf"^[ \t]*[\"']?{re.escape(key)}[\"']?[ \t]*[:=]", self.head, re.M | re.I)
        return self.head.count("\n", 0, found.start()) + 1 if found else None


def split(text: str, *, path: str) -> tuple[FrontMatter, str]:
    """The front matter and the body of an article's text. Pure. Raises ArticleError with file and line."""
    fence = text[:3]
    if fence not in _FENCE or text[3 : text.find("\n")].strip():
        return FrontMatter({}, path=path, head=""), text
    start = text.find("\n") + 1
    end = _FENCE[fence].search(text, start) if start else None
    if end is None:
        raise ArticleError(
            f"the front matter has no end: there is no second {fence}",
            where=path,
            line=1,
            remedy=f"close it with {fence}",
        )
    head = text[start : end.start()]
    values = _toml(head, path) if fence == "+++" else _yaml(head, path)
    return FrontMatter(values, path=path, head=text[: end.start()]), text[end.end() :].lstrip("\n")


def _toml(head: str, path: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(head)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = re.search(r" \(at line (\d+), column \d+\)$", message)
        line = 1 + (int(at[1]) if at else head.count("\n"))
        cause = re.sub(r" \(at .*\)$", "", message)
        raise ArticleError(
            f"front matter is not TOML: {cause[:1].lower()}{cause[1:]}",
            where=path,
            line=line,
            remedy='text stands in quotes: title = "…"',
        ) from error
    except RecursionError:
        raise _too_deep(path) from None


def _yaml(head: str, path: str) -> Mapping[str, Any]:
    try:
        values = _load(head) or {}
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        cause = getattr(error, "problem", None) or str(error)
        raise ArticleError(
            f"front matter is not YAML: {cause}",
            where=path,
            line=mark.line + 2 if mark else 1,
            remedy='put text with a colon into quotes: title: "…"',
        ) from error
    except RecursionError:
        raise _too_deep(path) from None
    if not isinstance(values, dict):
        raise ArticleError("front matter is not a list of keys", where=path, line=2, remedy="write: title: …")
    return values


def _too_deep(path: str) -> ArticleError:
    return ArticleError("front matter is nested too deeply", where=path, line=2, remedy='write: title = "…"')


_Constructor = Callable[[Any, yaml.Node], Any]
_SIMPLE: dict[str, _Constructor] = {
    "tag:yaml.org,2002:str": lambda loader, node: node.value,
    **{
        f"tag:yaml.org,2002:{name}": getattr(yaml.constructor.SafeConstructor, f"construct_yaml_{name}")
        for name in ("null", "bool", "int", "float", "timestamp")
    },
}


def _load(text: str) -> Any:
    """What PyYAML's safe loader makes of a document, in half the time where it is as plain as front matter is."""
    loader = _LOADER(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        try:
            return _plain(loader, node, set())
        except LookupError:
            return loader.construct_document(node)
    finally:
        loader.dispose()


def _plain(loader: Any, node: yaml.Node, seen: set[int]) -> Any:
    """Raises LookupError for anything but texts, numbers, dates, lists and tables that stand where they are used."""
    if id(node) in seen:
        raise LookupError("an alias")
    seen.add(id(node))
    if isinstance(node, yaml.ScalarNode):
        return _SIMPLE[node.tag](loader, node)
    if isinstance(node, yaml.SequenceNode) and node.tag == "tag:yaml.org,2002:seq":
        return [_plain(loader, item, seen) for item in node.value]
    if isinstance(node, yaml.MappingNode) and node.tag == "tag:yaml.org,2002:map":
        if any(key.tag != "tag:yaml.org,2002:str" for key, _ in node.value):
            raise LookupError("a key that is no text")
        return {key.value: _plain(loader, value, seen) for key, value in node.value}
    raise LookupError(node.tag)


def _kind(value: object) -> str:
    names = {
        bool: "true or false",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a table",
        str: "text",
    }
    return names.get(type(value), "a date" if isinstance(value, date) else type(value).__name__)
