"""Whose request it is, and how often one may ask."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from publisher.model.errors import ConfigurationError
from publisher.web.clients import Hammering, Limit, Proxies

OURS = Proxies(["127.0.0.1", "::1", "10.0.0.0/8"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.7", [], "192.0.2.7"),
        ("192.0.2.7", ["198.51.100.1"], "192.0.2.7"),  # not a proxy of ours: it may write what it likes
        ("127.0.0.1", ["192.0.2.7"], "192.0.2.7"),
        ("127.0.0.1", ["198.51.100.1, 192.0.2.7"], "192.0.2.7"),  # the first one was pretended
        ("127.0.0.1", ["198.51.100.1", "192.0.2.7, 10.1.2.3"], "192.0.2.7"),
        ("127.0.0.1", ["10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["unknown"], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("::ffff:127.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("", ["192.0.2.7"], ""),
    ],
)
def test_the_client_is_the_last_one_that_a_proxy_of_ours_names(peer: str, forwarded: list[str], client: str) -> None:
    assert OURS.client(peer, forwarded) == client


def test_a_trusted_proxy_that_is_no_address_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r'"nginx" in web\.trusted_proxies is not an address'):
        Proxies(["nginx"])


def test_each_client_and_all_together_have_a_limit_that_time_lifts(now: datetime) -> None:
    limit = Limit(each=2, all_together=3, within=timedelta(hours=1))
    assert [limit.allows("a", now) for _ in range(3)] == [True, True, False]
    assert limit.allows("b", now + timedelta(minutes=30))
    assert not limit.allows("c", now + timedelta(minutes=59))
    assert limit.allows("a", now + timedelta(hours=1))


def test_all_addresses_of_an_ipv6_household_are_one_client(now: datetime) -> None:
    limit = Limit(each=1, all_together=9, within=timedelta(hours=1))
    assert limit.allows("2001:db8:0:1::1", now)
    assert not limit.allows("2001:db8:0:1:ffff::2", now)
    assert limit.allows("2001:db8:0:2::1", now)


def test_who_hammers_is_told_how_long_to_wait_and_others_are_not() -> None:
    hammering = Hammering(most=2, within=300)
    assert [hammering.wait("192.0.2.7", "all", 1000 + second) for second in range(3)] == [0, 0, 298]
    assert hammering.wait("192.0.2.7", "world", 1003) == 0
    assert hammering.wait("192.0.2.8", "all", 1003) == 0
    assert hammering.wait("192.0.2.7", "all", 1300) == 0


def test_only_so_many_clients_are_remembered() -> None:
    hammering = Hammering(most=1, within=300, known=2)
    assert [hammering.wait(f"192.0.2.{number}", "all", 0) for number in range(5)] == [0] * 5
    assert [bool(hammering.wait(f"192.0.2.{number}", "all", 1)) for number in range(5)] == [True, True, *[False] * 3]
