"""Reading a plain CSV of subscribers: ``address,name,newsletter,cadence,topics,language,timezone`` and own
fields.

Guarantees: a bad row is reported with its line and never keeps the others out, not even one with a quote that
never ends. Delimiters: comma, semicolon or tab. UTF-8 with or without BOM, UTF-16 with BOM; a line that is not UTF-8
is Latin-1. Touches nothing. Fails with UsageError for a file without a usable first line.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from publisher.model.errors import PublisherError, UsageError

__all__ = ["CsvRow", "read_csv"]

_COLUMNS = {
    "address": ("address", "email", "e-mail", "mail", "email address", "e-mail address", "subscriber"),
    "name": ("name", "full name", "display name"),
    "newsletter": ("newsletter", "list"),
    "cadence": ("cadence", "frequency", "how often"),
    "topics": ("topics", "topic"),
    "language": ("language", "lang", "locale"),
    "timezone": ("timezone", "time zone", "tz"),
}
_MEANING = {spelling: column for column, spellings in _COLUMNS.items() for spelling in spellings}
_OURS = ("unsubscribe_url", "unsubscribe_mailto", "preferences_url", "confirm_url")
_LONGEST = 20  # lines of one record: a quote that is not closed by then is a mistake
_WIDEST = 10_000  # characters of a record


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvRow:
    """One row; ``line`` is 1-based. What the file lacks is empty. ``fields`` are the publisher's own."""

    line: int
    address: str
    name: str = ""
    newsletter: str = ""
    cadence: str = ""
    topics: str = ""
    language: str = ""
    timezone: str = ""
    fields: dict[str, str] = field(default_factory=dict)


def read_csv(content: bytes, *, file: str) -> Iterator[CsvRow | PublisherError]:
    """The rows of a CSV file, or for a bad row the error that says so. ``file`` is its name for people.

    A file of one column may do without a first line of names. Raises UsageError (no such columns).
    """
    lines = _decoded(content).replace("\r\n", "\n").replace("\r", "\n").split("\n")
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    if first is None:
        raise UsageError("the file is empty", where=file, remedy="its first line names the columns: address,name")
    delimiter = max(",;\t", key=lines[first].count)
    names, start = _header(lines, first, delimiter, file)
    for number, cells in _records(lines, start, delimiter):
        if cells is None:
            yield PublisherError(
                "its quotes do not match", where=file, line=number + 1, remedy='write " in a value as ""'
            )
        elif any(cell.strip() for cell in cells):
            yield _row(number + 1, cells, names, file)


def _decoded(content: bytes) -> str:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # Line by line: one odd line in a file of UTF-8 must not turn everybody's name into nonsense.
        return "\n".join(map(_decoded_line, content.removeprefix(codecs.BOM_UTF8).split(b"\n")))


def _decoded_line(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _header(lines: list[str], first: int, delimiter: str, file: str) -> tuple[list[str], int]:
    """The columns' names, and the line at which the rows begin."""
    if delimiter not in lines[first] and "@" in lines[first]:
        return ["address"], first
    number, cells = next(_records(lines, first, delimiter))
    names = [_name(cell) for cell in cells or []]
    if "address" not in names:
        raise UsageError(
            'the first line has no column "address"',
            where=file,
            line=number + 1,
            remedy="name the columns there: address,name,newsletter,cadence,topics,language,timezone",
        )
    for name in names:
        if name and names.count(name) > 1:
            raise UsageError(f'two columns are called "{name}"', where=file, line=number + 1, remedy="rename one")
        if name in _OURS:
            raise UsageError(f'a column cannot be called "{name}"', where=file, line=number + 1, remedy="rename it")
    return names, first + 1


def _name(cell: str) -> str:
    """A column's name: one of ours, or an own field's, which digests can print (a-z, 0-9 and _)."""
    plain = " ".join(cell.replace("_", " ").lower().split())
    return _MEANING.get(plain) or re.sub(r"[^a-z0-9]+", "_", plain).strip("_")


def _records(lines: list[str], start: int, delimiter: str) -> Iterator[tuple[int, list[str] | None]]:
    """Records with the index of their first line; None for one whose quotes do not match.

    Each record is parsed by itself: the csv module would let an open quote swallow the rest of the file.
    """
    number = start
    while number < len(lines):
        taken, cells = 1, None
        while cells is None:
            record = lines[number : number + taken]
            try:
                cells = next(csv.reader(["\n".join(record)], delimiter=delimiter, strict=True))
            except StopIteration:
                cells = []
            except csv.Error as error:
                more = "unexpected end of data" in str(error) and sum(map(len, record)) < _WIDEST
                if not more or taken == _LONGEST or number + taken == len(lines):
                    break
                taken += 1
        yield number, cells
        # After a bad record the next line may be a good one.
        number += taken if cells is not None else 1


def _row(line: int, cells: list[str], names: list[str], file: str) -> CsvRow | PublisherError:
    if any(cell.strip() for cell in cells[len(names) :]):
        return PublisherError(
            f"it has {len(cells)} cells, the first line has {len(names)}",
            where=file,
            line=line,
            remedy="put a value with a delimiter in it between quotes",
        )
    values = {name: _plain(cell) for name, cell in zip(names, cells, strict=False) if name}
    if not values.get("address"):
        return PublisherError("it has no address", where=file, line=line, remedy="add one, or remove the row")
    ours = {column: values.pop(column) for column in _COLUMNS if column in values}
    return CsvRow(line=line, **ours, fields={name: value for name, value in values.items() if value})


def _plain(cell: str) -> str:
    """One line without control characters: what is in a name reaches a header."""
    return " ".join("".join(character if character.isprintable() else " " for character in cell).split())
