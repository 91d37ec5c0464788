"""Admitting people whose consent the publisher already has: `subscribers import` and `subscribers add`.

They are active at once, with a line in the consent history that says where they came from. Guarantees: nobody who
unsubscribed is subscribed again (unless the publisher says so, for one person), no suppressed address is; a row that
was admitted before changes nothing but name, language, time zone and own fields; a bad row never keeps the others out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from publisher.audience.addresses import Address, parse_address
from publisher.audience.csvfile import CsvRow
from publisher.audience.hashing import address_hash
from publisher.audience.topics import choose_topics
from publisher.model.errors import PublisherError, UsageError
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.model.subscriber import ConsentEvent, Subscriber, Subscription, SubscriptionState
from publisher.store import Connection, Store, consents, subscribers, subscriptions, suppressions
from publisher.store.subscribers import NewSubscriber
from publisher.store.subscriptions import NewSubscription

__all__ = ["Admission", "Admitted", "Candidate", "admit", "candidate_of", "decide", "import_rows"]

_BATCH = 1000  # people a transaction
LONGEST_NAME = 200
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


class Admission(StrEnum):
    """What became of somebody."""

    SUBSCRIBED = "subscribed"
    AGAIN = "subscribed again"
    KNOWN = "subscribed already"
    UNSUBSCRIBED = "unsubscribed before: left alone"
    SUPPRESSED = "suppressed: left alone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Somebody who is to be subscribed to a newsletter. ``topics`` as a person writes them (``section:world``)."""

    address: Address
    newsletter: Newsletter
    cadence: str
    name: str = ""
    language: str = ""
    timezone: str = ""
    topics: str = ""
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Admitted:
    """How many rows came to what, and the rows that could not be used."""

    counts: Counter[Admission] = field(default_factory=Counter)
    errors: list[PublisherError] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """All rows, good and bad."""
        return self.counts.total() + len(self.errors)


def candidate_of(
    publication: Publication,
    *,
    address: str,
    newsletter: str,
    cadence: str = "",
    name: str = "",
    language: str = "",
    timezone: str = "",
    topics: str = "",
    fields: dict[str, str] | None = None,
) -> Candidate:
    """What was written, checked against the publication. Empty values are the defaults. Pure.

    Raises AddressError for the address, UsageError for anything else.
    """
    found = _newsletter(publication, newsletter)
    if cadence and found.cadence(cadence) is None:
        known = ", ".join(cadence.name for cadence in found.cadences)
        raise UsageError(f'"{found.name}" has no cadence "{cadence}"', remedy=f"it has: {known}")
    if language and not _LANGUAGE.fullmatch(language):
        raise UsageError(f'"{language}" is not a language tag', remedy='write for example "en" or "pt-BR"')
    if timezone and not _is_zone(timezone):
        raise UsageError(f'"{timezone}" is not a time zone', remedy='write for example "Europe/Berlin"')
    choose_topics(topics, 0)
    return Candidate(
        address=parse_address(address),
        newsletter=found,
        cadence=cadence or found.default_cadence,
        name=_short(" ".join(name.split())),
        # The newsletter's own language is no wish: its readers share one variant.
        language="" if language.lower() == found.language.lower() else language,
        timezone=timezone,
        topics=topics,
        fields=fields or {},
    )


def _short(name: str) -> str:
    if len(name) > LONGEST_NAME:
        raise UsageError(f"the name has {len(name):,} characters, more than {LONGEST_NAME}", remedy="shorten it")
    return name


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def import_rows(
    store: Store,
    publication: Publication,
    rows: Iterable[CsvRow | PublisherError],
    *,
    file: str,
    newsletter: str = "",
    cadence: str = "",
    keys: Sequence[bytes],
    now: datetime,
    progress: Callable[[Admitted], None] = lambda _admitted: None,
) -> Admitted:
    """Admits the rows of `read_csv`, a thousand a transaction; ``newsletter`` and ``cadence`` where a row has none.

    A run that is cut short can simply be repeated. Raises StoreError; everything about a row is in ``errors``.
    """
    admitted = Admitted()
    candidates = _candidates(publication, rows, admitted, file=file, newsletter=newsletter, cadence=cadence)
    while batch := list(islice(candidates, _BATCH)):
        with store.writing() as connection:
            subscribers.lock_many(connection)
            results = admit(connection, batch, event="imported", source=file, keys=keys, now=now)
        admitted.counts.update(results)
        progress(admitted)
    return admitted


def _candidates(
    publication: Publication,
    rows: Iterable[CsvRow | PublisherError],
    admitted: Admitted,
    *,
    file: str,
    newsletter: str,
    cadence: str,
) -> Iterator[Candidate]:
    for row in rows:
        if isinstance(row, PublisherError):
            admitted.errors.append(row)
            continue
        try:
            yield candidate_of(
                publication,
                address=row.address,
                newsletter=row.newsletter or newsletter,
                cadence=row.cadence or cadence,
                name=row.name,
                language=row.language,
                timezone=row.timezone,
                topics=row.topics,
                fields=row.fields,
            )
        except PublisherError as error:
            cause = f"{error.where}: {error.cause}" if error.where else error.cause
            admitted.errors.append(type(error)(cause, where=file, line=row.line, remedy=error.remedy))


