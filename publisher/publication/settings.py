"""The settings by name: what may be set, what is set, and what holds where nothing is.

A setting's key is dotted: ``delivery.transport`` is in publication.toml, ``feeds.world.newsletter.min_items``
in feeds/world.toml. Where the name is the publication's to choose, the key of the schema has ``NAME``
(``sections.NAME``). Reads the files as they stand, so that one broken value does not hide the others.
"""

from __future__ import annotations

import difflib
import tomllib
import types
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from publisher.model.errors import ConfigurationError, UsageError
from publisher.publication.loading import validate
from publisher.publication.positions import line_of
from publisher.publication.schema import FeedFile, PublicationFile

__all__ = ["Kind", "Known", "Setting", "find_setting", "known_settings", "read_settings", "read_text"]

Kind = Literal["text", "number", "switch", "list", "date"]
MAIN = "publication.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A setting of the schema. ``NAME`` in ``path``: any name; ``default`` None: required, or absent."""

    path: tuple[str, ...]
    kind: Kind
    default: Any = None
    required: bool = False
    choices: tuple[str, ...] = ()

    def covers(self, path: tuple[str, ...]) -> bool:
        """Whether ``path`` is this setting. Pure."""
        return len(path) == len(self.path) and all(
            mine in ("NAME", theirs) for mine, theirs in zip(self.path, path, strict=True)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of a publication: where it stands or would, and what is written; ``line`` None: nothing."""

    key: str
    file: str
    path: tuple[str, ...]
    known: Known
    written: Any = None
    line: int | None = None

    @property
    def value(self) -> Any:
        """What holds: what is written, or the default."""
        return self.known.default if self.written is None else self.written


def known_settings(file: str) -> tuple[Known, ...]:
    """Every setting that may stand in publication.toml, or (for any other name) in a feed's file. Pure."""
    return tuple(_walk(PublicationFile if file == MAIN else FeedFile, ()))


def read_text(root: Path, file: str) -> str:
    """A settings file's text, known to be TOML. Raises ConfigurationError."""
    try:
        text = (root / file).read_bytes().decode("utf-8-sig")
        tomllib.loads(text.replace("\r\n", "\n"))
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", where=file) from error
    except UnicodeDecodeError as error:
        raise ConfigurationError("not UTF-8", where=file, remedy="save the file as UTF-8") from error
    except tomllib.TOMLDecodeError:
        raise validate(file, text)[0] from None
    return text


def read_settings(root: Path) -> list[Setting]:
    """All settings of the publication: publication.toml's, then each feed's. Raises ConfigurationError."""
    found: list[Setting] = []
    for file in (MAIN, *_feed_files(root)):
        text = read_text(root, file)
        table = tomllib.loads(text.replace("\r\n", "\n"))
        groups: dict[tuple[str, ...], list[Setting]] = {}  # all about one author together
        for known in known_settings(file):
            for path in _paths(known, table):
                if not _begun(path, table):
                    continue
                group = path[: known.path.index("NAME") + 1] if "NAME" in known.path else path
                groups.setdefault(group, []).append(_setting(file, path, known, table, text))
        found += [setting for group in groups.values() for setting in group]
    return found


def find_setting(root: Path, key: str) -> Setting:
    """The setting ``key`` of the publication in ``root``, written or not.

    Raises UsageError (no such setting, with the nearest; or a table), ConfigurationError (file is not TOML).
    """
    file, path = _locate(root, key)
    text = read_text(root, file)
    for known in known_settings(file):
        if known.covers(path):
            return _setting(file, path, known, tomllib.loads(text.replace("\r\n", "\n")), text)
    prefix = "" if file == MAIN else f"feeds.{Path(file).stem}."
    keys = [prefix + ".".join(known.path) for known in known_settings(file)]
    inside = [known for known in keys if known.startswith(f"{key}.")]
    if inside:
        raise UsageError(f'"{key}" is a table', remedy=f"name one of its settings: {', '.join(inside)}")
    near = difflib.get_close_matches(key, keys, n=1, cutoff=0.5)
    raise UsageError(
        f'unknown setting "{key}"',
        remedy=f'did you mean "{near[0]}"?' if near else "see all with: publisher config get",
    )


def _locate(root: Path, key: str) -> tuple[str, tuple[str, ...]]:
    parts = tuple(key.split("."))
    if not all(parts):
        raise UsageError(f'"{key}" is not a setting', remedy="see all with: publisher config get")
    if parts[0] != "feeds":
        if parts[0] in ("signing", "relay_password", "relay_passwords", "alerts_password"):
            raise UsageError(f'"{key}" is a secret', remedy="it stands in secrets.toml, or in PUBLISHER_* variables")
        return MAIN, parts
    names = [Path(file).stem for file in _feed_files(root)]
    if len(parts) < 2 or parts[1] not in names:
        near = difflib.get_close_matches(parts[1], names, n=1) if len(parts) > 1 else []
        raise UsageError(
            f'no feed "{parts[1]}"' if len(parts) > 1 else '"feeds" alone is not a setting',
            remedy=f'did you mean "{near[0]}"?' if near else f"feeds here: {', '.join(names) or 'none'}",
        )
    if len(parts) == 2:
        raise UsageError(f'"{key}" is a feed', remedy=f"name one of its settings, such as {key}.title")
    return f"feeds/{parts[1]}.toml", parts[2:]


def _begun(path: tuple[str, ...], table: dict[str, Any]) -> bool:
    """False for settings of an optional table that is not there: they are required only in it. Pure."""
    if path[0] in ("newsletter", "podcast"):
        return path[0] in table
    return "warm_up" not in path or _written(table, path[:-1])[0] is not None


def _feed_files(root: Path) -> list[str]:
    return [f"feeds/{path.name}" for path in sorted((root / "feeds").glob("*.toml"))]


def _setting(file: str, path: tuple[str, ...], known: Known, table: dict[str, Any], text: str) -> Setting:
    written, at = _written(table, path)
    prefix = () if file == MAIN else ("feeds", Path(file).stem)
    line = None if written is None else line_of(text, at)
    return Setting(key=".".join((*prefix, *path)), file=file, path=path, known=known, written=written, line=line)


def _written(table: dict[str, Any], path: tuple[str, ...]) -> tuple[Any, list[str]]:
    """What stands at ``path``, or None, and where: of several tables the one of that name, by its number. Pure."""
    written: Any = table
    at: list[str] = []
    for part in path:
        if isinstance(written, list):
            numbers = [number for number, name in enumerate(_names(written)) if name == part]
            written = written[numbers[0]] if numbers else None
            at.append(str(numbers[0]) if numbers else part)
        else:
            written = written.get(part) if isinstance(written, dict) else None
            at.append(part)
    return written, at


def _names(several: Any) -> list[str]:
    """Of tables: their keys, or what each of a list calls itself. Pure."""
    if isinstance(several, list):
        return [str(one.get("name", "")) if isinstance(one, dict) else "" for one in several]
    return list(several) if isinstance(several, dict) else []


def _paths(known: Known, table: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """The paths of ``known`` in ``table``: one, or one for each name that is written. Pure."""
    if "NAME" not in known.path:
        yield known.path
        return
    at = known.path.index("NAME")
    names: Any = table
    for part in known.path[:at]:
        names = names.get(part, {}) if isinstance(names, dict) else {}
    for name in _names(names):
        yield (*known.path[:at], name, *known.path[at + 1 :])


def _walk(schema: type[BaseModel], path: tuple[str, ...]) -> Iterator[Known]:
    for name, field in schema.model_fields.items():
        default = None if field.default is PydanticUndefined else field.default
        yield from _known(field.annotation, (*path, name), default, required=field.is_required())


def _known(annotation: Any, path: tuple[str, ...], default: Any, *, required: bool) -> Iterator[Known]:
    plain = _plain(annotation)
    if isinstance(plain, type) and issubclass(plain, BaseModel):
        yield from _walk(plain, path)
        return
    origin = typing.get_origin(plain)
    if origin is dict:
        yield from _known(typing.get_args(plain)[1], (*path, "NAME"), None, required=False)
        return
    choices: tuple[str, ...] = ()
    if origin is list and isinstance(inner := _plain(typing.get_args(plain)[0]), type) and issubclass(inner, BaseModel):
        yield from (one for one in _walk(inner, (*path, "NAME")) if one.path[-1] != "name")
        return
    if origin is list:
        kind: Kind = "list"
        inner = _plain(typing.get_args(plain)[0])
        choices = typing.get_args(inner) if typing.get_origin(inner) is Literal else ()
    elif origin is Literal:
        kind, choices = "text", typing.get_args(plain)
    else:
        kind = {bool: "switch", int: "number", date: "date"}.get(plain, "text")  # type: ignore[assignment]
    yield Known(path=path, kind=kind, default=default, required=required, choices=choices)


def _plain(annotation: Any) -> Any:
    """The type without Annotated and without None. Pure."""
    origin = typing.get_origin(annotation)
    if origin is Annotated:
        return _plain(typing.get_args(annotation)[0])
    if origin in (types.UnionType, typing.Union):
        return _plain(next(one for one in typing.get_args(annotation) if one is not type(None)))
    return annotation
