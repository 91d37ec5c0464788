"""The Link header of feed documents from our own server (W3C WebSub section 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from publisher.model.publication import Publication
from publisher.syndication.hub import link_header


def test_feed_documents_name_hub_and_topic_in_their_link_header(
    publication: Publication, site_of: Callable[..., Any]
) -> None:
    about = replace(publication, web=replace(publication.web, hub="https://hub.example.org/?a&b"))
    for name in ("feeds/world.rss", "feeds/größe.atom", "feeds/world/1.rss", "feeds.opml", "index.html"):
        file = about.public / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("<p>Text</p>", "utf-8")
    client = site_of(about).client
    answer = client.get("/feeds/world.rss")
    link = '<https://hub.example.org/?a&b>; rel="hub", <https://news.example.org/feeds/world.rss>; rel="self"'
    assert answer.headers["link"] == link
    assert client.get("/feeds/world.rss", headers={"if-none-match": answer.headers["etag"]}).headers["link"] == link
    assert (
        client.head("/feeds/gr%C3%B6%C3%9Fe.atom").headers["link"].endswith('/feeds/gr%C3%B6%C3%9Fe.atom>; rel="self"')
    )
    for path in ("/feeds/world/1.rss", "/feeds.opml", "/"):
        assert "link" not in client.get(path).headers
    assert link_header(publication, "feeds/world.rss") == ""
