"""Atom 1.0 through feedgen: RFC 4287."""

from __future__ import annotations

from collections.abc import Sequence

from publisher.syndication.correction import generator_of
from publisher.syndication.entries import Entry, Head, History

__all__ = ["atom_document"]


def atom_document(head: Head, entries: Sequence[Entry], *, address: str, full: bool, history: History) -> bytes:
    """The document that is served from ``address``. Pure. Not ``full``: summaries instead of content."""
    generator = generator_of(head, history)
    generator.subtitle(head.description)
    generator.author(name=head.author, uri=head.home)
    generator.link(href=address, rel="self", type="application/atom+xml")
    generator.link(href=head.page, rel="alternate", type="text/html")
    if head.logo:
        generator.icon(head.logo)
        generator.logo(head.logo)
    for entry in entries:
        item = generator.add_entry(order="append")
        item.correction.entry, item.correction.head = entry, head
        item.id(entry.uri)
        item.title(entry.heading)
        item.link(href=entry.url)
        item.published(entry.published)
        item.updated(entry.updated)
        item.summary(entry.summary)
        if full and entry.html:
            item.content(entry.html, type="html")
        for category in entry.categories:
            item.category(term=category.term, label=category.label, scheme=category.scheme)
        for author in entry.authors:
            item.author({"name": author.name, "uri": author.url} if author.url else {"name": author.name})
    document: bytes = generator.atom_str()
    return document
