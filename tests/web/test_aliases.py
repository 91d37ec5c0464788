"""Feeds stay where they were: our server leads from an old address to the new one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from publisher.model.publication import Publication

SiteMaker = Callable[..., Any]


def test_30_an_old_address_of_a_feed_answers_301(site_of: SiteMaker, publication: Publication) -> None:
    feeds = tuple(replace(feed, aliases=("/feed/", "/ü.json")) for feed in publication.feeds if feed.name == "world")
    site = site_of(replace(publication, feeds=feeds, web=replace(publication.web, pages=False)))
    for path, target in {
        "/feed/": "/feeds/world.rss",
        "/feed": "/feeds/world.rss",
        "/feed/?paged=2": "/feeds/world.rss",
        "/%C3%BC.json": "/feeds/world.json",
    }.items():
        for method in ("GET", "HEAD"):
            answer = site.client.request(method, path)
            assert (answer.status_code, answer.headers["location"]) == (301, target)
    assert site.client.post("/feed/").status_code == 405


def test_30_below_a_hosts_root_it_leads_there(site_of: SiteMaker, publication: Publication) -> None:
    feeds = tuple(replace(feed, aliases=("/index.xml",)) for feed in publication.feeds if feed.name == "world")
    site = site_of(replace(publication, url="https://example.org/news", feeds=feeds))
    assert site.client.get("/news/index.xml").headers["location"] == "/news/feeds/world.rss"
