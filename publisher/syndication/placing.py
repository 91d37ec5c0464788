"""Files put in their places: a reader, and a build that comes after one that was killed, sees old bytes or new ones.

Guarantees: what has the name is whole; temporary files begin with `TEMPORARY` and never share a name.
"""

from __future__ import annotations

import contextlib
import ctypes
import filecmp
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

__all__ = ["TEMPORARY", "holds", "is_same", "place", "replacing", "sweep", "sync"]

TEMPORARY = ".publisher-"
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def place(target: str, content: bytes) -> os.stat_result:
    """Puts a file in the place of ``target``, whole or not at all; how it looks then."""
    folder = os.path.dirname(target)
    temporary = f"{folder}/{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}.tmp"
    try:
        file = os.open(temporary, _NEW)
    except FileNotFoundError:
        os.makedirs(folder, exist_ok=True)
        file = os.open(temporary, _NEW)
    try:
        try:
            rest = memoryview(content)
            while rest:
                rest = rest[os.write(file, rest) :]
            status = os.fstat(file)
        finally:
            os.close(file)
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            os.unlink(temporary)
        raise
    return status


@contextlib.contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of ``target`` when it is complete; otherwise nothing is left of it."""
    temporary = target.parent / f"{TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}.tmp"
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with temporary.open("xb") as file:
            yield file
        os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):  # the first error is the one to tell
            temporary.unlink(missing_ok=True)
        raise


def holds(target: str, content: bytes) -> bool:
    try:
        if os.stat(target).st_size != len(content):
            return False
        with open(target, "rb", buffering=0) as file:
            return file.read() == content
    except OSError:
        return False


def is_same(target: Path, source: Path) -> bool:
    try:
        return filecmp.cmp(target, source, shallow=False)
    except OSError:
        return False


def sweep(folder: Path) -> bool:
    """Removes what a killed build left half written below the folder; whether there was any. No other build may run."""
    left = list(folder.rglob(f"{TEMPORARY}*.tmp"))
    for temporary in left:
        temporary.unlink(missing_ok=True)
    return bool(left)


def sync(folder: Path) -> None:
    """Bring the folder's file system to disk: syncfs(2) where there is one, else everything."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None or syncfs(descriptor) != 0:
            os.sync()
    finally:
        os.close(descriptor)
