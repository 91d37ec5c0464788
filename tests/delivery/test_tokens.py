"""Logging in with a token: XOAUTH2 and OAUTHBEARER, given or printed by a command."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.tokens import Login, parse_command
from publisher.delivery.transport import RelayAddress, open_transport
from publisher.model.delivery import Result
from publisher.model.errors import ConfigurationError, RelayUnreachable
from publisher.model.publication import Relay
from tests.delivery.attempts import Run, deliver, outgoing, run
from tests.delivery.faulty_smtp import FaultySmtp
from tests.delivery.relays import QUICK


async def through(server: FaultySmtp, login: Login, count: int = 40) -> Run:
    address = RelayAddress("127.0.0.1", server.port, login.user)
    return await deliver(SmtpTransport(address, login=login, timeouts=QUICK, lanes=4), map(outgoing, range(count)))


def printing(folder: Path, script: str) -> tuple[str, ...]:
    file = folder / "token.py"
    file.write_text(script, "utf-8")
    return parse_command(f"{sys.executable} {file}")


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("offer", ["AUTH PLAIN XOAUTH2", "AUTH OAUTHBEARER PLAIN"])
def test_a_token_logs_in(offer: str, loop: str) -> None:
    async def scene() -> None:
        async with FaultySmtp(extensions=("PIPELINING", offer), login=("ana", "tok3n.x-y_z")) as server:
            ran = await through(server, Login("ana", token="tok3n.x-y_z"))
        assert ran.error is None
        assert set(ran.results().values()) == {Result.ACCEPTED}

    run(scene, loop=loop)


@pytest.mark.parametrize("offer", ["AUTH XOAUTH2", "AUTH OAUTHBEARER"])
def test_a_token_that_is_refused_is_said_and_not_shown(offer: str) -> None:
    async def scene() -> None:
        async with FaultySmtp(extensions=("PIPELINING", offer), login=("ana", "another")) as server:
            ran = await through(server, Login("ana", token="tok3n"))
            assert server.connections[0].commands[-1] == ("" if offer.endswith("XOAUTH2") else "AQ==")
        assert isinstance(ran.error, RelayUnreachable)
        assert "expired" in str(ran.error)
        assert "tok3n" not in str(ran.error)
        assert set(ran.results().values()) == {Result.UNTOUCHED}

    run(scene)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_command_prints_the_token_once_for_all_lanes(tmp_path: Path, loop: str) -> None:
    command = printing(tmp_path, f"open({str(tmp_path / 'runs')!r}, 'a').write('x'); print('tok3n')")

    async def scene() -> None:
        async with FaultySmtp(extensions=("AUTH XOAUTH2",), login=("ana", "tok3n"), round_trip=0.01) as server:
            ran = await through(server, Login("ana", command=command))
            assert len(server.connections) == 4
        assert set(ran.results().values()) == {Result.ACCEPTED}

    run(scene, loop=loop)
    assert (tmp_path / "runs").read_text() == "x"


def test_a_token_that_has_expired_is_asked_for_anew(tmp_path: Path) -> None:
    file = tmp_path / "count"
    script = f"import os\nopen({str(file)!r}, 'a').write('x')\nprint('token', os.path.getsize({str(file)!r}), sep='')"
    command = printing(tmp_path, script)

    async def scene() -> None:
        login = Login("ana", command=command)
        async with FaultySmtp(extensions=("AUTH XOAUTH2",), login=("ana", "token1")) as server:
            assert (await through(server, login, 3)).error is None
            server.login = ("ana", "token2")
            ran = await through(server, login, 3)
        assert ran.error is None
        assert set(ran.results().values()) == {Result.ACCEPTED}

    run(scene)


@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("import sys; print('no session', file=sys.stderr); sys.exit(3)", "ended with 3: no session"),
        ("", "did not print a token"),
        ("print('two words')", "did not print a token"),
        ("print('a\\nb')", "did not print a token"),
        ("print('é')", "did not print a token"),
    ],
)
def test_a_command_that_fails_is_one_line_and_touches_nobody(tmp_path: Path, script: str, says: str) -> None:
    command = printing(tmp_path, script)

    async def scene() -> None:
        async with FaultySmtp(extensions=("AUTH XOAUTH2",), login=("ana", "x")) as server:
            ran = await through(server, Login("ana", command=command))
        assert isinstance(ran.error, RelayUnreachable)
        assert says in str(ran.error)
        assert set(ran.results().values()) == {Result.UNTOUCHED}

    run(scene)


def test_a_command_that_is_not_there_is_one_line() -> None:
    async def scene() -> None:
        async with FaultySmtp(extensions=("AUTH XOAUTH2",), login=("ana", "x")) as server:
            ran = await through(server, Login("ana", command=("/nonexistent/command",)))
        assert "cannot be run" in str(ran.error)

    run(scene)


def test_a_password_is_never_given_as_a_token_nor_a_token_as_a_password() -> None:
    async def scene() -> None:
        async with FaultySmtp(extensions=("AUTH XOAUTH2",), login=("ana", "x")) as server:
            assert "no login that we know (PLAIN, LOGIN)" in str(
                (await through(server, Login("ana", password="x"))).error
            )
        async with FaultySmtp(extensions=("AUTH PLAIN LOGIN",), login=("ana", "x")) as server:
            ran = await through(server, Login("ana", token="x"))
            assert "no login that we know (XOAUTH2" in str(ran.error)

    run(scene)


def test_the_settings_say_whether_it_is_a_token() -> None:
    url = "smtp://ana@relay.example.org"
    for relay in (Relay(transport=url, login="token"), Relay(transport=url, token_command="print-token --for ana")):
        assert isinstance(open_transport([relay], root=Path(), secrets={"": "tok3n"}), SmtpTransport)
    with pytest.raises(ConfigurationError, match="command is odd"):
        open_transport([Relay(transport=url, token_command="'")], root=Path(), secrets={})
