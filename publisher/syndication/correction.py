"""feedgen's tree, corrected before it is written.

feedgen 1.0.0 calls an extension with the tree it has built; ours mends there what it gets wrong:

- links of an Atom entry lose rel, type and title (https://github.com/lkiesow/python-feedgen/issues/135)
- the RSS channel's link is whichever link came last
- an RSS channel has one ``atom:link``, and neither format a hub, prev-archive or next-archive
- no stylesheet instruction, no language an entry, no bare ``media:content``, dates with ``+00:00``
- plain text that looks like markup is not marked as plain

Everything put in is clean already (`publisher.syndication.entries`); nothing here fails.
"""

from __future__ import annotations

import html
import re
from typing import Any

from feedgen.ext.base import BaseEntryExtension, BaseExtension
from feedgen.feed import FeedGenerator
from lxml import etree

from publisher.model.article import Image
from publisher.syndication.characters import looks_like_markup, unlike_markup
from publisher.syndication.entries import Entry, Head, History, rfc3339
from publisher.syndication.podcasts import ITUNES, PODCAST, describe_episode, describe_show, enclose

__all__ = ["ATOM", "HISTORY", "MEDIA", "generator_of", "plain_in_rss"]

ATOM = "http://www.w3.org/2005/Atom"
DC = "http://purl.org/dc/elements/1.1/"
HISTORY = "http://purl.org/syndication/history/1.0"
MEDIA = "http://search.yahoo.com/mrss/"
XML = "http://www.w3.org/XML/1998/namespace"

_STYLESHEET = 'type="text/css" href="{}feed.css"'  # relative: it works from any host, and from the disk
_PLAIN = re.compile(rb"<(title|category|copyright)( [^>]*)?>([^<]*)</\1>")


def generator_of(head: Head, history: History) -> Any:
    """A feedgen generator with ``head`` in it and the correction registered; give it entries with `add`."""
    generator = FeedGenerator()
    generator.load_extension("dc", atom=False)
    generator.register_extension("correction", FeedCorrection, EntryCorrection)
    generator.correction.head, generator.correction.history = head, history
    generator.id(head.uri)
    generator.title(head.title)
    generator.updated(head.updated)
    generator.language(head.language)
    generator.generator(head.generator)
    generator.docs("https://www.rssboard.org/rss-specification")
    if head.rights:
        generator.rights(head.rights)
    return generator


def plain_in_rss(document: bytes) -> bytes:
    """RSS with ``&`` and ``<`` of plain-text elements as numbers, which no reader takes for markup. Pure.

    https://www.rssboard.org/rss-profile#data-types-characterdata
    """
    return _PLAIN.sub(
        lambda found: found[0].replace(b"&amp;", b"&#x26;").replace(b"&lt;", b"&#x3C;"),
        document,
    )


class FeedCorrection(BaseExtension):  # type: ignore[misc]
    """The feed's own elements. ``head`` and ``history`` are set by `generator_of`."""

    head: Head
    history: History

    def extend_ns(self) -> dict[str, str]:
        spaces = {"media": MEDIA}
        if self.history.closed:
            spaces["fh"] = HISTORY
        if self.head.show:
            spaces |= {"itunes": ITUNES, "podcast": PODCAST}
        return spaces

    def extend_atom(self, feed: etree._Element) -> etree._Element:
        _stylesheet(feed, self.history)
        last = feed.findall("link")[-1]
        for rel, address in reversed(self._links()):
            link = etree.Element("link", rel=rel, href=address)
            if rel != "hub":
                link.set("type", "application/atom+xml")
            last.addnext(link)
        if self.history.closed:
            etree.SubElement(feed, f"{{{HISTORY}}}archive")
        _dates(feed)
        for name in ("title", "subtitle", "rights"):
            _marked_as_text(feed.find(name))
        for author in feed.iterfind("author/name"):
            _unlike_markup(author)
        return feed

    def extend_rss(self, feed: etree._Element) -> etree._Element:
        _stylesheet(feed, self.history)
        channel = feed[0]
        for link in channel.iterfind("link"):
            link.text = self.head.page
        for rel, address in self._links():
            link = etree.SubElement(channel, f"{{{ATOM}}}link", rel=rel, href=address)
            if rel != "hub":
                link.set("type", "application/rss+xml")
        if self.history.closed:
            etree.SubElement(channel, f"{{{HISTORY}}}archive")
        if self.head.show:
            describe_show(channel, self.head.show)
        for name in ("title", "description", "copyright", "image/title"):
            for element in feed.iterfind(f"channel/{name}"):
                _unlike_markup(element)
        return feed

    def _links(self) -> list[tuple[str, str]]:
        """RFC 5005 section 4, and https://www.w3.org/TR/websub/#discovery in the feed's own document."""
        links = [
            ("hub", "" if self.history.current else self.head.hub),
            ("current", self.history.current),
            ("prev-archive", self.history.previous),
            ("next-archive", self.history.following),
        ]
        return [(rel, address) for rel, address in links if address]


