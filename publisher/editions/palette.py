"""The palette: every colour of a digest, light and dark, worked out of the three that a theme names.

Guarantees: what is printed has at least the contrast of WCAG 2.2 level AA (4.5 to 1) against its background,
in light and in dark, whatever the theme's colours are: a colour that is too close to its background is moved
towards black or white until it is not. Pure; standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from publisher.model.publication import Theme

__all__ = ["Palette", "Shades", "contrast", "palette_of"]

_ENOUGH = 5.0
_DARK_BACKGROUND = "#171615"
_DARK_TEXT = "#e9e6e2"


@dataclass(frozen=True, slots=True)
class Shades:
    """The colours of one appearance, ``#rrggbb``: ``muted`` for small print, ``tint`` behind code."""

    background: str
    text: str
    muted: str
    accent: str
    rule: str
    tint: str


@dataclass(frozen=True, slots=True)
class Palette:
    """The colours of a theme in both appearances."""

    light: Shades
    dark: Shades


@lru_cache(maxsize=32)
def palette_of(theme: Theme) -> Palette:
    """The palette of a theme. Pure."""
    return Palette(
        light=_shades(background=theme.background, text=theme.text, accent=theme.accent),
        dark=_shades(background=_DARK_BACKGROUND, text=_DARK_TEXT, accent=theme.accent),
    )


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio). Pure."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _shades(*, background: str, text: str, accent: str) -> Shades:
    tint = _mixed(background, text, 0.05)
    text = _legible(text, background, tint)
    return Shades(
        background=background,
        text=text,
        muted=_legible(_mixed(text, background, 0.35), background, tint),
        accent=_legible(accent, background, tint),
        rule=_mixed(background, text, 0.18),
        tint=tint,
    )


def _legible(colour: str, background: str, tint: str) -> str:
    """``colour``, or the nearest one on its way to black or white that can be read on both grounds."""
    away = max("#000000", "#ffffff", key=lambda end: contrast(end, background))
    for step in range(21):
        moved = _mixed(colour, away, step / 20)
        if min(contrast(moved, background), contrast(moved, tint)) >= _ENOUGH:
            return moved
    return away


def _mixed(one: str, other: str, share: float) -> str:
    """``one`` with ``share`` (0 to 1) of ``other`` in it."""
    return "#" + "".join(
        f"{round(a + (b - a) * share):02x}" for a, b in zip(_channels(one), _channels(other), strict=True)
    )


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (channel / 255 for channel in _channels(colour))
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
