"""What a broken link may have meant."""

from __future__ import annotations

import pytest

from publisher.syndication.near_addresses import NearAddresses

MANY = [f"/2026/article-{number}/" for number in range(20_000)]


@pytest.mark.parametrize(
    ("broken", "meant"),
    [
        ("/2026/bouy/", "/2026/buoy/"),
        ("/feeds/wrold.rss", "/feeds/world.rss"),
        ("/buoy/", "/2026/buoy/"),
        ("/2026/artcle-7731/", "/2026/article-7731/"),
        ("/something/else/entirely", None),
        ("/", None),
        ("", None),
    ],
)
def test_the_nearest_of_many_addresses_is_found(broken: str, meant: str | None) -> None:
    assert NearAddresses([*MANY, "/2026/buoy/", "/feeds/world.rss"]).to(broken) == meant


def test_of_none_there_is_none() -> None:
    assert NearAddresses([]).to("/2026/buoy/") is None
