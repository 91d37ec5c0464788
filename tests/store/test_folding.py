"""Editions that ended long ago leave the database for a file, and are answered for all the same."""

from __future__ import annotations

import gzip
import json
import multiprocessing
import os
import signal
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from publisher.model.delivery import Account, DeliveryState, Outcome, Result
from publisher.model.edition import Digest, Edition, EditionState, Embedded
from publisher.model.errors import PublisherError, StoreError
from publisher.publication import load
from publisher.store import Store, accounts, blocks, folding, histories, open_store, retrying
from publisher.store import articles as article_store
from publisher.store import editions as edition_store
from publisher.store import pictures as picture_store
from publisher.store.folding import Folded, fold_ended
from publisher.store.host import host_lock
from publisher.store.ledger_file import LedgerFile, pack, unpack
from publisher.store.schema import attempts, deliveries, editions, groups, pictures, subscriptions, variants
from tests.store import readers as r
from tests.store.test_outbox import claim, edition_for, give_up, record

KEEP = timedelta(days=60)
LATER = r.NOW + timedelta(days=61)


def ended(outcome: Outcome, result: Result, code: int, reply: str) -> Outcome:
    return Outcome(
        delivery=outcome.delivery,
        fence=outcome.fence,
        result=result,
        code=code,
        reply=reply,
        relay="relay",
        seconds=0.0123,
    )


def finished(store: Store, readers: int = 6) -> int:
    """An edition that has ended: reader 1 failed, reader 2 is in doubt, the others have it."""
    number = edition_for(store, readers)
    claimed = claim(store, limit=readers)
    outcomes = [ended(one, Result.ACCEPTED, 250, "2.0.0 queued as 4bX") for one in claimed.values()]
    outcomes[0] = ended(claimed[1], Result.FAILED, 550, "5.1.1 <reader1@example.org>: no such user")
    outcomes[1] = ended(claimed[2], Result.UNKNOWN, 0, "")
    record(store, *outcomes, retry=give_up)
    with store.writing() as connection:
        assert edition_store.finish(connection, r.NOW) == [number]
    return number


def fold(store: Store, folder: Path, *, now: datetime = LATER, stop: threading.Event | None = None) -> Folded:
    return fold_ended(load(folder), store, clock=lambda: now, stop=stop or threading.Event())


def edition(store: Store, number: int) -> Edition:
    with store.reading() as connection:
        found = edition_store.get(connection, number)
    assert found is not None
    return found


def everything(store: Store, folder: Path, number: int) -> list[Account]:
    return [one for some in accounts.accounts_of(store, folder / "ledger", edition(store, number)) for one in some]


def rows(store: Store) -> tuple[int, int]:
    with store.reading() as connection:
        return tuple(
            connection.execute(select(func.count()).select_from(table)).scalar_one() for table in (deliveries, attempts)
        )  # type: ignore[return-value]


@given(st.lists(st.one_of(st.none(), st.integers(), st.text(max_size=3), st.booleans()), max_size=30))
def test_a_column_is_unpacked_as_it_was(column: list[object]) -> None:
    assert unpack(json.loads(json.dumps(pack(column))), len(column)) == column


def test_what_is_known_of_an_edition_is_the_same_before_and_after(store: Store, folder: Path) -> None:
    number = finished(store)
    with store.reading() as connection:
        sums = edition_store.sums(connection, number)
        in_doubt = edition_store.doubtful(connection, number)
    before = everything(store, folder, number)
    assert (len(before), sums.accepted, sums.failed, sums.unknown) == (6, 4, 2, 1)

    done = fold(store, folder)

    assert (done.editions, done.errors) == ([number], [])
    assert rows(store) == (0, 0)
    assert everything(store, folder, number) == before
    with store.reading() as connection:
        assert edition_store.sums(connection, number) == sums
        assert sums.adds_up
    assert accounts.doubtful(store, folder / "ledger", edition(store, number)) == in_doubt
    assert edition(store, number).folded_at == LATER


def test_one_reader_is_found_in_the_file(store: Store, folder: Path) -> None:
    number = finished(store)
    fold(store, folder)
    ledger = folder / "ledger"
    one = edition(store, number)
    with store.reading() as connection:
        account = accounts.account_of(connection, ledger, one, 1)
        nobody = accounts.account_of(connection, ledger, one, 99)
    assert account is not None
    assert (account.state, account.subscription) == (DeliveryState.FAILED, 1)
    assert [(one.result, one.code, one.seconds) for one in account.attempts] == [(Result.FAILED, 550, 0.0123)]
    assert nobody is None


def test_nothing_in_the_file_says_who_the_readers_are(store: Store, folder: Path) -> None:
    fold_of = finished(store)
    fold(store, folder)
    text = gzip.decompress((folder / "ledger" / f"edition-{fold_of:06}.jsonl.gz").read_bytes()).decode()
    assert "@" not in text
    assert "5.1.1 …: no such user" in text
    assert json.loads(text.splitlines()[0])["format"] == "publisher ledger 1"


