"""`publisher status`, and what `publisher` alone says: how things are, in sentences, and the next step."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from operator import itemgetter
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import click

from publisher.cli.session import Session, count
from publisher.cli.verb import Verb
from publisher.model.errors import UsageError

if TYPE_CHECKING:
    from publisher.health.standing import Standing
    from publisher.model.edition import Edition
    from publisher.model.publication import Publication
    from publisher.model.rate import RelayState
    from publisher.store.editions import Sums
    from publisher.store.hub_topics import Topic
    from publisher.store.outbox import Waiting

__all__ = ["brief", "status"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What the database knows at one moment. ``last_run`` None: nothing ran yet, and all else is empty.

    ``readership``: feed, and for how many subscribers aggregators fetch it; ``readership_by_day`` with the day.
    ``decided``: the newest slot that was decided, by newsletter and cadence.
    ``untold``: what the hub could not be told.
    """

    last_run: datetime | None = None
    subscriptions: int = 0
    unserved: dict[tuple[str, str], int] = field(default_factory=dict)
    editions: tuple[tuple[Edition, Sums], ...] = ()
    waiting: Waiting | None = None
    relays: Mapping[str, RelayState] = field(default_factory=dict)
    readership: tuple[tuple[str, int], ...] = ()
    readership_by_day: tuple[tuple[date, str, int], ...] = ()
    decided: Mapping[tuple[str, str], datetime] = field(default_factory=dict)
    untold: tuple[Topic, ...] = ()
    standing: Standing | None = None


@click.command(cls=Verb)
@click.option("--check", is_flag=True, help="For monitors: only what is late or stuck; exit status 1 if anything is.")
@click.pass_obj
def status(session: Session, check: bool) -> None:
    """Today at a glance.

    What is late or stuck, the editions that are not finished and the newest of each cadence, the outbox, the next
    slots, and how many read the feeds through aggregators.
    """
    if check:
        _check(session)
        return
    from publisher.cli.sentences import (
        edition_sentence,
        hub_sentence,
        local,
        outbox_sentence,
        readership_sentence,
        relay_sentence,
        zone_of,
    )

    publication, now = session.publication, session.now()
    facts = _facts(session, now)
    slots = _next_slots(publication, facts, now)
    if session.as_json:
        _answer(session, publication, facts, slots, now)
        return
    session.show(_headline(publication, facts))
    session.show(_last_run(publication, facts, now))
    for trouble in _troubles(publication, facts, now):
        session.show(f"To mend: {trouble}.")
    resumes = _resumes(facts)
    for edition, sums in facts.editions:
        zone = zone_of(publication, edition.newsletter)
        session.show(edition_sentence(edition, sums, zone, resumes.get(edition.id)))
    if facts.waiting is not None:
        session.show(outbox_sentence(facts.waiting, publication.timezone))
    for relay, state in facts.relays.items():
        session.show(relay_sentence(relay, state, now, publication.timezone))
    for at, name, cadence in slots:
        zone = zone_of(publication, name)
        session.show(f"The next {name} {cadence} is due {local(at, zone)} ({zone}).")
    for (name, cadence), number in facts.unserved.items():
        session.show(f"{count(number, 'subscription')} of {name}, {cadence}: no feed offers that any more; they wait.")
    if facts.readership:
        session.show(readership_sentence(facts.readership))
    if facts.untold:
        session.show(hub_sentence(publication.web.hub, facts.untold, publication.timezone))
    session.show(_next_step(publication, facts))


def _check(session: Session) -> None:
    """A line for each thing that is late, stuck or wrong; one that says so if nothing is."""
    from publisher.health.troubles import troubles

    publication, now = session.publication, session.now()
    facts = _facts(session, now)
    found = troubles(publication, _standing(facts), now=now)
    session.status = 1 if found else 0
    if session.as_json:
        session.answer([{"key": one.key, "text": one.text} for one in found])
        return
    for one in found:
        session.show(one.text)
    if not found:
        session.show("Nothing is late or stuck.")


def _standing(facts: _Facts) -> Standing:
    from publisher.health.standing import Standing

    return facts.standing or Standing()


def _resumes(facts: _Facts) -> dict[int, datetime | None]:
    """When editions go on by themselves."""
    return {edition.id: at for edition, at in _standing(facts).unfinished}


