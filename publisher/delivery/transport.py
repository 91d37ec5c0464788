"""Transports: where messages go, as a URL in publication.toml, and what every transport promises.

``maildir:PATH`` puts messages into a Maildir, ``eml:PATH`` into a folder of .eml files, ``sendmail:COMMAND`` gives
them to a command of that kind; ``smtp://[user[:password]@]host[:port]`` gives them to a relay
(port 587; STARTTLS, required unless the relay is on loopback), ``smtps://`` the same inside TLS from the
first octet (port 465, RFC 8314); ``lmtp://host[:port]`` (port 24) and ``lmtp:PATH``, a socket, to a server that puts
messages into mailboxes (RFC 2033). A password is better kept in secrets.toml.

Fails with ConfigurationError for a URL that is none of these.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.parse import unquote, urlsplit

from publisher.model.delivery import Outcome, Outgoing
from publisher.model.errors import ConfigurationError
from publisher.model.publication import Relay

if TYPE_CHECKING:
    from publisher.delivery.gates import Gates
    from publisher.delivery.smtp import SmtpTransport

__all__ = [
    "AttemptLog",
    "EmlAddress",
    "MaildirAddress",
    "RelayAddress",
    "SendmailAddress",
    "Transport",
    "TransportAddress",
    "open_transport",
    "parse_transport",
]

_REMEDY = 'write transport = "smtp://user@relay.example.org:587" or transport = "maildir:mail"'


@dataclass(frozen=True, slots=True)
class MaildirAddress:
    """A Maildir; a relative path counts from the publication's folder."""

    path: str

    @property
    def is_loopback(self) -> bool:
        """True: nothing leaves this machine."""
        return True

    def __str__(self) -> str:
        return f"maildir:{self.path}"


@dataclass(frozen=True, slots=True)
class EmlAddress:
    """A folder of .eml files; a relative path counts from the publication's folder."""

    path: str

    @property
    def is_loopback(self) -> bool:
        """True: nothing leaves this machine."""
        return True

    def __str__(self) -> str:
        return f"eml:{self.path}"


@dataclass(frozen=True, slots=True)
class SendmailAddress:
    """A sendmail command: program and options."""

    command: tuple[str, ...]

    @property
    def is_loopback(self) -> bool:
        """False: what it takes, its server sends on."""
        return False

    def __str__(self) -> str:
        return f"sendmail:{shlex.join(self.command)}"


@dataclass(frozen=True, slots=True)
class RelayAddress:
    """An SMTP relay. ``implicit_tls``: TLS from the first octet. ``str()`` shows no password.

    ``lmtp``: it speaks LMTP, on ``socket`` (a path) if there is one.
    """

    host: str
    port: int
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    implicit_tls: bool = False
    lmtp: bool = False
    socket: str = ""

    @property
    def is_loopback(self) -> bool:
        """True for 127.0.0.0/8, ::1, localhost and sockets, by the name alone: no look-up."""
        if self.socket:
            return True
        if self.host.rstrip(".").lower() in {"localhost", "localhost.localdomain", "ip6-localhost"}:
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def account(self) -> str:
        """Whose rates these are: ``user@host:port``."""
        return f"{self.user}@{self.name}" if self.user else self.name

    @property
    def name(self) -> str:
        """``host:port`` or the socket's path, as the ledger records it."""
        if self.socket:
            return self.socket
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        if self.socket:
            return f"lmtp:{self.socket}"
        scheme = "lmtp" if self.lmtp else "smtps" if self.implicit_tls else "smtp"
        return f"{scheme}://{f'{self.user}@' if self.user else ''}{self.name}"


TransportAddress = MaildirAddress | EmlAddress | SendmailAddress | RelayAddress


class AttemptLog(Protocol):
    """What a transport tells about its attempts, so that they survive the death of this process."""

    async def started(self, outgoing: Outgoing) -> None:
        """Awaited before the final dot of this message may leave (a Maildir: before the file appears in
        ``new/``).
        """

    def begin(self, outgoing: Outgoing) -> bool:
        """The same at once, where nothing has to be waited for; otherwise False, and `started` is to be awaited."""

    def withholds(self, outgoing: Outgoing) -> bool:
        """It must not begin any more: its edition was held or cancelled meanwhile. It is ``untouched`` then."""

    def turn(self, outcome: Outcome, following: Outgoing) -> bool:
        """`replied` with a message that was accepted and `begin` of the next, if that needs no waiting and it is not
        withheld; otherwise False, and nothing was done.
        """

    def replied(self, outcome: Outcome) -> None:
        """Called at once when an attempt has ended, before its outcome is yielded; not for ``untouched``
        ones.
        """


class Transport(Protocol):
    """Takes messages, gives outcomes.

    Every message taken from ``messages`` gets exactly one outcome, whatever happens, unless the caller
    closes the iterator early. Outcomes come in any order. Messages are taken a few at a time, as they can
    be sent.
    """

    @property
    def real(self) -> bool:
        """True if messages may leave this machine: a relay that is not on loopback."""

    def deliver(
        self, messages: Iterator[Outgoing], *, log: AttemptLog, stop: asyncio.Event, gates: Gates | None = None
    ) -> AsyncIterator[Sequence[Outcome]]:
        """The outcomes, as they become known, several at a time. ``gates``: of relays, which hold their rates.

        When ``stop`` is set no more messages are taken; what is in the air is finished, and what was taken
        and not begun is ``untouched``. Raises, after the outcomes of all that was taken: RelayUnreachable
        when no session with the relay can be had, TransportError when the Maildir cannot be written, and
        whatever ``messages`` or ``log`` raised.
        """


