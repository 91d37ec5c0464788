"""Where something stands in a publication's own templates: what a digest shows has no line, its template has."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

__all__ = ["Overrides"]


class Overrides:
    """The mail templates that a publication has in place of the built-in ones. Reads them once."""

    def __init__(self, templates: Path) -> None:
        self._folder = templates

    @cached_property
    def _texts(self) -> dict[str, str]:
        found = {}
        for file in sorted((self._folder / "email").glob("*")):
            if file.is_file() and file.suffix in (".html", ".txt", ".css"):
                name = file.relative_to(self._folder).as_posix()
                found[f"templates/{name}"] = file.read_text("utf-8", "replace")
        return found

    def place(self, *needles: str, otherwise: str) -> tuple[str, int | None]:
        """(file, line) of the first of ``needles`` that one of them has; else the file ``otherwise``, no line."""
        for needle in needles:
            for name, text in self._texts.items():
                if needle and (at := text.find(needle)) >= 0:
                    return name, text.count("\n", 0, at) + 1
        return otherwise, None
