"""Putting a new publication into a folder: all of it or nothing.

The files are made beside their place and moved in one step. Into a folder that is there already they are
moved one by one, publication.toml last, and taken back if that fails; nothing of its own is overwritten.
Fails with UsageError (there is a publication, or a file is in the way) and OutputError.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from publisher.model.errors import OutputError, UsageError
from publisher.publication.blank import GITIGNORE, write_files

__all__ = ["copy_starter", "found", "refuse_occupied"]

MAIN = "publication.toml"
_OWN_IS_KEPT = frozenset({".gitignore"})


def refuse_occupied(folder: Path) -> None:
    """Raises UsageError if ``folder`` has a publication already, or is a file."""
    if (folder / MAIN).exists():
        raise UsageError(
            f"there is a {MAIN} already",
            where=str(folder),
            remedy="choose another folder; nothing was changed",
        )
    if folder.exists() and not folder.is_dir():
        raise UsageError("not a folder", where=str(folder), remedy="choose another name; nothing was changed")


def found(folder: Path, fill: Callable[[Path], None]) -> list[str]:
    """Lets ``fill`` write into an empty folder, and puts that at ``folder``; gives the files' paths.

    Raises UsageError, OutputError, and whatever ``fill`` raises; then nothing has changed.
    """
    folder = folder.absolute()
    refuse_occupied(folder)
    standing = folder
    while not standing.exists():
        standing = standing.parent
    try:
        scratch = Path(tempfile.mkdtemp(prefix=".publisher-init-", dir=standing))
        try:
            inside = scratch / "new" / folder.relative_to(standing)
            inside.mkdir(parents=True)
            fill(inside)
            files = sorted(path.relative_to(inside).as_posix() for path in inside.rglob("*") if path.is_file())
            if folder == standing:
                _move_into(inside, folder)
            else:
                top = folder.relative_to(standing).parts[0]
                (scratch / "new" / top).rename(standing / top)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror or error}); nothing was made",
            where=str(folder),
            remedy="make the folder writable, or choose another",
        ) from error
    return files


def copy_starter(source: Path, folder: Path) -> None:
    """The demo without its templates: those are built in, and a folder of one's own holds overrides only."""
    ignore = shutil.ignore_patterns(".*", "__pycache__", "*.py")
    for name in ("feeds", "articles"):
        shutil.copytree(source / name, folder / name, ignore=ignore)
    for name in (MAIN, "subscribers.csv"):
        shutil.copyfile(source / name, folder / name)
    (folder / "templates").mkdir()
    write_files(folder, {".gitignore": GITIGNORE})


def _move_into(source: Path, folder: Path) -> None:
    paths = [path.relative_to(source) for path in sorted(source.rglob("*"))]
    files = [path for path in paths if not (source / path).is_dir()]
    for path in files:
        if (folder / path).exists() and path.name not in _OWN_IS_KEPT:
            raise UsageError(
                "in the way: it would be overwritten",
                where=str(folder / path),
                remedy="move it, or choose another folder; nothing was changed",
            )
    moved: list[Path] = []
    made: list[Path] = []
    try:
        for path in paths:
            if (source / path).is_dir() and not (folder / path).exists():
                (folder / path).mkdir()
                made.append(folder / path)
        for path in sorted(files, key=lambda path: path.name == MAIN):
            if not (folder / path).exists():
                (source / path).rename(folder / path)
                moved.append(folder / path)
    except BaseException:
        for path in reversed(moved):
            path.unlink(missing_ok=True)
        for path in reversed(made):
            path.rmdir()
        raise
