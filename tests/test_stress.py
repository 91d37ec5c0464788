"""Three machines run, readers sign up, choose and leave, an operator steers, and what is old is folded, all at once.

One PostgreSQL database, and a minute of the publication's time in a second. Nobody may fail by meeting another, every
edition adds up, and nobody has an article twice. PUBLISHER_STRESS: for how many seconds.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import shutil
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest
from sqlalchemy import func, select

from publisher import pipeline
from publisher.audience import erasing, joining, moving, preferring
from publisher.audience.addresses import parse_address
from publisher.audience.admitting import import_rows
from publisher.audience.csvfile import read_csv
from publisher.model.edition import Digest, EditionState
from publisher.model.errors import PublisherError, StoreError
from publisher.model.subscriber import Suppression
from publisher.publication import load, load_secrets
from publisher.store import (
    Store,
    open_store,
    private_feeds,
    retrying,
    returns,
    subscribers,
    subscriptions,
    suppressions,
)
from publisher.store import editions as edition_store
from publisher.store import troubles as trouble_store
from publisher.store.schema import deliveries, editions, variants
from tests.relay import Relay

SECONDS = float(os.environ.get("PUBLISHER_STRESS", "12"))
READERS = 300
START = datetime(2026, 3, 2, 6, tzinfo=UTC)
FORKS = multiprocessing.get_context("forkserver")
DIGEST = Digest(subject="Hello", preheader="", html="<p>Hello", text="Hello\n")
FEED = """\
title = "World"
[newsletter]
sender = "world@example.org"
since = 2026-03-01
late = "5 minutes"
[newsletter.cadences]
often = "*/3 * * * *"
seldom = "*/7 * * * *"
"""


@dataclass(frozen=True)
class Scene:
    """What every process is told: a machine's folder, the real time at which START was, and where faults go.

    ``enough``: there are some editions; a busy machine takes longer for these.
    """

    folder: Path
    began: float
    faults: Queue[str]
    enough: Event

    def now(self) -> datetime:
        """A minute a second."""
        return START + timedelta(seconds=60 * (time.time() - self.began))

    @property
    def over(self) -> bool:
        took = time.time() - self.began
        return took > SECONDS and (self.enough.is_set() or took > 20 * SECONDS)


def runs(scene: Scene) -> None:
    """What cron and `serve` do."""
    errors: list[PublisherError]
    publication, secrets = load(scene.folder), load_secrets(scene.folder)
    store = open_store(publication.database, scene.folder)
    while not scene.over:
        try:
            errors = pipeline.run(publication, secrets, store, clock=scene.now, stop=threading.Event()).errors
        except StoreError as error:
            errors = [error]
        for error in errors:
            scene.faults.put(f"run: {error}")
    store.close()


def repeat(seed: int, *acts: Callable[[Scene, Store, random.Random], None]) -> Callable[[Scene], None]:
    """One of these acts after the other, at random."""
    return _Repeated(seed, acts)


@dataclass(frozen=True)
class _Repeated:
    seed: int
    acts: tuple[Callable[[Scene, Store, random.Random], None], ...]

    def __call__(self, scene: Scene) -> None:
        chance = random.Random(self.seed)
        store = open_store(load(scene.folder).database, scene.folder)
        while not scene.over:
            act = chance.choice(self.acts)
            try:
                act(scene, store, chance)
            except Exception as error:
                scene.faults.put(f"{act.__name__}: {error!r}\n{traceback.format_exc()}")
        store.close()


def somebody(chance: random.Random) -> int:
    return chance.randint(1, READERS)


def signs_up(scene: Scene, store: Store, chance: random.Random) -> None:
    publication, secrets = load(scene.folder), load_secrets(scene.folder)
    address = parse_address(f"new{chance.randint(1, 40)}@example.org")
    with store.writing() as connection:
        joining.sign_up(
            connection,
            address,
            publication.newsletters[0],
            cadence=chance.choice(["often", "seldom"]),
            keys=secrets.signing,
            digest=DIGEST,
            link=lambda number, _ends: f"https://example.org/{number}",
            ip="192.0.2.1",
            source="form",
            wording="yes",
            now=scene.now(),
        )
    with store.writing() as connection:
        person = erasing.person_of(connection, address, secrets.signing)
        found = subscriptions.of_subscribers(connection, [person.id] if person else [])
        for subscription in found.values():
            joining.confirm(
                connection, subscription, welcome=DIGEST, latest=True, ip="", source="link", wording="", now=scene.now()
            )


def chooses(scene: Scene, store: Store, chance: random.Random) -> None:
    newsletter = load(scene.folder).newsletters[0]
    with store.writing() as connection:
        subscription = subscriptions.get(connection, somebody(chance))
        if subscription is None:
            return
        now = scene.now()
        cadence = chance.choice(["often", "seldom"])
        topics = chance.choice([None, [], ["section:world"], ["section:science"]])
        preferring.choose(connection, subscription, newsletter, cadence=cadence, topics=topics, now=now, source="page")
        day = chance.choice([None, (now + timedelta(days=1)).date()]) if chance.random() < 0.1 else None
        preferring.snooze(connection, subscription, newsletter, day, now=now, source="page")
        private_feeds.renew(connection, subscription.id, now)


def leaves(scene: Scene, store: Store, chance: random.Random) -> None:
    with store.writing() as connection:
        joining.unsubscribe(connection, somebody(chance), now=scene.now(), source="link")


def complains(scene: Scene, store: Store, chance: random.Random) -> None:
    with store.writing() as connection:
        person = subscribers.get(connection, somebody(chance))
        if person is not None and person.address:
            hashed = subscribers.hash_of(connection, person.id)
            gone = Suppression(address_hash=hashed, reason="complaint", at=scene.now(), source="report")
            suppressions.suppress(connection, gone, weaker=("hard bounce",))


def is_erased_or_moves(scene: Scene, store: Store, chance: random.Random) -> None:
    with store.writing() as connection:
        if chance.random() < 0.5:
            erasing.erase(connection, somebody(chance), now=scene.now(), source="page")
        else:
            moving.move(
                connection, somebody(chance), READERS + chance.randint(1, 40), now=scene.now(), ip="", source="link"
            )


def imports(scene: Scene, store: Store, chance: random.Random) -> None:
    numbers = chance.sample(range(1, READERS + 100), 60)
    rows = read_csv("".join(f"reader{number}@example.org\n" for number in numbers).encode(), file="readers.csv")
    keys = load_secrets(scene.folder).signing
    import_rows(store, load(scene.folder), rows, file="readers.csv", newsletter="world", keys=keys, now=scene.now())


def steers(scene: Scene, store: Store, chance: random.Random) -> None:
    """An operator, with little patience."""
    with store.writing() as connection:
        listed = edition_store.listing(connection, limit=4)
        if not listed:
            return
        number = chance.choice(listed).id
        match chance.randint(0, 7):
            case 0:
                returns.cancel(connection, number, "a whim", scene.now())
            case 1 | 2:
                retrying.retry(connection, number, failed=True, unknown=True)
            case 3:
                edition_store.hold(connection, number)
            case _:
                edition_store.resume(connection, number)


def is_alerted(scene: Scene, store: Store, chance: random.Random) -> None:
    with store.writing() as connection:
        found = {f"trouble {number}": "text" for number in chance.sample(range(20), 10)}
        trouble_store.remember(connection, found, scene.now())


def machine(tmp_path: Path, folder: Path, number: int, database: str, port: int) -> Path:
    """A machine's own folder of the one publication."""
    place = tmp_path / f"machine{number}"
    (place / "feeds").mkdir(parents=True)
    (place / "feeds" / "world.toml").write_text(FEED, "utf-8")
    text = (folder / "publication.toml").read_text("utf-8")
    settings = (
        f'database = "{database}"\narticles = "{folder}/articles"\n{text}\n'
        f'[delivery]\ntransport = "smtp://127.0.0.1:{port}"\ngive_up_after = "6 minutes"\nkeep = "10 minutes"\n'
        '[web]\npages = false\npermalink = "/{slug}/"\n'
    )
    (place / "publication.toml").write_text(settings, "utf-8")
    if number == 0:
        load_secrets(place)
    else:
        shutil.copyfile(tmp_path / "machine0" / "secrets.toml", place / "secrets.toml")
    return place


