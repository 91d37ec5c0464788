"""Every reply code at every step, for one recipient and for the whole connection, and silence at every step.

Whatever the relay says: who has the message is told as accepted or unknown, who has not is told as neither, and a
message that nobody looked at is as good as never sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import Counter
from pathlib import Path

import pytest

from publisher.delivery.session import Timeouts
from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress
from publisher.model.delivery import Result
from publisher.model.errors import RelayUnreachable
from tests.delivery.attempts import RememberingLog, Run, deliver, outgoing, run
from tests.delivery.certificates import certificate
from tests.delivery.faulty_smtp import Action, Connection, Drop, FaultySmtp, Raw, Stall

# RFC 5321 section 4.2.3, RFC 4954, 3207, 3461, 7504, 7505, and some that no RFC knows.
CODES = (
    200, 211, 214, 220, 221, 235, 250, 251, 252, 299, 334, 354, 399, 420, 421, 432, 450, 451, 452, 454, 455, 458, 499,
    500, 501, 502, 503, 504, 521, 523, 530, 534, 535, 538, 550, 551, 552, 553, 554, 555, 556, 571, 599,
)  # fmt: skip
STEPS = ("greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "dot", "RSET", "QUIT")
FAULTS: tuple[Action, ...] = (
    Drop(), Drop(reset=True), Drop(saying=b"250"), Drop(saying=b"250-a\r\n25"), Stall(), Raw(b"\r\n"), Raw(b"25\r\n"),
    Raw(b"250-a\r\n550 b\r\n"), Raw(b"\xff\xfe\x00\r\n"), Raw(b"250 ok\r\n" * 3), Raw(b"250-" + b"x" * 9000 + b"\r\n"),
)  # fmt: skip
QUICK = Timeouts(connect=2, greeting=0.2, command=0.2, data=0.2, final=0.2, quit=0.1, grace=0.2)
MESSAGES = 12


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context, and one that trusts it."""
    file: Path = certificate(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context, ssl.create_default_context(cafile=str(file))


async def through(
    script: Said, *, offers: tuple[str, ...], tls: tuple[ssl.SSLContext, ssl.SSLContext] | None = None
) -> tuple[Run, FaultySmtp]:
    """A run of a few messages past a relay with this script; checks what must always hold."""
    extensions = (*offers, "AUTH PLAIN", *(("STARTTLS",) if tls else ()))
    log = RememberingLog()
    async with FaultySmtp(
        script, extensions=extensions, login=("ana", "secret"), tls=tls[0] if tls else None
    ) as server:
        transport = SmtpTransport(
            RelayAddress("127.0.0.1", server.port, "ana"),
            password="secret",
            lanes=2,
            timeouts=QUICK,
            pause=0.01,
            tls_context=tls[1] if tls else None,
        )
        ran = await deliver(transport, map(outgoing, range(MESSAGES)), log=log)
    assert script.times, "it never came to that"
    got = Counter(server.recipients)
    assert not [recipient for recipient, count in got.items() if count > 1], "twice"
    for outcome in ran.outcomes:
        has_it = f"reader{outcome.delivery}@example.com" in got
        if outcome.result is Result.ACCEPTED:
            assert has_it or outcome.code != 250, outcome
        elif outcome.result is not Result.UNKNOWN:
            assert not has_it, outcome
    assert ran.error is None or isinstance(ran.error, RelayUnreachable)
    assert "\n" not in str(ran.error)
    if ran.error is None:
        assert Result.UNTOUCHED not in ran.results().values()
        assert len(ran.taken) == MESSAGES
    return ran, server


class Said:
    """A script that does this at one step: the first time it comes, or always. RSET comes only after a refusal."""

    def __init__(self, step: str, action: Action, *, always: bool = False) -> None:
        self.times = 0
        self._step = step
        self._action = action
        self._always = always

    def __call__(self, at: str, connection: Connection) -> Action:
        if self._step == "RSET" and at == "RCPT" and connection.recipient.startswith("reader3@"):
            return "550 5.1.1 no"
        if at != self._step or (self.times and not self._always):
            return None
        self.times += 1
        return self._action


@pytest.mark.parametrize("offers", [("PIPELINING",), ()], ids=["pipelined", "lock-step"])
@pytest.mark.parametrize("step", STEPS)
def test_every_code_said_once_loses_nobody(
    step: str, offers: tuple[str, ...], tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async def scene() -> None:
        for code in CODES:
            ran, _ = await through(Said(step, f"{code} words"), offers=offers, tls=tls if step == "STARTTLS" else None)
            results = Counter(ran.results().values())
            if step in {"RCPT", "dot"} and code >= 400 and code not in {421, 503, 530, 534, 535, 538}:
                # It concerns one message.
                assert results == {Result.ACCEPTED: MESSAGES - 1, _refusal(code): 1}, (code, results)
                assert ran.error is None

    run(scene)


def _refusal(code: int) -> Result:
    return Result.DEFERRED if code < 500 else Result.FAILED


@pytest.mark.parametrize("offers", [("PIPELINING",), ()], ids=["pipelined", "lock-step"])
@pytest.mark.parametrize("step", STEPS)
def test_every_code_said_always_ends_and_tells(
    step: str, offers: tuple[str, ...], tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async def scene() -> None:
        for code in CODES:
            ran, server = await through(
                Said(step, f"{code} words", always=True), offers=offers, tls=tls if step == "STARTTLS" else None
            )
            assert len(server.connections) < 60, "it hammers"
            if step in {"greeting", "EHLO", "AUTH"} and code >= 400 and code not in {500, 501, 502, 504, 550}:
                assert isinstance(ran.error, RelayUnreachable), code
                assert str(code) in str(ran.error)
                assert set(ran.results().values()) <= {Result.UNTOUCHED}

    run(scene)


@pytest.mark.parametrize("offers", [("PIPELINING",), ()], ids=["pipelined", "lock-step"])
@pytest.mark.parametrize(
    "step", ["greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "body", "dot", "RSET"]
)
def test_every_break_at_every_step_loses_nobody(
    step: str, offers: tuple[str, ...], tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    async def scene() -> None:
        for fault in FAULTS:
            if (
                isinstance(fault, Raw)
                and fault.octets.startswith(b"250 ok")
                and step in {"RCPT", "DATA", "dot", "body"}
            ):
                continue  # a relay that lies about what it took: nobody can tell who has the message
            await through(Said(step, fault), offers=offers, tls=tls if step == "STARTTLS" else None)

    run(scene)


@pytest.mark.parametrize(
    "step", ["greeting", "EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "body", "dot", "RSET"]
)
def test_silence_at_any_step_ends_within_its_timeout(step: str, tls: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    async def scene() -> None:
        began = asyncio.get_running_loop().time()
        ran, _ = await through(Said(step, Stall()), offers=("PIPELINING",), tls=tls if step == "STARTTLS" else None)
        assert asyncio.get_running_loop().time() - began < 5
        doubtful = [outcome for outcome in ran.outcomes if outcome.result is Result.UNKNOWN]
        assert len(doubtful) == (1 if step in {"body", "dot"} else 0)

    run(scene)
