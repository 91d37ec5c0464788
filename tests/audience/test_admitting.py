"""Importing and adding people whose consent the publisher already has."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from publisher.audience.addresses import parse_address
from publisher.audience.admitting import Admission, Admitted, admit, candidate_of, decide, import_rows
from publisher.audience.csvfile import read_csv
from publisher.audience.hashing import address_hash
from publisher.audience.joining import unsubscribe
from publisher.model.errors import AddressError, UsageError
from publisher.model.publication import Publication
from publisher.model.subscriber import SubscriptionState, Suppression
from publisher.store import Store, consents, subscribers, subscriptions, suppressions
from publisher.store.schema import counters, editions

PENDING, ACTIVE, LEFT = SubscriptionState.PENDING, SubscriptionState.ACTIVE, SubscriptionState.UNSUBSCRIBED
PEOPLE = """\
address,name,newsletter,cadence,topics,language,city
ana@example.com,Ana Reader,world,daily,,en,Berlin
juergen@example.com,Jürgen Weiß,world,weekly,section:science,de,
juergen@example.com,Jürgen Weiß,science,weekly,,,
"""


def take_in(
    store: Store, publication: Publication, keys: Any, now: datetime, text: str = PEOPLE, **more: Any
) -> Admitted:
    rows = read_csv(text.encode(), file="people.csv")
    return import_rows(store, publication, rows, file="people.csv", keys=keys, now=now, **more)


def listed(store: Store) -> list[tuple[str, str, str, str, str, str]]:
    with store.reading() as connection:
        return [
            (row.address, row.newsletter, row.cadence, row.state.value, row.topics, row.language)
            for row in subscribers.listing(connection)
        ]


def test_everybody_in_the_file_is_active_at_once(store: Any, publication: Any, keys: Any, now: datetime) -> None:
    admitted = take_in(store, publication, keys, now)
    assert (admitted.counts, admitted.errors, admitted.rows) == (Counter({Admission.SUBSCRIBED: 3}), [], 3)
    assert listed(store) == [
        ("ana@example.com", "world", "daily", "active", "*", ""),
        ("juergen@example.com", "world", "weekly", "active", "section:science@0", "de"),
        ("juergen@example.com", "science", "weekly", "active", "*", ""),
    ]
    with store.reading() as connection:
        ana = subscribers.by_hash(connection, [address_hash(parse_address("ana@example.com"), keys)])
        (person,) = ana.values()
        (event,) = consents.history(connection, person.id)
    assert (person.name, person.fields) == ("Ana Reader", {"city": "Berlin"})
    assert (event.event, event.source, event.at) == ("imported", "people.csv", now)


def test_the_same_file_again_changes_nothing(store: Any, publication: Any, keys: Any, now: datetime) -> None:
    take_in(store, publication, keys, now)
    before = listed(store)
    later = now + timedelta(days=1)
    admitted = take_in(store, publication, keys, later)
    assert admitted.counts == Counter({Admission.KNOWN: 3})
    assert listed(store) == before


def test_a_later_file_brings_names_and_own_fields_up_to_date_and_not_the_readers_choices(
    store: Any, publication: Any, keys: Any, now: datetime
) -> None:
    take_in(store, publication, keys, now)
    text = "address,name,newsletter,cadence,shoe size\nANA@example.com,Ana Writer,world,weekly,38\n"
    take_in(store, publication, keys, now, text)
    with store.reading() as connection:
        (row, *_) = subscribers.listing(connection)
        person = subscribers.get(connection, 1)
    assert (row.name, row.cadence, row.address) == ("Ana Writer", "daily", "ana@example.com")
    assert person is not None
    assert person.fields == {"city": "Berlin", "shoe_size": "38"}


def test_an_import_never_brings_back_who_left_nor_a_suppressed_address(
    store: Any, publication: Any, keys: Any, now: datetime
) -> None:
    take_in(store, publication, keys, now)
    with store.writing() as connection:
        unsubscribe(connection, 1, now=now, source="one-click")
        hashed = address_hash(parse_address("juergen@example.com"), keys)
        suppressions.suppress(connection, Suppression(address_hash=hashed, reason="complaint", at=now))
    admitted = take_in(store, publication, keys, now)
    assert admitted.counts == Counter({Admission.UNSUBSCRIBED: 1, Admission.SUPPRESSED: 2})
    with store.reading() as connection:
        gone = subscriptions.get(connection, 1)
    assert gone is not None
    assert gone.state is LEFT


def test_a_bad_row_is_told_with_its_line_and_keeps_nobody_out(
    store: Any, publication: Any, keys: Any, now: datetime
) -> None:
    text = (
        "address,newsletter,cadence,topics,language\n"
        "not an address,world,,,\n"
        "a@example.com,wrold,,,\n"
        "b@example.com,world,hourly,,\n"
        "c@example.com,world,,colour:red,\n"
        "d@example.com,world,,,so german\n"
        'e@example.com,"world,,,\n'
        "f@example.com,,,,\n"
        "g@example.com,world,,,\n"
    )
    admitted = take_in(store, publication, keys, now, text)
    assert admitted.counts == Counter({Admission.SUBSCRIBED: 1})
    told = "\n".join(map(str, admitted.errors))
    assert [error.line for error in admitted.errors] == [2, 3, 4, 5, 6, 7, 8]
    assert "people.csv:2: not an address: not an e-mail address" in told
    assert 'people.csv:3: there is no newsletter "wrold"; there are: science, world' in told
    assert 'people.csv:4: "world" has no cadence "hourly"; it has: daily, weekly' in told
    assert "people.csv:8: it names no newsletter; name one of: science, world" in told


def test_newsletter_and_cadence_may_come_from_the_command_instead_of_the_file(
    store: Any, publication: Any, keys: Any, now: datetime
) -> None:
    take_in(store, publication, keys, now, "email\nana@example.com\n", newsletter="world", cadence="weekly")
    assert listed(store) == [("ana@example.com", "world", "weekly", "active", "*", "")]


def test_a_file_of_thousands_goes_in_by_batches_with_repeats_counted(
    sqlite_store: Any, publication: Any, keys: Any, now: datetime
) -> None:
    text = "address,newsletter\n" + "".join(f"reader{n % 2400}@example.com,world\n" for n in range(2500))
    seen: list[int] = []
    admitted = take_in(
        sqlite_store, publication, keys, now, text, progress=lambda admitted: seen.append(admitted.counts.total())
    )
    assert seen == [1000, 2000, 2500]
    assert admitted.counts == Counter({Admission.SUBSCRIBED: 2400, Admission.KNOWN: 100})


def test_somebody_who_joins_later_starts_where_everybody_else_is(
    store: Any, publication: Any, keys: Any, now: datetime
) -> None:
    with store.writing() as connection:
        connection.execute(update(counters).values(value=12))
        connection.execute(
            insert(editions).values(
                newsletter="world", cadence="daily", slot=now, state="finished", cutoff=9, opened_at=now
            )
        )
    take_in(store, publication, keys, now, "address,newsletter,topics\nana@example.com,world,tag:trade\n")
    with store.reading() as connection:
        known = subscriptions.get(connection, 1)
    assert known is not None
    assert (known.cursor, known.topics) == (9, "tag:trade@12")


def test_adding_one_person_says_what_became_of_it_and_can_bring_somebody_back(
    store: Any, publication: Any, keys: Any, now: datetime
) -> None:
    candidate = candidate_of(publication, address="ana@example.com", newsletter="science", name="Ana")
    results = []
    for again in (False, False, True):
        with store.writing() as connection:
            results += admit(
                connection, [candidate], event="added", source="asked by phone", keys=keys, now=now, again=again
            )
            if len(results) < 3:
                unsubscribe(connection, 1, now=now, source="one-click")
    assert results == [Admission.SUBSCRIBED, Admission.UNSUBSCRIBED, Admission.AGAIN]
    with store.reading() as connection:
        assert [event.event for event in consents.history(connection, 1)] == ["added", "unsubscribed", "added"]


def test_somebody_who_never_confirmed_is_active_after_an_import(
    store: Any, publication: Any, keys: Any, now: datetime
) -> None:
    take_in(store, publication, keys, now, "address,newsletter\nana@example.com,world\n")
    from publisher.store.schema import subscriptions as table

    with store.writing() as connection:
        connection.execute(update(table).values(state="pending"))
    assert take_in(store, publication, keys, now).counts[Admission.SUBSCRIBED] == 3


@pytest.mark.parametrize(
    ("known", "suppressed", "again", "result"),
    [
        (None, False, False, Admission.SUBSCRIBED),
        (PENDING, False, False, Admission.SUBSCRIBED),
        (ACTIVE, False, True, Admission.KNOWN),
        (LEFT, False, False, Admission.UNSUBSCRIBED),
        (LEFT, False, True, Admission.AGAIN),
        (None, True, True, Admission.SUPPRESSED),
        (ACTIVE, True, True, Admission.SUPPRESSED),
        (LEFT, True, True, Admission.SUPPRESSED),
    ],
)
def test_suppression_wins_then_what_somebody_said_last(
    known: SubscriptionState | None, suppressed: bool, again: bool, result: Admission
) -> None:
    assert decide(known, suppressed=suppressed, again=again) is result


def test_what_was_typed_is_checked_against_the_publication(publication: Any) -> None:
    with pytest.raises(AddressError):
        candidate_of(publication, address="ana", newsletter="world")
    with pytest.raises(UsageError, match="no newsletter yet"):
        candidate_of(replace(publication, feeds=()), address="ana@example.com", newsletter="")
    alone = replace(publication, feeds=publication.feeds[:1])
    candidate = candidate_of(alone, address=" ana@example.com ", newsletter="", name=" Ana\n Reader", language="EN")
    assert (candidate.newsletter.name, candidate.cadence) == ("science", "weekly")
    assert (candidate.name, candidate.language) == ("Ana Reader", "")