@pytest.mark.slow
@pytest.mark.postgresql
def test_nobody_fails_by_meeting_another(folder: Path, tmp_path: Path, postgresql_database: str) -> None:
    chance = random.Random(1)

    def refuse(_recipient: str) -> str | None:
        drawn = chance.random()
        return "550 5.1.1 no such user" if drawn < 0.02 else "450 4.2.0 later" if drawn < 0.2 else None

    with Relay(refuse) as relay:
        places = [machine(tmp_path, folder, number, postgresql_database, relay.port) for number in range(3)]
        store = open_store(postgresql_database, places[0])
        rows = read_csv("".join(f"reader{n}@example.org\n" for n in range(1, READERS + 1)).encode(), file="r.csv")
        keys = load_secrets(places[0]).signing
        import_rows(store, load(places[0]), rows, file="r.csv", newsletter="world", keys=keys, now=START)
        faults: Queue[str] = FORKS.Queue()
        enough = FORKS.Event()
        began = time.time()
        acts = [
            *(runs for _ in places),
            *(repeat(seed, signs_up, chooses, leaves, complains) for seed in range(2)),
            repeat(7, imports, is_erased_or_moves),
            repeat(8, imports, steers, steers, is_alerted),
            repeat(9, steers, is_alerted, chooses),
        ]
        processes = [
            FORKS.Process(target=act, args=(Scene(places[number % 3], began, faults, enough),))
            for number, act in enumerate(acts)
        ]
        for process in processes:
            process.start()
        number = 0
        while any(process.is_alive() for process in processes):
            date = (START + timedelta(seconds=60 * (time.time() - began))).isoformat()
            section = chance.choice(["world", "science"])
            text = f'+++\ntitle = "a{number}"\ndate = {date}\nsection = "{section}"\n+++\nNews.\n'
            (folder / "articles" / f"a{number}.md").write_text(text, "utf-8")
            number += 1
            with store.reading() as connection:
                # Of ended ones: then somebody has been mailed.
                if sum(edition.state is EditionState.FINISHED for edition in edition_store.listing(connection)) > 1:
                    enough.set()
            time.sleep(1)
        said = []
        while not faults.empty():
            said.append(faults.get())
        # On a machine that is overloaded three may still wait for each other, once in some minutes: PostgreSQL ends one
        # of them; an opening begins its step anew, and whoever else it is says so.
        rest = [one for one in said if "waited for each other" not in one]
        assert not rest, "\n".join(rest)
        assert len(said) <= 2, "\n".join(said)
        assert [process.exitcode for process in processes] == [0] * len(processes)
        _adds_up(store)
        store.close()


def _adds_up(store: Store) -> None:
    with store.reading() as connection:
        numbers = connection.scalars(select(editions.c.id)).all()
        assert len(numbers) > 1
        for number in numbers:
            edition = edition_store.get(connection, number)
            assert edition is not None
            if edition.state is not EditionState.OPENING:
                assert edition_store.sums(connection, number).adds_up, edition_store.sums(connection, number)
        lists = dict(connection.execute(select(variants.c.id, variants.c.articles)).all())
        got: Counter[tuple[int, str]] = Counter()
        for subscription, generation, variant in connection.execute(
            select(deliveries.c.subscription_id, deliveries.c.generation, deliveries.c.variant_id).where(
                deliveries.c.state == "accepted", deliveries.c.variant_id.is_not(None), ~deliveries.c.was_unknown
            )
        ):
            got.update((subscription, f"{generation} {article}") for article in json.loads(lists[variant]))
        assert [one for one, count in got.items() if count > 1] == []
        assert got
        two_live = (
            select(func.count())
            .select_from(private_feeds.private_feeds)
            .where(private_feeds.private_feeds.c.ended_at.is_(None))
            .group_by(private_feeds.private_feeds.c.subscription_id)
        )
        assert set(connection.scalars(two_live)) <= {1}
