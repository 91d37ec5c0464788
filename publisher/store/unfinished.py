"""Files of the ledger: there whole or not at all, also after a power failure. Fails with OutputError."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from publisher.model.errors import OutputError
from publisher.publication.renames import sync_folder

__all__ = ["give_name", "unfinished"]


@contextmanager
def unfinished(folder: Path, name: str) -> Iterator[Path]:
    """Where to write a file of the ledger until `give_name` gives it its name; without that it goes.

    What processes that were killed left of it goes, too: one at a time folds on a host. Raises OutputError.
    """
    temporary = folder / f".{name}.{os.getpid()}"
    try:
        folder.mkdir(exist_ok=True)
        for old in folder.glob(f".{name}.*"):
            old.unlink(missing_ok=True)
        try:
            yield temporary
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror or error}); nothing has left the database",
            where=f"{folder.name}/{name}",
            remedy="free some room, or make the folder writable",
        ) from error


def give_name(temporary: Path, path: Path) -> None:
    """Inside `unfinished`: renames a file that is complete and synced, so that it lasts. Raises OSError."""
    temporary.replace(path)
    sync_folder(path.parent)
