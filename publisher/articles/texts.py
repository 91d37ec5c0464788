"""The HTML of the articles that one build renders, on disk for as long as it runs: many would fill the memory.

Fails never: a text that cannot be kept is not there, and whoever wants it renders it again.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["Texts"]


class Texts:
    """Texts by name, in a file without one in ``folder``, which is gone with this process."""

    def __init__(self, folder: Path) -> None:
        self._places: dict[str, tuple[int, int, int]] = {}  # in which file, from where on, how long
        self._end = 0
        self._file = None
        with contextlib.suppress(OSError):
            self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 (it lives as long as we do)

    def put(self, name: str, data: bytes) -> None:
        """Keeps a text in UTF-8 (lone surrogates may be in it), if there is room."""
        if self._file is None:
            return
        try:
            written = os.pwrite(self._file.fileno(), data, self._end)
        except OSError:
            return
        if written == len(data):
            self._places[name] = self._file.fileno(), self._end, written
            self._end += written

    def get(self, name: str) -> str | None:
        """The text, or None where it is not kept."""
        if self._file is None or (place := self._places.get(name)) is None:
            return None
        try:
            return os.pread(place[0], place[2], place[1]).decode("utf-8", "surrogatepass")
        except OSError:
            return None

    def forget(self, name: str) -> None:
        """It is not asked for any more."""
        self._places.pop(name, None)

    def place_of(self, name: str) -> tuple[int, int, int] | None:
        """Where it is kept; a fork of this process, or the process it is a fork of, may `take` it from there."""
        return self._places.get(name)

    def take(self, name: str, place: tuple[int, int, int]) -> None:
        """Has what others keep, for as long as they do."""
        self._places[name] = place

    def close(self) -> None:
        """Forgets all of them."""
        if self._file is not None:
            self._file.close()
            self._file = None
        self._places.clear()
