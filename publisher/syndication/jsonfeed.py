"""JSON Feed 1.1 by hand: https://www.jsonfeed.org/version/1.1/."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from publisher.model.article import Author
from publisher.syndication.entries import Entry, Head, rfc3339

__all__ = ["json_document"]


def json_document(head: Head, entries: Sequence[Entry], *, address: str, full: bool) -> bytes:
    """The document that is served from ``address``. Pure. Not ``full``: summaries instead of content."""
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": head.title,
        "home_page_url": head.page,
        "feed_url": address,
        "description": head.description,
        "language": head.language,
        "authors": [{"name": head.author, "url": head.home}],
    }
    if head.logo:
        feed["icon"] = head.logo
    feed["items"] = [_item(entry, head, full=full) for entry in entries]
    return json.dumps(feed, ensure_ascii=False, separators=(",", ":")).encode()


def _item(entry: Entry, head: Head, *, full: bool) -> dict[str, Any]:
    item: dict[str, Any] = {"id": entry.id, "url": entry.url}
    if entry.title:
        item["title"] = entry.title
    if full and entry.html:
        item["content_html"] = entry.html
        item["summary"] = entry.summary
    else:
        item["content_text"] = entry.summary
    if entry.image is not None:
        item["image"] = entry.image.url
    item["date_published"] = rfc3339(entry.published)
    item["date_modified"] = rfc3339(entry.updated)
    if entry.authors:
        item["authors"] = [_author(author) for author in entry.authors]
    if entry.categories:
        item["tags"] = list(dict.fromkeys(category.label for category in entry.categories))
    if entry.language != head.language:
        item["language"] = entry.language
    return item


def _author(author: Author) -> dict[str, str]:
    known = {"name": author.name, "url": author.url, "avatar": author.picture}
    return {key: value for key, value in known.items() if value}
