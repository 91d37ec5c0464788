"""A relay that behaves: what it is told, in which order, and how a run ends."""

from __future__ import annotations

import asyncio

import pytest

from publisher.delivery.session import Timeouts
from publisher.model.delivery import Outgoing, Result
from publisher.model.errors import PublisherError
from tests.delivery.attempts import RememberingLog, deliver, outgoing, run
from tests.delivery.faulty_smtp import Action, Connection, FaultySmtp, Stall
from tests.delivery.relays import relay


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_every_message_arrives_once_letter_for_letter(loop: str) -> None:
    async def scene() -> None:
        messages = [outgoing(number) for number in range(300)]
        log = RememberingLog()
        async with FaultySmtp() as server:
            ran = await deliver(relay(server), messages, log=log)
        assert ran.error is None
        assert set(ran.results().values()) == {Result.ACCEPTED}
        assert sorted(server.recipients) == sorted(message.recipient for message in messages)
        content = {delivered.recipient: delivered for delivered in server.delivered}
        for message in messages:
            assert content[message.recipient].content == b"".join(message.buffers)
            assert content[message.recipient].sender == message.envelope_sender
        for message in messages:
            started = log.events.index(("started", message.delivery))
            assert log.events.index(("replied", message.delivery)) > started
        assert ran.outcome(5).code == 250
        assert ran.outcome(5).reply == "2.0.0 taken"
        assert ran.outcome(5).relay == f"127.0.0.1:{server.port}"

    run(scene, loop=loop)


def test_the_body_and_the_next_envelope_leave_together_where_pipelining_is_offered() -> None:
    async def scene() -> None:
        async with FaultySmtp(round_trip=0.05) as server:
            began = asyncio.get_running_loop().time()
            await deliver(relay(server, lanes=1), map(outgoing, range(10)))
            took = asyncio.get_running_loop().time() - began
        assert len(server.delivered) == 10
        # EHLO, the first group, then one round trip a message; in lock-step it would be four.
        assert took < 0.05 * 10 * 2

    run(scene)


def test_without_pipelining_every_command_waits_for_its_reply() -> None:
    async def scene() -> None:
        async with FaultySmtp(extensions=("8BITMIME",)) as server:
            ran = await deliver(relay(server), map(outgoing, range(50)))
        assert set(ran.results().values()) == {Result.ACCEPTED}
        assert len(server.delivered) == 50
        assert not server.ahead

    run(scene)


def test_nothing_to_send_is_no_reason_to_connect() -> None:
    async def scene() -> None:
        async with FaultySmtp() as server:
            ran = await deliver(relay(server), [])
        assert ran.error is None
        assert not server.connections

    run(scene)


def test_three_notices_do_not_make_eight_connections() -> None:
    async def scene() -> None:
        async with FaultySmtp() as server:
            await deliver(relay(server), map(outgoing, range(3)))
        assert len(server.connections) == 1
        assert server.connections[0].commands[-1] == "QUIT"

    run(scene)


def test_messages_are_pulled_as_they_can_be_sent() -> None:
    async def scene() -> None:
        async with FaultySmtp() as server:
            ran = await deliver(relay(server), map(outgoing, range(100_000)), stop_after=20)
        assert 20 <= len(ran.taken) < 200
        assert set(ran.results().values()) == {Result.ACCEPTED}
        assert len(server.delivered) == len(ran.outcomes)

    run(scene)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_stop_finishes_what_is_in_the_air_even_if_the_relay_is_silent(loop: str) -> None:
    async def scene() -> None:
        def silent(step: str, connection: Connection) -> Action:
            return Stall() if step == "dot" and connection.messages == 3 else None

        stop = asyncio.Event()
        async with FaultySmtp(silent) as server:
            asyncio.get_running_loop().call_later(0.3, stop.set)
            slow = Timeouts(grace=0.3)
            ran = await deliver(relay(server, timeouts=slow, lanes=2), map(outgoing, range(50)), stop=stop)
        assert ran.error is None
        counts = list(ran.results().values())
        assert counts.count(Result.UNKNOWN) == 2
        assert set(counts) <= {Result.ACCEPTED, Result.UNKNOWN, Result.UNTOUCHED}

    run(scene, loop=loop)


