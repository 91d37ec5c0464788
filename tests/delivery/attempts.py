"""An attempt log that remembers what it was told, and ways to run a transport to its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator

import uvloop

from publisher.delivery.transport import Transport
from publisher.model.delivery import Outcome, Outgoing, Result
from publisher.model.errors import PublisherError


class RememberingLog:
    """Keeps the order of events: ``("started", delivery)`` and ``("replied", delivery)``."""

    def __init__(self) -> None:
        self.events: list[tuple[str, int]] = []
        self.held: set[int] = set()

    async def started(self, outgoing: Outgoing) -> None:
        await asyncio.sleep(0)
        self.events.append(("started", outgoing.delivery))

    def begin(self, outgoing: Outgoing) -> bool:
        """As a journal does: now and then its disk has to be waited for."""
        if outgoing.delivery % 3 == 0:
            return False
        self.events.append(("started", outgoing.delivery))
        return True

    def withholds(self, outgoing: Outgoing) -> bool:
        return outgoing.edition in self.held

    def turn(self, outcome: Outcome, following: Outgoing) -> bool:
        if self.withholds(following) or following.delivery % 3 == 0 or not self.begins(following):
            return False
        self.replied(outcome)
        return self.begin(following)

    def begins(self, outgoing: Outgoing) -> bool:
        """Whether `begin` will say yes to what has not to be waited for."""
        return True

    def replied(self, outcome: Outcome) -> None:
        self.events.append(("replied", outcome.delivery))

    @property
    def started_ids(self) -> set[int]:
        return {delivery for event, delivery in self.events if event == "started"}


class Taken:
    """An iterator that remembers what was taken from it."""

    def __init__(self, messages: Iterable[Outgoing]) -> None:
        self._messages = iter(messages)
        self.ids: list[int] = []

    def __iter__(self) -> Iterator[Outgoing]:
        return self

    def __next__(self) -> Outgoing:
        outgoing = next(self._messages)
        self.ids.append(outgoing.delivery)
        return outgoing


class Run:
    """What came of a run: outcomes by delivery, the error if there was one, and what was taken."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self.error: BaseException | None = None
        self.taken: list[int] = []

    def results(self) -> dict[int, Result]:
        return {outcome.delivery: outcome.result for outcome in self.outcomes}

    def outcome(self, delivery: int) -> Outcome:
        return next(outcome for outcome in self.outcomes if outcome.delivery == delivery)

    def check(self) -> None:
        """Every message taken has exactly one outcome."""
        assert sorted(outcome.delivery for outcome in self.outcomes) == sorted(self.taken)


def outgoing(delivery: int, **changes: object) -> Outgoing:
    values: dict[str, object] = {
        "delivery": delivery,
        "fence": 7,
        "message_id": f"<d{delivery}.k@example.org>",
        "envelope_sender": "bounces+k@example.org",
        "recipient": f"reader{delivery}@example.com",
        "buffers": (f"Subject: number {delivery}\r\n\r\n".encode(), b"Hello\r\n"),
        **changes,
    }
    return Outgoing(**values)  # type: ignore[arg-type]


async def deliver(
    transport: Transport,
    messages: Iterable[Outgoing],
    *,
    log: RememberingLog | None = None,
    stop: asyncio.Event | None = None,
    stop_after: int | None = None,
) -> Run:
    """Runs the transport to its end; sets ``stop`` after so many outcomes."""
    run = Run()
    taken = Taken(messages)
    stopping = stop or asyncio.Event()
    try:
        async for outcomes in transport.deliver(taken, log=log or RememberingLog(), stop=stopping):
            run.outcomes += outcomes
            if stop_after is not None and len(run.outcomes) >= stop_after:
                stopping.set()
    except PublisherError as error:
        run.error = error
    run.taken = taken.ids
    run.check()
    return run


def run(scene: Callable[[], Awaitable[None]], *, loop: str = "asyncio") -> None:
    """Runs a scene of at most a minute, on asyncio's own loop or on ``uvloop``."""

    async def bounded() -> None:
        async with asyncio.timeout(60):
            await scene()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop if loop == "uvloop" else None) as runner:
        runner.run(bounded())
