"""From a relay's address to a session that takes messages: connect, greeting, EHLO or LHLO, STARTTLS, AUTH.

Guarantees: a relay that is not on loopback gets neither a password nor a message without TLS whose
certificate is valid for its name; with ``tls = "opportunistic"`` and without a user, it is given messages
without TLS where it offers none. On loopback nothing leaves the machine: STARTTLS is used when offered and
its certificate not looked at, and a password may go without it. Fails with RelayUnreachable: the step, the
relay's own words, and what to look at.
"""

from __future__ import annotations

import os
import socket
import ssl
from base64 import b64encode
from typing import Literal

from publisher.delivery.connection import connect, connect_here
from publisher.delivery.replies import Reply
from publisher.delivery.session import Capabilities, Lost, Session, Timeouts
from publisher.delivery.tokens import Login
from publisher.delivery.transport import RelayAddress
from publisher.model.errors import RelayUnreachable

__all__ = ["open_session"]


async def open_session(
    address: RelayAddress,
    *,
    login: Login | None = None,
    timeouts: Timeouts,
    tls_context: ssl.SSLContext | None = None,
    hello: str = "",
    tls: Literal["required", "opportunistic"] = "required",
) -> Session:
    """A session that is ready for MAIL. Raises RelayUnreachable.

    ``hello``  our name in EHLO; empty: the address of our end of the connection (RFC 5321 section 4.1.3)
    """
    session: Session | None = None
    # A password is worth more than a message: with one, TLS and its certificate are never optional.
    optional = tls == "opportunistic" and address.user is None and not address.implicit_tls
    if tls_context is None and optional:
        tls_context = _unchecked()
    try:
        session = await _connected(address, timeouts, tls_context)
        greeting = await session.reply(timeouts.greeting)
        _expect(greeting, 220, "greeted us with", "the relay is busy or does not want us; its words say why")
        name = hello or _literal(session.local_address())
        await _hello(session, name, timeouts, lmtp=address.lmtp)
        if not address.implicit_tls:
            await _secure(session, address, name, timeouts, tls_context, optional=optional)
        if address.user is not None:
            await _log_in(session, login or Login(address.user), timeouts)
    except BaseException as error:
        if session is not None:
            session.abort()
        if isinstance(error, (OSError, Lost, RelayUnreachable)):
            raise _unreachable(address, error) from error
        raise
    return session


async def _connected(address: RelayAddress, timeouts: Timeouts, tls_context: ssl.SSLContext | None) -> Session:
    if address.socket:
        return Session(await connect_here(address.socket, timeouts.connect))
    session = Session(await connect(address.host, address.port, timeouts.connect))
    if address.implicit_tls:
        try:
            await session.start_tls(_context(address, tls_context), address.host, timeouts.connect)
        except BaseException:
            session.abort()
            raise
    return session


async def _hello(session: Session, name: str, timeouts: Timeouts, *, lmtp: bool) -> None:
    """EHLO, and HELO for a relay that does not know it (RFC 5321 section 3.2); LHLO in LMTP (RFC 2033 section 4.1)."""
    session.write(f"{'LHLO' if lmtp else 'EHLO'} {name}\r\n".encode())
    reply = await session.reply(timeouts.command)
    if not lmtp and reply.code in {500, 501, 502, 504, 550}:
        session.write(f"HELO {name}\r\n".encode())
        older = await session.reply(timeouts.command)
        _expect(older, 250, "answered HELO with", "the relay does not want us; its words say why")
        session.capabilities = Capabilities()
        return
    _expect(reply, 250, f"answered {'LHLO' if lmtp else 'EHLO'} with", "the relay does not want us; its words say why")
    session.capabilities = _capabilities(reply)


async def _secure(
    session: Session,
    address: RelayAddress,
    name: str,
    timeouts: Timeouts,
    tls_context: ssl.SSLContext | None,
    *,
    optional: bool,
) -> None:
    """STARTTLS (RFC 3207), and EHLO again: what was offered before it does not count."""
    if not session.capabilities.starttls:
        if not (address.is_loopback or optional):
            raise RelayUnreachable(
                "the relay does not offer STARTTLS, and without TLS nothing is sent to another machine",
                remedy=f"try smtps://{address.host}:465, or the relay's port for submission, 587",
            )
        return
    session.write(b"STARTTLS\r\n")
    reply = await session.reply(timeouts.command)
    _expect(reply, 220, "answered STARTTLS with", "look at the relay's TLS settings")
    await session.start_tls(_context(address, tls_context), address.host, timeouts.connect)
    await _hello(session, name, timeouts, lmtp=address.lmtp)


async def _log_in(session: Session, login: Login, timeouts: Timeouts) -> None:
    """AUTH with whatever both sides know; once more with a new token where the relay refuses the one we had."""
    secret = await login.secret()
    reply = await _auth(session, login, secret, timeouts)
    if reply.code != 235 and login.can_renew:
        reply = await _auth(session, login, await login.secret(refused=secret), timeouts)
    remedy = "check the user in transport, and relay_password in secrets.toml"
    if login.oauth:
        remedy = "check the user in transport, and that the token is for sending mail and has not expired"
    _expect(reply, 235, "refused the login with", remedy)


