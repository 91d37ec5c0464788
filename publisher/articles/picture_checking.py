"""What is wrong or doubtful in an article's pictures. Deciding only: pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from publisher.articles.inspecting import Inspected, PictureFile, own_picture
from publisher.articles.urls import is_insecure
from publisher.model.finding import Finding, Severity

__all__ = ["HEAVY", "check_pictures"]

HEAVY = 1_000_000
"""Bytes of one picture, which every reader loads."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """A picture where it is shown. ``line`` is the file's."""

    address: str
    line: int | None
    has_alt: bool
    key: str = ""


def check_pictures(one: Inspected) -> Iterator[Finding]:
    """All findings about the pictures of an article, each picture once a rule. Pure."""
    seen: set[str] = set()
    for shown in _shown(one):
        yield from missing_alt(one, shown)
        if shown.address not in seen:
            seen.add(shown.address)
            yield from missing_picture(one, shown)
            yield from heavy_picture(one, shown)
            yield from picture_without_size(one, shown)
            yield from insecure_picture(one, shown)


def missing_alt(one: Inspected, shown: _Shown) -> Iterator[Finding]:
    """No words for those who do not see it; ``<img alt="">`` says that there is nothing to say."""
    if not shown.has_alt:
        yield _finding(
            one,
            shown,
            Severity.WARNING,
            "missing-alt",
            f'nothing says what "{shown.address}" shows',
            'add: image_alt = "…"' if shown.key else f"write ![what it shows]({shown.address})",
        )


def missing_picture(one: Inspected, shown: _Shown) -> Iterator[Finding]:
    """There is no such file: the article is held back."""
    if own_picture(shown.address) and one.pictures.get(shown.address) is None:
        yield _finding(
            one,
            shown,
            Severity.ERROR,
            "missing-picture",
            f'there is no picture "{shown.address}"; until there is, the article is held back',
            "add the file, or take the picture out",
        )


def heavy_picture(one: Inspected, shown: _Shown) -> Iterator[Finding]:
    """More bytes than a picture in an article needs."""
    file = _file(one, shown)
    if file and file.length > HEAVY:
        yield _finding(
            one,
            shown,
            Severity.WARNING,
            "heavy-picture",
            f'"{shown.address}" has {file.length / 1_000_000:.1f} MB',
            "save it smaller: 1,600 pixels wide is plenty",
        )


def picture_without_size(one: Inspected, shown: _Shown) -> Iterator[Finding]:
    """A file that does not tell its width and height: pages jump while it loads."""
    file = _file(one, shown)
    if file and not (file.width and file.height):
        yield _finding(
            one,
            shown,
            Severity.WARNING,
            "picture-without-size",
            f'"{shown.address}" does not say how large it is, so that text jumps while it loads',
            "save it as JPEG or PNG; an SVG needs width and height",
        )


def insecure_picture(one: Inspected, shown: _Shown) -> Iterator[Finding]:
    """Mail programs and browsers do not show pictures over http:."""
    if is_insecure(shown.address, ""):
        yield _finding(
            one,
            shown,
            Severity.WARNING,
            "insecure-picture",
            f"{shown.address} is not https:, and many programs will not show it",
            "use https:, or keep the picture beside the article",
        )


def _shown(one: Inspected) -> Iterator[_Shown]:
    source = one.source
    if source.image:
        yield _Shown(source.image, one.line_of("image"), bool(source.image_alt), "image")
    for each in one.body.references:
        if each.kind == "picture":
            yield _Shown(each.address, one.line_in_body(each.line), each.decorative or bool((each.alt or "").strip()))


def _file(one: Inspected, shown: _Shown) -> PictureFile | None:
    return one.pictures.get(shown.address)


def _finding(one: Inspected, shown: _Shown, severity: Severity, rule: str, what: str, remedy: str) -> Finding:
    return Finding(severity=severity, rule=rule, file=one.path, line=shown.line, what=what, remedy=remedy)