def _troubles(publication: Publication, facts: _Facts, now: datetime) -> list[str]:
    """What is late or stuck, and wrong. Who only tries things out does not run them every hour."""
    from publisher.health.troubles import troubles

    if facts.last_run is None:
        return []
    found = troubles(publication, _standing(facts), now=now)
    return [one.text for one in found if one.key != "run" or not publication.examples_left]


def _answer(
    session: Session,
    publication: Publication,
    facts: _Facts,
    slots: list[tuple[datetime, str, str]],
    now: datetime,
) -> None:
    """All of it as JSON."""
    from publisher.cli.editions import edition_fields

    session.answer(
        {
            "title": publication.title,
            "last_run": facts.last_run,
            "subscriptions": facts.subscriptions,
            "troubles": _troubles(publication, facts, now),
            "editions": [edition_fields(edition, sums) for edition, sums in facts.editions],
            "outbox": facts.waiting,
            "relays": facts.relays,
            "next": [{"newsletter": name, "cadence": cadence, "slot": at} for at, name, cadence in slots],
            "readership": [
                {"day": day, "feed": feed, "subscribers": subscribers}
                for day, feed, subscribers in facts.readership_by_day
            ],
            "unserved": [
                {"newsletter": name, "cadence": cadence, "subscriptions": number}
                for (name, cadence), number in facts.unserved.items()
            ],
            "hub": [
                {"topic": topic.address, "since": topic.since, "answer": topic.answer, "try_at": topic.try_at}
                for topic in facts.untold
            ],
            "examples": publication.examples_left,
        }
    )


def brief(session: Session) -> None:
    """Three lines and the next step; where there is no publication, how to get one."""
    from publisher.cli.sentences import edition_sentence, local, zone_of

    try:
        publication, now = session.publication, session.now()
    except UsageError:
        if session.folder is not None:
            raise
        session.show("There is no publication in this folder or above it.")
        session.show("To look around in a sample:  publisher init demo --demo")
        session.show("To make your own:            publisher init news")
        session.show("All commands:                publisher --help")
        return
    facts = _facts(session, now)
    slots = _next_slots(publication, facts, now)
    if session.as_json:
        _answer(session, publication, facts, slots, now)
        return
    session.show(_headline(publication, facts))
    if facts.editions:
        edition, sums = facts.editions[0]
        zone = zone_of(publication, edition.newsletter)
        session.show(edition_sentence(edition, sums, zone, _resumes(facts).get(edition.id)))
    else:
        session.show(_last_run(publication, facts, now))
    if troubles := _troubles(publication, facts, now):
        session.show(f"{count(len(troubles), 'thing')} to mend: {troubles[0]}.")
    if slots:
        at, name, cadence = slots[0]
        zone = zone_of(publication, name)
        session.show(f"The next edition is {name} {cadence}, {local(at, zone)} ({zone}).")
    elif publication.newsletters:
        session.show("Editions open as articles are published.")
    else:
        session.show("No feed has a newsletter: nothing is mailed.")
    session.show(_next_step(publication, facts))


def _facts(session: Session, now: datetime) -> _Facts:
    """Reads the database; one that is not there yet is not made by looking."""
    publication = session.publication
    if publication.database.startswith("sqlite:"):
        file = publication.root / publication.database.removeprefix("sqlite:").removeprefix("//")
        if not file.exists():
            return _Facts()
    from publisher.health.standing import read_standing
    from publisher.store import editions, hub_topics, meta, outbox, rates, readership, subscribers

    since = (now - timedelta(days=7)).date()
    offered = {(one.name, cadence.name) for one in publication.newsletters for cadence in one.cadences}
    with session.store(only_reading=True).reading() as connection:
        both = {one.id: one for one in (*editions.newest_of_each(connection), *editions.unfinished(connection))}
        shown = [(both[number], editions.sums(connection, number)) for number in sorted(both, reverse=True)]
        return _Facts(
            last_run=meta.read_moment(connection, "last_run"),
            subscriptions=subscribers.active(connection),
            unserved={
                key: number for key, number in subscribers.active_by_cadence(connection).items() if key not in offered
            },
            editions=tuple(shown),
            waiting=outbox.waiting(connection, now),
            relays=rates.hampered(connection, now),
            readership=_by_feed(readership.newest(connection, since)),
            readership_by_day=tuple(
                (day, feed, subscribers)
                for day, documents in groupby(readership.by_day(connection, since), key=itemgetter(0))
                for feed, subscribers in _by_feed({document: number for _, document, number in documents})
            ),
            decided={
                (newsletter.name, cadence.name): slot
                for newsletter in publication.newsletters
                for cadence in newsletter.cadences
                if (slot := editions.last_slot(connection, newsletter.name, cadence.name)) is not None
            },
            untold=tuple(
                topic
                for topic in hub_topics.topics(connection).values()
                if publication.web.hub and topic.content != topic.told and topic.attempts and topic.try_at
            ),
            standing=read_standing(connection, publication, now),
        )


