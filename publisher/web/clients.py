"""Who is asking: the address of a client, also behind our own proxies, and how often one may.

Guarantees: X-Forwarded-For counts only as far as proxies that the settings trust wrote it, so nobody can pretend
an address. Fails with ConfigurationError for a trusted proxy that is neither an address nor a network.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from threading import Lock

from publisher.model.errors import ConfigurationError

__all__ = ["Hammering", "Limit", "Proxies"]


class Proxies:
    """The proxies in front of us that are ours. Raises ConfigurationError."""

    def __init__(self, trusted: Iterable[str]) -> None:
        self._networks = tuple(map(_network, trusted))

    def client(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """The client's address: the last one that no proxy of ours has. Pure.

        ``peer`` is the other end of the connection; ``forwarded_for`` are the values of X-Forwarded-For headers, to
        which each proxy has added at the end whom it was called by.
        """
        address = peer
        named = [name.strip() for value in forwarded_for for name in value.split(",")]
        while named and self.has(address):
            if _address(named[-1]) is None:
                break
            address = named.pop()
        known = _address(address)
        return str(known) if known else address

    def has(self, text: str) -> bool:
        """Whether the address is a proxy of ours. Pure."""
        address = _address(text)
        return address is not None and any(address in network for network in self._networks)


class Limit:
    """At most ``each`` calls a client and ``all_together`` calls in ``within``. Safe to share between threads."""

    def __init__(self, *, each: int, all_together: int, within: timedelta) -> None:
        self._each = each
        self._all = all_together
        self._within = within
        self._calls: deque[tuple[datetime, str]] = deque()
        self._counts: dict[str, int] = {}
        self._lock = Lock()

    def allows(self, client: str, now: datetime) -> bool:
        """Whether this client may, now; if so, it is counted."""
        key = _household(client)
        with self._lock:
            while self._calls and self._calls[0][0] <= now - self._within:
                _, gone = self._calls.popleft()
                self._counts[gone] -= 1
                if not self._counts[gone]:
                    del self._counts[gone]
            if len(self._calls) >= self._all or self._counts.get(key, 0) >= self._each:
                return False
            self._calls.append((now, key))
            self._counts[key] = self._counts.get(key, 0) + 1
            return True


class Hammering:
    """Who fetches the same thing whole more than ``most`` times ``within`` so many seconds.

    Remembers at most ``known`` of them; whoever comes after that is let through. Not for several threads.
    """

    def __init__(self, *, most: int, within: int, known: int = 50_000) -> None:
        self._most = most
        self._within = within
        self._known = known
        self._counts: dict[tuple[str, str], int] = {}
        self._ends = 0.0

    def wait(self, client: str, thing: str, now: float) -> int:
        """Seconds that the client should wait before it fetches ``thing`` again; 0: it may now, and is counted.

        ``now`` is any clock's seconds.
        """
        if now >= self._ends:
            self._counts, self._ends = {}, now + self._within
        key = (_household(client), thing)
        count = self._counts.get(key, 0)
        if count >= self._most:
            return max(1, round(self._ends - now))
        if count or len(self._counts) < self._known:
            self._counts[key] = count + 1
        return 0


def _household(client: str) -> str:
    """An IPv6 customer has at least a /64 (RFC 6177): all its addresses count as one."""
    address = _address(client)
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else client


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _network(text: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text, strict=False)
    except ValueError as error:
        raise ConfigurationError(
            f'"{text}" in web.trusted_proxies is not an address',
            where="publication.toml",
            remedy='write for example "127.0.0.1" or "10.0.0.0/8"',
        ) from error
