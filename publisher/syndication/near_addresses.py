"""Which known address a broken one may have meant, among many thousands. Pure."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Collection, Iterator

__all__ = ["NearAddresses"]

_LIKE = 0.7
_COMPARED = 20
_COMMON = 500


class NearAddresses:
    """Finds the nearest of the known addresses by the three-letter pieces that they share.

    Comparing one address letter by letter with ten thousand others takes seconds; this way it is twenty at most.
    """

    def __init__(self, known: Collection[str]) -> None:
        self._with_piece: dict[str, list[str]] = {}
        for address in known:
            for piece in set(_pieces(address)):
                self._with_piece.setdefault(piece, []).append(address)

    def to(self, address: str) -> str | None:
        """The nearest one, if it is near enough to be meant."""
        shared: Counter[str] = Counter()
        lists = [self._with_piece.get(piece, ()) for piece in set(_pieces(address))]
        # A piece that everybody has ("/20") tells nothing, unless there is no other.
        for having in [each for each in lists if len(each) <= _COMMON] or lists:
            shared.update(having)
        likely = [one for one, _ in shared.most_common(_COMPARED)]
        return next(iter(difflib.get_close_matches(address, likely, n=1, cutoff=_LIKE)), None)


def _pieces(address: str) -> Iterator[str]:
    padded = f"{address}/"
    return (padded[at : at + 3] for at in range(len(padded) - 2))
