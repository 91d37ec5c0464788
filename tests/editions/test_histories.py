"""Whatever happens, in whatever order: each wanted article is, for each reader, in exactly one place.

Random histories of publishing, editing, withdrawing and putting back, changes of cadence and topics, snoozes, missed
slots, approval, holding, refusals, unsubscribing and returning are driven through the real database and the real
opening, on cadences of the clock and on publish; after each step the invariant is checked for every reader
and article.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import insert, select, update

from publisher.articles.numbering import gone_away, take_back
from publisher.audience.topics import change_topics, parse_topics, wants
from publisher.editions.approving import approve, attend
from publisher.editions.opening import Opener
from publisher.model.article import Article, Record
from publisher.model.delivery import DeliveryState, Outcome, Result
from publisher.model.edition import Digest, EditionState
from publisher.model.errors import UsageError
from publisher.model.feed import Cadence, Feed, Newsletter, Selection
from publisher.model.publication import Publication
from publisher.store import Store, open_store, outbox, returns
from publisher.store import articles as article_store
from publisher.store import editions as edition_store
from publisher.store import outcomes as outcome_store
from publisher.store import subscriptions as subscription_store
from publisher.store.editions import OUTSTANDING
from publisher.store.schema import deliveries, missed, subscribers, subscriptions, suppressions, variants

START = datetime(2026, 3, 2, 5, tzinfo=UTC)
READERS = (1, 2, 3)
SECTIONS = ("sea", "land")
ELSEWHERE = "sky"  # no newsletter selects it
CADENCES = ("daily", "weekly", "instant")
KEYS = (b"a signing key of enough length.....",)
TOPICS = ("*", "section:sea", "section:land", "section:sea;section:land")
_numbers = itertools.count(1)

DAY = st.lists(st.sampled_from(SECTIONS), max_size=3)
ATTEMPTS = st.lists(
    st.sampled_from(
        [Result.ACCEPTED, Result.ACCEPTED, Result.FAILED, Result.DEFERRED, Result.DEFERRED, Result.UNKNOWN]
    ),
    max_size=4,
)


def digest(*_words: object, **_named: object) -> Digest:
    return Digest(subject="News", preheader="", html="<p>", text="News")


class Histories(RuleBasedStateMachine):
    migrated: ClassVar[Path]

    @initialize(
        minimum=st.integers(1, 3),
        more=st.integers(0, 2),
        overflow=st.sampled_from(["link", "carry"]),
        max_wait=st.sampled_from([None, timedelta(days=3)]),
        approval=st.sampled_from([None, None, timedelta(hours=12)]),
        unanswered=st.sampled_from(["wait", "send", "skip"]),
    )
    def begin(
        self,
        minimum: int,
        more: int,
        overflow: str,
        max_wait: timedelta | None,
        approval: timedelta | None,
        unanswered: str,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        shutil.copyfile(self.migrated, self.folder / "publisher.db")
        self.store: Store = open_store("sqlite:publisher.db", self.folder)
        newsletter = Newsletter(
            name="all",
            title="All",
            description="",
            sender_name="Desk",
            sender_address="desk@example.org",
            subject="News",
            timezone="UTC",
            language="en",
            cadences=(
                Cadence("daily", "07:00", "0 7 * * *"),
                Cadence("weekly", "sun 08:00", "0 8 * * 0"),
                Cadence("instant", "on publish", ""),
            ),
            default_cadence="daily",
            min_items=minimum,
            max_items=minimum + more,
            overflow=overflow,  # type: ignore[arg-type]
            max_wait=max_wait,
            approval=approval,
            unanswered=unanswered,  # type: ignore[arg-type]
            editor="editor@example.org",
        )
        feed = Feed(
            name="all",
            title="All",
            description="",
            file="feeds/all.toml",
            language="en",
            selection=Selection(sections=SECTIONS),
            newsletter=newsletter,
        )
        self.publication = Publication(root=self.folder, title="x", url="https://news.example.org", feeds=(feed,))
        self.now = START
        self.articles: dict[str, Article] = {}
        self.withdrawn: dict[str, Article] = {}
        self.wanted: dict[int, set[str]] = defaultdict(set)
        with self.store.writing() as connection:
            for reader in READERS:
                connection.execute(
                    insert(subscribers).values(
                        id=reader, address=f"r{reader}@example.org", address_hash=f"h{reader}", created_at=START
                    )
                )
                connection.execute(
                    insert(subscriptions).values(
                        id=reader,
                        subscriber_id=reader,
                        newsletter="all",
                        cadence="daily",
                        state="active",
                        cursor=0,
                        created_at=START,
                    )
                )
        self.open()

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.folder)

    def reader(self, reader: int) -> object:
        with self.store.reading() as connection:
            return connection.execute(select(subscriptions).where(subscriptions.c.id == reader)).one()

    @rule(section=st.sampled_from(SECTIONS))
    def publish(self, section: str) -> None:
        name = f"a{next(_numbers)}"
        with self.store.writing() as connection:
            number = article_store.lock_counter(connection) + 1
            record = Record(
                id=name,
                path=name,
                title=name,
                content_hash=name,
                published=self.now,
                updated=self.now,
                first_seen=self.now,
                public_since=self.now,
                sequence=number,
                numbered_at=self.now,
            )
            article_store.save(connection, [record], ())
            article_store.take_numbers(connection, number)
        article = Article(
            id=name,
            path=name,
            url=f"https://news.example.org/{name}/",
            slug=name,
            title=name,
            html="",
            summary="",
            published=self.now,
            updated=self.now,
            language="en",
            content_hash=name,
            section=section,
            sequence=number,
        )
        self.articles[name] = article
        for reader in READERS:
            row = self.reader(reader)
            if row.state == "active" and wants(parse_topics(row.topics), article):  # type: ignore[attr-defined]
                self.wanted[reader].add(name)

    @rule(which=st.integers(0, 50))
    def withdraw_article(self, which: int) -> None:
        if self.articles:
            name = sorted(self.articles)[which % len(self.articles)]
            self.withdrawn[name] = self.articles.pop(name)
            with self.store.writing() as connection:
                records = article_store.records(connection)
                article_store.save(connection, gone_away(records.values(), self.articles), records)

    @rule(which=st.integers(0, 50))
    def put_back(self, which: int) -> None:
        """With a new number if nobody has it; else those whom it has passed by have missed it."""
        if not self.withdrawn:
            return
        name = sorted(self.withdrawn)[which % len(self.withdrawn)]
        article = self.withdrawn.pop(name)
        with self.store.writing() as connection:
            newest = article_store.lock_counter(connection)
            records = article_store.records(connection)
            [record], anew = take_back(connection, records, {name, *self.articles}, newest=newest, now=self.now)
        self.articles[name] = replace(article, sequence=record.sequence)
        if anew:
            for reader in READERS:
                self.wanted[reader].discard(name)  # of a reader who came later it is news now, for others it is anew
        self.comes_late(name)

    @rule(which=st.integers(0, 50), section=st.sampled_from([*SECTIONS, ELSEWHERE]))
    def edit(self, which: int, section: str) -> None:
        if self.articles:
            name = sorted(self.articles)[which % len(self.articles)]
            self.articles[name] = replace(self.articles[name], section=section)
            self.comes_late(name)

    def comes_late(self, name: str) -> None:
        """Whoever wants the article as it is now must have it, or have missed it, unless it is from before their time.

        A run sees it at once: between an edit and the next run nothing is recorded.
        """
        article = self.articles[name]
        for reader in READERS:
            row = self.reader(reader)
            theirs = row.state == "active" and (article.sequence or 0) > row.began  # type: ignore[attr-defined]
            if theirs and self.is_wanted(row, article):
                self.wanted[reader].add(name)
        self.open()

    def is_wanted(self, row: object, article: Article) -> bool:
        return article.section != ELSEWHERE and wants(parse_topics(row.topics), article)  # type: ignore[attr-defined]

    @rule(hours=st.sampled_from([1, 12, 24, 24, 72, 200]))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule()
    def open(self) -> None:
        opener = self.opener()
        opener.open_due()
        attend(opener, KEYS)
        assert not opener.faults

    def opener(self) -> Opener:
        with self.store.reading() as connection:
            newest = article_store.counter(connection)
        return Opener(
            publication=self.publication,
            store=self.store,
            articles=tuple(self.articles.values()),
            newest=newest,
            render=digest,
            now=self.now,
        )

    def day(self, sections: Sequence[str], results: Sequence[Result]) -> None:
        """An ordinary day: some articles, an edition, some of its deliveries."""
        for section in sections:
            self.publish(section)
        self.time_passes(24)
        self.open()
        if results:
            self.deliver(results)

    # Ordinary days are most of a history: without them the rarer things meet nothing that they could break.
    one_day = rule(sections=DAY, results=ATTEMPTS)(day)
    another_day = rule(sections=DAY, results=ATTEMPTS)(day)
    a_third_day = rule(sections=DAY, results=ATTEMPTS)(day)
    a_fourth_day = rule(sections=DAY, results=ATTEMPTS)(day)
    a_fifth_day = rule(sections=DAY, results=ATTEMPTS)(day)

    @rule(results=ATTEMPTS)
    def deliver(self, results: Sequence[Result]) -> None:
        if not results:
            return
        with self.store.writing() as connection:
            claimed = outbox.claim(
                connection, worker="w", now=self.now, lease=timedelta(minutes=10), limit=len(results)
            )
        outcomes = [
            Outcome(delivery=delivery.id, fence=delivery.fence, result=result)
            for delivery, result in zip(claimed, results, strict=False)
        ]
        with self.store.writing() as connection:
            outcome_store.record(
                connection,
                outcomes,
                worker="w",
                now=self.now,
                retry_at=lambda _result, attempts, _first: self.now if attempts < 3 else None,
            )
            edition_store.finish(connection, self.now)

    @rule(reader=st.sampled_from(READERS))
    def unsubscribe(self, reader: int) -> None:
        with self.store.writing() as connection:
            subscription_store.end(connection, reader, self.now)
        self.wanted[reader].clear()

    @precondition(lambda self: hasattr(self, "store"))
    @rule(reader=st.sampled_from(READERS), cadence=st.sampled_from(CADENCES))
    def return_to(self, reader: int, cadence: str) -> None:
        row = self.reader(reader)
        if row.state != "unsubscribed":  # type: ignore[attr-defined]
            return
        with self.store.writing() as connection:
            cursor = subscription_store.starting_cursor(connection, "all", cadence)
            connection.execute(
                update(subscriptions)
                .where(subscriptions.c.id == reader)
                .values(
                    state="active",
                    cadence=cadence,
                    cursor=cursor,
                    began=cursor,
                    topics="*",
                    generation=subscriptions.c.generation + 1,
                    snoozed_until=None,
                    ended_at=None,
                )
            )
        self.wanted[reader] = {
            name
            for name, article in self.articles.items()
            if (article.sequence or 0) > cursor and article.section != ELSEWHERE
        }

    @rule(reader=st.sampled_from(READERS), cadence=st.sampled_from(CADENCES))
    def change_cadence(self, reader: int, cadence: str) -> None:
        with self.store.writing() as connection:
            subscription_store.change_cadence(connection, reader, cadence)

    @rule(reader=st.sampled_from(READERS), written=st.sampled_from(TOPICS))
    def change_topics(self, reader: int, written: str) -> None:
        with self.store.writing() as connection:
            newest = article_store.counter(connection)
            row = connection.execute(select(subscriptions).where(subscriptions.c.id == reader)).one()
            topics = change_topics(row.topics, written, newest)
            connection.execute(update(subscriptions).where(subscriptions.c.id == reader).values(topics=topics))
        parsed = parse_topics(topics)
        # What is not wanted any more is no loss, neither ahead nor in a delivery that is superseded; nothing older
        # is wanted anew.
        self.wanted[reader] = {
            name
            for name in self.wanted[reader]
            if (article := self.articles.get(name) or self.withdrawn.get(name)) and wants(parsed, article)
        }

    @rule(reader=st.sampled_from(READERS), days=st.integers(1, 9))
    def snooze(self, reader: int, days: int) -> None:
        with self.store.writing() as connection:
            connection.execute(
                update(subscriptions)
                .where(subscriptions.c.id == reader)
                .values(snoozed_until=self.now + timedelta(days=days))
            )

    @rule(reader=st.sampled_from(READERS), on=st.booleans())
    def suppress(self, reader: int, on: bool) -> None:
        with self.store.writing() as connection:
            connection.execute(suppressions.delete().where(suppressions.c.address_hash == f"h{reader}"))
            if on:
                connection.execute(
                    insert(suppressions).values(address_hash=f"h{reader}", reason="operator", at=self.now, source="")
                )

    @rule(which=st.integers(0, 5))
    def approve(self, which: int) -> None:
        with self.store.reading() as connection:
            waiting = [
                edition for cadence in CADENCES for edition in edition_store.awaiting(connection, "all", cadence)
            ]
        if waiting:
            with contextlib.suppress(UsageError):  # nobody has anything to read in it any more
                approve(self.opener(), waiting[which % len(waiting)].id)

    @rule(which=st.integers(0, 5), held=st.booleans())
    def hold_or_resume(self, which: int, held: bool) -> None:
        with self.store.writing() as connection:
            editions = edition_store.listing(connection)
            if editions:
                number = editions[which % len(editions)].id
                edition_store.hold(connection, number) if held else edition_store.resume(connection, number)

    @rule(which=st.integers(0, 5))
    def cancel(self, which: int) -> None:
        with self.store.writing() as connection:
            going = edition_store.in_state(connection, EditionState.GOING_OUT)
            if going:
                returns.cancel(connection, going[which % len(going)].id, "a mistake", self.now)

    @invariant()
    def each_wanted_article_is_in_exactly_one_place(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.reading() as connection:
            numbers = {record.id: record.sequence for record in article_store.numbers(connection).values()}
            by_number = {number: name for name, number in numbers.items()}
            for reader in READERS:
                row = connection.execute(select(subscriptions).where(subscriptions.c.id == reader)).one()
                if row.state != "active":
                    continue
                places: dict[str, list[str]] = defaultdict(list)
                served = connection.execute(
                    select(deliveries.c.id, deliveries.c.state, variants.c.articles, variants.c.rest)
                    .join(variants, variants.c.id == deliveries.c.variant_id)
                    .where(
                        deliveries.c.subscription_id == reader,
                        deliveries.c.generation == row.generation,
                        deliveries.c.state.in_([*OUTSTANDING, DeliveryState.ACCEPTED]) | deliveries.c.was_unknown,
                    )
                ).all()
                for delivery in served:
                    for name in json.loads(delivery.articles) + json.loads(delivery.rest):
                        places[name].append(f"delivery {delivery.id}, {delivery.state}")
                for sequence in connection.scalars(select(missed.c.sequence).where(missed.c.subscription_id == reader)):
                    places[by_number[sequence]].append("missed")
                for name, number in numbers.items():
                    if number is not None and number > row.cursor:
                        places[name].append("ahead")
                for name in self.wanted[reader]:
                    # What is withdrawn, or edited so that it is not wanted, is nobody's loss, but must not be in two
                    # places either.
                    lost = name not in self.articles or not self.is_wanted(row, self.articles[name])
                    expected = {0, 1} if lost else {1}
                    assert len(places[name]) in expected, (reader, name, places[name], row.cursor)

    @invariant()
    def every_edition_adds_up(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.reading() as connection:
            for edition in edition_store.listing(connection):
                assert edition_store.sums(connection, edition.id).adds_up, edition

    @invariant()
    def nobody_gets_what_they_did_not_want(self) -> None:
        if not hasattr(self, "store"):
            return
        with self.store.reading() as connection:
            rows = connection.execute(
                select(variants.c.articles, variants.c.rest).join(deliveries, deliveries.c.variant_id == variants.c.id)
            )
            for row in rows:
                listed = json.loads(row.articles) + json.loads(row.rest)
                assert len(listed) == len(set(listed))
                assert len(json.loads(row.articles)) <= self.publication.newsletters[0].max_items


@pytest.mark.slow
def test_each_wanted_article_is_in_exactly_one_place_whatever_happens(migrated_sqlite: Path) -> None:
    Histories.migrated = migrated_sqlite
    from hypothesis.stateful import run_state_machine_as_test

    asked = os.environ.get("PUBLISHER_HISTORIES")
    run_state_machine_as_test(
        Histories,
        settings=settings(
            # The same ones each time, so that a change answers for what it broke; whoever asks for more gets new ones.
            derandomize=asked is None,
            max_examples=int(asked or "60"),
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
            # Shrinking a history of forty steps takes minutes: the steps are printed as they were.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
        ),
    )
