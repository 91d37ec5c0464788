"""Embedding: pictures of the publication that travel inside the message instead of being loaded from the web.

Guarantees: what stands in the message is what the file was when the digest was rendered; the same picture is carried
once. A picture that mail programs do not show (SVG, WebP), is too large, or is somebody else's, stays a link.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from publisher.model.article import Article
from publisher.model.edition import Embedded
from publisher.model.publication import Publication
from publisher.theme.media import theme_media

__all__ = ["embeddable", "embedded", "shown"]

LARGEST = 300_000
"""Octets of one picture."""
TOGETHER = 1_500_000
"""Octets of all of them; in the message they are a third more (base64)."""

_TYPES = ("image/png", "image/jpeg", "image/gif")
_SOURCE = re.compile(r'(\ssrc=")([^"]*)"')


def embeddable(publication: Publication, articles: Sequence[Article]) -> dict[str, Embedded]:
    """The pictures of ``articles`` and the theme by their web address, as many as may be embedded. Reads the files."""
    found: dict[str, Embedded] = {}
    size = 0
    for file, target in _media(publication, articles):
        url = f"{publication.url}/{quote(target)}"
        media_type = mimetypes.guess_type(target)[0] or ""
        if url in found or media_type not in _TYPES or not file.is_file() or file.stat().st_size > LARGEST:
            continue
        content = file.read_bytes()
        if size + len(content) <= TOGETHER:
            size += len(content)
            cid = f"{hashlib.sha256(content).hexdigest()[:32]}@{publication.host}"
            found[url] = Embedded(cid=cid, media_type=media_type, content=content)
    return found


def embedded(html: str, pictures: Mapping[str, Embedded]) -> str:
    """``html`` with ``cid:`` in place of the web addresses of ``pictures`` (RFC 2392). Pure."""

    def source(found: re.Match[str]) -> str:
        picture = pictures.get(found[2].replace("&amp;", "&"))
        return f'{found[1]}cid:{picture.cid}"' if picture else found[0]

    return _SOURCE.sub(source, html) if pictures else html


def shown(html: str, pictures: Iterable[Embedded]) -> tuple[Embedded, ...]:
    """Those of ``pictures`` that ``html`` shows, each once. Pure."""
    by_cid = {picture.cid: picture for picture in pictures if f'"cid:{picture.cid}"' in html}
    return tuple(by_cid.values())


def _media(publication: Publication, articles: Sequence[Article]) -> Iterator[tuple[Path, str]]:
    yield from theme_media(publication)
    for article in articles:
        for file, target in article.media:
            yield Path(file), target
