"""What one command works on: the publication it found, its store, the clock, and how it speaks to its caller.

Everything is looked up when it is first asked for, so that help and a mistyped option cost nothing.
"""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from publisher.model.errors import PublisherError, UsageError

if TYPE_CHECKING:
    from publisher.model.feed import Newsletter
    from publisher.model.publication import Publication, Secrets
    from publisher.publication.freshness import Looked
    from publisher.store.database import Store

__all__ = ["Session", "count", "plain_table"]


class Session:
    """One call of the program. ``folder``, ``as_json``, ``debug`` and ``quiet`` are the common options.

    ``status`` is the exit status so far: 0, or what the first failure made it. ``looked``: how the publication's files
    looked when the program began, if it has seen that they have changed.
    """

    def __init__(self, looked: Looked | None = None) -> None:
        self.looked = looked
        self.folder: Path | None = None
        self.as_json = False
        self.debug = False
        self.quiet = False
        self.status = 0
        self._publication: Publication | None = None
        self._secrets: Secrets | None = None
        self._store: Store | None = None

    @property
    def root(self) -> Path:
        """The publication's folder. Raises UsageError if there is none."""
        from publisher.publication.finding import find_root

        if self.folder is None:
            return find_root(Path.cwd())
        if not (self.folder / "publication.toml").is_file():
            raise UsageError(
                "there is no publication.toml in it",
                where=f"--publication {self.folder}",
                remedy="name a publication's folder, or make one with: publisher init DIR",
            )
        return self.folder.absolute()

    @property
    def publication(self) -> Publication:
        """The publication, loaded. Raises UsageError, ConfigurationError."""
        if self._publication is None:
            from publisher.publication.loading import load

            self._publication = load(self.root)
        return self._publication

    def reload(self) -> Publication:
        """The publication as its files say now; the store goes with it. Raises UsageError, ConfigurationError."""
        before, self._publication = self._publication, None
        publication = self.publication
        if before is not None and before.database != publication.database:
            self.close()
        return publication

    @property
    def secrets(self) -> Secrets:
        """The publication's secrets, made on first need. Raises ConfigurationError, OutputError."""
        if self._secrets is None:
            from publisher.publication.secrets import load_secrets

            self._secrets = load_secrets(self.root)
        return self._secrets

    def store(self, *, only_reading: bool = False) -> Store:
        """The publication's store, opened once and migrated. Raises StoreError, ConfigurationError.

        ``only_reading``: one that cannot be written will do.
        """
        if self._store is None:
            from publisher.store.database import open_store

            publication = self.publication
            self._store = open_store(publication.database, publication.root, only_reading=only_reading)
        return self._store

    def newsletter(self, name: str) -> Newsletter:
        """The newsletter of that name. Raises UsageError, with the nearest."""
        known = {one.name: one for one in self.publication.newsletters}
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise UsageError(
                f'no newsletter "{name}"',
                remedy=f'did you mean "{near[0]}"?' if near else f"newsletters here: {', '.join(known) or 'none'}",
            )
        return known[name]

    def close(self) -> None:
        """Gives back what was opened."""
        if self._store is not None:
            self._store.close()
            self._store = None

    def now(self) -> datetime:
        """The only clock: aware, UTC. Everything below the command line gets its answer as an argument."""
        return datetime.now(UTC)

    @property
    def terminal(self) -> bool:
        """Whether a person reads along."""
        return sys.stdout.isatty()

    @property
    def answers(self) -> bool:
        """Whether a person can be asked."""
        return self.terminal and sys.stdin is not None and sys.stdin.isatty()

    def say(self, text: str) -> None:
        """One line about a step that was done. Not with --quiet, nor with --json: the answer stands alone."""
        if not (self.quiet or self.as_json):
            click.echo(text)

    def show(self, text: str) -> None:
        """What was asked for, in words: printed with --quiet too."""
        click.echo(text)

    def answer(self, value: object) -> None:
        """What was asked for, as JSON. Times become ISO 8601 in UTC, values their fields."""
        import json

        # Another encoding's escapes (\\xe9) would not be JSON's.
        utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
        click.echo(json.dumps(value, ensure_ascii=not utf8, indent=2, default=_as_json))

    def table(self, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
        """What was asked for, in columns: ruled on a terminal, aligned text elsewhere."""
        if not self.terminal:
            for line in plain_table(columns, rows):
                click.echo(line)
            return
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0))
        for number, column in enumerate(columns):
            table.add_column(Text(column), justify="right" if _is_number(rows, number) else "left")
        for row in rows:
            table.add_row(*(Text(_cell(value)) for value in row))
        Console().print(table)

    def failed(self, error: PublisherError) -> None:
        """Reports a failure, one line each; the command goes on, and ends with the error's exit status."""
        for one in (error, *error.also):
            click.echo(f"publisher: {one}", err=True)
        self.status = self.status or error.exit_status

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[int], None]]:
        """A bar on a terminal, nothing elsewhere. Gives a function that takes how many more are done."""
        if not self.terminal or self.quiet or self.as_json:
            yield lambda done: None
            return
        from rich.progress import Progress

        with Progress(transient=True) as bar:
            task = bar.add_task(what, total=total)
            yield lambda done: bar.advance(task, done)


def count(number: int, noun: str, plural: str = "") -> str:
    """``1 feed``, ``1,204 feeds``. ``plural``: where it is not the noun with an s. Pure."""
    return f"{number:,} {noun if number == 1 else plural or f'{noun}s'}"


def plain_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> Iterator[str]:
    """Aligned lines, two spaces between columns, no trailing spaces. Pure."""
    cells = [list(columns), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[number]) for row in cells) for number in range(len(columns))]
    right = [_is_number(rows, number) for number in range(len(columns))]
    for row in cells:
        parts = (
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(row, widths, right, strict=True)
        )
        yield "  ".join(parts).rstrip()


def _cell(value: object) -> str:
    """A cell is one line without control characters: addresses and titles are other people's text."""
    text = "" if value is None else str(value)
    return "".join(character if character.isprintable() else " " for character in text)


def _is_number(rows: Sequence[Sequence[object]], column: int) -> bool:
    return bool(rows) and all(isinstance(row[column], int) for row in rows)


def _as_json(value: Any) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if isinstance(value, Path):
        return value.as_posix()
    if hasattr(value, "__dataclass_fields__"):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    return str(value)
