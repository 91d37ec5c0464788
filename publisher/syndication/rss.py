"""RSS 2.0 through feedgen: https://www.rssboard.org/rss-specification and the RSS Profile."""

from __future__ import annotations

import html
from collections.abc import Sequence

from publisher.syndication.correction import generator_of, plain_in_rss
from publisher.syndication.entries import Entry, Head, History

__all__ = ["rss_document"]


def rss_document(head: Head, entries: Sequence[Entry], *, address: str, full: bool, history: History) -> bytes:
    """The document that is served from ``address``. Pure. Not ``full``: summaries instead of content."""
    generator = generator_of(head, history)
    generator.description(head.description)
    generator.link(href=address, rel="self", type="application/rss+xml")
    generator.link(href=head.page, rel="alternate")
    if head.logo.lower().endswith((".png", ".jpg", ".jpeg", ".gif")):
        width, height = (str(pixels) if pixels else None for pixels in head.logo_size)
        generator.image(head.logo, title=head.title, link=head.page, width=width, height=height)
    for entry in entries:
        item = generator.add_entry(order="append")
        item.correction.entry, item.correction.head = entry, head
        item.guid(entry.id, permalink=False)
        if entry.title or head.show:  # an episode has to have one
            item.title(entry.heading)
        item.link(href=entry.url)
        # A description is HTML by the specification: plain text has to say that its < and & are text.
        item.summary(html.escape(entry.summary, quote=False))
        if full and entry.html:
            # In sanitised HTML > and &gt; are the same everywhere: the section cannot be ended from inside.
            item.content(entry.html.replace("]]>", "]]&gt;"), type="CDATA")
        item.published(entry.published)
        for category in entry.categories:
            item.category(term=category.term, label=category.label, scheme=category.url)
        if entry.authors:
            item.dc.dc_creator([author.name for author in entry.authors])
    document: bytes = generator.rss_str()
    return plain_in_rss(document)