def test_an_edition_that_ended_lately_or_has_deliveries_left_stays(store: Store, folder: Path) -> None:
    finished(store)
    assert fold(store, folder, now=r.NOW + KEEP - timedelta(minutes=1)).editions == []
    with store.writing() as connection:
        connection.execute(update(deliveries).where(deliveries.c.subscription_id == 3).values(state="deferred"))
    assert fold(store, folder).editions == []
    assert rows(store) == (6, 6)


def test_an_article_that_was_delivered_is_had_although_its_edition_is_folded(store: Store, folder: Path) -> None:
    finished(store)
    fold(store, folder)
    with store.reading() as connection:
        assert article_store.had(connection, ["a1", "a2", "a3"]) == {"a1", "a2"}


def test_why_a_reader_got_an_article_is_answered_as_before(store: Store, folder: Path) -> None:
    finished(store)

    def answers() -> tuple[object, ...]:
        with store.reading() as connection:
            carried = [
                (one.edition.id, one.deliveries, one.in_full, one.linked) for one in histories.carried(connection, "a1")
            ]
            traced = [
                (one.id, one.linked, one.state, one.ended_at, one.was_unknown, [line.code for line in one.attempts])
                for number in (1, 2, 3)
                for reading in histories.readings(connection, number, "a1", 1, ledger=folder / "ledger").values()
                for one in reading.deliveries
            ]
        assert len(traced) == 3
        return carried, traced

    before = answers()
    fold(store, folder)
    assert answers() == before


def test_an_edition_nobody_got_leaves_its_articles_free(store: Store, folder: Path) -> None:
    number = edition_for(store, 2)
    claimed = claim(store)
    record(store, *(ended(one, Result.FAILED, 550, "no") for one in claimed.values()))
    with store.writing() as connection:
        edition_store.finish(connection, r.NOW)
    assert fold(store, folder).editions == [number]
    with store.reading() as connection:
        assert article_store.had(connection, ["a1"]) == set()


def test_a_folded_edition_is_not_tried_again(store: Store, folder: Path) -> None:
    number = finished(store)
    fold(store, folder)
    with store.writing() as connection:
        assert retrying.retry(connection, number, failed=True, unknown=True) == 0


