"""The judge that looks: Chromium, with axe-core, at a digest as phones and desktops show it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

from playwright.sync_api import Browser, Page, Route, sync_playwright

from publisher.publication.starter import starter

CHROMIUM = Path("/usr/bin/chromium")
AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"

# What reaches beyond the window, and what is cut off inside a box; the hidden preheader is meant to be.
_BEYOND = """but => {
    const wide = document.documentElement.clientWidth, found = [];
    if (document.documentElement.scrollWidth > wide)
        found.push(`scrolls sideways: ${document.documentElement.scrollWidth} of ${wide} pixels`);
    for (const element of document.querySelectorAll("body *")) {
        const box = element.getBoundingClientRect(), style = getComputedStyle(element);
        if (!box.width || element.closest(but)) continue;
        const says = (element.textContent || element.alt || "").trim().slice(0, 40);
        const name = `<${element.tagName.toLowerCase()}> ${says}`;
        if (box.right > wide + 1 || box.left < -1) found.push(`beyond the window: ${name}`);
        const hides = style.overflowX === "hidden" || style.overflowX === "clip";
        if (hides && element.scrollWidth > element.clientWidth + 1) found.push(`clipped: ${name}`);
    }
    return found.slice(0, 5);
}"""
_AXE = """() => axe.run(document, {resultTypes: ["violations"]}).then(result => result.violations.map(
    found => `${found.id} (${found.impact}): ${found.nodes.slice(0, 2).map(node => node.html.slice(0, 120)).join(" ")}`
))"""


@dataclass(frozen=True)
class Look:
    """How a digest is looked at."""

    width: int = 600
    scheme: Literal["light", "dark"] = "light"
    style: bool = True
    images: bool = True

    def __str__(self) -> str:
        styled = "" if self.style else "-nostyle"
        return f"{self.width}-{self.scheme}{styled}{'' if self.images else '-noimages'}"


LOOKS = tuple(
    Look(width, scheme, style, images)
    for width in (600, 375)
    for scheme in ("light", "dark")
    for style in (True, False)
    for images in (True, False)
    if style or scheme == "light"  # without a style there is no dark
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def findings(browser: Browser, html: str, look: Look, picture: Path | None = None) -> list[str]:
    """What axe finds, and what scrolls or is cut off. ``picture``: where the screenshot goes."""
    context = browser.new_context(
        viewport={"width": look.width, "height": 900}, color_scheme=look.scheme, java_script_enabled=True
    )
    try:
        page = context.new_page()
        page.route("**/*", lambda route: _answer(route, look))
        page.set_content(html, wait_until="load")
        found = beyond(page) + axe_findings(page)
        if picture is not None:
            picture.parent.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=picture, full_page=True)
        return found
    finally:
        context.close()


def beyond(page: Page, but: str = ".hidden") -> list[str]:
    """What scrolls, or is cut off, at the page's width; ``but``: not within these elements."""
    return [str(each) for each in page.evaluate(_BEYOND, but)]


def axe_findings(page: Page) -> list[str]:
    """What axe has to say."""
    page.add_script_tag(content=AXE.read_text("utf-8"))
    found: list[Any] = page.evaluate(_AXE)
    return [f"axe: {each}" for each in found]


def _answer(route: Route, look: Look) -> None:
    if not look.images:
        route.abort()
        return
    path = unquote(urlsplit(route.request.url).path)
    file = starter() / "articles" / path.removeprefix("/media/")
    if path.startswith("/media/") and file.is_file():
        route.fulfill(path=file)
    else:
        route.fulfill(body=_grey(1600, 900), content_type="image/png")


@lru_cache
def _grey(width: int, height: int) -> bytes:
    """A grey PNG (https://www.w3.org/TR/png-3/)."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x99" * width) * height)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
