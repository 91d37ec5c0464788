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
    """One outline a feed, with its RSS or Atom address. Pure. None without one (a body may not be empty).

    The feeds that an ``each`` made are in a folder of their own, after the others.
    """
    listed = [feed for feed in feeds if {"rss", "atom"} & set(feed.formats)]
    if not listed:
        return None
    root = etree.Element("opml", version="2.0")
    head = etree.SubElement(root, "head")
    etree.SubElement(head, "title").text = _as_html(one_line(publication.title))
    etree.SubElement(head, "dateModified").text = format_datetime(updated, usegmt=True)
    body = etree.SubElement(root, "body")
    folders: dict[tuple[str, str], etree._Element] = {}
    for feed in listed:
        place = body
        if feed.made_for:
            key = feed.file, feed.made_for
            if key not in folders:
                folders[key] = _folder(publication, feed)
            place = folders[key]
        title = _as_html(one_line(feed.title) or feed.name)
        etree.SubElement(
            place,
            "outline",
            type="rss",
            text=title,
            title=title,
            xmlUrl=feed_url(publication, feed, "rss" if "rss" in feed.formats else "atom"),
            htmlUrl=feed_page(publication, feed),
        )
    body.extend(folders.values())
    root.addprevious(etree.ProcessingInstruction("xml-stylesheet", 'type="text/css" href="feed.css"'))
    return etree.tostring(root.getroottree(), encoding="UTF-8", xml_declaration=True)


def _folder(publication: Publication, feed: Feed) -> etree._Element:
    whole = next((other for other in publication.feeds if other.file == feed.file), feed)
    title = _as_html(f"{one_line(whole.title) or whole.name}, by {feed.made_for}")
    return etree.Element("outline", text=title)  # with more than a text it would have to say what kind it is


def _as_html(text: str) -> str:
    """Titles in OPML may be HTML, so what could be taken for it is encoded; other text is left readable."""
    return html.escape(text, quote=False) if _AMBIGUOUS.search(text) else text
