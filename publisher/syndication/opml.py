"""The list of feeds as OPML 2.0 (http://opml.org/spec2.opml), which feed readers import."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from datetime import datetime
from email.utils import format_datetime

from lxml import etree

from publisher.model.feed import Feed
from publisher.model.publication import Publication
from publisher.syndication.addresses import feed_page, feed_url
from publisher.syndication.characters import one_line

__all__ = ["opml_document"]

_AMBIGUOUS = re.compile(r"<|&(?! )")


def opml_document(publication: Publication, feeds: Sequence[Feed], updated: datetime) -> bytes | None:
    """One outline a feed, with its RSS or Atom address. Pure. None without one (a body may not be empty)."""
    listed = [feed for feed in feeds if {"rss", "atom"} & set(feed.formats)]
    if not listed:
        return None
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = _as_html(one_line(publication.title))
    etree.SubElement(head, "dateModified").text = format_datetime(updated, usegmt=True)
    body = etree.SubElement(root, "body")
    for feed in listed:
        title = _as_html(one_line(feed.title) or feed.name)
        etree.SubElement(
            body,
            "outline",
            type="rss",
            text=title,
            title=title,
            xmlUrl=feed_url(publication, feed, "rss" if "rss" in feed.formats else "atom"),
            htmlUrl=feed_page(publication, feed),
        )
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


def _as_html(text: str) -> str:
    """Titles in OPML may be HTML, so what could be taken for it is encoded; other text is left readable."""
    return html.escape(text, quote=False) if _AMBIGUOUS.search(text) else text
