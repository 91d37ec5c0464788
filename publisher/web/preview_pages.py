"""The page of `preview --serve`: the digest side by side as desktops and phones show it, light and dark, with and
without style and pictures, its text and its source, its weight, and what mail programs will do with it.

Guarantees: everything is written into one folder, to be served on loopback. Nothing of it asks anybody else: a policy
in each page forbids it, so pictures that are elsewhere on the web are not shown. No script runs in a digest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from publisher.editions.mail_programs import Lost, Weight, without_styles
from publisher.editions.preview import Preview
from publisher.model.errors import PublisherError
from publisher.model.finding import Finding
from publisher.model.publication import Publication

__all__ = ["Panel", "show_digest", "show_errors"]

_LONGEST_SOURCE = 60_000
_AROUND = 4
_HEAD = re.compile(r"<head[^>]*>", re.IGNORECASE)
_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)", re.IGNORECASE)
_POLICY = (
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; "
    'img-src {pictures}"><base target="_blank">'
)


@dataclass(frozen=True, slots=True)
class Panel:
    """One way of looking at it. ``file``: what its frame shows, or ``text`` instead; ``shown``: from the beginning."""

    name: str
    title: str
    width: int
    file: str = ""
    text: str = ""
    shown: bool = True
    dark: bool = False


def show_digest(
    folder: Path,
    publication: Publication,
    seen: Preview,
    *,
    weight: Weight,
    lost: Sequence[Lost],
    sizes: Mapping[Any, int],
    findings: Sequence[Finding],
    faults: Sequence[PublisherError],
    media: Iterable[tuple[Path, str]],
) -> None:
    """Writes the page and its frames into ``folder``.

    ``sizes``: octets of the HTML in each style; ``faults``: of articles that are left out; ``media``: (file, path under
    public/) of the pictures that are shown from this machine.
    """
    html = _with_pictures(folder, seen.html, publication.url, media)
    frames = {
        "light.htm": _framed(html, dark=False),
        "dark.htm": _framed(html, dark=True),
        "bare.htm": _framed(without_styles(html), dark=False),
        "blind.htm": _framed(html, dark=False, pictures="'none'"),
    }
    for name, content in frames.items():
        (folder / name).write_text(content, "utf-8")
    (folder / "message.eml").write_bytes(seen.message)
    source = seen.message.decode("utf-8", "replace").replace("\r\n", "\n")
    more = len(source) - _LONGEST_SOURCE
    column = publication.theme.width
    panels = (
        Panel("desktop", "Desktop", max(640, column + 40), "light.htm"),
        Panel("phone", "Phone", 375, "light.htm"),
        Panel("dark", "Dark", max(640, column + 40), "dark.htm", dark=True),
        Panel("phone-dark", "Phone, dark", 375, "dark.htm", shown=False, dark=True),
        Panel("bare", "Style stripped", max(640, column + 40), "bare.htm", shown=False),
        Panel("blind", "Pictures off", max(640, column + 40), "blind.htm", shown=False),
        Panel("text", "Text part", 0, text=seen.text),
        Panel(
            "source",
            "Source",
            0,
            text=source[:_LONGEST_SOURCE] + (f"\n… and {more:,} characters more" if more > 0 else ""),
            shown=False,
        ),
    )
    local = seen.slot.astimezone(ZoneInfo(seen.newsletter.timezone))
    _write(
        folder,
        publication=publication,
        seen=seen,
        slot=f"{local:%a %d %b %Y, %H:%M} ({seen.newsletter.timezone})",
        weight=weight,
        lost=lost,
        sizes=sizes,
        findings=findings,
        faults=[_fault(publication.root, fault) for fault in faults],
        panels=panels,
    )


def show_errors(folder: Path, root: Path, newsletter: str, error: PublisherError) -> None:
    """Writes a page that says what is wrong, with the lines of the file around it."""
    faults = [_fault(root, one) for one in (error, *error.also)]
    _write(folder, seen=None, newsletter=newsletter, faults=faults, panels=())


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    text: str
    is_it: bool


@dataclass(frozen=True, slots=True)
class _Fault:
    where: str
    cause: str
    remedy: str
    lines: tuple[_Line, ...]


def _fault(root: Path, error: PublisherError) -> _Fault:
    where = f"{error.where}:{error.line}" if error.where and error.line else error.where or ""
    return _Fault(where, " ".join(error.cause.split()), error.remedy or "", tuple(_lines(root, error)))


def _lines(root: Path, error: PublisherError) -> Iterable[_Line]:
    """The lines around the fault, where it is in a file of the publication."""
    if not error.where or not error.line:
        return
    file = (root / error.where).resolve()
    if not file.is_relative_to(root.resolve()):
        return
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    first = max(0, error.line - 1 - _AROUND)
    for number, text in enumerate(lines[first : error.line + _AROUND], first + 1):
        yield _Line(number, text[:200], number == error.line)


def _framed(html: str, *, dark: bool, pictures: str = "'self'") -> str:
    """``html`` for a frame: it asks nobody, its links open beside it, and dark is what the panel says."""
    html = _DARK.sub("(min-width: 0px)" if dark else "(max-width: 0px)", html)
    scheme = f"<style>:root {{ color-scheme: {'dark' if dark else 'light'} !important }}</style>"
    return _HEAD.sub(lambda head: head[0] + _POLICY.format(pictures=pictures) + scheme, html, count=1)


def _with_pictures(folder: Path, html: str, url: str, media: Iterable[tuple[Path, str]]) -> str:
    """``html`` with our own pictures from ``folder``, into which they are linked."""
    for file, target in media:
        address = f'"{url}/{quote(target)}"'
        if address not in html or not file.is_file():
            continue
        link = folder / target
        if not link.is_symlink() or link.readlink() != file.absolute():
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            os.symlink(file.absolute(), link)
        html = html.replace(address, f'"{quote(target)}"')
    return html


def _write(folder: Path, **values: object) -> None:
    page = _template().render(values)
    # Whole or not at all: a page that loads again meanwhile must not find half of it.
    written = folder / ".index"
    written.write_text(page, "utf-8")
    written.replace(folder / "index.html")


@lru_cache(maxsize=1)
def _template() -> Template:
    """Ours alone: an override of the publication's that is broken must not hide what it says of itself."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["kilobytes"] = lambda octets: f"{octets / 1024:,.1f} KB"
    environment.filters["code"] = lambda text: Markup("<code>{}</code>").format(text)
    return environment.from_string(Path(__file__).with_name("preview.html").read_text("utf-8"))
