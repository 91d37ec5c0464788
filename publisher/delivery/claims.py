"""The messages of a pass: claimed a batch ahead, composed and announced to the journal a sub-batch ahead.

Guarantees: at most two batches are claimed at once; a message is announced before it is given to the transport.
Fails with whatever claiming or composing raised; what was claimed and not given out is the caller's to release.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future

from publisher.model.delivery import Claimed, Outgoing

__all__ = ["Claims"]


class Claims:
    """Claims of one pass.

    ``claim``     begins to claim a batch, in the database's thread
    ``compose``   the message, or None where none can be written (that delivery has its outcome then)
    ``announce``  tells the journal which messages come next
    ``give_back`` a delivery that was claimed and must not go any more
    ``batch``     messages of a sub-batch
    """

    def __init__(
        self,
        *,
        claim: Callable[[], Future[list[Claimed]]],
        compose: Callable[[Claimed], Outgoing | None],
        announce: Callable[[Sequence[Outgoing]], None],
        give_back: Callable[[Outgoing], None],
        batch: int,
    ) -> None:
        self._claim = claim
        self._compose = compose
        self._announce = announce
        self._give_back = give_back
        self._batch = batch
        self._editions: set[int] = set()
        self._halted: set[int] = set()

    @property
    def editions(self) -> set[int]:
        """Numbers of the editions that messages may still be given out of."""
        return self._editions - self._halted

    def halt(self, edition: int) -> None:
        """No more messages of this edition."""
        self._halted.add(edition)

    def messages(self) -> Iterator[Outgoing]:
        """The messages, until a claim finds nothing due."""
        ahead = self._claim()
        waiting: list[tuple[int | None, Outgoing]] = []
        while claimed := ahead.result():
            self._editions.update(delivery.edition for delivery in claimed if delivery.edition is not None)
            half = len(claimed) // 2
            for start in range(0, len(claimed), self._batch):
                part = claimed[start : start + self._batch]
                composed = [
                    (delivery.edition, outgoing)
                    for delivery in part
                    if delivery.edition not in self._halted and (outgoing := self._compose(delivery)) is not None
                ]
                self._announce([outgoing for _, outgoing in composed])
                if start <= half < start + self._batch:
                    # While the second half leaves, the next batch is claimed in the database's thread.
                    ahead = self._claim()
                yield from self._not_halted(waiting)
                waiting = composed
        yield from self._not_halted(waiting)

    def _not_halted(self, waiting: Sequence[tuple[int | None, Outgoing]]) -> Iterator[Outgoing]:
        for edition, outgoing in waiting:
            if edition in self._halted:
                self._give_back(outgoing)
            else:
                yield outgoing
