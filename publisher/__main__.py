"""``python -m publisher`` is the command line. A plain build that has nothing to do ends before that is imported:
reading command lines would take it longer than looking at ten thousand files.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from publisher.publication.freshness import Fresh, Looked

__all__ = ["main"]


def main() -> NoReturn:
    """The program. Ends the process with the exit status."""
    looked = None
    if sys.argv[1:] in (["build"], ["build", "--quiet"]):
        last, looked = _examined()
        if last is not None and _told(last, quiet=len(sys.argv) > 2):
            sys.exit(0)
    from publisher.cli import main as command_line

    command_line(looked)


def _examined() -> tuple[Fresh | None, Looked | None]:
    """What the last build left, if another would leave the same; else how the files look, if that was looked at."""
    from datetime import UTC, datetime
    from pathlib import Path

    from publisher.model.errors import UsageError
    from publisher.publication.finding import find_root
    from publisher.publication.freshness import Fresh, examined

    with contextlib.suppress(UsageError):  # the command says so
        found = examined(find_root(Path.cwd()), datetime.now(UTC))
        return (found, None) if isinstance(found, Fresh) else (None, found)
    return None, None


def _told(last: Fresh, *, quiet: bool) -> bool:
    """Whether that was all: nothing is to be done, and a person has read so."""
    if last.hub:  # it may have to be told of what an earlier build changed
        return False
    if quiet:
        return True
    try:
        print(last.told, flush=True)
    except (OSError, ValueError):  # there is nobody to read it, or it has no place: the command knows what to do
        return False
    return True


if __name__ == "__main__":
    main()
