"""The file of an edition that has left the database: its digests, deliveries and attempts.

``ledger/edition-000214.jsonl.gz``: gzip members one after another, each of them one line of JSON, so that ``zcat``
shows everything::

    {"format": "publisher ledger 1", "edition": 214, "index": "000000123456"}   where the last line begins, in bytes
    {"newsletter": …, "cadence": …, "slot": …, "opened_at": …, "finished_at": …}
    {"variant": {"id": …, "language": …, "articles": […], "rest": […], "subject": …, "html": …, "text": …, …}}
    {"picture": {"cid": …, "media_type": …, "file": "pictures/…"}}
    {"count": 5000, "deliveries": {COLUMN: PACKED, …}, "attempts": {COLUMN: PACKED, …}}
    {"blocks": [[offset, first, last, count], …], "counts": […], "attempts": …, "doubtful": […]}

A block has deliveries of ascending subscriptions; ``first`` and ``last`` are the first and last of them, so that one
reader is found by reading one block. PACKED is ``{"all": value}``, ``{"steps": [first, difference, …]}``,
``{"values": […], "at": [index, …]}`` or ``{"each": […]}``. An attempt's ``delivery`` is the index of its delivery in
the block; ``seconds`` are whole ten-thousandths. Times are ISO 8601, UTC. Readers are numbers; there are no addresses.

Guarantees: the same rows make the same bytes. Fails with StoreError: a file that is damaged or not ours.
"""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from pathlib import Path
from typing import IO, Any, TypeVar

from publisher.model.errors import StoreError

__all__ = ["Block", "LedgerFile", "LedgerWriter", "pack", "unpack"]

FORMAT = "publisher ledger 1"
Column = Sequence[Any]
Value = TypeVar("Value")
Packed = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Block:
    """Some deliveries of ascending subscriptions, column by column, and the attempts made at them."""

    deliveries: dict[str, list[Any]]
    attempts: dict[str, list[Any]]

    @property
    def first(self) -> int:
        """The first subscription."""
        return int(self.deliveries["subscription"][0])

    @property
    def last(self) -> int:
        """The last subscription."""
        return int(self.deliveries["subscription"][-1])

    def __len__(self) -> int:
        return len(self.deliveries["id"])

    @property
    def counts(self) -> Counter[tuple[int, str, bool]]:
        """Deliveries by variant, state, and whether they were ever unknown."""
        return Counter(
            zip(self.deliveries["variant"], self.deliveries["state"], self.deliveries["was_unknown"], strict=True)
        )

    def doubtful(self) -> list[dict[str, object]]:
        """The attempts of which nobody knows whether they arrived."""
        of = self.deliveries
        return [
            {
                "id": of["id"][index],
                "subscriber_id": of["subscriber"][index],
                "state": of["state"][index],
                "at": at,
                "relay": relay,
            }
            for index, at, relay, result in zip(
                *(self.attempts[name] for name in ("delivery", "at", "relay", "result")), strict=True
            )
            if result == "unknown"
        ]


def pack(column: Column) -> Packed:
    """A column in few bytes. Pure. `unpack` gives it back."""
    distinct = list(dict.fromkeys(column))
    if len(distinct) == 1:
        return {"all": distinct[0]}
    if column and all(type(value) is int for value in distinct):
        return {"steps": [column[0], *(after - before for before, after in pairwise(column))]}
    if len(distinct) <= len(column) // 2:
        place = {value: index for index, value in enumerate(distinct)}
        return {"values": distinct, "at": list(map(place.__getitem__, column))}
    return {"each": list(column)}


def unpack(packed: Packed, count: int) -> list[Any]:
    """The column that was packed; ``count`` values. Pure. Raises KeyError, TypeError, IndexError: not a packed one."""
    if "all" in packed:
        return [packed["all"]] * count
    if "steps" in packed:
        return list(accumulate(packed["steps"]))
    if "at" in packed:
        return list(map(packed["values"].__getitem__, packed["at"]))
    return list(packed["each"])


@dataclass(slots=True)
class LedgerWriter:
    """Writes a file from its beginning to its end; `finish` makes it whole."""

    file: IO[bytes]
    edition: int
    counts: Counter[tuple[int, str, bool]] = field(default_factory=Counter)
    attempts: int = 0
    _blocks: list[list[int]] = field(default_factory=list)
    _doubtful: list[dict[str, object]] = field(default_factory=list)

    def begin(self, about: dict[str, object]) -> None:
        """The first two lines."""
        self.file.write(_head(self.edition, 0))
        self.line(about)

    def line(self, value: object) -> None:
        """One line, compressed by itself."""
        self.file.write(_member(value, 6))

    def block(self, block: Block) -> None:
        """The next deliveries."""
        self._blocks.append([self.file.tell(), block.first, block.last, len(block)])
        tries = len(block.attempts["delivery"])
        self.line(
            {
                "count": len(block),
                "tries": tries,
                "deliveries": {name: pack(column) for name, column in block.deliveries.items()},
                "attempts": {name: pack(column) for name, column in block.attempts.items()} if tries else {},
            }
        )
        self.counts += block.counts
        self.attempts += tries
        self._doubtful += block.doubtful()

    def finish(self) -> None:
        """The last line, and in the first where it is."""
        index = self.file.tell()
        self.line(
            {
                "blocks": self._blocks,
                "counts": sorted([*key, count] for key, count in self.counts.items()),
                "attempts": self.attempts,
                "doubtful": self._doubtful,
            }
        )
        self.file.seek(0)
        self.file.write(_head(self.edition, index))


