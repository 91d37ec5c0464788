"""The sitemap, with true dates: https://www.sitemaps.org/protocol.html."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from html import escape

from publisher.syndication.entries import rfc3339

__all__ = ["sitemap_documents", "with_page"]

_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"
_MOST = 40_000  # addresses a file; the protocol allows 50,000 and 50 MB


def sitemap_documents(home: str, pages: Sequence[tuple[str, datetime | None]]) -> Iterator[tuple[str, bytes]]:
    """(path, bytes) of sitemap.xml; of an index and its parts where there are too many pages for one. Pure.

    ``pages``: (address, when it last changed, or None where that is not known).
    """
    if len(pages) <= _MOST:
        yield "sitemap.xml", _written("urlset", "url", pages)
        return
    parts: list[tuple[str, datetime | None]] = []
    for number, start in enumerate(range(0, len(pages), _MOST), start=1):
        part = pages[start : start + _MOST]
        name = f"sitemap-{number}.xml"
        parts.append((home + name, max((moment for _, moment in part if moment), default=None)))
        yield name, _written("urlset", "url", part)
    yield "sitemap.xml", _written("sitemapindex", "sitemap", parts)


def with_page(content: bytes, address: str, changed: datetime) -> bytes:
    """A sitemap.xml of ours with one page more; one that has it already, or is an index of parts, as it is. Pure.

    The next build writes the page in its place; until then it stands last.
    """
    row = f"<url><loc>{escape(address, quote=False)}</loc>".encode()
    head, end, _ = content.rpartition(b"</urlset>")
    if not end or row in content:
        return content
    return b"".join((head, row, f"<lastmod>{rfc3339(changed)}</lastmod></url>".encode(), end))


def _written(root_name: str, name: str, rows: Sequence[tuple[str, datetime | None]]) -> bytes:
    parts = [f"<?xml version='1.0' encoding='UTF-8'?>\n<{root_name} xmlns=\"{_NAMESPACE}\">"]
    for address, changed in rows:
        dated = "" if changed is None else f"<lastmod>{rfc3339(changed)}</lastmod>"
        parts.append(f"<{name}><loc>{escape(address, quote=False)}</loc>{dated}</{name}>")
    return "".join([*parts, f"</{root_name}>"]).encode()