def test_an_edition_that_is_tried_again_while_its_file_is_written_keeps_its_rows(
    store: Store, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = finished(store)
    compare = folding._compare

    def tried_again(*words: object) -> None:
        compare(*words)  # type: ignore[arg-type]
        with store.writing() as connection:
            assert retrying.retry(connection, number, failed=True, unknown=True) == 2

    monkeypatch.setattr(folding, "_compare", tried_again)
    fold(store, folder)
    assert edition(store, number).state is EditionState.GOING_OUT
    assert edition(store, number).ledger == ""
    assert rows(store) == (6, 6)


def fold_and_die(folder: Path, database: str, commits: int) -> None:
    """Folds in blocks of two, in a process of its own that is killed right after so many commits."""
    blocks.BLOCK = 2
    left = commits

    def committed() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    store = open_store(database, folder, after_commit=committed)
    fold(store, folder)
    store.close()


@pytest.mark.parametrize("commits", range(1, 6))
def test_killed_after_any_commit_it_goes_on_and_nothing_is_lost(folder: Path, database: str, commits: int) -> None:
    store = open_store(database, folder)
    number = finished(store)
    before = everything(store, folder, number)
    with store.reading() as connection:
        sums = edition_store.sums(connection, number)
    process = multiprocessing.get_context("spawn").Process(target=fold_and_die, args=(folder, database, commits))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    with store.reading() as connection:
        assert edition_store.sums(connection, number) == sums
    assert everything(store, folder, number) == before
    fold(store, folder)
    assert rows(store) == (0, 0)
    with store.reading() as connection:
        assert edition_store.sums(connection, number) == sums
    assert everything(store, folder, number) == before
    store.close()


def test_a_file_that_is_not_what_the_database_says_costs_no_row(store: Store, folder: Path) -> None:
    number = finished(store)
    path = folder / "ledger" / f"edition-{number:06}.jsonl.gz"
    with store.writing() as connection:
        connection.execute(update(editions).values(ledger=path.name))
    other = edition(store, number)
    folding._written(store, folder / "ledger", other, path.name, lambda: True)
    with store.writing() as connection:
        connection.execute(update(deliveries).where(deliveries.c.subscription_id == 4).values(reply="later"))
    done = fold(store, folder)
    assert [str(error) for error in done.errors] == [
        f"edition-{number:06}.jsonl.gz: edition {number} in the database and its file differ; its rows stay in the "
        "database; please report this"
    ]
    assert rows(store) == (6, 6)


def test_a_damaged_or_missing_file_is_one_line(store: Store, folder: Path) -> None:
    number = finished(store)
    fold(store, folder)
    path = folder / "ledger" / f"edition-{number:06}.jsonl.gz"
    whole = path.read_bytes()
    for damage in (b"", b"not a ledger", whole[: len(whole) // 2], whole[:-9] + b"?" + whole[-8:], whole[::-1]):
        path.write_bytes(damage)
        with pytest.raises(StoreError, match=f"ledger/edition-{number:06}.jsonl.gz: damaged") as caught:
            everything(store, folder, number)
        assert "\n" not in str(caught.value)
    path.unlink()
    with pytest.raises(StoreError, match="the file is not there; it was made by this publication"):
        everything(store, folder, number)


def test_a_folder_that_cannot_be_written_changes_nothing(store: Store, folder: Path) -> None:
    finished(store)
    (folder / "ledger").write_text("a file in the way")
    [error] = fold(store, folder).errors
    assert "ledger/edition-000001.jsonl.gz: cannot be written" in str(error)
    assert isinstance(error, PublisherError)
    assert rows(store) == (6, 6)


def test_told_to_stop_it_leaves_no_half_file(store: Store, folder: Path) -> None:
    finished(store)
    stop = threading.Event()
    stop.set()
    assert fold(store, folder, stop=stop).editions == []
    [one] = _ripe(store)
    assert not folding.fold(store, folder / "ledger", one, now=LATER, go_on=lambda: False)
    assert list((folder / "ledger").iterdir()) == []


def _ripe(store: Store) -> list[Edition]:
    with store.reading() as connection:
        return folding.to_fold(connection, LATER)


def test_digests_and_pictures_go_into_files_once_nobody_shows_them(store: Store, folder: Path) -> None:
    def shows(*pictures_shown: Embedded) -> Digest:
        html = "".join(f'<img src="cid:{one.cid}" alt="">' for one in pictures_shown)
        return Digest(subject="News", preheader="p", html=html, text="News", pictures=pictures_shown)

    logo = Embedded(cid="logo@news.example.org", media_type="image/png", content=b"\x89PNG logo")
    photo = Embedded(cid="photo@news.example.org", media_type="image/jpeg", content=b"\xff\xd8 photo")
    first = finished(store)
    with store.writing() as connection:
        picture_store.keep(connection, [logo, photo])
        connection.execute(update(variants).values(html=shows(logo, photo).html))
        connection.execute(update(subscriptions).values(cursor=0))
        second = r.open_edition(connection, slot=r.SLOT + timedelta(days=1)).id
        connection.execute(update(variants).where(variants.c.edition_id == second).values(html=shows(logo).html))
    fold(store, folder)
    with store.reading() as connection:
        left = connection.scalars(select(pictures.c.cid)).all()
        html = dict(connection.execute(select(variants.c.edition_id, variants.c.html)).all())
        subjects = connection.scalars(select(variants.c.subject)).all()
        decided = connection.scalars(select(groups.c.edition_id)).all()
    assert html[first] == ""
    assert set(subjects) == {"News"}
    assert first not in decided
    assert left == ["logo@news.example.org"]
    lines = list(LedgerFile(folder / "ledger" / f"edition-{first:06}.jsonl.gz").heads())
    assert [line["variant"]["html"] for line in lines if "variant" in line] == [shows(logo, photo).html]
    kept = [line["picture"] for line in lines if "picture" in line]
    assert [(folder / "ledger" / one["file"]).read_bytes() for one in kept] == [logo.content, photo.content]


def test_the_next_edition_uses_the_room_of_the_last(folder: Path, sqlite_store: Store) -> None:
    def size() -> int:
        with sqlite_store.reading() as connection:
            return int(connection.exec_driver_sql("PRAGMA page_count").scalar_one())

    finished(sqlite_store, 2000)
    full = size()
    fold(sqlite_store, folder)
    with sqlite_store.writing() as connection:
        connection.execute(update(subscriptions).values(cursor=0))
        r.open_edition(connection, slot=r.SLOT + timedelta(days=1))
    assert size() < full * 1.05


def test_what_a_killed_process_left_half_written_is_removed_and_one_process_folds_at_a_time(
    store: Store, folder: Path
) -> None:
    number = finished(store)
    (folder / "ledger").mkdir()
    half = folder / "ledger" / f".edition-{number:06}.jsonl.gz.4711"
    half.write_bytes(b"half a file")
    with host_lock(folder / ".publisher", "fold.lock") as mine:
        assert mine
        assert fold(store, folder).editions == []
    assert fold(store, folder).editions == [number]
    assert [path.name for path in (folder / "ledger").iterdir()] == [f"edition-{number:06}.jsonl.gz"]


def test_an_edition_whose_file_another_machine_has_is_left_to_it(store: Store, folder: Path) -> None:
    number = finished(store)
    with store.writing() as connection:
        connection.execute(update(editions).values(ledger=f"edition-{number:06}.jsonl.gz"))
    done = fold(store, folder)
    assert (done.editions, done.errors) == ([], [])
    assert rows(store) == (6, 6)
