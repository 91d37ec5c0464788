"""The closed pages of feeds' archives: which articles each has, by their places in the order of publication."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import Connection, delete, insert, select

from publisher.store.schema import archive_pages

__all__ = ["closed_pages", "save_closed"]

Places = tuple[int, ...]


def closed_pages(connection: Connection) -> dict[str, list[Places]]:
    """The closed pages of each feed, oldest first: the places of each, ascending."""
    found: dict[str, list[Places]] = {}
    statement = select(archive_pages.c.feed, archive_pages.c.places)
    for row in connection.execute(statement.order_by(archive_pages.c.feed, archive_pages.c.number)):
        found.setdefault(row.feed, []).append(_read(row.places))
    return found


def save_closed(
    connection: Connection, pages: Mapping[str, Sequence[Places]], known: Mapping[str, Sequence[Places]]
) -> None:
    """Makes the closed pages of the feeds in ``pages`` these; ``known`` is what `closed_pages` said before."""
    rows = []
    for feed, now in pages.items():
        before = known.get(feed, ())
        same = 0
        while same < min(len(now), len(before)) and now[same] == before[same]:
            same += 1
        if same < len(before):
            connection.execute(delete(archive_pages).where(archive_pages.c.feed == feed, archive_pages.c.number > same))
        rows += [
            {"feed": feed, "number": number, "places": _written(places)}
            for number, places in enumerate(now[same:], start=same + 1)
        ]
    if rows:
        connection.execute(insert(archive_pages), rows)


def _written(places: Iterable[int]) -> str:
    """``1-50,53``. Pure."""
    runs: list[list[int]] = []
    for place in sorted(places):
        if runs and place == runs[-1][1] + 1:
            runs[-1][1] = place
        else:
            runs.append([place, place])
    return ",".join(f"{first}-{last}" if last > first else f"{first}" for first, last in runs)


def _read(text: str) -> Places:
    found: list[int] = []
    for run in filter(None, text.split(",")):
        first, _, last = run.partition("-")
        found += range(int(first), int(last or first) + 1)
    return tuple(found)
