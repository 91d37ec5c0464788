"""From a relay's address to a session: greeting, EHLO, TLS, login; and a server that somebody else wrote."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session

from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress
from publisher.model.delivery import Result
from publisher.model.errors import RelayUnreachable
from tests.delivery.attempts import Run, deliver, outgoing, run
from tests.delivery.certificates import certificate as make_certificate
from tests.delivery.faulty_smtp import Action, Connection, Drop, FaultySmtp, Raw, Stall
from tests.delivery.relays import relay

# Connects to this machine, and is not on loopback by its name: what holds for a relay far away holds for it.
FAR = "0.0.0.0"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for localhost and 127.0.0.1 and its key, in one file."""
    return make_certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server_tls(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


@pytest.fixture
def trusting(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def test_a_relay_that_knows_only_helo_will_do() -> None:
    async def scene() -> None:
        async with FaultySmtp(knows_ehlo=False) as server:
            ran = await deliver(relay(server), map(outgoing, range(5)))
        assert set(ran.results().values()) == {Result.ACCEPTED}
        assert server.connections[0].commands[:2] == ["EHLO [127.0.0.1]", "HELO [127.0.0.1]"]

    run(scene)


@pytest.mark.parametrize("offer", ["AUTH PLAIN LOGIN", "AUTH LOGIN", "AUTH=PLAIN"])
def test_a_login_by_whatever_the_relay_offers(offer: str) -> None:
    async def scene() -> None:
        async with FaultySmtp(extensions=("PIPELINING", offer), login=("ana@example.org", "pässword")) as server:
            transport = relay(server, user="ana@example.org", password="pässword")
            ran = await deliver(transport, [outgoing(1)])
        assert ran.results() == {1: Result.ACCEPTED}

    run(scene)


@pytest.mark.parametrize("offers", [("AUTH PLAIN",), ("AUTH LOGIN",), ("AUTH CRAM-MD5",), ()])
def test_a_login_that_fails_says_where_to_look_and_keeps_the_password_to_itself(
    offers: tuple[str, ...],
) -> None:
    async def scene() -> None:
        async with FaultySmtp(extensions=offers, login=("ana", "right")) as server:
            ran = await deliver(relay(server, user="ana", password="wrong-one"), map(outgoing, range(9)))
        assert isinstance(ran.error, RelayUnreachable)
        assert "wrong-one" not in str(ran.error)
        assert f"ana@127.0.0.1:{server.port}" in str(ran.error)
        assert "relay_password" in str(ran.error) or "587" in str(ran.error)
        assert set(ran.results().values()) == {Result.UNTOUCHED}
        assert len(ran.taken) == 1

    run(scene)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_starttls_is_used_where_it_is_offered(server_tls: ssl.SSLContext, trusting: ssl.SSLContext, loop: str) -> None:
    async def scene() -> None:
        for host, context in (("127.0.0.1", trusting), ("localhost", trusting), ("127.0.0.1", None)):
            async with FaultySmtp(extensions=("PIPELINING", "STARTTLS"), tls=server_tls) as server:
                ran = await deliver(relay(server, host, tls_context=context), map(outgoing, range(20)))
            assert set(ran.results().values()) == {Result.ACCEPTED}
            assert all(connection.secure for connection in server.connections)

    run(scene, loop=loop)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_tls_from_the_first_octet(server_tls: ssl.SSLContext, trusting: ssl.SSLContext, loop: str) -> None:
    async def scene() -> None:
        async with FaultySmtp(tls=server_tls, implicit_tls=True) as server:
            transport = relay(server, implicit_tls=True, tls_context=trusting)
            ran = await deliver(transport, map(outgoing, range(20)))
        assert set(ran.results().values()) == {Result.ACCEPTED}

    run(scene, loop=loop)


def test_where_tls_is_opportunistic_a_relay_far_away_may_do_without_but_gets_no_password(
    server_tls: ssl.SSLContext,
) -> None:
    async def scene() -> None:
        async with FaultySmtp(extensions=("PIPELINING",)) as server:
            ran = await deliver(relay(server, FAR, tls="opportunistic"), map(outgoing, range(9)))
            assert set(ran.results().values()) == {Result.ACCEPTED}
        async with FaultySmtp(extensions=("STARTTLS",), tls=server_tls) as server:
            ran = await deliver(relay(server, FAR, tls="opportunistic"), map(outgoing, range(9)))
            assert set(ran.results().values()) == {Result.ACCEPTED}
            assert all(connection.secure for connection in server.connections)
        async with FaultySmtp(extensions=("AUTH PLAIN",), login=("ana", "secret")) as server:
            transport = relay(server, FAR, tls="opportunistic", user="ana", password="secret")
            ran = await deliver(transport, map(outgoing, range(9)))
            assert isinstance(ran.error, RelayUnreachable)
            assert "STARTTLS" in str(ran.error)

    run(scene)


def test_a_relay_far_away_gets_nothing_without_tls() -> None:
    async def scene() -> None:
        async with FaultySmtp(extensions=("PIPELINING", "AUTH PLAIN"), login=("a", "b")) as server:
            ran = await deliver(relay(server, FAR, user="a", password="b"), [outgoing(1)])
        assert isinstance(ran.error, RelayUnreachable)
        assert "STARTTLS" in str(ran.error)
        assert not any(command.startswith("AUTH") for command in server.connections[0].commands)

    run(scene)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_certificate_that_does_not_fit_ends_it(
    server_tls: ssl.SSLContext, trusting: ssl.SSLContext, loop: str
) -> None:
    async def scene() -> None:
        for context in (None, trusting):
            async with FaultySmtp(extensions=("STARTTLS", "AUTH PLAIN"), tls=server_tls) as server:
                ran = await deliver(relay(server, FAR, tls_context=context), [outgoing(1)])
            assert isinstance(ran.error, RelayUnreachable)
            assert "certificate is not valid" in str(ran.error)
            assert ran.results() == {1: Result.UNTOUCHED}

    run(scene, loop=loop)


def test_a_reply_smuggled_in_before_tls_is_refused(server_tls: ssl.SSLContext) -> None:
    async def scene() -> None:
        def smuggle(step: str, connection: Connection) -> Action:
            return Raw(b"220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n") if step == "STARTTLS" else None

        async with FaultySmtp(smuggle, extensions=("STARTTLS",), tls=server_tls) as server:
            ran = await deliver(relay(server), [outgoing(1)])
        assert isinstance(ran.error, RelayUnreachable)
        assert "before TLS" in str(ran.error)

    run(scene)


@pytest.mark.parametrize(
    ("step", "action", "words"),
    [
        ("greeting", "554 5.7.1 not you", "554 5.7.1 not you"),
        ("greeting", "421 4.3.2 too busy", "421 4.3.2 too busy"),
        ("greeting", Drop(), "closed the connection"),
        ("greeting", Drop(reset=True), "relay"),
        ("greeting", Drop(saying=b"220-half"), "in the middle of a reply"),
        ("greeting", Raw(b"SSH-2.0-server\r\n"), "not an SMTP reply"),
        ("greeting", Raw(b"\x16\x03\x01" * 4000), "a reply without end"),
        ("greeting", Stall(), "no reply within"),
        ("EHLO", "421 4.7.0 slow down", "421 4.7.0 slow down"),
        ("EHLO", Drop(), "closed the connection"),
        ("EHLO", Stall(), "no reply within"),
        ("STARTTLS", "454 4.7.0 not now", "454 4.7.0 not now"),
        ("STARTTLS", Drop(), "closed"),
        ("AUTH", Drop(), "closed the connection"),
        ("AUTH", "454 4.7.0 not now", "454 4.7.0 not now"),
        ("AUTH", Stall(), "no reply within"),
    ],
)
def test_no_session_means_unreachable_and_nobody_touched(
    step: str, action: Action, words: str, server_tls: ssl.SSLContext
) -> None:
    async def scene() -> None:
        def fail(at: str, connection: Connection) -> Action:
            return action if at == step else None

        offers = ("AUTH PLAIN", "STARTTLS") if step == "STARTTLS" else ("AUTH PLAIN",)
        async with FaultySmtp(fail, extensions=offers, tls=server_tls, login=("a", "b")) as server:
            ran = await deliver(relay(server, user="a", password="b"), map(outgoing, range(30)))
        assert isinstance(ran.error, RelayUnreachable)
        assert words in str(ran.error)
        assert "\n" not in str(ran.error)
        assert set(ran.results().values()) == {Result.UNTOUCHED}
        assert len(ran.taken) == 1

    run(scene)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_relay_that_is_not_there_is_unreachable(loop: str) -> None:
    async def scene() -> None:
        async with FaultySmtp() as server:
            pass
        for host, words in (("127.0.0.1", "Connection refused"), ("no-such-host.invalid", "looked up")):
            ran = await deliver(relay(server, host), [outgoing(1)])
            assert isinstance(ran.error, RelayUnreachable)
            assert words in str(ran.error)

    run(scene, loop=loop)


class Keeping:
    """A handler of aiosmtpd that keeps what it gets and refuses one reader."""

    def __init__(self) -> None:
        self.got: list[tuple[str | None, list[str], bytes]] = []

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("reader7@"):
            return "550 5.1.1 no such reader"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.got.append((envelope.mail_from, list(envelope.rcpt_tos), content))
        return "250 Message accepted for delivery"


def check_aiosmtpd(handler: Keeping, ran: Run) -> None:
    results = ran.results()
    assert results.pop(7) is Result.FAILED
    assert set(results.values()) == {Result.ACCEPTED}
    assert len(handler.got) == 99
    assert (
        "bounces+k@example.org",
        ["reader3@example.com"],
        b"Subject: number 3\r\n\r\nHello\r\n",
    ) in handler.got


async def through_aiosmtpd(
    make: Callable[[], SMTP], host: str, *, user: str | None = None, trust: ssl.SSLContext | None = None
) -> Run:
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    async with server:
        address = RelayAddress(host, server.sockets[0].getsockname()[1], user)
        transport = SmtpTransport(address, password="secret", tls_context=trust)
        return await deliver(transport, map(outgoing, range(100)))


def test_a_server_that_somebody_else_wrote() -> None:
    async def scene() -> None:
        handler = Keeping()
        check_aiosmtpd(handler, await through_aiosmtpd(lambda: SMTP(handler), "127.0.0.1"))

    run(scene)


def test_a_server_that_somebody_else_wrote_with_starttls_and_login(
    server_tls: ssl.SSLContext, trusting: ssl.SSLContext
) -> None:
    def authenticate(server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        login, password = getattr(data, "login", b""), getattr(data, "password", b"")
        return AuthResult(success=(login, password) == (b"ana", b"secret"))

    async def scene() -> None:
        handler = Keeping()

        def make() -> SMTP:
            return SMTP(
                handler,
                tls_context=server_tls,
                require_starttls=True,
                authenticator=authenticate,
                auth_required=True,
            )

        check_aiosmtpd(handler, await through_aiosmtpd(make, "localhost", user="ana", trust=trusting))

    run(scene)
