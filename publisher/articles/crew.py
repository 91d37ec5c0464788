"""Several processes that work for a build, one a core: they read, render and write, and answer what they did.

They are forks of this process and share what it had in memory, and its open files; nothing they keep comes back but
their answers. Guarantees: none outlives this process, however it ends (prctl(2), PR_SET_PDEATHSIG); what fails in one
fails here. Only where that holds is there a crew: on Linux, in a process of a single thread. Fails with OutputError
where one of them was killed.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from publisher.model.errors import OutputError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

__all__ = ["MANY", "Crew", "hands"]

MANY = 1_000
"""Changed files from which a crew pays: each process costs a build some hundredths of a second."""

_MOST = 8
_PDEATHSIG = 1

Work = Callable[[str, Any], Any]
"""What a process does of a kind of job with what it was given: the answer, which can be pickled."""


def hands() -> int:
    """How many processes a crew would have here; fewer than two: none."""
    if sys.platform != "linux" or len(os.listdir("/proc/self/task")) > 1:  # Python knows only of threads of its own
        return 1
    return min(_MOST, len(os.sched_getaffinity(0)))


class Crew:
    """``work`` makes, in the process of that number, what its jobs are given to. `close` it."""

    def __init__(self, count: int, work: Callable[[int], Work]) -> None:
        from multiprocessing.connection import Pipe  # most builds have no crew

        self._members: list[tuple[int, Connection]] = []
        parent = os.getpid()
        for number in range(count):
            ours, theirs = Pipe()
            process = os.fork()
            if process == 0:
                _serve(theirs, lambda number=number: work(number), parent)  # type: ignore[misc]
            theirs.close()
            self._members.append((process, ours))

    def __len__(self) -> int:
        return len(self._members)

    def run(self, job: str, queues: Sequence[Iterator[Any]]) -> Iterator[tuple[int, Any]]:
        """Gives each process what is in its queue, one after the other; the answers as they come, with whose they are.

        Several processes may have one queue: each takes what is next when it is free. Raises what a process raised.
        """
        from multiprocessing.connection import wait

        busy: dict[Connection, int] = {}
        for number in range(len(self)):
            self._give(number, job, queues[number], busy)
        while busy:
            for ready in wait(list(busy)):
                connection = cast("Connection", ready)
                number = busy.pop(connection)
                try:
                    answer, error = connection.recv()
                except (EOFError, OSError) as ended:
                    raise self._died(number) from ended
                if error is not None:
                    raise error
                self._give(number, job, queues[number], busy)
                yield number, answer

    def close(self) -> None:
        """Ends all of them, whatever they are doing."""
        for process, connection in self._members:
            connection.close()
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process, 0)
        self._members.clear()

    def _give(self, number: int, job: str, queue: Iterator[Any], busy: dict[Connection, int]) -> None:
        given = next(queue, None)
        if given is None:
            return
        connection = self._members[number][1]
        try:
            connection.send((job, given))
        except OSError as ended:
            raise self._died(number) from ended
        busy[connection] = number

    def _died(self, number: int) -> OutputError:
        return OutputError(
            "was not finished: a process that rendered articles was killed",
            where="the build",
            remedy="run it again; if there was too little memory, give it more",
        )


def _serve(connection: Connection, make: Callable[[], Work], parent: int) -> None:
    """A process's life: never returns, and leaves what it shares with its parent as it is."""
    try:
        ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches our parent, too, and it ends us
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        work: Work | None = None
        while os.getppid() == parent:
            job, given = connection.recv()
            answer: Any = None
            fault: Exception | None = None
            try:
                work = work or make()
                answer = work(job, given)
            except Exception as error:  # whatever it is, it is our parent's to tell
                fault = error
            connection.send((answer, fault))
    except (EOFError, OSError):
        pass
    finally:
        os._exit(0)