def parse_transport(url: str) -> TransportAddress:
    """The address in a ``transport`` setting. Raises ConfigurationError, which does not repeat a password.

    Touches nothing.
    """
    scheme, colon, rest = url.strip().partition(":")
    scheme = scheme.lower()
    if colon and scheme == "maildir":
        if not rest or "\0" in rest:
            raise ConfigurationError("the Maildir has no folder", where="transport", remedy=_REMEDY)
        return MaildirAddress(rest)
    if colon and scheme == "eml":
        if not rest or "\0" in rest:
            raise ConfigurationError("the folder of .eml files has no name", where="transport", remedy=_REMEDY)
        return EmlAddress(rest)
    if colon and scheme == "sendmail":
        return _sendmail(rest)
    if colon and scheme == "lmtp" and not rest.startswith("//"):
        if not rest.startswith("/") or "\0" in rest:
            raise ConfigurationError(
                "the socket's path must begin with /", where="transport", remedy='write "lmtp:/run/dovecot/lmtp"'
            )
        return RelayAddress(host="localhost", port=0, lmtp=True, socket=rest)
    if not colon or scheme not in {"smtp", "smtps", "lmtp"}:
        raise ConfigurationError("not a transport", where="transport", remedy=_REMEDY)
    return _relay(url.strip(), scheme)


def _sendmail(command: str) -> SendmailAddress:
    try:
        words = tuple(shlex.split(command))
    except ValueError as error:
        raise ConfigurationError(f"the command is odd: {error}", where="transport", remedy=_REMEDY) from error
    if not words or "\0" in command:
        raise ConfigurationError("there is no command", where="transport", remedy=_REMEDY)
    return SendmailAddress(words)


def _relay(url: str, scheme: str) -> RelayAddress:
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.hostname or ""
    except ValueError as error:
        raise ConfigurationError(f"the relay's URL is odd: {error}", where="transport", remedy=_REMEDY) from error
    if parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise ConfigurationError("nothing may follow the relay's host and port", where="transport", remedy=_REMEDY)
    if not host or port == 0 or any(character.isspace() or not character.isprintable() for character in url):
        raise ConfigurationError("the relay has no usable host and port", where="transport", remedy=_REMEDY)
    return RelayAddress(
        host=host,
        port=port or {"smtp": 587, "smtps": 465, "lmtp": 24}[scheme],
        user=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
        implicit_tls=scheme == "smtps",
        lmtp=scheme == "lmtp",
    )


def open_transport(
    relays: Sequence[Relay],
    *,
    root: Path,
    secrets: Mapping[str, str],
) -> Transport:
    """The transport of these relays (at least one). Opens nothing yet.

    ``secrets``: passwords, or tokens, by the relays' names (the only relay's is empty); they win over those in URLs.
    Raises ConfigurationError when an address has a user and there is no password, or when one of several is no relay.
    """
    # These modules speak in the protocols above.
    from publisher.delivery.eml import EmlFolder
    from publisher.delivery.maildir import Maildir
    from publisher.delivery.relays import Member, Relays
    from publisher.delivery.sendmail import Sendmail

    if len(relays) > 1:
        opened = [_open_relay(relay, parse_transport(relay.transport), secrets) for relay in relays]
        return Relays([Member(one, relay.weight) for one, relay in zip(opened, relays, strict=True)])
    relay = relays[0]
    address = parse_transport(relay.transport)
    if isinstance(address, MaildirAddress):
        return Maildir(root / address.path, name=str(address))
    if isinstance(address, EmlAddress):
        return EmlFolder(root / address.path, name=str(address))
    if isinstance(address, SendmailAddress):
        return Sendmail(address.command, limits=relay.limits)
    return _open_relay(relay, address, secrets)


def _open_relay(
    relay: Relay,
    address: TransportAddress,
    secrets: Mapping[str, str],
) -> SmtpTransport:
    from publisher.delivery.smtp import SmtpTransport
    from publisher.delivery.tokens import Login, parse_command

    if not isinstance(address, RelayAddress):
        raise ConfigurationError(
            f"{address} is no relay",
            where="delivery.relays",
            remedy="several transports are relays: smtp:// or smtps://",
        )
    secret = secrets.get(relay.name, address.password)
    command = parse_command(relay.token_command)
    if address.user is not None and secret is None and not command:
        entry, variable = 'relay_password = "…"', "PUBLISHER_RELAY_PASSWORD"
        if relay.name:
            entry = f'{relay.name} = "…" under [relay_passwords]'
            variable = f"{variable}_{relay.name.upper()}"
        raise ConfigurationError(
            f"there is no password for {address}",
            where="transport",
            remedy=f"write {entry} into secrets.toml, or set {variable}",
        )
    given = {"token": secret} if relay.login == "token" else {"password": secret}
    login = Login(address.user or "", command=command, **given)
    return SmtpTransport(address, login=login, limits=relay.limits, tls=relay.tls)
