"""Articles: one piece of writing each, with an id that never changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

__all__ = ["AWAY", "TOO_OLD", "Article", "Audio", "Author", "Image", "Record"]

TOO_OLD = "old news"
"""Why a record was left out: its article was old when it was first seen."""

AWAY = "away for now"
"""Why one with a number is left out: its article could not be read, or was a draft again, in a later run."""


@dataclass(frozen=True, slots=True)
class Author:
    """A person who writes. ``key`` is the name in front matter and in ``[authors.KEY]``."""

    key: str
    name: str
    bio: str = ""
    url: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Image:
    """A picture of an article. ``url`` is absolute; sizes are pixels and bytes, 0 where unknown."""

    url: str
    alt: str = ""
    caption: str = ""
    credit: str = ""
    width: int = 0
    height: int = 0
    length: int = 0
    media_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Audio:
    """A recording that belongs to an article: an episode, or the article read aloud. Addresses are absolute.

    ``length`` is bytes, ``duration`` whole seconds; 0 where unknown. ``explicit`` None: as the podcast says.
    ``transcript`` and ``chapters`` are addresses of documents, with their media types.
    """

    url: str
    length: int
    media_type: str
    duration: int = 0
    title: str = ""
    image: str = ""
    episode: int = 0
    season: int = 0
    kind: str = "full"
    explicit: bool | None = None
    transcript: str = ""
    transcript_type: str = ""
    chapters: str = ""
    chapters_type: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """An article as everything downstream sees it: identified, dated, its HTML clean.

    ``id``         a ``tag:`` URI (RFC 4151) or an imported guid, letter for letter; never changes, never reused
    ``path``       where its file is, relative to the publication's folder, with ``/``
    ``url``        absolute address of its page
    ``title``      plain text on one line; ``""`` for an untitled article
    ``html``       the body: sanitised, balanced, every URL absolute
    ``summary``    plain text on one line
    ``published``, ``updated``  aware, UTC; ``published`` never changes, ``updated`` moves on a real edit only
    ``sequence``   its number in the order of mailing; None: never to be mailed, or not numbered yet
    ``mail``       front matter's ``mail``: True overrides age and ``since``; False: never; None: by age
    ``content_hash``  SHA-256 hex of title, body and summary with white space folded
    ``media``      files that its HTML shows: (path of the file, path under public/)
    ``place``      its number in the order of publication, which archive pages are cut by; None: not known yet
    ``audio``      its recording
    """

    id: str
    path: str
    url: str
    slug: str
    title: str
    html: str
    summary: str
    published: datetime
    updated: datetime
    language: str
    content_hash: str
    section: str = ""
    tags: tuple[str, ...] = ()
    authors: tuple[Author, ...] = ()
    image: Image | None = None
    draft: bool = False
    mail: bool | None = None
    pin: bool = False
    weight: int = 0
    minor: bool = False
    correction: str = ""
    kind: str = "article"
    aliases: tuple[str, ...] = ()
    sequence: int | None = None
    media: tuple[tuple[str, str], ...] = field(default=())
    place: int | None = None
    audio: Audio | None = None

    def is_public(self, now: datetime) -> bool:
        """Whether it may appear at ``now`` (aware). Drafts, notes and future dates may not."""
        return not self.draft and self.kind == "article" and self.published <= now


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What the database remembers of an article. ``left_out``: why it has no number, once that is decided; or
    that its article, which has one, is away.

    ``place``: its number in the order of publication, given once it is first seen public, whether it is mailed or not.
    """

    id: str
    path: str
    title: str
    content_hash: str
    published: datetime
    updated: datetime
    first_seen: datetime
    public_since: datetime | None = None
    gone_at: datetime | None = None
    sequence: int | None = None
    numbered_at: datetime | None = None
    left_out: str = ""
    place: int | None = None