def decide(known: SubscriptionState | None, *, suppressed: bool, again: bool) -> Admission:
    """What becomes of somebody whose subscription stands so, or who has none. Pure."""
    if suppressed:
        return Admission.SUPPRESSED
    if known is SubscriptionState.ACTIVE:
        return Admission.KNOWN
    if known is SubscriptionState.UNSUBSCRIBED:
        return Admission.AGAIN if again else Admission.UNSUBSCRIBED
    return Admission.SUBSCRIBED


def admit(
    connection: Connection,
    candidates: Sequence[Candidate],
    *,
    event: Literal["imported", "added"],
    source: str,
    keys: Sequence[bytes],
    now: datetime,
    again: bool = False,
) -> list[Admission]:
    """Subscribes them, active at once; one result each, in their order. At most some thousand at a time.

    ``source`` says how we know of their consent. ``again``: also those who unsubscribed before.
    """
    hashes = [address_hash(candidate.address, keys) for candidate in candidates]
    suppressed = suppressions.of_hashes(connection, hashes)
    wanted = {
        hashed: candidate for hashed, candidate in zip(hashes, candidates, strict=True) if hashed not in suppressed
    }
    people = _people(connection, wanted, now)
    known = subscriptions.of_subscribers(connection, [person.id for person in people.values()])
    starts = _Starts(connection)
    results: list[Admission] = []
    fresh: list[NewSubscription] = []
    events: list[tuple[int, ConsentEvent]] = []
    states = {key: _standing(subscription) for key, subscription in known.items()}
    for hashed, candidate in zip(hashes, candidates, strict=True):
        key = (people[hashed].id if hashed in people else 0, candidate.newsletter.name)
        result = decide(states.get(key), suppressed=hashed in suppressed, again=again)
        results.append(result)
        if result not in (Admission.SUBSCRIBED, Admission.AGAIN):
            continue
        states[key] = SubscriptionState.ACTIVE
        start = starts.of(key[0], candidate)
        if key in known:
            _activate(connection, known[key], start, now)
        else:
            fresh.append(start)
        events.append((key[0], ConsentEvent(event=event, at=now, newsletter=key[1], source=source)))
    subscriptions.insert_new(connection, fresh, now)
    consents.record(connection, events)
    return results


def _standing(known: Subscription) -> SubscriptionState:
    """Somebody who left counts as having left until they confirm anew, whoever signed them up since."""
    if known.state is SubscriptionState.PENDING and known.ended_at is not None:
        return SubscriptionState.UNSUBSCRIBED
    return known.state


class _Starts:
    """Where new subscriptions begin; each newsletter and cadence is looked up once."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._cursors: dict[tuple[str, str], int] = {}
        self._sequence = subscriptions.starting_sequence(connection)

    def of(self, subscriber: int, candidate: Candidate) -> NewSubscription:
        """The subscription that this candidate gets."""
        key = (candidate.newsletter.name, candidate.cadence)
        if key not in self._cursors:
            self._cursors[key] = subscriptions.starting_cursor(self._connection, *key)
        return NewSubscription(
            subscriber=subscriber,
            newsletter=candidate.newsletter.name,
            cadence=candidate.cadence,
            state=SubscriptionState.ACTIVE,
            cursor=self._cursors[key],
            topics=choose_topics(candidate.topics, self._sequence),
            language=candidate.language,
        )


def _people(connection: Connection, wanted: dict[str, Candidate], now: datetime) -> dict[str, Subscriber]:
    """The subscribers of these address hashes: new ones inserted, details of known ones brought up to date."""
    before = subscribers.by_hash(connection, wanted)
    new = [
        NewSubscriber(
            address=candidate.address.text,
            address_hash=hashed,
            name=candidate.name,
            language=candidate.language,
            timezone=candidate.timezone,
            fields=candidate.fields,
        )
        for hashed, candidate in wanted.items()
        if hashed not in before
    ]
    subscribers.insert_new(connection, new, now)
    for hashed, person in before.items():
        candidate = wanted[hashed]
        newer = replace(
            person,
            name=candidate.name or person.name,
            language=candidate.language or person.language,
            timezone=candidate.timezone or person.timezone,
            fields={**person.fields, **candidate.fields},
        )
        if newer != person:
            subscribers.update_details(connection, newer)
    return before | subscribers.by_hash(connection, [person.address_hash for person in new])


def _activate(connection: Connection, known: Subscription, start: NewSubscription, now: datetime) -> None:
    subscriptions.activate(
        connection,
        known.id,
        came_from=known.state,
        cursor=start.cursor,
        now=now,
        cadence=start.cadence,
        topics=start.topics,
    )


def _newsletter(publication: Publication, name: str) -> Newsletter:
    found = publication.newsletter(name)
    if found is not None:
        return found
    known = ", ".join(newsletter.name for newsletter in publication.newsletters)
    if not known:
        raise UsageError("there is no newsletter yet", remedy="add a [newsletter] table to a file in feeds/")
    if not name:
        if len(publication.newsletters) == 1:
            return publication.newsletters[0]
        raise UsageError("it names no newsletter", remedy=f"name one of: {known}")
    raise UsageError(f'there is no newsletter "{name}"', remedy=f"there are: {known}")
