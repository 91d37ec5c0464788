"""A sink of our own: takes every message and throws it away, after a round trip's time, inside TLS if asked.

`smtp-sink` has no TLS, and its delays are whole seconds. Run as a process: prints its port, ends with its input.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import select
import socket
import ssl
import sys
import tempfile
from ipaddress import ip_address
from pathlib import Path
from typing import cast

HELLO = b"250-sink.example.org\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SMTPUTF8\r\n"


class Sink(asyncio.Protocol):
    """One connection. Replies leave ``delay`` seconds after what they answer came: the round trip."""

    def __init__(self, delay: float, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self._delay = delay
        self._rest = b""
        self._in_message = False
        self._loop = loop or asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        self._say(b"220 sink.example.org ESMTP\r\n")

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        said = b""
        while True:
            if self._in_message:
                end = data.find(b"\r\n.\r\n")
                if end < 0:
                    data = data[-4:]
                    break
                data = data[end + 5 :]
                self._in_message = False
                said += b"250 2.0.0 Ok\r\n"
                continue
            line, found, rest = data.partition(b"\r\n")
            if not found:
                break
            data = rest
            verb = line[:4].upper()
            if verb == b"EHLO":
                said += HELLO
            elif verb == b"DATA":
                self._in_message = True
                # The first CRLF of the message may end an empty one.
                data = b"\r\n" + data
                said += b"354 Go on\r\n"
            elif verb == b"QUIT":
                said += b"221 2.0.0 Bye\r\n"
            else:
                said += b"250 2.1.0 Ok\r\n"
        self._rest = data
        if said:
            self._say(said)

    def _say(self, said: bytes) -> None:
        if self._delay:
            self._loop.call_later(self._delay, self._transport.write, said)
        else:
            self._transport.write(said)


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 of our own making, and its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sink.example.org")])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "sink.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "sink.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder / "sink.pem", folder / "sink.key"


async def serve(delay: float) -> None:
    """Until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Sink(delay), "127.0.0.1", 0, backlog=128)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


class SecureEnd:
    """A connection inside TLS on a socket of its own: an event loop's TLS takes 105 us a message, this one 40."""

    def __init__(self, connected: socket.socket, context: ssl.SSLContext, loop: asyncio.AbstractEventLoop) -> None:
        connected.setblocking(False)
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = context.wrap_socket(connected, server_side=True, do_handshake_on_connect=False)
        self._sink: Sink | None = None
        self._loop = loop
        self.number = self._socket.fileno()

    def write(self, said: bytes) -> None:
        self._socket.send(said)

    def ready(self) -> bool:
        """Reads what there is; False at the end."""
        try:
            if self._sink is None:
                self._socket.do_handshake()
                self._sink = Sink(0.0, self._loop)
                self._sink.connection_made(cast(asyncio.BaseTransport, self))
                return True
            data = self._socket.recv(1 << 16)
            if data:
                self._sink.data_received(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return True
        except OSError:
            data = b""
        if not data:
            self._socket.close()
        return bool(data)


def serve_inside_tls() -> None:
    """Until standard input ends."""
    with tempfile.TemporaryDirectory() as folder:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(*certificate(Path(folder)))
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    print(listening.getsockname()[1], flush=True)
    ends: dict[int, SecureEnd] = {}
    loop = asyncio.new_event_loop()  # never run: nothing is delayed here
    with select.epoll() as poll:
        poll.register(listening, select.EPOLLIN)
        poll.register(sys.stdin, select.EPOLLIN)
        while True:
            for number, _ in poll.poll():
                if number == sys.stdin.fileno():
                    return
                if number == listening.fileno():
                    end = SecureEnd(listening.accept()[0], context, loop)
                    ends[end.number] = end
                    poll.register(end.number, select.EPOLLIN)
                elif not ends[number].ready():
                    del ends[number]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--delay", type=float, default=0.0, help="seconds of a round trip")
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    if options.tls:
        serve_inside_tls()
    else:
        import uvloop

        uvloop.run(serve(options.delay))
