"""An SMTP server of ours that can do everything wrong, on loopback.

A ``script`` is asked at every step what to do: it gets the step's name and the connection, and gives a
reply to say instead of the usual one, one of the actions below, or None for the usual. Steps: ``greeting
EHLO HELO STARTTLS AUTH MAIL RCPT DATA body dot RSET QUIT``.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType


@dataclass(frozen=True)
class Drop:
    """Closes the connection after ``after`` octets of the body and ``saying``; with RST if ``reset``."""

    after: int = 0
    saying: bytes = b""
    reset: bool = False


@dataclass(frozen=True)
class Stall:
    """Says nothing and reads nothing, for ever or ``until`` it goes on as usual."""

    until: asyncio.Event | None = None


@dataclass(frozen=True)
class Raw:
    """Says these octets, whatever they are, and goes on."""

    octets: bytes


Action = str | Drop | Stall | Raw | None
Script = Callable[[str, "Connection"], Action]


@dataclass
class Delivered:
    sender: str
    recipient: str
    content: bytes
    connection: int


class Gone(Exception):
    """The connection is over."""


@dataclass
class Connection:
    """What the server knows about a connection; scripts may look at it."""

    number: int
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    buffer: bytes = b""
    commands: list[str] = field(default_factory=list)
    sender: str | None = None
    recipients: list[str] = field(default_factory=list)
    recipient: str = ""
    messages: int = 0
    secure: bool = False

    async def line(self) -> str:
        while b"\r\n" not in self.buffer:
            await self.more()
        line, _, self.buffer = self.buffer.partition(b"\r\n")
        return line.decode("utf-8")

    async def more(self) -> None:
        data = await self.reader.read(65536)
        if not data:
            raise Gone
        self.buffer += data


def good(step: str, connection: Connection) -> Action:
    """The script of a server without faults."""
    return None


class FaultySmtp:
    """``async with FaultySmtp(...) as server:`` listens on ``server.port``.

    ``flushes``      forgets what was pipelined behind DATA and behind the dot, though it offers PIPELINING
    ``lone_dot``     answers DATA with 354 even after it refused the recipient
    ``delivered``    the messages it took responsibility for
    ``ahead``        commands that came before the reply to the last, though PIPELINING was not offered
    """

    def __init__(
        self,
        script: Script = good,
        *,
        extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "ENHANCEDSTATUSCODES"),
        knows_ehlo: bool = True,
        flushes: bool = False,
        lone_dot: bool = False,
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        implicit_tls: bool = False,
        round_trip: float = 0.0,
        host: str = "127.0.0.1",
        socket: Path | None = None,
        lmtp: bool = False,
    ) -> None:
        self.script = script
        self.extensions = extensions
        self.knows_ehlo = knows_ehlo
        self.flushes = flushes
        self.lone_dot = lone_dot
        self.login = login
        self.tls = tls
        self.implicit_tls = implicit_tls
        self.round_trip = round_trip
        self.host = host
        self.socket = socket
        self.lmtp = lmtp
        self.port = 0
        self.connections: list[Connection] = []
        self.delivered: list[Delivered] = []
        self.ahead: list[str] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> FaultySmtp:
        if self.socket is not None:
            self._server = await asyncio.start_unix_server(self._accept, self.socket)
            return self
        self._server = await asyncio.start_server(
            self._accept, self.host, 0, ssl=self.tls if self.implicit_tls else None
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in self.connections:
            connection.writer.transport.abort()
        # Transports report their end to the loop one turn later.
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    @property
    def recipients(self) -> list[str]:
        return [delivered.recipient for delivered in self.delivered]

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        connection = Connection(len(self.connections), reader, writer, secure=self.implicit_tls)
        self.connections.append(connection)
        try:
            await self._answer(connection, "greeting", "220 faulty.test ready")
            while True:
                await self._command(connection, await connection.line())
        except (Gone, ConnectionError, ssl.SSLError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _command(self, connection: Connection, line: str) -> None:
        verb = line.partition(" ")[0].upper()
        connection.commands.append(line)
        if connection.buffer and "PIPELINING" not in self.extensions:
            self.ahead.append(line)
        if self.round_trip and not connection.buffer:
            await asyncio.sleep(self.round_trip)
        match verb:
            case "EHLO" | "LHLO" if self.knows_ehlo and self.lmtp == (verb == "LHLO"):
                offers = [
                    extension for extension in self.extensions if extension != "STARTTLS" or not connection.secure
                ]
                lines = ["faulty.test", *offers]
                usual = "\r\n".join(
                    f"250{'-' if index < len(lines) - 1 else ' '}{text}" for index, text in enumerate(lines)
                )
                await self._answer(connection, "EHLO", usual)
            case "HELO" if not self.lmtp:
                await self._answer(connection, "HELO", "250 faulty.test")
            case "STARTTLS":
                await self._answer(connection, "STARTTLS", "220 2.0.0 go ahead")
                assert self.tls is not None
                await connection.writer.start_tls(self.tls)
                connection.secure = True
                connection.buffer = b""
            case "AUTH":
                await self._auth(connection, line)
            case "MAIL":
                connection.recipient = ""
                usual = "503 5.5.1 nested MAIL" if connection.sender is not None else "250 2.1.0 ok"
                if await self._answer(connection, "MAIL", usual) < 300:
                    connection.sender = line[line.index("<") + 1 : line.index(">")]
            case "RCPT":
                connection.recipient = line[line.index("<") + 1 : line.index(">")]
                usual = "503 5.5.1 MAIL first" if connection.sender is None else "250 2.1.5 ok"
                if await self._answer(connection, "RCPT", usual) < 300:
                    connection.recipients.append(connection.recipient)
            case "DATA":
                await self._data(connection)
            case "RSET":
                connection.sender, connection.recipients = None, []
                await self._answer(connection, "RSET", "250 2.0.0 ok")
            case "QUIT":
                await self._answer(connection, "QUIT", "221 2.0.0 bye")
                raise Gone
            case _:
                await self._say(connection, "500 5.5.2 what?")

    async def _auth(self, connection: Connection, line: str) -> None:
        from base64 import b64decode

        words = line.split()
        if words[1] == "PLAIN":
            _, user, password = b64decode(words[2]).decode().split("\0")
        elif words[1] == "XOAUTH2":
            first, bearer, *_ = b64decode(words[2]).decode().split("\1")
            user, password = first.removeprefix("user="), bearer.removeprefix("auth=Bearer ")
        elif words[1] == "OAUTHBEARER":
            first, bearer, *_ = b64decode(words[2]).decode().split("\1")
            user, password = first.removeprefix("n,a=").removesuffix(","), bearer.removeprefix("auth=Bearer ")
        else:
            await self._say(connection, "334 VXNlcm5hbWU6")
            user = b64decode(await connection.line()).decode()
            await self._say(connection, "334 UGFzc3dvcmQ6")
            password = b64decode(await connection.line()).decode()
        if words[1] in {"XOAUTH2", "OAUTHBEARER"} and (user, password) != self.login:
            await self._say(connection, "334 eyJzdGF0dXMiOiI0MDEifQ==")
            connection.commands.append(await connection.line())
        right = (user, password) == self.login
        await self._answer(connection, "AUTH", "235 2.7.0 welcome" if right else "535 5.7.8 wrong password")

    async def _data(self, connection: Connection) -> None:
        ready = bool(connection.recipients) or self.lone_dot
        usual = "354 go on" if ready else "503 5.5.1 RCPT first"
        if self.flushes:
            connection.buffer = b""
        if await self._answer(connection, "DATA", usual) != 354:
            return
        action = self.script("body", connection)
        if isinstance(action, Drop):
            while len(connection.buffer) < action.after:
                await connection.more()
        await self._act(connection, action)
        end = b"\r\n.\r\n"
        content = b"\r\n"
        while True:
            if not connection.buffer:
                await connection.more()
            content += connection.buffer
            connection.buffer = b""
            at = content.find(end)
            if at >= 0:
                connection.buffer = content[at + len(end) :]
                content = content[2 : at + 2].replace(b"\r\n..", b"\r\n.")
                break
        if self.flushes:
            connection.buffer = b""
        usual = "250 2.0.0 taken" if connection.recipients else "554 5.5.1 no valid recipients"
        sender, recipients = connection.sender or "", connection.recipients
        connection.sender, connection.recipients = None, []
        # Before the reply: a server that drops afterwards has taken the message all the same.
        delivered = [Delivered(sender, recipient, content, connection.number) for recipient in recipients]
        action = self.script("dot", connection)
        if not isinstance(action, str) or action.startswith("2"):
            self.delivered += delivered
        connection.messages += 1
        await self._act(connection, action)
        if action is None or isinstance(action, Stall):
            await self._say(connection, usual)
        elif isinstance(action, str):
            await self._say(connection, action)

    async def _answer(self, connection: Connection, step: str, usual: str) -> int:
        """Says what the script wants or the usual, and gives the code."""
        action = self.script(step, connection)
        await self._act(connection, action)
        if isinstance(action, Raw):
            return 200
        said = action if isinstance(action, str) else usual
        await self._say(connection, said)
        return int(said[:3])

    async def _act(self, connection: Connection, action: Action) -> None:
        match action:
            case Drop(saying=saying, reset=reset):
                connection.writer.write(saying)
                if reset:
                    connection.writer.transport.abort()
                else:
                    connection.writer.close()
                raise Gone
            case Stall(until=until):
                await (asyncio.sleep(3600) if until is None else until.wait())
            case Raw(octets=octets):
                connection.writer.write(octets)

    async def _say(self, connection: Connection, text: str) -> None:
        connection.writer.write(text.encode() + b"\r\n")
        if text.startswith("421"):
            connection.writer.close()
            raise Gone
        # Replies to a group of commands leave together (RFC 2920 section 3.2), as real servers do it.
        if not connection.buffer:
            await connection.writer.drain()