async def _auth(session: Session, login: Login, secret: str, timeouts: Timeouts) -> Reply:
    """XOAUTH2 or OAUTHBEARER (RFC 7628) with a token, otherwise PLAIN (RFC 4616) or LOGIN: the reply that ends it."""
    offered = session.capabilities.auth
    user = login.user
    if login.oauth and "XOAUTH2" in offered:
        return await _bearer(session, "XOAUTH2", f"user={user}\1auth=Bearer {secret}\1\1", b"", timeouts)
    if login.oauth and "OAUTHBEARER" in offered:
        name = user.replace("=", "=3D").replace(",", "=2C")
        return await _bearer(session, "OAUTHBEARER", f"n,a={name},\1auth=Bearer {secret}\1\1", b"AQ==", timeouts)
    if not login.oauth and "PLAIN" in offered:
        return await _say(session, f"AUTH PLAIN {_coded(f'{chr(0)}{user}{chr(0)}{secret}')}", timeouts)
    if not login.oauth and "LOGIN" in offered:
        reply = await _say(session, "AUTH LOGIN", timeouts)
        for value in (user, secret):
            if reply.code != 334:
                break
            reply = await _say(session, _coded(value), timeouts)
        return reply
    known = " ".join(sorted(offered)) or "none"
    ours = "XOAUTH2, OAUTHBEARER" if login.oauth else "PLAIN, LOGIN"
    raise RelayUnreachable(
        f"the relay offers no login that we know ({ours}), only: {known}",
        remedy="leave the user out of the transport's URL, or use the relay's port for submission, 587",
    )


async def _bearer(session: Session, name: str, words: str, ending: bytes, timeouts: Timeouts) -> Reply:
    """A refused token gets a 334 with the reasons; we say that we have read it, and the refusal follows."""
    reply = await _say(session, f"AUTH {name} {_coded(words)}", timeouts)
    if reply.code == 334:
        session.write(ending + b"\r\n")
        reply = await session.reply(timeouts.command)
    return reply


async def _say(session: Session, line: str, timeouts: Timeouts) -> Reply:
    session.write(line.encode("ascii") + b"\r\n")
    return await session.reply(timeouts.command)


def _coded(text: str) -> str:
    return b64encode(text.encode()).decode("ascii")


def _capabilities(reply: Reply) -> Capabilities:
    """What an EHLO reply offers. Touches nothing."""
    words = [line.upper().replace("AUTH=", "AUTH ").split() for line in reply.lines[1:]]
    offers = {line[0]: line[1:] for line in words if line}
    limit = offers.get("SIZE", [])
    return Capabilities(
        pipelining="PIPELINING" in offers,
        starttls="STARTTLS" in offers,
        smtputf8="SMTPUTF8" in offers,
        size_known="SIZE" in offers,
        size=int(limit[0]) if limit and limit[0].isdecimal() else 0,
        auth=frozenset(word for line in words if line and line[0] == "AUTH" for word in line[1:]),
    )


def _context(address: RelayAddress, given: ssl.SSLContext | None) -> ssl.SSLContext:
    if given is not None:
        return given
    # Nobody stands between us and ourselves, and a local Postfix has a certificate of its own making.
    return _unchecked() if address.is_loopback else ssl.create_default_context()


def _unchecked() -> ssl.SSLContext:
    """Whoever answers may have any certificate."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _literal(ip: str) -> str:
    """``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 section 4.1.3)."""
    bare = ip.partition("%")[0]
    return f"[IPv6:{bare}]" if ":" in bare else f"[{bare or '127.0.0.1'}]"


def _expect(reply: Reply, code: int, doing: str, remedy: str) -> None:
    if reply.code != code:
        raise RelayUnreachable(f"the relay {doing} '{reply}'", remedy=remedy)


def _unreachable(address: RelayAddress, error: BaseException) -> RelayUnreachable:
    """Whatever went wrong on the way to a session, as one line about this relay."""
    where = str(address)
    if isinstance(error, RelayUnreachable):
        return RelayUnreachable(error.cause, where=where, remedy=error.remedy)
    if isinstance(error, ssl.SSLCertVerificationError):
        return RelayUnreachable(
            f"the relay's certificate is not valid: {error.verify_message}",
            where=where,
            remedy="use the host name that stands in its certificate",
        )
    if isinstance(error, ssl.SSLError):
        remedy = "smtps:// is for TLS from the start (465), smtp:// for STARTTLS (587)"
        return RelayUnreachable(f"the TLS handshake failed: {error.reason or error}", where=where, remedy=remedy)
    if isinstance(error, socket.gaierror):
        return RelayUnreachable(
            f"the relay's name cannot be looked up: {error.strerror}",
            where=where,
            remedy="check the host in transport, and this machine's DNS",
        )
    if isinstance(error, TimeoutError):
        return RelayUnreachable(
            "the relay does not answer", where=where, remedy="check host and port, and the firewall"
        )
    number = error.errno if isinstance(error, OSError) else None
    cause = os.strerror(number) if number else str(error)
    return RelayUnreachable(
        f"no session with the relay: {cause}",
        where=where,
        remedy="check that the relay runs and that host and port are right",
    )