def _by_feed(documents: dict[str, int]) -> tuple[tuple[str, int], ...]:
    """The sums of each feed's documents, the greatest first. Pure."""
    sums: Counter[str] = Counter()
    for document, subscribers in documents.items():
        sums[PurePosixPath(document).stem] += subscribers
    return tuple(sums.most_common())


def _next_slots(publication: Publication, facts: _Facts, now: datetime) -> list[tuple[datetime, str, str]]:
    """The next slot of each cadence, the earliest first. Pure.

    Slots that `run --now` decided ahead of the clock are not next, unless the next run comes back from that time.
    """
    from publisher.editions.slots import slots_after

    comes_back = facts.last_run is not None and facts.last_run > now + timedelta(days=1)
    return sorted(
        (at, newsletter.name, cadence.name)
        for newsletter in publication.newsletters
        for cadence in newsletter.cadences
        for after in (now if comes_back else max(now, facts.decided.get((newsletter.name, cadence.name), now)),)
        if (at := next(slots_after(cadence, newsletter.timezone, after), None)) is not None
    )


def _headline(publication: Publication, facts: _Facts) -> str:
    feeds, newsletters = len(publication.feeds), len(publication.newsletters)
    return (
        f"{publication.title}: {count(feeds, 'feed')}, {count(newsletters, 'newsletter')}, "
        f"{count(facts.subscriptions, 'subscription')}."
    )


def _last_run(publication: Publication, facts: _Facts, now: datetime) -> str:
    from publisher.cli.sentences import local

    if facts.last_run is None:
        return "Nothing has run yet."
    pretended = ", which --now pretended" if facts.last_run > now else ""
    return f"The last run was {local(facts.last_run, publication.timezone)} ({publication.timezone}){pretended}."


def _next_step(publication: Publication, facts: _Facts) -> str:
    """The one thing to do next."""
    from publisher.cli.sentences import next_step

    if not _has_articles(publication.articles_folder):
        return 'Next: write something: publisher new "The first article"'
    if publication.newsletters and not facts.subscriptions:
        # The sample brings its readers along.
        if (publication.root / "subscribers.csv").is_file():
            return "Next: take in the readers: publisher subscribers import subscribers.csv"
        name = publication.newsletters[0].name
        return f"Next: add a reader: publisher subscribers add ADDRESS --newsletter {name}"
    if facts.last_run is None:
        return "Next: publisher run"
    for edition, _sums in reversed(facts.editions):
        if step := next_step(edition, _resumes(facts).get(edition.id)):
            return step
    if facts.waiting is not None and facts.waiting.due:
        return "Next: publisher run, which delivers what is due"
    if left := publication.examples_left:
        return f"Next: settings that are still an example ({', '.join(left)}): publisher config set {_example(left[0])}"
    return "Nothing to do. More: publisher status, publisher editions list"


def _example(left: str) -> str:
    """How one of the settings that are left is set: key and value, as they are typed. Pure."""
    if left == "url":
        return "url https://YOUR.ADDRESS"
    if left == "postal_address":
        return 'postal_address "YOUR ADDRESS"'
    feed = left.partition(":")[0].removeprefix("feeds/").removesuffix(".toml")
    return f'feeds.{feed}.newsletter.sender "YOU <YOU@YOUR.ADDRESS>"'


def _has_articles(folder: Path) -> bool:
    return next(folder.rglob("*.md"), None) is not None