def test_a_message_over_the_relays_size_fails_alone() -> None:
    async def scene() -> None:
        large = outgoing(2, buffers=(b"Subject: large\r\n\r\n", b"x" * 70 + b"\r\n") * 20)
        async with FaultySmtp(extensions=("PIPELINING", "SIZE 1000")) as server:
            ran = await deliver(relay(server), [outgoing(1), large, outgoing(3)])
        assert ran.results() == {1: Result.ACCEPTED, 2: Result.FAILED, 3: Result.ACCEPTED}
        assert "1000" in ran.outcome(2).reply
        assert any(" SIZE=" in command for command in server.connections[0].commands)

    run(scene)


def test_an_address_that_is_not_ascii_needs_smtputf8_and_fails_alone_without() -> None:
    async def scene() -> None:
        other = outgoing(2, recipient="jörg@bücher.example.org", smtputf8=True)
        async with FaultySmtp() as server:
            ran = await deliver(relay(server), [outgoing(1), other, outgoing(3)])
        assert ran.results() == {1: Result.ACCEPTED, 2: Result.FAILED, 3: Result.ACCEPTED}
        assert "SMTPUTF8" in ran.outcome(2).reply
        async with FaultySmtp(extensions=("PIPELINING", "SMTPUTF8", "8BITMIME")) as server:
            ran = await deliver(relay(server), [other, outgoing(4, recipient="ana@bücher.example.org")])
        assert set(ran.results().values()) == {Result.ACCEPTED}
        assert server.recipients == ["jörg@xn--bcher-kva.example.org", "ana@xn--bcher-kva.example.org"]
        mails = [command for command in server.connections[0].commands if command.startswith("MAIL")]
        assert [mail.endswith("SMTPUTF8") for mail in mails] == [True, False]

    run(scene)


@pytest.mark.parametrize("recipient", ["", "ana", "a@b\r\nRCPT TO:<c@d>", "a b@example.org", "a@exa>mple.org"])
def test_an_address_that_could_become_a_command_fails_alone(recipient: str) -> None:
    async def scene() -> None:
        async with FaultySmtp() as server:
            messages = [
                outgoing(1, recipient=recipient),
                outgoing(2),
                outgoing(3, envelope_sender="a>\r\nRSET"),
            ]
            ran = await deliver(relay(server), messages)
        expected = Result.ACCEPTED if recipient == "ana" else Result.FAILED
        assert ran.results() == {1: expected, 2: Result.ACCEPTED, 3: Result.FAILED}

    run(scene)


def test_the_null_sender_can_send() -> None:
    async def scene() -> None:
        async with FaultySmtp() as server:
            await deliver(relay(server), [outgoing(1, envelope_sender="")])
        assert server.delivered[0].sender == ""

    run(scene)


def test_an_error_of_the_messages_comes_out_after_the_outcomes() -> None:
    async def scene() -> None:
        def messages() -> object:
            yield from map(outgoing, range(20))
            raise PublisherError("the digest is gone")

        async with FaultySmtp() as server:
            ran = await deliver(relay(server), messages())  # type: ignore[arg-type]
        assert "the digest is gone" in str(ran.error)
        assert len(ran.taken) == len(server.delivered) == 20

    run(scene)


def test_a_log_that_cannot_write_lets_no_dot_leave() -> None:
    class FullLog(RememberingLog):
        async def started(self, outgoing: Outgoing) -> None:
            if outgoing.delivery >= 10:
                raise PublisherError("the journal's disk is full")
            await super().started(outgoing)

        def begins(self, outgoing: Outgoing) -> bool:
            return outgoing.delivery < 10

        def begin(self, outgoing: Outgoing) -> bool:
            return self.begins(outgoing) and super().begin(outgoing)

    async def scene() -> None:
        log = FullLog()
        async with FaultySmtp() as server:
            ran = await deliver(relay(server), map(outgoing, range(100)), log=log)
        assert "journal" in str(ran.error)
        assert {f"reader{number}@example.com" for number in log.started_ids} == set(server.recipients)
        results = ran.results()
        assert {number for number in results if results[number] is Result.ACCEPTED} == log.started_ids

    run(scene)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_closing_the_iterator_early_ends_all_connections(loop: str) -> None:
    async def scene() -> None:
        async with FaultySmtp() as server:
            outcomes = relay(server).deliver(map(outgoing, range(10_000)), log=RememberingLog(), stop=asyncio.Event())
            async for _ in outcomes:
                break
            await outcomes.aclose()  # type: ignore[attr-defined]
            await asyncio.sleep(0.05)
            assert len(asyncio.all_tasks()) < 10

    run(scene, loop=loop)
