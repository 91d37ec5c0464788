"""One pass over a publication's road, in this process or in one of its own that kills itself at a commit.

The processes come from a fork server that has imported everything once: a pass costs a tenth of a second.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from datetime import datetime
from multiprocessing.process import BaseProcess
from pathlib import Path

from publisher import pipeline
from publisher.editions import approving
from publisher.publication import load, load_secrets
from publisher.store import open_store
from publisher.theme.environment import environment_of


def _dying(commits: int | None) -> Callable[[], None]:
    left = commits

    def committed() -> None:
        nonlocal left
        if left is not None:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    return committed


def approve(folder: Path, at: datetime, commits: int | None = None) -> None:
    """Approves the first edition. ``commits``: die after so many."""
    publication = load(folder)
    store = open_store(publication.database, folder, after_commit=_dying(commits))
    environment = environment_of(publication)
    try:
        published = pipeline.publish(publication, store, environment=environment, now=at, mailing=True)
        approving.approve(pipeline.opener_of(publication, store, published, environment=environment, now=at), 1)
    finally:
        store.close()


def walk(folder: Path, at: datetime, commits: int | None = None) -> pipeline.Passed:
    """The pass. ``commits``: die after so many."""
    publication = load(folder)
    store = open_store(publication.database, folder, after_commit=_dying(commits))
    try:
        return pipeline.run(
            publication,
            load_secrets(folder),
            store,
            clock=lambda: at,
            stop=threading.Event(),
            fixed_time=True,
        )
    finally:
        store.close()


_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([__name__, "publisher.editions.digest", "psycopg", "uvloop"])


def start(folder: Path, at: datetime, commits: int | None = None, *, does: Callable[..., object] = walk) -> BaseProcess:
    """A pass in a process of its own; with ``commits`` it is killed (SIGKILL) right after that many."""
    process = _FORKS.Process(target=does, args=(folder, at, commits))
    process.start()
    return process


def finish(process: BaseProcess) -> int:
    """Its exit status; negative: the signal that ended it."""
    process.join(timeout=60)
    assert process.exitcode is not None, "the pass hangs"
    return process.exitcode
