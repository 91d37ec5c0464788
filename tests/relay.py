"""A real SMTP server on loopback that keeps what it accepted."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from types import TracebackType

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass(frozen=True)
class Accepted:
    """A message as it came: its envelope, its octets, and the same parsed."""

    sender: str
    recipient: str
    content: bytes

    @property
    def message(self) -> EmailMessage:
        parsed = BytesParser(policy=policy.default).parsebytes(self.content)
        assert isinstance(parsed, EmailMessage)
        return parsed


class Relay:
    """Accepts everything but what ``refuse`` gives a reply for. Use as a context manager."""

    def __init__(self, refuse: Callable[[str], str | None] = lambda _recipient: None) -> None:
        self.refuse = refuse
        self._accepted: list[Accepted] = []
        self._lock = threading.Lock()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port, decode_data=False)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    @property
    def accepted(self) -> list[Accepted]:
        with self._lock:
            return list(self._accepted)

    @property
    def counts(self) -> Counter[str]:
        """How many messages each recipient got."""
        return Counter(item.recipient for item in self.accepted)

    def forget(self) -> None:
        """What came before does not count."""
        with self._lock:
            self._accepted.clear()

    def __enter__(self) -> Relay:
        self._controller.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._controller.stop()

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if (reply := self.refuse(address)) is not None:
            return reply
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        with self._lock:
            for recipient in envelope.rcpt_tos:
                self._accepted.append(Accepted(envelope.mail_from or "", recipient, envelope.content))
        return "250 2.0.0 OK"
