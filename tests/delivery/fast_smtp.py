"""A quick SMTP server in a process of its own, for very many messages: it counts them, and refuses some."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections import Counter
from multiprocessing.connection import Connection as Pipe

_HELLO = b"250-fast.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES\r\n"


class FastSmtp:
    """Refuses readers N for ever where N % 100 == 5, and once where N % 50 == 7. Use as a context manager."""

    def __enter__(self) -> FastSmtp:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs,), daemon=True)
        self._process.start()
        self.port: int = self._pipe.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()

    @property
    def counts(self) -> Counter[bytes]:
        """How many messages it took for each recipient."""
        self._pipe.send("counts")
        counts: Counter[bytes] = self._pipe.recv()
        return counts


def _serve(pipe: Pipe) -> None:
    asyncio.run(_listen(pipe))


async def _listen(pipe: Pipe) -> None:
    counts: Counter[bytes] = Counter()
    asked: set[int] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Session(counts, asked), "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    while True:
        await loop.run_in_executor(None, pipe.recv)
        pipe.send(counts)


class _Session(asyncio.Protocol):
    def __init__(self, counts: Counter[bytes], asked: set[int]) -> None:
        self._counts = counts
        self._asked = asked
        self._rest = b""
        self._recipient = b""
        self._in_message = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(b"220 fast.test\r\n")

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        said: list[bytes] = []
        while True:
            if self._in_message:
                end = data.find(b"\r\n.\r\n")
                if end < 0:
                    break
                data = data[end + 5 :]
                self._in_message = False
                self._counts[self._recipient] += 1
                said.append(b"250 2.0.0 taken\r\n")
                continue
            line, found, rest = data.partition(b"\r\n")
            if not found:
                break
            data = rest
            said.append(self._answer(line))
        self._rest = data
        self._transport.write(b"".join(said))

    def _answer(self, line: bytes) -> bytes:
        verb = line[:4]
        if verb == b"MAIL":
            self._recipient = b""
        elif verb == b"RCPT":
            return self._receive(line[9:-1])
        elif verb == b"DATA":
            self._in_message = bool(self._recipient)
            return b"354 go on\r\n" if self._recipient else b"503 5.5.1 RCPT first\r\n"
        elif verb == b"EHLO":
            return _HELLO
        elif verb == b"QUIT":
            return b"221 2.0.0 bye\r\n"
        return b"250 2.0.0 ok\r\n"

    def _receive(self, recipient: bytes) -> bytes:
        number = int(recipient[6:].partition(b"@")[0])
        if number % 100 == 5:
            return b"550 5.1.1 no such user\r\n"
        if number % 50 == 7 and number not in self._asked:
            self._asked.add(number)
            return b"450 4.2.0 greylisted, come again\r\n"
        self._recipient = recipient
        return b"250 2.1.5 ok\r\n"
