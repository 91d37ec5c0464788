"""JSON Feed 1.1 by hand: https://www.jsonfeed.org/version/1.1/."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from publisher.model.article import Audio, Author
from publisher.syndication.entries import Entry, Head, History, rfc3339

__all__ = ["json_document"]


def json_document(head: Head, entries: Sequence[Entry], *, address: str, full: bool, history: History) -> bytes:
    """The document that is served from ``address``. Pure. Not ``full``: summaries instead of content.

    ``feed_url`` identifies the feed, so archive pages have the feed's own as well.
    """
    feed: dict[str, Any] = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": head.title,
        "home_page_url": head.page,
        "feed_url": history.current or address,
        "description": head.description,
        "language": head.language,
        "authors": [{"name": head.author, "url": head.home}],
    }
    if history.previous:
        feed["next_url"] = history.previous
    if head.logo:
        feed["icon"] = head.logo
    if head.hub and not history.current:
        feed["hubs"] = [{"type": "WebSub", "url": head.hub}]
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
    if entry.audio is not None:
        item["attachments"] = [_attachment(entry.audio)]
    return item


def _attachment(audio: Audio) -> dict[str, Any]:
    known = {"title": audio.title, "size_in_bytes": audio.length, "duration_in_seconds": audio.duration}
    attachment: dict[str, Any] = {"url": audio.url, "mime_type": audio.media_type}
    return attachment | {key: value for key, value in known.items() if value}


def _author(author: Author) -> dict[str, str]:
    known = {"name": author.name, "url": author.url, "avatar": author.picture}
    return {key: value for key, value in known.items() if value}
