"""What mail programs do with a digest: where it is clipped, what a reader loads, which of its features some drop.

The table of features follows caniemail.com's data for the newest versions; `make judges` holds it against them. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import lxml.html

from publisher.editions.digest import CLIPPED_AT

__all__ = ["FEATURES", "Feature", "Lost", "Picture", "Weight", "lost_features", "weigh", "without_styles"]

_STYLE = re.compile(r"<style[^>]*>.*?</style>\s*", re.DOTALL | re.IGNORECASE)
_IMAGE = re.compile(r'<img\b[^>]*?\ssrc="([^"]*)"', re.IGNORECASE)

_WINDOWS = ("Outlook for Windows",)
_YAHOO = ("Yahoo",)
_MOST = ("Gmail", "Outlook", "Yahoo")


@dataclass(frozen=True, slots=True)
class Feature:
    """Something that not all mail programs know.

    ``slug`` is caniemail's name of it; ``programs``: who drops it; ``effect``: what readers there see instead;
    ``layout``: whether a page that needs it falls apart.
    """

    slug: str
    programs: tuple[str, ...]
    effect: str
    layout: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """A feature in use, and how often."""

    name: str
    feature: Feature
    count: int


# fmt: off
FEATURES: Mapping[str, Feature] = {
    "<style>": Feature("html-style", ("Gmail for other accounts (IMAP)",), "dark colours and phone sizes are lost"),
    "prefers-color-scheme": Feature(
        "css-at-media-prefers-color-scheme", ("Gmail", "Yahoo", "Outlook for Windows"),
        "the light colours stay, or the program darkens them itself"),
    "<svg>": Feature("html-svg", _MOST, "nothing is shown", True),
    "<video>": Feature("html-video", _MOST, "nothing is shown", True),
    "<audio>": Feature("html-audio", _MOST, "nothing is shown", True),
    "<form>": Feature("html-form", ("Outlook for Windows", "Yahoo on iOS"), "it cannot be sent", True),
    "<picture>": Feature("html-picture", _MOST, "only its <img> is shown"),
    "<link>": Feature("html-link", _MOST, "the style sheet is not loaded", True),
    "@import": Feature("css-at-import", _MOST, "the style sheet is not loaded", True),
    "@font-face": Feature("css-at-font-face", _MOST, "the next font in the list is used"),
    ".webp": Feature("image-webp", ("Outlook for Windows", "Outlook for Mac"), "the alt is shown", True),
    ".avif": Feature("image-avif", ("Outlook for Windows", "Thunderbird"), "the alt is shown", True),
    ".svg": Feature("image-svg", ("Gmail", "Outlook for Mac"), "the alt is shown", True),
    "data:": Feature("image-base64", ("Gmail", "Windows Mail"), "the alt is shown", True),
    "display:flex": Feature("css-display-flex", _WINDOWS, "what stood side by side stands one below the other", True),
    "display:grid": Feature("css-display-grid", _MOST, "what stood side by side stands one below the other", True),
    "position": Feature("css-position", ("Gmail", "Outlook for Windows"), "it stays where it is in the text", True),
    "var(": Feature("css-variables", _MOST, "the declaration is dropped", True),
    "calc(": Feature("css-unit-calc", ("Outlook", "Yahoo"), "the declaration is dropped", True),
    "float": Feature("css-float", _WINDOWS, "it stands in a line of its own", True),
    "transform": Feature("css-transform", _MOST, "it is not turned or moved", True),
    "column-count": Feature("css-column-count", ("Outlook for Windows", "Yahoo"), "one column", True),
    "background-image": Feature("css-background-image", _WINDOWS, "the plain background colour"),
    "border-radius": Feature("css-border-radius", _WINDOWS, "corners are square"),
    "box-shadow": Feature("css-box-shadow", ("Gmail", "Outlook for Windows", "Yahoo"), "no shadow"),
    "text-shadow": Feature("css-text-shadow", ("Gmail", "Outlook"), "no shadow"),
    "opacity": Feature("css-opacity", _WINDOWS, "it is opaque"),
    "object-fit": Feature("css-object-fit", ("Outlook for Windows", "Yahoo"), "the picture is stretched"),
    "animation": Feature("css-animation", _MOST, "it stands still"),
    "filter": Feature("css-filter", _MOST, "no filter"),
    "overflow": Feature("css-overflow", _WINDOWS, "only the hidden preheader has it, and Outlook hides that by itself"),
    "white-space": Feature("css-white-space", ("Outlook for Windows", "Samsung"), "spaces in code are folded"),
    "height": Feature("css-height", _YAHOO, "the attribute has the height"),
}
# fmt: on


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a digest. ``octets`` None: not ours, so not known; ``embedded``: it travels in the message."""

    url: str
    octets: int | None
    embedded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """Octets: ``html`` of that part (``style`` of it in ``<style>``), ``text`` of the other, ``message`` of it all."""

    html: int
    style: int
    text: int
    message: int
    pictures: tuple[Picture, ...]

    @property
    def left(self) -> int:
        """Octets until Gmail clips the message; negative: it does."""
        return CLIPPED_AT - self.html

    @property
    def to_load(self) -> int:
        """Octets of our own pictures that are loaded when it is opened."""
        return sum(picture.octets or 0 for picture in self.pictures if not picture.embedded)


def weigh(html: str, text: str, message: bytes, *, sizes: Mapping[str, int], embedded: Iterable[str] = ()) -> Weight:
    """``sizes``: octets of our own pictures by address; ``embedded``: addresses of those inside the message. Pure."""
    inside = set(embedded)
    shown = dict.fromkeys(address.replace("&amp;", "&") for address in _IMAGE.findall(html))
    return Weight(
        html=len(html.encode()),
        style=sum(len(block.encode()) for block in _STYLE.findall(html)),
        text=len(text.encode()),
        message=len(message),
        pictures=tuple(Picture(url, sizes.get(url), url in inside) for url in shown),
    )


def without_styles(html: str) -> str:
    """``html`` as programs show it that drop every ``<style>``. Pure."""
    return _STYLE.sub("", html)


def lost_features(html: str) -> list[Lost]:
    """What some mail programs drop of ``html``, what breaks the layout first. Pure."""
    counted: dict[str, int] = {}
    for element in lxml.html.document_fromstring(html).iter():
        if isinstance(element.tag, str):
            for name in _used(element.tag, dict(element.attrib)):
                counted[name] = counted.get(name, 0) + 1
    for block in _STYLE.findall(html):
        counted["<style>"] = counted.get("<style>", 0) + 1
        for name in ("prefers-color-scheme", "@import", "@font-face"):
            if name in block:
                counted[name] = counted.get(name, 0) + 1
    found = [Lost(name, feature, counted[name]) for name, feature in FEATURES.items() if name in counted]
    return sorted(found, key=lambda lost: not lost.feature.layout)


def _used(tag: str, attributes: Mapping[str, str]) -> set[str]:
    """The names of features of one element."""
    used = {f"<{tag}>"} if tag != "style" else set()
    if tag == "img":
        source = attributes.get("src", "").partition("?")[0].lower()
        used |= {name for name in (".webp", ".avif", ".svg") if source.endswith(name)}
        used |= {"data:"} if source.startswith("data:") else set()
    for declaration in attributes.get("style", "").split(";"):
        name, _, value = (part.strip().lower() for part in declaration.partition(":"))
        used |= {name, f"{name}:{value.split(' ')[0]}"}
        used |= {function for function in ("var(", "calc(") if function in value}
        if name == "background" and "url(" in value:
            used.add("background-image")
        if name == "height" and value == "auto":
            used.discard("height")
    return used & FEATURES.keys()