class LedgerFile:
    """Reads a file. Raises StoreError where it is missing, damaged or not ours."""

    def __init__(self, path: Path) -> None:
        self.path = path
        head = self._read(self._head)
        self.edition = int(head["edition"])
        self._index = int(head["index"])
        self._end: dict[str, Any] = self._read(lambda file: self._at(file, self._index))

    @property
    def counts(self) -> Counter[tuple[int, str, bool]]:
        """Deliveries by variant, state, and whether they were ever unknown."""
        return Counter({(variant, state, unknown): number for variant, state, unknown, number in self._end["counts"]})

    @property
    def attempts(self) -> int:
        """How many attempts there are."""
        return int(self._end["attempts"])

    @property
    def doubtful(self) -> list[dict[str, Any]]:
        """The attempts of which nobody knows whether they arrived."""
        return list(self._end["doubtful"])

    def heads(self) -> Iterator[dict[str, Any]]:
        """The lines before the first block, but the very first: about the edition, its variants, its pictures."""
        first = self._end["blocks"][0][0] if self._end["blocks"] else self._index
        lines = self._read(lambda file: self._lines(file, first))
        yield from lines[1:]

    def blocks(self) -> Iterator[Block]:
        """All blocks, by subscription."""
        for offset, _first, _last, _count in self._end["blocks"]:
            yield self._block(offset)

    def block_of(self, subscription: int) -> Block | None:
        """The block that has the subscription, if any has."""
        for offset, first, last, _count in self._end["blocks"]:
            if first <= subscription <= last:
                return self._block(offset)
        return None

    def _block(self, offset: int) -> Block:
        return self._read(lambda file: _as_block(self._at(file, offset)))

    def _head(self, file: IO[bytes]) -> dict[str, Any]:
        head = self._at(file, 0)
        if head.get("format") != FORMAT:
            raise ValueError("not a ledger")
        return head

    def _at(self, file: IO[bytes], offset: int) -> dict[str, Any]:
        file.seek(offset)
        value = json.loads(_first_member(file))
        if not isinstance(value, dict):
            raise ValueError("not a ledger's line")
        return value

    def _lines(self, file: IO[bytes], end: int) -> list[dict[str, Any]]:
        file.seek(0)
        text = gzip.decompress(file.read(end))
        return [json.loads(line) for line in text.splitlines()]

    def _read(self, what: Callable[[IO[bytes]], Value]) -> Value:
        name = f"{self.path.parent.name}/{self.path.name}"
        try:
            with self.path.open("rb") as file:
                return what(file)
        except FileNotFoundError:
            raise StoreError(
                "the file is not there",
                where=name,
                remedy="it was made by this publication on this or another machine: copy it back, or from a backup",
            ) from None
        except OSError as error:
            raise StoreError(f"cannot be read ({error.strerror or error})", where=name) from error
        except (EOFError, zlib.error, ValueError, KeyError, TypeError, IndexError) as error:
            raise StoreError(
                f"damaged, or not a ledger ({error})", where=name, remedy="copy it back from a backup"
            ) from error


def _as_block(line: dict[str, Any]) -> Block:
    count, tries = line["count"], line["tries"]
    return Block(
        {name: unpack(packed, count) for name, packed in line["deliveries"].items()},
        {name: unpack(packed, tries) for name, packed in line["attempts"].items()}
        or {name: [] for name in ("delivery", "at", "worker", "relay", "result", "code", "reply", "seconds")},
    )


def _head(edition: int, index: int) -> bytes:
    """Always as long: it is written anew when the place of the last line is known."""
    return _member({"format": FORMAT, "edition": edition, "index": f"{index:012}"}, 0)


def _member(value: object, level: int) -> bytes:
    line = json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"
    return gzip.compress(line.encode(), compresslevel=level, mtime=0)


def _first_member(file: IO[bytes]) -> bytes:
    """What the gzip member at the file's place holds; checked against its sum."""
    engine = zlib.decompressobj(wbits=31)
    found = io.BytesIO()
    while not engine.eof:
        data = file.read(65_536)
        if not data:
            raise EOFError("it ends too early")
        found.write(engine.decompress(data))
    return found.getvalue()
