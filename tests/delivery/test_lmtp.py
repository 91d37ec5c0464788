"""LMTP (RFC 2033): to a server that puts messages into mailboxes, over TCP and over a socket."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from socket import AF_INET, AF_INET6
from socket import socket as Socket

import pytest

from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress, parse_transport
from publisher.model.delivery import Result
from publisher.model.errors import ConfigurationError, RelayUnreachable
from tests.delivery.attempts import deliver, outgoing, run
from tests.delivery.faulty_smtp import Action, Connection, Drop, FaultySmtp
from tests.delivery.relays import QUICK


def loopbacks() -> set[str]:
    """The loopback addresses that one can listen on."""
    found = set()
    for host, family in (("127.0.0.1", AF_INET), ("::1", AF_INET6)):
        with contextlib.suppress(OSError), Socket(family) as probe:
            probe.bind((host, 0))
            found.add(host)
    return found


@pytest.fixture
def socket() -> Iterator[Path]:
    """A path that is short enough for a socket."""
    with tempfile.TemporaryDirectory(prefix="lmtp") as folder:
        yield Path(folder) / "socket"


def lmtp(server: FaultySmtp) -> SmtpTransport:
    address = parse_transport(f"lmtp:{server.socket}" if server.socket else f"lmtp://127.0.0.1:{server.port}")
    assert isinstance(address, RelayAddress)
    return SmtpTransport(address, timeouts=QUICK, lanes=3, pause=0.01)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("over", ["tcp", "socket"])
def test_messages_go_into_mailboxes_over_tcp_and_over_a_socket(socket: Path, over: str, loop: str) -> None:
    async def scene() -> None:
        async with FaultySmtp(lmtp=True, socket=socket if over == "socket" else None) as server:
            ran = await deliver(lmtp(server), map(outgoing, range(100)))
            assert ran.error is None
            assert set(ran.results().values()) == {Result.ACCEPTED}
            assert len(set(server.recipients)) == len(server.recipients) == 100
            assert server.connections[0].commands[0].startswith("LHLO ")
            assert ran.outcome(5).relay == (str(socket) if over == "socket" else f"127.0.0.1:{server.port}")

    run(scene, loop=loop)


def test_the_reply_after_the_dot_is_the_recipients_own() -> None:
    async def scene() -> None:
        def full(step: str, connection: Connection) -> Action:
            return "552 5.2.2 mailbox full" if step == "dot" and connection.recipient.startswith("reader7@") else None

        async with FaultySmtp(full, lmtp=True) as server:
            ran = await deliver(lmtp(server), map(outgoing, range(20)))
        results = ran.results()
        assert results.pop(7) is Result.FAILED
        assert ran.outcome(7).code == 552
        assert set(results.values()) == {Result.ACCEPTED}

    run(scene)


def test_a_recipient_that_is_refused_concerns_nobody_else() -> None:
    async def scene() -> None:
        def refuses(step: str, connection: Connection) -> Action:
            return "550 5.1.1 no mailbox" if step == "RCPT" and "reader7@" in connection.commands[-1] else None

        async with FaultySmtp(refuses, lmtp=True) as server:
            ran = await deliver(lmtp(server), map(outgoing, range(20)))
        results = ran.results()
        assert results.pop(7) is Result.FAILED
        assert set(results.values()) == {Result.ACCEPTED}

    run(scene)


def test_a_server_that_dies_after_the_dot_leaves_one_message_in_doubt() -> None:
    async def scene() -> None:
        def dies(step: str, connection: Connection) -> Action:
            return Drop() if step == "dot" and connection.recipient.startswith("reader7@") else None

        async with FaultySmtp(dies, lmtp=True) as server:
            ran = await deliver(lmtp(server), map(outgoing, range(20)))
        assert ran.outcome(7).result is Result.UNKNOWN
        assert list(ran.results().values()).count(Result.ACCEPTED) == 19

    run(scene)


def test_a_server_that_speaks_smtp_is_no_lmtp_server() -> None:
    async def scene() -> None:
        async with FaultySmtp() as server:
            address = RelayAddress("127.0.0.1", server.port, lmtp=True)
            ran = await deliver(SmtpTransport(address, timeouts=QUICK), map(outgoing, range(3)))
        assert isinstance(ran.error, RelayUnreachable)
        assert "LHLO" in str(ran.error)
        assert set(ran.results().values()) == {Result.UNTOUCHED}

    run(scene)


def test_a_socket_that_is_not_there_is_one_line(socket: Path) -> None:
    async def scene() -> None:
        address = parse_transport(f"lmtp:{socket}")
        assert isinstance(address, RelayAddress)
        ran = await deliver(SmtpTransport(address, timeouts=QUICK), map(outgoing, range(3)))
        assert isinstance(ran.error, RelayUnreachable)
        assert str(ran.error).startswith(f"lmtp:{socket}: ")
        assert "No such file" in str(ran.error)

    run(scene)


def test_addresses_are_read_and_shown() -> None:
    assert str(parse_transport("lmtp://mail.example.org")) == "lmtp://mail.example.org:24"
    assert str(parse_transport("lmtp:/run/dovecot/lmtp")) == "lmtp:/run/dovecot/lmtp"
    assert parse_transport("lmtp:/run/dovecot/lmtp").is_loopback
    assert not parse_transport("lmtp://mail.example.org").is_loopback
    for wrong in ("lmtp:", "lmtp:relative/path", "lmtp://", "lmtp:/a\0b"):
        with pytest.raises(ConfigurationError):
            parse_transport(wrong)


@pytest.mark.skipif("::1" not in loopbacks(), reason="this machine has no IPv6")
def test_a_relay_by_its_ipv6_address() -> None:
    async def scene() -> None:
        async with FaultySmtp(host="::1") as server:
            address = parse_transport(f"smtp://[::1]:{server.port}")
            assert isinstance(address, RelayAddress)
            ran = await deliver(SmtpTransport(address, timeouts=QUICK), map(outgoing, range(5)))
            assert set(ran.results().values()) == {Result.ACCEPTED}
            assert ran.outcome(1).relay == f"[::1]:{server.port}"
            assert server.connections[0].commands[0] == "EHLO [IPv6:::1]"

    run(scene)


def test_two_event_loops_in_a_row_use_one_transport() -> None:
    async def scene() -> None:
        async with FaultySmtp(lmtp=True) as server:
            transport = lmtp(server)
            for _ in range(2):
                assert set((await deliver(transport, map(outgoing, range(5)))).results().values()) == {Result.ACCEPTED}
            await asyncio.sleep(0)

    run(scene)
