"""What an operator must mend is printed when it is new, then once a day: cron mails whatever is printed.

What was printed is a file in .publisher/, not a fact of the database, which may be what is broken. Fails never: where
the file cannot be read or written, all is printed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path

__all__ = ["fresh"]

AGAIN = timedelta(hours=23, minutes=30)  # cron is not punctual
FORGOTTEN = timedelta(hours=1)
_FILE = "printed.json"


def fresh(state: Path, keys: Iterable[str], now: datetime) -> set[str]:
    """Those of these keys that are to be printed now, and takes note that they are.

    What is not among them now, and was not for an hour, is over, and new when it comes back.
    """
    path = state / _FILE
    known = _read(path)
    now_wrong = set(keys)
    keep = {key: times for key, times in known.items() if key in now_wrong or now - times[1] < FORGOTTEN}
    new = set()
    for key in now_wrong:
        printed = keep[key][0] if key in keep else None
        if printed is None or not timedelta(0) <= now - printed < AGAIN:
            new.add(key)
            printed = now
        keep[key] = (printed, now)
    if keep or known:
        _write(path, keep)
    return new


def _read(path: Path) -> dict[str, tuple[datetime, datetime]]:
    try:
        values = json.loads(path.read_text("utf-8"))
        return {
            str(key): (datetime.fromisoformat(printed), datetime.fromisoformat(seen))
            for key, (printed, seen) in values.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _write(path: Path, known: dict[str, tuple[datetime, datetime]]) -> None:
    values = {key: [printed.isoformat(), seen.isoformat()] for key, (printed, seen) in sorted(known.items())}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.mkdir(exist_ok=True)
        temporary.write_text(json.dumps(values, ensure_ascii=False), "utf-8")
        temporary.replace(path)
