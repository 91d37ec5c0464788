"""Telling the WebSub hub of feed documents that have changed, after they are in their place.

What is in public/ is compared with what the hub was told, so a pass that was killed loses nothing: the next one tells.
Guarantees: takes at most some fifteen seconds, whatever the hub does, and a hub that is away costs one attempt and
waits longer each time; each document that changed is told, and no other. Fails with StoreError; a hub that
fails is in the answer once it has done so for a day.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from html import escape

from publisher.model.errors import HubError, PublisherError
from publisher.model.publication import Publication
from publisher.store import Store, hub_topics
from publisher.store.hub_topics import Topic
from publisher.syndication.addresses import ascii_url
from publisher.syndication.hub import failing, is_told, noticed, retry_at, to_tell, topic_of

__all__ = ["Telling", "Told", "tell_hub"]

Clock = Callable[[], datetime]

_LONGEST = 15.0  # seconds for all of it
_PATIENCE = 5.0  # seconds that the hub has to connect, and to answer
_AT_ONCE = 4
# Our server looks every quarter of a second whether there was a build: a hub that asks at once gets what is new.
_SETTLED = 0.5
_OVERLOADED = (429, 503)


@dataclass(slots=True)
class Told:
    """What a pass told the hub: ``topics`` are addresses. ``failed`` of them will be tried again."""

    topics: list[str] = field(default_factory=list)
    failed: int = 0
    errors: list[PublisherError] = field(default_factory=list)

    def __add__(self, other: Told) -> Told:
        return Told([*self.topics, *other.topics], self.failed + other.failed, [*self.errors, *other.errors])


@dataclass(frozen=True, slots=True)
class _Answer:
    """A hub's answer. ``fault`` is ``""`` if it has taken note; ``for_all``: it would say so of any topic."""

    fault: str = ""
    for_all: bool = False
    wait: timedelta | None = None


class Telling:
    """Tells the hub beside the delivery, in a thread of its own. `ended` waits for it."""

    def __init__(self, publication: Publication, store: Store, *, clock: Clock, pretended: bool) -> None:
        self._told = Told()
        self._thread: threading.Thread | None = None
        if is_told(publication, pretended=pretended):
            self._thread = threading.Thread(target=self._tell, args=(publication, store, clock, pretended), daemon=True)
            self._thread.start()

    def ended(self) -> Told:
        """What was told, and why what was not."""
        if self._thread is not None:
            self._thread.join()
        return self._told

    def _tell(self, publication: Publication, store: Store, clock: Clock, pretended: bool) -> None:
        try:
            self._told = tell_hub(publication, store, clock=clock, pretended=pretended)
        except PublisherError as error:
            self._told.errors.append(error)


def tell_hub(
    publication: Publication, store: Store, *, clock: Clock, pretended: bool = False, again: bool = False
) -> Told:
    """Tells the hub of what is new in public/. ``pretended``: the clock is made up. ``again``: of everything, whatever
    it was told, and what it could not be told is an error. Raises StoreError.
    """
    told = Told()
    if not is_told(publication, pretended=pretended):
        return told
    now = clock()
    with store.reading() as connection:
        known = hub_topics.topics(connection)
    found, present = _in_place(publication, known)
    changed = noticed(known, found, now=now)
    gone = known.keys() - present
    if changed or gone or again:
        with store.writing() as connection:
            hub_topics.notice(connection, changed)
            hub_topics.forget(connection, gone)
            if again:
                hub_topics.tell_again(connection, now)
            known = hub_topics.topics(connection)
    due = to_tell(known.values(), now=now)
    if not due:
        return told
    with store.writing() as connection:
        due = [
            topic
            for topic in due
            if hub_topics.claim(connection, topic, now=now, until=retry_at(topic.attempts + 1, None, now=now))
        ]
    time.sleep(_SETTLED)
    answers = _post(ascii_url(publication.web.hub), [topic.address for topic in due])
    _save(publication, store, due, answers, told, now=clock())
    if again and len(told.topics) < len(due):
        fault = next((answer.fault for answer in answers.values() if answer.fault), "there was no time for more")
        told.errors.append(
            HubError(
                f"was told of {len(told.topics):,} of {len(due):,} feed documents: {fault}",
                where=publication.web.hub,
                remedy="runs go on with the others; publisher status says when",
            )
        )
    return told


