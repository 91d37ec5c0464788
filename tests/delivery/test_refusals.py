"""What refusals do: to the delivery, to the reader, to the edition."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from sqlalchemy import select

from publisher.model.edition import Edition, EditionState
from publisher.store import Store
from publisher.store import editions as edition_store
from publisher.store.schema import attempts, deliveries, suppressions
from tests.delivery.going_out import deliver, edition_for, relay_transport
from tests.relay import Relay
from tests.store import readers as r


def refusing(replies: dict[int, str]) -> Relay:
    return Relay(lambda address: replies.get(int(address.removeprefix("reader").partition("@")[0])))


def states(store: Store) -> dict[int, str]:
    with store.reading() as connection:
        return r.states(connection)


def edition(store: Store, number: int) -> Edition:
    with store.reading() as connection:
        found = edition_store.get(connection, number)
    assert found is not None
    return found


def suppressed(store: Store) -> set[str]:
    with store.reading() as connection:
        return set(connection.scalars(select(suppressions.c.address_hash)))


def test_an_unknown_user_fails_and_is_suppressed_at_once(folder: Path, store: Store) -> None:
    number = edition_for(store, 2)
    with refusing({2: "550 5.1.1 User unknown"}) as relay:
        delivered = deliver(folder, store, relay_transport(relay))
    assert (delivered.accepted, delivered.failed, delivered.complaints) == (1, 1, [])
    assert states(store) == {1: "accepted", 2: "failed"}
    assert suppressed(store) == {"hash2"}
    assert edition(store, number).state is EditionState.FINISHED


def test_a_full_mailbox_is_tried_again_although_its_code_is_5xx(folder: Path, store: Store) -> None:
    edition_for(store, 1)
    with refusing({1: "552 5.2.2 Mailbox full"}) as relay:
        delivered = deliver(folder, store, relay_transport(relay))
    assert delivered.deferred == 1
    assert states(store) == {1: "deferred"}
    assert suppressed(store) == set()


def test_a_limit_pauses_the_edition_until_later_and_no_reader_is_to_blame(folder: Path, store: Store) -> None:
    number = edition_for(store, 3)
    limit = "454 Throttling failure: Maximum sending rate exceeded."
    with refusing({1: limit, 2: limit, 3: limit}) as relay:
        delivered = deliver(folder, store, relay_transport(relay))
        paused = edition(store, number)
        assert paused.state is EditionState.PAUSED
        assert "Throttling failure" in paused.reason
        assert [str(error) for error in delivered.complaints] == [
            f"edition {number} is paused: {paused.reason}; it goes on by itself at 06:20 UTC, or now: "
            f"publisher editions resume {number}"
        ]
        assert set(states(store).values()) == {"queued"}
        with store.reading() as connection:
            assert set(connection.execute(select(deliveries.c.attempts, deliveries.c.first_tried_at)).all()) == {
                (0, None)
            }
            assert "refused" in set(connection.scalars(select(attempts.c.result)))

        relay.refuse = lambda _address: None
        assert deliver(folder, store, relay_transport(relay), now=r.NOW + timedelta(minutes=14)).accepted == 0
        assert deliver(folder, store, relay_transport(relay), now=r.NOW + timedelta(minutes=15)).accepted == 3
    assert edition(store, number).state is EditionState.FINISHED


def test_a_relay_that_denies_relaying_pauses_the_edition_until_somebody_resumes_it(folder: Path, store: Store) -> None:
    number = edition_for(store, 2)
    with refusing({1: "554 5.7.1 Relay access denied", 2: "554 5.7.1 Relay access denied"}) as relay:
        delivered = deliver(folder, store, relay_transport(relay))
        assert "mend that, then: publisher editions resume" in str(delivered.complaints[0])
        relay.refuse = lambda _address: None
        assert deliver(folder, store, relay_transport(relay), now=r.NOW + timedelta(days=1)).accepted == 0
        with store.writing() as connection:
            assert edition_store.resume(connection, number)
        assert deliver(folder, store, relay_transport(relay)).accepted == 2
    assert suppressed(store) == set()


def test_one_server_that_dislikes_our_mail_does_not_stop_the_others(folder: Path, store: Store) -> None:
    number = edition_for(store, 20)
    with refusing({7: "550 5.7.1 Rejected by our spam filter"}) as relay:
        delivered = deliver(folder, store, relay_transport(relay))
    assert (delivered.accepted, delivered.refused) == (19, 1)
    assert edition(store, number).state is EditionState.GOING_OUT
    assert "spam filter" in str(delivered.complaints[0])
    assert states(store)[7] == "queued"


def test_a_refusal_that_says_nothing_fails_this_delivery_only(folder: Path, store: Store) -> None:
    edition_for(store, 1)
    with refusing({1: "550 no"}) as relay:
        assert deliver(folder, store, relay_transport(relay)).failed == 1
    assert suppressed(store) == set()
