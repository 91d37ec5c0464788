"""What has to be safe before a dot may leave is made safe in a thread of its own, one thing after the other.

Guarantees: when :attr:`Syncer.done` has reached a number, what :meth:`Syncer.ask` gave it for is done, and all before.
After an error nothing more is done, and :attr:`Syncer.error` says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

from publisher.model.errors import PublisherError

__all__ = ["Syncer"]


class Syncer:
    """Numbers what it is asked for, and counts what is done. Its thread wakes the event loop only if somebody waits:
    a task and a future for each would cost more than a sync does.
    """

    def __init__(self) -> None:
        self.done = 0
        self.error: OSError | PublisherError | None = None
        self._asked = 0
        self._loop = asyncio.get_running_loop()
        self._queue: SimpleQueue[tuple[int, Callable[[], None]] | None] = SimpleQueue()
        self._waiting: list[asyncio.Future[None]] = []
        self._thread = Thread(target=self._work, name="journal", daemon=True)
        self._thread.start()

    @property
    def idle(self) -> bool:
        """Nothing is under way: the journal's file may be exchanged."""
        return self.done == self._asked

    def ask(self, job: Callable[[], None]) -> int:
        """Begins the job; the number that `done` will reach. The job may raise OSError and PublisherError."""
        self._asked += 1
        self._queue.put((self._asked, job))
        return self._asked

    async def wait(self, number: int) -> None:
        """Returns when `done` has reached the number. Raises what the job did."""
        while self.done < number:
            if self.error is not None:
                raise self.error
            waiting = self._loop.create_future()
            self._waiting.append(waiting)
            if self.done < number and self.error is None:  # else the thread may have looked before this one was there
                await waiting

    def end(self) -> None:
        """Ends the thread, when what was asked for is done."""
        self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        while (asked := self._queue.get()) is not None:
            number, job = asked
            if self.error is None:
                try:
                    job()
                except (OSError, PublisherError) as error:
                    self.error = error
                else:
                    self.done = number
            if self._waiting:
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        waiting, self._waiting = self._waiting, []
        for one in waiting:
            if not one.done():
                one.set_result(None)