def _save(
    publication: Publication,
    store: Store,
    due: Sequence[Topic],
    answers: dict[str, _Answer],
    told: Told,
    *,
    now: datetime,
) -> None:
    """Records what became of each topic; a fault that would be the same for all postpones all that were not told."""
    for_all = next((answer for answer in answers.values() if answer.fault and answer.for_all), None)
    faults: list[Topic] = []
    with store.writing() as connection:
        for topic in due:
            answer = answers.get(topic.address) or for_all
            if answer is None:
                hub_topics.release(connection, topic)
            elif not answer.fault:
                hub_topics.told(connection, topic)
                told.topics.append(topic.address)
            else:
                faults.append(topic)
                again = retry_at(topic.attempts + 1, answer.wait, now=now)
                hub_topics.refused(connection, topic, answer=answer.fault, try_at=again)
    told.failed = len(faults)
    if lasting := failing(faults, now=now):
        since = min(topic.since for topic in lasting if topic.since is not None)
        answer = answers.get(lasting[0].address) or for_all
        told.errors.append(
            HubError(
                f"has not been told of {len(lasting):,} changed feed documents since {since:%Y-%m-%d %H:%M} UTC: "
                f"{answer.fault if answer else ''}",
                where=publication.web.hub,
                remedy="it is tried again; if it is gone for good, set web.hub to another, or to nothing",
            )
        )


def _in_place(publication: Publication, known: dict[str, Topic]) -> tuple[list[Topic], set[str]]:
    """The feed documents that are not as they were known, and the addresses of all of them.

    One that does not name the hub is not ours, or an old one that the next build removes.
    """
    found, present = [], set()
    hub = ascii_url(publication.web.hub)
    written = (hub.encode(), escape(hub, quote=False).encode())
    for name, state in _feed_files(publication):
        address = topic_of(publication, name)
        if address is None:
            continue
        seen = f"{state.st_size}:{state.st_mtime_ns}"
        before = known.get(address)
        if before is None or before.seen != seen:
            with suppress(OSError):  # replaced in this moment, by a run that tells of it
                content = (publication.public / name).read_bytes()
                if not any(spelling in content for spelling in written):
                    continue
                found.append(Topic(address=address, seen=seen, content=hashlib.sha256(content).hexdigest()))
        present.add(address)
    return found, present


def _feed_files(publication: Publication) -> Iterator[tuple[str, os.stat_result]]:
    with suppress(FileNotFoundError), os.scandir(publication.public / "feeds") as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            with suppress(OSError):
                if entry.is_file():
                    yield f"feeds/{entry.name}", entry.stat()


def _post(hub: str, addresses: Sequence[str]) -> dict[str, _Answer]:
    """Tells the hub of each topic, a few at once; what there was no time for has no answer.

    Every hub understands one topic a request (PubSubHubbub 0.4 section 7 lists several under one name, of which many
    read the last only), and those written since call it ``hub.topic``.
    """
    import httpx2

    waiting, answers, stop = deque(addresses), dict[str, _Answer](), threading.Event()

    def work() -> None:
        with httpx2.Client(timeout=_PATIENCE) as client:
            while not stop.is_set():
                try:
                    address = waiting.popleft()
                except IndexError:
                    return
                answer = _answer(client, hub, address)
                answers[address] = answer
                if answer.for_all:
                    stop.set()

    end = time.monotonic() + _LONGEST
    workers = [threading.Thread(target=work, daemon=True) for _ in range(min(_AT_ONCE, len(addresses)))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(max(0.0, end - time.monotonic()))
    stop.set()
    if any(worker.is_alive() for worker in workers) and not answers:
        return {addresses[0]: _Answer("it did not answer in time", for_all=True)}
    return dict(answers)


def _answer(client: object, hub: str, address: str) -> _Answer:
    import httpx2

    assert isinstance(client, httpx2.Client)
    form = {"hub.mode": "publish", "hub.url": address, "hub.topic": address}
    try:
        with client.stream("POST", hub, data=form) as response:
            status, headers = response.status_code, response.headers
    except httpx2.TimeoutException:
        return _Answer(f"it did not answer within {_PATIENCE:.0f} seconds", for_all=True)
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        return _Answer(f"it cannot be reached ({' '.join(str(error).split()) or type(error).__name__})", for_all=True)
    if 200 <= status < 300:
        return _Answer()
    if 300 <= status < 400:
        return _Answer(f"it has moved to {headers.get('location', 'nowhere')[:200]}", for_all=True)
    wait = _retry_after(headers.get("retry-after", ""), headers.get("date", ""))
    return _Answer(f"it answered {status}", for_all=status in _OVERLOADED, wait=wait)


def _retry_after(value: str, date: str) -> timedelta | None:
    """RFC 9110 section 10.2.3: seconds, or a date, which counts from the hub's own."""
    try:
        if value.strip().isdecimal():
            return timedelta(seconds=min(int(value), 10**7))
        return parsedate_to_datetime(value) - parsedate_to_datetime(date)
    except (ValueError, TypeError, OverflowError):
        return None
