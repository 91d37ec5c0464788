"""Recordings: ``audio`` in an article's front matter, a file beside it or an address with length and duration.

Fails with ArticleError: a length that nobody knows would be a lie in the feed, and a player may depend on it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from publisher.articles.front_matter import FrontMatter
from publisher.articles.urls import absolute
from publisher.model.article import Audio
from publisher.model.errors import ArticleError

__all__ = ["Recording", "audio_of", "recording"]

# As directories of podcasts want them: https://podcasters.apple.com/support/823-podcast-requirements
_TYPES = {
    ".mp3": "audio/mpeg", ".m4a": "audio/x-m4a", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg",
    ".flac": "audio/flac", ".wav": "audio/wav", ".aac": "audio/aac", ".mp4": "video/mp4", ".m4v": "video/x-m4v",
    ".mov": "video/quicktime", ".webm": "video/webm",
}  # fmt: skip
# https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/tags/transcript.md
_TRANSCRIPTS = {
    ".vtt": "text/vtt", ".srt": "application/x-subrip", ".html": "text/html", ".json": "application/json",
    ".txt": "text/plain",
}  # fmt: skip
_CHAPTERS = "application/json+chapters"
_KEYS = {
    "url", "file", "length", "type", "duration", "title", "image", "episode", "season", "episode_type", "explicit",
    "transcript", "chapters",
}  # fmt: skip

Locate = Callable[[str], tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A recording as it is written, in ``path``, at ``line``."""

    address: str
    length: int
    media_type: str
    duration: int
    title: str
    image: str
    episode: int
    season: int
    kind: str
    explicit: bool | None
    transcript: str
    chapters: str
    path: str
    line: int | None

    def error(self, cause: str, remedy: str) -> ArticleError:
        """An ArticleError that points at it."""
        return ArticleError(f'"audio": {cause}', where=self.path, line=self.line, remedy=remedy)


def recording(front: FrontMatter) -> Recording | None:
    """What front matter says of a recording; None if nothing. Raises ArticleError."""
    written = front.values.get("audio")
    if isinstance(written, list):  # Hugo's pages may name several
        written = written[0] if written else None
    if not written:
        return None
    if not isinstance(written, str | dict):
        raise front.error("audio", "should be a file or a table", 'write: audio = "episode-1.mp3"')
    table: Mapping[str, Any] = {"url": written} if isinstance(written, str) else written

    def error(cause: str, remedy: str) -> ArticleError:
        return front.error("audio", cause, remedy)

    if unknown := sorted(str(key) for key in table.keys() - _KEYS):
        raise error(f'"{unknown[0]}" is not known', f"known here: {', '.join(sorted(_KEYS))}")
    kind = _text(table, "episode_type", error) or "full"
    if kind not in ("full", "trailer", "bonus"):
        raise error(f'"{kind}" is no kind of episode', "write full, trailer or bonus")
    explicit = table.get("explicit")
    if explicit is not None and not isinstance(explicit, bool):
        raise error('"explicit" should be true or false', "write: explicit = false")
    address = _text(table, "url", error) or _text(table, "file", error)
    if not address:
        raise error("has no file", 'write: audio = "episode-1.mp3"')
    return Recording(
        address=address,
        length=_number(table, "length", error),
        media_type=_text(table, "type", error) or _TYPES.get(_ending(address), ""),
        duration=_seconds(table.get("duration"), error),
        title=_text(table, "title", error),
        image=_text(table, "image", error),
        episode=_number(table, "episode", error),
        season=_number(table, "season", error),
        kind=kind,
        explicit=explicit,
        transcript=_text(table, "transcript", error),
        chapters=_text(table, "chapters", error),
        path=error("", "").where or "",
        line=error("", "").line,
    )


def audio_of(written: Recording, url: str, locate: Locate) -> Audio:
    """The recording of the article at ``url``. Raises ArticleError.

    ``locate`` answers with the address and the length of a file beside the article.
    """

    def address(name: str) -> str:
        if not name:
            return ""
        found = absolute(name, url) if _is_elsewhere(name) else locate(unquote(name))[0]
        if found is None:
            raise written.error(f'"{name}" is not a web address', "write https://…, or a file beside the article")
        return found

    length = written.length
    if not _is_elsewhere(written.address):
        length = locate(unquote(written.address))[1]
    if not length:
        raise written.error("its length in bytes is missing", "write: length = … (curl -sIL URL shows it)")
    if not written.media_type.startswith(("audio/", "video/")):
        raise written.error(f'"{written.address}" is of no known type', 'write: type = "audio/mpeg"')
    transcript_type = _TRANSCRIPTS.get(_ending(written.transcript), "") if written.transcript else ""
    if written.transcript and not transcript_type:
        raise written.error(f'"{written.transcript}" is no transcript', f"use {', '.join(sorted(_TRANSCRIPTS))}")
    return Audio(
        url=address(written.address),
        length=length,
        media_type=written.media_type,
        duration=written.duration,
        title=written.title,
        image=address(written.image),
        episode=written.episode,
        season=written.season,
        kind=written.kind,
        explicit=written.explicit,
        transcript=address(written.transcript),
        transcript_type=transcript_type,
        chapters=address(written.chapters),
        chapters_type=_CHAPTERS if written.chapters else "",
    )


def _ending(address: str) -> str:
    return PurePosixPath(urlsplit(address).path).suffix.lower()


def _is_elsewhere(address: str) -> bool:
    return bool(urlsplit(address).scheme) or address.startswith("/")


def _text(table: Mapping[str, Any], key: str, error: Callable[[str, str], ArticleError]) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise error(f'"{key}" should be text', f'write: {key} = "…"')
    return " ".join(value.split())


def _number(table: Mapping[str, Any], key: str, error: Callable[[str, str], ArticleError]) -> int:
    value = table.get(key, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise error(f'"{key}" should be a whole number', f"write: {key} = 12")
    return value


def _seconds(value: Any, error: Callable[[str, str], ArticleError]) -> int:
    """``1865``, ``"31:05"`` or ``"1:02:03"``."""
    if value is None:
        return 0
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return round(value)
    if isinstance(value, str) and re.fullmatch(r"(?:\d+:)?\d{1,3}:\d{2}|\d+", value.strip()):
        seconds = 0
        for part in value.strip().split(":"):
            seconds = seconds * 60 + int(part)
        return seconds
    raise error(f'the duration "{value}" is none', 'write: duration = "31:05", or 1865 seconds')
