"""One process a host: a lock file that dies with its holder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from publisher.model.errors import OutputError

__all__ = ["host_lock"]


@contextmanager
def host_lock(state: Path, name: str) -> Iterator[bool]:
    """Holds this host's right to do something; yields False at once if another process has it. Freed by our death.

    ``state`` is the publication's ``.publisher``, ``name`` the file's. Raises OutputError.
    """
    try:
        state.mkdir(exist_ok=True)
        descriptor = os.open(state / name, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})",
            where=str(state),
            remedy="make the publication's folder writable",
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
