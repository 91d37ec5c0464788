"""Octets to a relay and back over a socket of our own, with TLS or without.

Event loops' transports hold every write back until the end of the turn, copy what goes through TLS three times
(55 us a message of 40 KB; the socket's own TLS takes 15), and do not tell what has left. This one writes at once.

Guarantees: what was given to :meth:`Connection.write` leaves in order; :attr:`Connection.unsent` counts the octets
that have not left this process. Whatever the relay said before the end is handed on before the end is.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable

__all__ = ["Connection", "connect", "connect_here"]

# Replies are short, and what is longer is there to be read in the next turn.
_AT_ONCE = 4096
_LATER = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


async def connect(host: str, port: int, seconds: float) -> socket.socket:
    """A connected socket that never blocks: each of the host's addresses is tried in turn, IPv6 and IPv4.

    Raises OSError (socket.gaierror, TimeoutError among them), the first address's own.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(seconds):
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    failure: OSError | None = None
    for family, kind, protocol, _name, address in addresses:
        found = socket.socket(family, kind, protocol)
        found.setblocking(False)
        try:
            async with asyncio.timeout(seconds / len(addresses)):
                await loop.sock_connect(found, address)
            # With Nagle's algorithm smtplib over TLS does 23 messages a second.
            found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            found.close()
            failure = failure or error
        except BaseException:
            found.close()
            raise
        else:
            return found
    raise failure or OSError(f"{host} has no address")


async def connect_here(path: str, seconds: float) -> socket.socket:
    """The same for a Unix socket of this machine. Raises OSError (TimeoutError among them)."""
    found = socket.socket(socket.AF_UNIX)
    found.setblocking(False)
    try:
        async with asyncio.timeout(seconds):
            await asyncio.get_running_loop().sock_connect(found, path)
    except BaseException:
        found.close()
        raise
    return found


class Connection:
    """A connected socket in the event loop.

    ``received``  called with octets as they come
    ``ended``     called once: with None where the relay closed the connection, else with what broke it
    ``emptied``   called when all that had to wait has left
    """

    def __init__(
        self,
        connected: socket.socket,
        *,
        received: Callable[[bytes], None],
        ended: Callable[[OSError | None], None],
        emptied: Callable[[], None],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._socket = connected
        self._number = connected.fileno()
        self._received = received
        self._ended = ended
        self._emptied = emptied
        self._rest = memoryview(b"")
        self._failure: OSError | None = None
        self._over = False
        self._secure = False
        self._loop.add_reader(self._number, self._readable)

    @property
    def unsent(self) -> int:
        """Octets that wait in this process, or did when the connection ended."""
        return len(self._rest)

    def local_address(self) -> str:
        """Our own IP address."""
        name = self._socket.getsockname() if not self._over else None
        return str(name[0]) if isinstance(name, tuple) else ""

    def write(self, data: bytes) -> None:
        """Sends now what the system takes, and the rest as soon as it does."""
        if self._over:
            return
        if self._rest or self._failure is not None:
            self._rest = memoryview(b"".join((self._rest, data)))
            return
        try:
            sent = self._socket.send(data)
        except _LATER:
            sent = 0
        except OSError as error:
            self._rest = memoryview(data)
            self._break(error)
            return
        if sent < len(data):
            self._rest = memoryview(data)[sent:]
            # TLS takes a record of 16 KB at a time; without it the system is full.
            if not (self._secure and self._push()) and self._failure is None:
                self._loop.add_writer(self._number, self._writable)

    async def secure(self, context: ssl.SSLContext, host: str, seconds: float) -> None:
        """The TLS handshake. Raises OSError (ssl.SSLError, TimeoutError among them)."""
        self._loop.remove_reader(self._number)
        wrapped = context.wrap_socket(self._socket, server_hostname=host, do_handshake_on_connect=False)
        self._socket, self._secure = wrapped, True
        async with asyncio.timeout(seconds):
            while True:
                try:
                    wrapped.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await self._turn(self._loop.add_reader, self._loop.remove_reader)
                except ssl.SSLWantWriteError:
                    await self._turn(self._loop.add_writer, self._loop.remove_writer)
        if not self._over:
            self._loop.add_reader(self._number, self._readable)

    def close(self) -> None:
        """Ends the connection; what has not left is dropped. No more is called."""
        if self._over:
            return
        self._over = True
        self._loop.remove_reader(self._number)
        self._loop.remove_writer(self._number)
        if isinstance(self._socket, ssl.SSLSocket) and not self._rest:
            with contextlib.suppress(OSError, ValueError):
                self._socket.unwrap()  # says goodbye, and does not wait for the answer
        self._socket.close()

    async def _turn(self, add: Callable[[int, Callable[[], None]], object], remove: Callable[[int], object]) -> None:
        """Waits until the socket can be read, or written."""
        ready = self._loop.create_future()
        add(self._number, lambda: None if ready.done() else ready.set_result(None))
        try:
            await ready
        finally:
            remove(self._number)

    def _readable(self) -> None:
        try:
            data = self._socket.recv(_AT_ONCE)
        except _LATER:
            if self._failure is not None:
                self._end(self._failure)
            return
        except OSError as error:
            self._end(self._failure or error)
            return
        if not data:
            self._end(self._failure)
            return
        self._received(data)
        if self._secure and not self._over and isinstance(self._socket, ssl.SSLSocket) and self._socket.pending():
            # Nobody wakes us for what TLS has read already.
            self._loop.call_soon(self._again)

    def _again(self) -> None:
        if not self._over:
            self._readable()

    def _writable(self) -> None:
        if self._push():
            self._loop.remove_writer(self._number)
            self._emptied()

    def _push(self) -> bool:
        """Sends of the rest what the system takes; True if that was all."""
        while self._rest:
            try:
                self._rest = self._rest[self._socket.send(self._rest) :]
            except _LATER:
                return False
            except OSError as error:
                self._loop.remove_writer(self._number)
                self._break(error)
                return False
        return True

    def _break(self, error: OSError) -> None:
        """Nothing more can be sent. What the relay said before is still to be read, and says why."""
        self._failure = error
        self._loop.call_soon(self._drain)

    def _drain(self) -> None:
        while not self._over:
            self._readable()

    def _end(self, error: OSError | None) -> None:
        self.close()
        self._ended(error)
