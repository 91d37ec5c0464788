"""Changing settings files by program: comments stay, a wrong value is refused, no file is half written.

A change is checked before it is written: the new text is loaded together with the other files in a scratch
copy. Faults that were there before do not stand in the way, so that several can be mended one by one.
Fails with UsageError (unknown setting, value of the wrong kind), ConfigurationError, OutputError.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Table

from publisher.model.article import Author
from publisher.model.errors import ConfigurationError, OutputError, UsageError
from publisher.publication.loading import load
from publisher.publication.settings import MAIN, Setting, find_setting, read_text

__all__ = ["Change", "add_authors", "parse_value", "replace_file", "set_settings"]


_SEVERAL = ("delivery", "relays")  # the one place for [[tables]], which are told apart by their names


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A setting that was changed: the value that held, and the one that holds now (None: nothing)."""

    key: str
    file: str
    before: Any
    after: Any


def set_settings(root: Path, wanted: Sequence[tuple[str, str]]) -> list[Change]:
    """Sets each key to what is written, all or none; an empty text removes an optional setting.

    Raises UsageError, ConfigurationError (the publication would not load), OutputError.
    """
    changes: list[Change] = []
    texts: dict[str, str] = {}
    for key, written in wanted:
        setting = find_setting(root, key)
        value = parse_value(setting, written)
        text = texts.get(setting.file) or read_text(root, setting.file)
        texts[setting.file] = _edited(text, setting.file, [(setting.path, value)])
        changes.append(Change(key=key, file=setting.file, before=setting.value, after=value))
    _write_checked(root, texts)
    return changes


def add_authors(root: Path, authors: Sequence[Author]) -> list[Author]:
    """Adds ``[authors.KEY]`` for each author that has none; gives those it added. Overwrites nothing.

    Raises ConfigurationError, OutputError.
    """
    text = read_text(root, MAIN)
    present = _values(text).get("authors", {})
    new = [author for author in authors if author.key not in present]

    wanted = [
        (("authors", author.key, name), value)
        for author in new
        for name in ("name", "bio", "url", "picture")
        if (value := getattr(author, name))
    ]
    if new:
        _write_checked(root, {MAIN: _edited(text, MAIN, wanted)})
    return new


def parse_value(setting: Setting, written: str) -> Any:
    """What ``written`` means for ``setting``: text, number, true or false, date, list (``a, b`` or TOML's).

    None for an empty text where nothing may stand. Pure. Raises UsageError.
    """
    known = setting.known
    if not written and known.kind != "list" and not known.required:
        return None
    match known.kind:
        case "number":
            try:
                return int(written)
            except ValueError:
                raise _not(setting, written, "a whole number") from None
        case "switch":
            if written.lower() in ("true", "yes", "on", "false", "no", "off"):
                return written.lower() in ("true", "yes", "on")
            raise _not(setting, written, "true or false")
        case "date":
            try:
                return date.fromisoformat(written)
            except ValueError:
                raise _not(setting, written, "a date such as 2026-01-31") from None
        case "list":
            return _list(setting, written)
    if known.choices and written not in known.choices:
        raise _not(setting, written, f"one of {', '.join(known.choices)}")
    return written


def _list(setting: Setting, written: str) -> list[str]:
    if not written.lstrip().startswith("["):
        values = [part.strip() for part in written.split(",") if part.strip()]
    else:
        try:
            values = tomllib.loads(f"value = {written}")["value"]
        except tomllib.TOMLDecodeError:
            raise _not(setting, written, 'a list such as a, b or ["a", "b"]') from None
    for value in values:
        if setting.known.choices and value not in setting.known.choices:
            raise _not(setting, str(value), f"one of {', '.join(setting.known.choices)}")
    return values


def _not(setting: Setting, written: str, expected: str) -> UsageError:
    return UsageError(f'"{setting.key}" must be {expected}, not "{written:.60}"')


def _edited(text: str, file: str, wanted: Sequence[tuple[tuple[str, ...], Any]]) -> str:
    """The text with each value at its path (None: removed). Pure. Refused if anything else would change."""
    expected = _values(text)
    try:
        document = tomlkit.parse(text)
        for path, value in wanted:
            _put(document, path, value, new_table=_heading, new_several=tomlkit.aot)
            _put(expected, path, value, new_table=lambda _innermost: {}, new_several=list)
        after = tomlkit.dumps(document)
        faithful = _values(after) == expected
    except (TOMLKitError, tomllib.TOMLDecodeError, TypeError, ValueError) as error:
        raise _by_hand(file, str(error)) from error
    if not faithful:
        raise _by_hand(file, "its tables are written in an unusual order")
    return after


def _values(text: str) -> dict[str, Any]:
    return tomllib.loads(text.replace("\r\n", "\n"))


def _by_hand(file: str, cause: str) -> ConfigurationError:
    return ConfigurationError(f"cannot be changed by program ({cause})", where=file, remedy="change it in an editor")


def _heading(innermost: bool) -> Table:
    """A new table. Only the innermost has a heading: [authors.ana], no empty [authors] before it."""
    return tomlkit.table(is_super_table=not innermost)


def _put(
    table: Any,
    path: tuple[str, ...],
    value: Any,
    *,
    new_table: Callable[[bool], Any],
    new_several: Callable[[], Any],
) -> None:
    """Sets or (None) removes the value at ``path`` of nested tables; missing tables on the way are made."""
    for depth, part in enumerate(path[:-1], start=1):
        if isinstance(table, list):
            found = next((one for one in table if one["name"] == part), None)
            if found is None and value is not None:
                table.append({**new_table(True), "name": part})
                found = table[-1]
        else:
            if part not in table and value is not None:
                table[part] = new_several() if path[:depth] == _SEVERAL else new_table(depth == len(path) - 1)
            found = table.get(part)
        if found is None:
            return
        table = found
        if not isinstance(table, dict | list):
            raise ValueError(f"{'.'.join(path[:depth])} is not a table")
    if value is None:
        table.pop(path[-1], None)
    else:
        table[path[-1]] = value


def _write_checked(root: Path, texts: dict[str, str]) -> None:
    before = _faults(root, {})
    known = {(fault.where, fault.cause) for fault in before}
    new = [fault for fault in _faults(root, texts) if (fault.where, fault.cause) not in known]
    if new:
        first, *rest = new
        first.also = tuple(rest)
        raise first
    for file, text in texts.items():
        replace_file(root / file, text)


def _faults(root: Path, texts: dict[str, str]) -> list[ConfigurationError]:
    """What `load` would say if the files had these texts: tried on a copy of the settings files."""
    with tempfile.TemporaryDirectory(prefix="publisher-") as scratch:
        copy = Path(scratch)
        (copy / "feeds").mkdir()
        for path in (root / MAIN, *(root / "feeds").glob("*.toml")):
            shutil.copyfile(path, copy / path.relative_to(root))
        for file, text in texts.items():
            (copy / file).write_bytes(text.encode())
        try:
            load(copy)
        except ConfigurationError as error:
            return [error, *(one for one in error.also if isinstance(one, ConfigurationError))]
    return []


def replace_file(path: Path, text: str) -> None:
    """Writes ``text`` (UTF-8) over ``path`` in one step; the file's mode stays. Raises OutputError."""
    path = path.resolve()  # a linked settings file stays a link
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        try:
            with temporary.open("xb") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            if path.exists():
                shutil.copymode(path, temporary)
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})", where=path.name, remedy="make the folder writable"
        ) from error
