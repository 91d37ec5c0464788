"""The messages of a pass: claimed a batch ahead, composed and announced to the journal a sub-batch ahead.

Guarantees: at most two batches are claimed at once; a message is announced before it is given to the transport; when
an edition is halted, whatever of it was not given out goes back at once. Fails with whatever claiming or composing
raised; what was claimed and not given out is then the caller's to release.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future

from publisher.model.delivery import Claimed, Outgoing

__all__ = ["Claims"]


class Claims:
    """Claims of one pass.

    ``claim``     begins to claim a batch, in the database's thread
    ``compose``   the message, or None where none can be written (that delivery has its outcome then)
    ``announce``  tells the journal which messages come next
    ``give_back`` a delivery (id, fence) that was claimed and must not go now
    ``begin``     tells the database, in a thread, which deliveries come next; gives back those that are still ours.
                  None: nobody else has to know
    ``batch``     messages of a sub-batch; ``left``: the next is prepared when so many are not given out yet
    """

    def __init__(
        self,
        *,
        claim: Callable[[], Future[list[Claimed]]],
        compose: Callable[[Claimed], Outgoing | None],
        announce: Callable[[Sequence[Outgoing]], None],
        give_back: Callable[[int, int], None],
        batch: int,
        left: int,
        begin: Callable[[list[Claimed]], Future[set[int]]] | None = None,
    ) -> None:
        self._claim = claim
        self._compose = compose
        self._announce = announce
        self._give_back = give_back
        self._batch = batch
        self._left = left
        self._begin = begin
        self._beginning: tuple[list[Claimed], Future[set[int]] | None] | None = None
        self._ahead: Future[list[Claimed]] | None = None
        self._claimed: deque[Claimed] = deque()
        self._announced: deque[tuple[int | None, Outgoing]] = deque()
        self._taken = 0
        self.halted: frozenset[int] = frozenset()
        self.editions: set[int] = set()
        """Numbers of all editions that anything was claimed of."""

    def halt(self, editions: Iterable[int]) -> None:
        """From now on no message of these editions is given out, and of all others again.

        To be called anew as long as it holds: what is being claimed or begun meanwhile goes back the next time.
        """
        self.halted = frozenset(editions)
        if not self.halted:
            return
        if self._ahead is not None and self._ahead.done() and self._ahead.exception() is None:
            self._take_ahead()
        self._claimed = deque(self._without_halted(self._claimed))
        if self._beginning is not None:
            part, begun = self._beginning
            if begun is None or (begun.done() and begun.exception() is None):
                self._beginning = self._without_halted(part), begun
        announced, self._announced = self._announced, deque()
        for edition, outgoing in announced:
            if edition in self.halted:
                self._give_back(outgoing.delivery, outgoing.fence)
            else:
                self._announced.append((edition, outgoing))

    def _without_halted(self, claimed: Iterable[Claimed]) -> list[Claimed]:
        """These without what is halted, which goes back."""
        rest = []
        for delivery in claimed:
            if delivery.edition in self.halted:
                self._give_back(delivery.id, delivery.fence)
            else:
                rest.append(delivery)
        return rest

    def messages(self) -> Iterator[Outgoing]:
        """The messages, until a claim finds nothing due."""
        self._ahead = self._claim()
        while True:
            if len(self._announced) <= self._left:
                self._prepare()
            if not self._announced:
                return
            yield self._announced.popleft()[1]

    def _prepare(self) -> None:
        """Composes and announces a sub-batch, of the next batch where this one has ended."""
        while True:
            if self._beginning is None:
                part = self._next_part()
                if not part:
                    return
                self._beginning = part, self._begin(part) if self._begin is not None else None
            part, begun = self._beginning
            if begun is not None and self._announced and not begun.done():
                return  # it is looked at again with the next message
            self._beginning = None
            self._hand_out(part, begun.result() if begun is not None else None)
            if self._announced:
                return

    def _next_part(self) -> list[Claimed]:
        """The deliveries of the next sub-batch; none: nothing is claimed now."""
        if not self._claimed and not self._announced:
            # Nothing is ready: only now is it worth to wait for the database.
            self._take_ahead()
        if not self._claimed and self._ahead is not None and self._ahead.done():
            self._take_ahead()
        part = [self._claimed.popleft() for _ in range(min(self._batch, len(self._claimed)))]
        if self._ahead is None and self._taken and len(self._claimed) * 2 <= self._taken:
            # While the second half leaves, the next batch is claimed in the database's thread.
            self._ahead = self._claim()
        return part

    def _hand_out(self, part: list[Claimed], ours: set[int] | None) -> None:
        """What was lost since to another worker is no more our business; ``ours``: None where nobody else is there."""
        composed: list[tuple[int | None, Outgoing]] = []
        for delivery in part:
            if ours is not None and delivery.id not in ours:
                continue
            if delivery.edition in self.halted:
                self._give_back(delivery.id, delivery.fence)
            elif (outgoing := self._compose(delivery)) is not None:
                composed.append((delivery.edition, outgoing))
        if composed:
            self._announce([outgoing for _, outgoing in composed])
        self._announced.extend(composed)

    def _take_ahead(self) -> None:
        if self._ahead is None:
            self._ahead = self._claim()
        claimed = self._ahead.result()
        self._ahead = None
        self._taken = len(claimed)
        self._claimed.extend(claimed)
        self.editions.update(delivery.edition for delivery in claimed if delivery.edition is not None)
