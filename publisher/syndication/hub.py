"""The WebSub hub that feeds name (https://www.w3.org/TR/websub/): who is told of it, and when it is told of what.

Pure, all of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from ipaddress import ip_address
from urllib.parse import quote, urlsplit

from publisher.model.publication import Publication
from publisher.store.hub_topics import Topic
from publisher.syndication.addresses import EXTENSIONS, ascii_url, home

__all__ = ["LONG", "failing", "is_told", "link_header", "noticed", "retry_at", "to_tell", "topic_of"]

LONG = timedelta(days=1)
"""So long a hub may fail before an operator is told, and then once in as long."""

_TOPIC = re.compile(rf"feeds/[^/]+\.(?:{'|'.join(EXTENSIONS.values())})")
_WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
_LONGEST = timedelta(days=1)


def topic_of(publication: Publication, name: str) -> str | None:
    """The topic that the file ``name`` of public/ is: its address; None for what is no feed's own document."""
    return home(publication) + quote(name) if publication.web.hub and _TOPIC.fullmatch(name) else None


def link_header(publication: Publication, name: str) -> str:
    """The Link header of the file ``name`` of public/ (WebSub section 4: hub and self); ``""`` for none."""
    topic = topic_of(publication, name)
    return f'<{ascii_url(publication.web.hub)}>; rel="hub", <{topic}>; rel="self"' if topic else ""


def is_told(publication: Publication, *, pretended: bool) -> bool:
    """Whether the hub may be told: of an example's address, or at a ``pretended`` time, only one on this machine."""
    if not publication.web.hub:
        return False
    return _is_loopback(publication.web.hub) or not (pretended or "url" in publication.examples_left)


def noticed(known: Mapping[str, Topic], found: Iterable[Topic], *, now: datetime) -> list[Topic]:
    """Of what is in place (``found``) that which has changed, as it is to be remembered."""
    changed = []
    for topic in found:
        before = known.get(topic.address)
        if before is None or (before.content, before.seen) != (topic.content, topic.seen):
            told = before.told if before else ""
            behind = (before.since if before else None) or now
            changed.append(
                Topic(
                    address=topic.address,
                    seen=topic.seen,
                    content=topic.content,
                    told=told,
                    since=behind if told != topic.content else None,
                )
            )
    return changed


def to_tell(topics: Iterable[Topic], *, now: datetime) -> list[Topic]:
    """What the hub has to be told of now. A time far ahead was written while the clock was wrong."""
    return [
        topic
        for topic in topics
        if topic.content != topic.told
        and (topic.try_at is None or not now < topic.try_at <= now + _LONGEST + timedelta(hours=1))
    ]


def retry_at(attempts: int, asked: timedelta | None, *, now: datetime) -> datetime:
    """When to try again after so many attempts; not before the hub ``asked`` for (Retry-After), but for a day."""
    wait = _WAITS[min(attempts, len(_WAITS)) - 1]
    return now + min(max(wait, asked or wait), _LONGEST)


def failing(topics: Iterable[Topic], *, now: datetime) -> list[Topic]:
    """Of topics whose attempt has failed now, before it is saved: those that an operator is to be told of.

    They have failed for long, and nobody was told in the last day.
    """
    return [
        topic
        for topic in topics
        if topic.since is not None
        and now - topic.since >= LONG
        and (topic.tried_at is None or (now - topic.since) // LONG > (topic.tried_at - topic.since) // LONG)
    ]


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
