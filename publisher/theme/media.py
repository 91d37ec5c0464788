"""The settings' own pictures: the logo, the authors', podcasts' art; each a path among the articles, or an address.

They are published where the articles' pictures are: under ``media/``, by their path among the articles.
"""

from __future__ import annotations

import mimetypes
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from publisher.articles.sizes import picture_size
from publisher.articles.urls import absolute
from publisher.model.article import Image
from publisher.model.publication import Publication

__all__ = ["logo_looks", "logo_of", "theme_media", "theme_url"]


def theme_media(publication: Publication) -> Iterator[tuple[Path, str]]:
    """(file, path under public/) of the logo, the authors' pictures and podcasts' art; not what is elsewhere."""
    named = (
        publication.theme.logo,
        *(author.picture for author in publication.authors.values()),
        *(feed.podcast.image for feed in publication.feeds if feed.podcast),
    )
    for name in dict.fromkeys(named):
        if name and not _elsewhere(name):
            yield publication.articles_folder / name, _under_public(name)


def theme_url(publication: Publication, name: str) -> str:
    """The absolute address of a picture that the settings name; ``""`` for none."""
    address = name if _elsewhere(name) else quote(_under_public(name))
    return (absolute(address, f"{publication.url}/") or "") if name else ""


def logo_looks(publication: Publication) -> tuple[int, int]:
    """What changes when the logo's file does: bytes and time of change; zeros where it is none of ours."""
    name = publication.theme.logo
    try:
        status = (publication.articles_folder / name).stat() if name and not _elsewhere(name) else None
    except OSError:
        return 0, 0
    return (status.st_size, status.st_mtime_ns) if status else (0, 0)


def logo_of(publication: Publication) -> Image | None:
    """The logo with its size in pixels; None if there is none. Reads the file's head."""
    name = publication.theme.logo
    if not name:
        return None
    file = publication.articles_folder / name
    width, height = 0, 0
    with suppress(OSError):
        width, height = picture_size(file) if not _elsewhere(name) and file.is_file() else (0, 0)
    return Image(
        url=theme_url(publication, name),
        alt=publication.title,
        width=width,
        height=height,
        media_type=mimetypes.guess_type(name)[0] or "",
    )


def _elsewhere(name: str) -> bool:
    return name.startswith(("http://", "https://"))


def _under_public(name: str) -> str:
    return "/".join(("media", *(part for part in Path(name).parts if part not in ("/", ".", ".."))))
