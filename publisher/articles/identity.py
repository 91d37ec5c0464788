"""Which article is which: ids that never change, dates that mean what they say, numbers for mailing.

Deciding only: from what the files say and what the database remembers, what each article is now. Identity comes
from the file's own ``id``, else from the record of the same path, else from a vanished record of the same
content (a moved file), else it is minted from the path (RFC 4151, a ``tag:`` URI).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from publisher.articles.sources import Source
from publisher.model.article import TOO_OLD, Record
from publisher.model.errors import ArticleError
from publisher.model.publication import Publication

__all__ = ["Identified", "identify", "number", "placed"]

OLD_NEWS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Identified:
    """A file together with the record it has from now on."""

    source: Source
    record: Record


def identify(
    sources: Sequence[Source],
    records: Mapping[str, Record],
    *,
    publication: Publication,
    unreadable: Iterable[str] = (),
    now: datetime,
) -> tuple[list[Identified], list[Record], list[ArticleError]]:
    """Each file's article; the records whose article is gone; two files with one id or one address. Pure.

    Articles of ``unreadable`` paths are neither identified nor gone.
    """
    by_path = {record.path: record for record in records.values() if record.gone_at is None}
    paths = {source.path for source in sources} | set(unreadable)
    claimed = {source.id for source in sources if source.id}
    vanished = {
        record.content_hash: record
        for record in records.values()
        if record.path not in paths and record.id not in claimed
    }
    found: dict[str, Identified] = {}
    errors: list[ArticleError] = []
    # A file whose path is the recorded one of its id keeps it; the copy is the one at fault.
    for source in sorted(sources, key=lambda s: (records[s.id].path != s.path if s.id in records else True, s.path)):
        known = records.get(source.id) if source.id else by_path.get(source.path) or vanished.get(source.content_hash)
        article_id = source.id or (known.id if known else _unused(_minted(source, publication), source, records))
        if article_id in found:
            errors.append(
                ArticleError(
                    f'has the same id as {found[article_id].source.path}: "{article_id}"',
                    where=source.path,
                    remedy="give one of the two another id; an id is never used again",
                )
            )
            continue
        found[article_id] = Identified(source, _record(source, article_id, known or records.get(article_id), now=now))
    gone = [
        replace(record, gone_at=now)
        for record in records.values()
        if record.gone_at is None and record.id not in found and record.path not in paths
    ]
    return list(found.values()), gone, errors


def _record(source: Source, article_id: str, known: Record | None, *, now: datetime) -> Record:
    """The record of a file as of ``now``. Pure."""
    public = not source.draft and source.kind == "article"
    if known is None:
        published = source.date or now
        fresh = Record(
            id=article_id,
            path=source.path,
            title=source.title,
            content_hash=source.content_hash,
            published=published.astimezone(UTC),
            updated=(source.updated or published).astimezone(UTC),
            first_seen=now,
        )
        return replace(fresh, public_since=now) if public and fresh.published <= now else fresh
    if (
        known.public_since
        and (known.path, known.title, known.content_hash) == (source.path, source.title, source.content_hash)
        and known.gone_at is None
        and (source.updated is None or source.updated == known.updated)
        and known.updated >= known.published
    ):
        return known
    published = known.published if known.public_since else (source.date or now).astimezone(UTC)
    edited = known.content_hash != source.content_hash and not source.minor
    if source.updated:
        updated = source.updated.astimezone(UTC)
    elif not known.public_since:
        updated = published
    else:
        updated = now if edited else known.updated
    return replace(
        known,
        path=source.path,
        title=source.title,
        content_hash=source.content_hash,
        published=published,
        updated=max(updated, published),
        public_since=known.public_since or (now if public and published <= now else None),
        gone_at=None,
    )


def _minted(source: Source, publication: Publication) -> str:
    """``tag:HOST,YEAR:/PATH`` (RFC 4151). The path has no date in it, so the file's own date gives the year."""
    day = (source.date or datetime(2026, 1, 1, tzinfo=UTC)).astimezone(ZoneInfo(publication.timezone)).date()
    path = (
        source.path.removeprefix(f"{publication.articles}/")
        .removesuffix(".md")
        .removesuffix(".markdown")
        .removesuffix("/index")
    )
    return f"tag:{publication.host},{day.isoformat()}:/{quote(path)}"


def _unused(minted: str, source: Source, records: Mapping[str, Record]) -> str:
    """An id that no other article ever had: another may have been at the same path on the same day. One that comes back
    under its title is the same.
    """
    number, article_id = 1, minted
    while article_id in records and records[article_id].title != source.title:
        number += 1
        article_id = f"{minted}-{number}"
    return article_id


def placed(identified: Sequence[Identified], records: Mapping[str, Record]) -> list[Identified]:
    """The same, each article that is public for the first time with its place in the order of publication. Pure.

    Several at once are placed oldest first. A place is given once and never changes, so what is dated back comes
    after all that was there before, and archive pages cut by place stay as they are.
    """
    newest = max((record.place or 0 for record in records.values()), default=0)
    waiting = [item.record for item in identified if item.record.public_since is not None and item.record.place is None]
    waiting.sort(key=lambda record: (record.published, record.id))
    places = {record.id: place for place, record in enumerate(waiting, start=newest + 1)}
    return [
        replace(item, record=replace(item.record, place=places[item.record.id])) if item.record.id in places else item
        for item in identified
    ]


def _counted_from(record: Record, latest: datetime) -> datetime:
    """The day from which an article's age counts: the last run, or when the draft was first seen that is public now.

    What has been public for long (built, never mailed) is no such draft.
    """
    assert record.public_since is not None
    return min(latest, record.first_seen) if record.public_since > latest - OLD_NEWS else latest


def number(
    identified: Sequence[Identified], *, last_run: datetime | None, now: datetime, next_number: int
) -> list[Record]:
    """The records that are numbered or left out for good at ``now``, oldest first. Pure.

    An article is numbered the first time it is seen public, unless its front matter says ``mail = false`` or it is
    more than seven days older than the last run (old news: restored or imported). ``mail = true`` overrides age.
    A draft that was written for weeks is as old as it was when it was first seen.
    """
    latest = last_run or now
    decided: list[Record] = []
    for item in sorted(identified, key=lambda item: (item.record.published, item.record.id)):
        source, record = item.source, item.record
        if record.sequence is not None or record.public_since is None or source.draft or record.published > now:
            continue
        if source.mail is None and record.left_out:
            continue
        if source.mail is False:
            reason = "mail = false"
        elif source.mail is None and record.published < _counted_from(record, latest) - OLD_NEWS:
            reason = TOO_OLD
        else:
            decided.append(replace(record, sequence=next_number, numbered_at=now, left_out=""))
            next_number += 1
            continue
        if record.left_out != reason:
            decided.append(replace(record, left_out=reason))
    return decided
