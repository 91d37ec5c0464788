"""Our transport, pointed at a faulty server, with short timeouts."""

from __future__ import annotations

from publisher.delivery.session import Timeouts
from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress
from tests.delivery.faulty_smtp import FaultySmtp

QUICK = Timeouts(connect=5, greeting=1, command=1, data=1, final=1, quit=0.5, grace=0.5)


def relay(server: FaultySmtp, host: str = "127.0.0.1", **changes: object) -> SmtpTransport:
    user = changes.pop("user", None)
    implicit = bool(changes.pop("implicit_tls", False))
    address = RelayAddress(host, server.port, user if isinstance(user, str) else None, implicit_tls=implicit)
    values: dict[str, object] = {"timeouts": QUICK, **changes}
    return SmtpTransport(address, **values)  # type: ignore[arg-type]
