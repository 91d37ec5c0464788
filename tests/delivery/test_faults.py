"""A relay that does everything wrong: nobody is left out, and nobody is told a lie about."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import Callable
from dataclasses import replace

import pytest

from publisher.delivery.session import Timeouts
from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress
from publisher.model.delivery import Result
from publisher.model.errors import RelayUnreachable
from tests.delivery.attempts import RememberingLog, Run, deliver, outgoing, run
from tests.delivery.faulty_smtp import Action, Connection, Drop, FaultySmtp, Raw, Stall

QUICK = Timeouts(connect=2, greeting=0.3, command=0.3, data=0.3, final=0.3, quit=0.3, grace=0.3)
MESSAGES = 40
PIPELINED = ("PIPELINING", "8BITMIME")
LOCKSTEP = ("8BITMIME",)


def relay(server: FaultySmtp, lanes: int = 4, timeouts: Timeouts = QUICK) -> SmtpTransport:
    return SmtpTransport(RelayAddress("127.0.0.1", server.port), lanes=lanes, timeouts=timeouts, pause=0.01)


def check(ran: Run, server: FaultySmtp, log: RememberingLog) -> None:
    """What must hold after any fault."""
    ran.check()
    got = server.recipients
    assert len(got) == len(set(got)), "somebody had the message twice"
    for outcome in ran.outcomes:
        recipient = f"reader{outcome.delivery}@example.com"
        if outcome.result is Result.ACCEPTED:
            assert recipient in got
        elif outcome.result is not Result.UNKNOWN:
            assert recipient not in got, f"{outcome} has it"
    assert {int(recipient[6:].partition("@")[0]) for recipient in got} <= log.started_ids
    replied = [delivery for event, delivery in log.events if event == "replied"]
    touched = [outcome.delivery for outcome in ran.outcomes if outcome.result is not Result.UNTOUCHED]
    assert sorted(replied) == sorted(touched)


def for_reader(number: int, step: str, action: Action) -> Callable[[str, Connection], Action]:
    def script(at: str, connection: Connection) -> Action:
        if at != step:
            return None
        if step in {"MAIL", "RCPT"}:
            return action if connection.commands[-1].startswith(f"RCPT TO:<reader{number}@") else None
        return action if connection.recipient.startswith(f"reader{number}@") else None

    return script


@pytest.mark.parametrize("offers", [PIPELINED, LOCKSTEP])
@pytest.mark.parametrize("lone_dot", [False, True])
@pytest.mark.parametrize("step", ["RCPT", "DATA", "dot"])
@pytest.mark.parametrize(
    ("reply", "result"),
    [
        ("450 4.2.1 later", Result.DEFERRED),
        ("451 4.3.0 trouble", Result.DEFERRED),
        ("452 4.2.2 full", Result.DEFERRED),
        ("500 5.5.2 what", Result.FAILED),
        ("550 5.1.1 no such reader", Result.FAILED),
        ("552 5.2.2 full", Result.FAILED),
        ("554-5.7.1 spam\r\n554 5.7.1 says who", Result.FAILED),
    ],
)
def test_a_refusal_concerns_that_message_only(
    offers: tuple[str, ...], lone_dot: bool, step: str, reply: str, result: Result
) -> None:
    async def scene() -> None:
        log = RememberingLog()
        async with FaultySmtp(for_reader(7, step, reply), extensions=offers, lone_dot=lone_dot) as server:
            ran = await deliver(relay(server), map(outgoing, range(MESSAGES)), log=log)
        check(ran, server, log)
        results = ran.results()
        assert results.pop(7) is result
        assert ran.outcome(7).code == int(reply[:3])
        assert set(results.values()) == {Result.ACCEPTED}
        assert not (offers == LOCKSTEP and server.ahead)

    run(scene)


@pytest.mark.parametrize("offers", [PIPELINED, LOCKSTEP])
@pytest.mark.parametrize("lone_dot", [False, True])
def test_a_refused_sender_concerns_that_message_only(offers: tuple[str, ...], lone_dot: bool) -> None:
    async def scene() -> None:
        def script(step: str, connection: Connection) -> Action:
            return "550 5.7.1 not you" if step == "MAIL" and "bad@" in connection.commands[-1] else None

        log = RememberingLog()
        async with FaultySmtp(script, extensions=offers, lone_dot=lone_dot) as server:
            messages = [
                outgoing(number, envelope_sender="bad@example.org" if number == 7 else "good@example.org")
                for number in range(MESSAGES)
            ]
            ran = await deliver(relay(server), messages, log=log)
        check(ran, server, log)
        results = ran.results()
        assert results.pop(7) is Result.FAILED
        assert set(results.values()) == {Result.ACCEPTED}

    run(scene)


@pytest.mark.parametrize("offers", [PIPELINED, LOCKSTEP])
@pytest.mark.parametrize("step", ["RCPT", "DATA", "body", "dot"])
@pytest.mark.parametrize(
    "fault",
    [
        Drop(),
        Drop(reset=True),
        Drop(saying=b"250-half\r\n25"),
        Drop(after=10),
        Stall(),
        Raw(b"no reply at all\r\n"),
        Raw(b"\x00\xff\xfe\r\n"),
        Raw(b"250 ok\r\n250 and one nobody asked for\r\n"),
        "421 4.3.2 closing",
        "333 what",
    ],
)
def test_a_break_concerns_one_message_and_the_rest_goes_out(offers: tuple[str, ...], step: str, fault: Action) -> None:
    async def scene() -> None:
        log = RememberingLog()
        if step == "body" and isinstance(fault, str):
            return
        async with FaultySmtp(for_reader(7, step, fault), extensions=offers) as server:
            ran = await deliver(relay(server), map(outgoing, range(MESSAGES)), log=log)
        assert ran.error is None
        results = ran.results()
        spared = results.pop(7)
        if isinstance(fault, Raw) and fault.octets.startswith(b"250 ok"):
            # The relay contradicts itself, and what it then did with the message nobody can know.
            assert set(results.values()) | {spared} <= {Result.ACCEPTED, Result.UNKNOWN, Result.DEFERRED}
            assert list(results.values()).count(Result.ACCEPTED) >= MESSAGES - 3
        else:
            check(ran, server, log)
            assert spared in {Result.UNKNOWN, Result.DEFERRED}
            if step in {"RCPT", "DATA"}:
                assert spared is Result.DEFERRED
            assert set(results.values()) == {Result.ACCEPTED}

    run(scene)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_the_dot_left_and_no_reply_came(loop: str) -> None:
    async def scene() -> None:
        log = RememberingLog()
        async with FaultySmtp(for_reader(7, "dot", Drop())) as server:
            ran = await deliver(relay(server), map(outgoing, range(MESSAGES)), log=log)
        check(ran, server, log)
        assert ran.outcome(7).result is Result.UNKNOWN
        assert "closed the connection" in ran.outcome(7).reply
        assert "reader7@example.com" in server.recipients

    run(scene, loop=loop)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_large_message_that_never_left_whole_is_deferred(loop: str) -> None:
    async def scene() -> None:
        large = outgoing(7, buffers=(b"Subject: large\r\n\r\n", (b"x" * 70 + b"\r\n") * 300_000))
        log = RememberingLog()
        async with FaultySmtp(for_reader(7, "body", Drop(after=1000))) as server:
            ran = await deliver(relay(server, lanes=1), [outgoing(1), large, outgoing(8)], log=log)
        check(ran, server, log)
        assert ran.results() == {1: Result.ACCEPTED, 7: Result.DEFERRED, 8: Result.ACCEPTED}

    run(scene, loop=loop)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_large_message_on_a_slow_line_may_take_its_time(loop: str) -> None:
    async def scene() -> None:
        large = outgoing(7, buffers=(b"Subject: large\r\n\r\n", (b"x" * 70 + b"\r\n") * 200_000))

        async def slowly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 slow\r\n")
            for reply in (b"250 slow\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
                await reader.readline()
                writer.write(reply)
            last = b""
            while not last.endswith(b"\r\n.\r\n"):
                await asyncio.sleep(0.02)
                last = last[-4:] + await reader.read(200_000)
            writer.write(b"250 ok\r\n")
            await reader.readline()
            writer.close()

        listening = socket.create_server(("127.0.0.1", 0))
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        async with await asyncio.start_server(slowly, sock=listening, limit=2**18):
            transport = SmtpTransport(
                RelayAddress("127.0.0.1", listening.getsockname()[1]), timeouts=replace(QUICK, final=0.8)
            )
            ran = await deliver(transport, [large])
        assert ran.results() == {7: Result.ACCEPTED}
        assert ran.outcome(7).seconds > 1.2

    run(scene, loop=loop)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_relay_that_ends_sessions_after_some_messages_is_connected_to_again(loop: str) -> None:
    async def scene() -> None:
        for last_words in (Drop(), "421 4.7.0 enough for this session", Drop(reset=True)):

            def enough(step: str, connection: Connection, last_words: Action = last_words) -> Action:
                return last_words if step == "MAIL" and connection.messages >= 5 else None

            log = RememberingLog()
            async with FaultySmtp(enough) as server:
                ran = await deliver(relay(server), map(outgoing, range(100)), log=log)
            check(ran, server, log)
            assert ran.error is None
            assert list(ran.results().values()).count(Result.ACCEPTED) == 100
            assert len(server.connections) >= 20

    run(scene, loop=loop)


def test_a_relay_that_limits_sessions_gets_no_more_than_it_likes() -> None:
    async def scene() -> None:
        open_now: set[int] = set()

        def two(step: str, connection: Connection) -> Action:
            if step == "greeting":
                if len(open_now) >= 2:
                    return "421 4.7.0 too many connections"
                open_now.add(connection.number)
            return None

        async with FaultySmtp(two, round_trip=0.01) as server:
            ran = await deliver(relay(server, lanes=8, timeouts=Timeouts()), map(outgoing, range(100)))
        assert ran.error is None
        assert set(ran.results().values()) == {Result.ACCEPTED}

    run(scene)


def test_a_message_that_kills_every_session_is_put_aside() -> None:
    async def scene() -> None:
        def poison(step: str, connection: Connection) -> Action:
            return Drop() if step == "MAIL" and "poison" in connection.commands[-1] else None

        log = RememberingLog()
        async with FaultySmtp(poison) as server:
            messages = [
                outgoing(number, envelope_sender="poison@example.org" if number == 7 else "a@example.org")
                for number in range(MESSAGES)
            ]
            ran = await deliver(relay(server, lanes=1), messages, log=log)
        check(ran, server, log)
        assert ran.error is None
        results = ran.results()
        assert results.pop(7) is Result.DEFERRED
        assert set(results.values()) == {Result.ACCEPTED}

    run(scene)


@pytest.mark.parametrize("fault", [Drop(), Stall(), "421 4.3.2 closing", Raw(b"garbage\r\n"), "503 5.5.1 no"])
def test_a_relay_that_lets_no_message_begin_is_given_up(fault: Action) -> None:
    async def scene() -> None:
        log = RememberingLog()
        async with FaultySmtp(lambda step, connection: fault if step == "MAIL" else None) as server:
            ran = await deliver(relay(server, lanes=2), map(outgoing, range(1000)), log=log)
        check(ran, server, log)
        assert isinstance(ran.error, RelayUnreachable)
        assert "\n" not in str(ran.error)
        assert set(ran.results().values()) <= {Result.DEFERRED, Result.UNTOUCHED}
        assert len(ran.taken) < 30
        assert len(server.connections) < 20

    run(scene)


def test_a_relay_that_wants_a_login_fails_no_reader_for_it() -> None:
    async def scene() -> None:
        refuse = "530 5.7.0 authentication required"
        async with FaultySmtp(lambda step, connection: refuse if step == "MAIL" else None) as server:
            ran = await deliver(relay(server), map(outgoing, range(1000)))
        assert isinstance(ran.error, RelayUnreachable)
        assert refuse in str(ran.error)
        assert set(ran.results().values()) == {Result.UNTOUCHED}

    run(scene)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_pipelining_that_is_offered_and_broken_costs_time_and_nothing_else(loop: str) -> None:
    async def scene() -> None:
        log = RememberingLog()
        async with FaultySmtp(flushes=True) as server:
            transport = relay(server)
            ran = await deliver(transport, map(outgoing, range(MESSAGES)), log=log)
            check(ran, server, log)
            assert ran.error is None
            assert set(ran.results().values()) == {Result.ACCEPTED}
            connections = len(server.connections)
            again = await deliver(transport, map(outgoing, range(100, 200)))
            assert set(again.results().values()) == {Result.ACCEPTED}
            assert len(server.connections) - connections <= 4

    run(scene, loop=loop)


def test_a_relay_that_goes_away_in_the_middle_leaves_the_rest_untouched() -> None:
    async def scene() -> None:
        log = RememberingLog()
        server = FaultySmtp()

        def dies(step: str, connection: Connection) -> Action:
            return Drop() if len(server.delivered) >= 20 else None

        server.script = dies
        async with server:
            ran = await deliver(relay(server), map(outgoing, range(1000)), log=log)
        check(ran, server, log)
        assert isinstance(ran.error, RelayUnreachable)
        results = list(ran.results().values())
        assert results.count(Result.UNKNOWN) <= 4
        assert Result.UNTOUCHED in results or Result.DEFERRED in results
        assert len(ran.taken) < 100

    run(scene)


def test_thousands_with_temporary_and_permanent_refusals_add_up() -> None:
    async def scene() -> None:
        def mixed(step: str, connection: Connection) -> Action:
            if step != "RCPT":
                return None
            number = int(connection.recipient[6:].partition("@")[0])
            return "450 4.2.0 later" if number % 50 == 1 else "550 5.1.1 gone" if number % 100 == 2 else None

        log = RememberingLog()
        async with FaultySmtp(mixed) as server:
            ran = await deliver(relay(server, lanes=8, timeouts=Timeouts()), map(outgoing, range(5000)), log=log)
        assert ran.error is None
        results = list(ran.results().values())
        assert results.count(Result.DEFERRED) == 100
        assert results.count(Result.FAILED) == 50
        assert results.count(Result.ACCEPTED) == len(server.delivered) == len(set(server.recipients)) == 4850

    run(scene)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_faults_at_random_points_lose_nobody(seed: int) -> None:
    async def scene() -> None:
        chance = random.Random(seed)
        faults: list[Action] = [
            Drop(), Drop(reset=True), Drop(saying=b"250"), Drop(after=5), Raw(b"?\r\n"), Stall(), "421 4.0.0 bye",
            "450 4.0.0 later", "451 4.0.0 later", "550 5.0.0 never", "554 5.0.0 never",
        ]  # fmt: skip
        rate = chance.choice([0.002, 0.01, 0.03])

        def script(step: str, connection: Connection) -> Action:
            if step in {"greeting", "EHLO"} or chance.random() > rate:
                return None
            fault = chance.choice(faults)
            return None if step == "body" and isinstance(fault, str) else fault

        log = RememberingLog()
        stop_after = chance.choice([None, None, 100])
        async with FaultySmtp(
            script, extensions=chance.choice([PIPELINED, LOCKSTEP]), lone_dot=chance.random() < 0.5
        ) as server:
            ran = await deliver(
                relay(server, lanes=chance.choice([1, 3, 8])),
                map(outgoing, range(400)),
                log=log,
                stop_after=stop_after,
            )
        check(ran, server, log)
        assert ran.error is None or isinstance(ran.error, RelayUnreachable)
        assert Result.ACCEPTED in ran.results().values()
        if ran.error is None and stop_after is None:
            assert len(ran.taken) == 400

    run(scene, loop="uvloop" if seed % 2 else "asyncio")