class EntryCorrection(BaseEntryExtension):  # type: ignore[misc]
    """An entry's elements. ``entry`` and ``head`` are set by whoever adds the entry."""

    entry: Entry
    head: Head

    def extend_atom(self, element: etree._Element) -> etree._Element:
        for link in element.findall("link"):
            element.remove(link)
        etree.SubElement(element, "link", rel="alternate", type="text/html", href=self.entry.url)
        if audio := self.entry.audio:
            enclosure = etree.SubElement(element, "link", rel="enclosure", type=audio.media_type, href=audio.url)
            if audio.length:
                enclosure.set("length", str(audio.length))
        if self.entry.language != self.head.language:
            element.set(f"{{{XML}}}lang", self.entry.language)
        _dates(element)
        for author in element.iterfind("author/name"):
            _unlike_markup(author)
        for category in element.iterfind("category"):
            category.set("label", unlike_markup(category.get("label", "")))
        for name in ("title", "summary"):
            _marked_as_text(element.find(name))
        _media(element, self.entry.image)
        return element

    def extend_rss(self, element: etree._Element) -> etree._Element:
        for name in ("title", "category"):
            for plain in element.iterfind(name):
                _unlike_markup(plain)
        if self.entry.language != self.head.language:
            etree.SubElement(element, f"{{{DC}}}language").text = self.entry.language
        enclose(element, self.entry.audio)
        describe_episode(element, self.entry, self.head)
        if not (self.head.show and self.entry.audio):  # players of podcasts take a picture's content for a recording
            _media(element, self.entry.image)
        etree.SubElement(element, f"{{{ATOM}}}updated").text = rfc3339(self.entry.updated)
        return element


def _stylesheet(root: etree._Element, history: History) -> None:
    up = "../../" if history.current else "../"
    root.addprevious(etree.ProcessingInstruction("xml-stylesheet", _STYLESHEET.format(up)))


def _dates(element: etree._Element) -> None:
    """feedgen writes ``+00:00``; everything of ours is UTC."""
    for name in ("published", "updated"):
        for date in element.iterfind(name):
            date.text = (date.text or "").replace("+00:00", "Z")


def _marked_as_text(element: etree._Element | None) -> None:
    """What could be taken for markup is sent as HTML that says it is text (RFC 4287 section 3.1.1)."""
    if element is not None and element.text and looks_like_markup(element.text):
        element.text = html.escape(element.text, quote=False)
        element.set("type", "html")


def _unlike_markup(element: etree._Element) -> None:
    element.text = unlike_markup(element.text or "")


def _media(element: etree._Element, image: Image | None) -> None:
    """Media RSS, bare: https://www.rssboard.org/media-rss. feedgen's own extension always makes a group."""
    if image is None:
        return
    size = {"width": str(image.width), "height": str(image.height)} if image.width and image.height else {}
    content = etree.SubElement(element, f"{{{MEDIA}}}content", url=image.url, medium="image", attrib=size)
    if image.media_type:
        content.set("type", image.media_type)
    if image.length:
        content.set("fileSize", str(image.length))
    if described := image.alt or image.caption:
        description = etree.SubElement(content, f"{{{MEDIA}}}description", type="plain")
        description.text = described
        _marked_as_text(description)
    if image.credit:
        etree.SubElement(content, f"{{{MEDIA}}}credit").text = image.credit
    etree.SubElement(element, f"{{{MEDIA}}}thumbnail", url=image.url, attrib=size)
