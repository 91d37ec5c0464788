"""The colours of the web archive, light and dark, from the theme's three; text always has enough contrast.

Contrast as in WCAG 2.2 (https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio): at least 4.5 for text (level AA).
"""

from __future__ import annotations

from dataclasses import dataclass

from publisher.model.publication import Theme

__all__ = ["Palette", "contrast", "palettes"]

_ENOUGH = 4.6  # a little more than AA asks, for rounding
_DARK_PAPER = "#181614"
_DARK_INK = "#e9e4dc"

_Rgb = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Palette:
    """``ink`` on ``paper``; ``muted`` for asides, ``rule`` for lines, ``wash`` for grounds. ``#rrggbb``."""

    ink: str
    paper: str
    accent: str
    muted: str
    rule: str
    wash: str


def palettes(theme: Theme) -> tuple[Palette, Palette]:
    """The light palette and the dark one. Pure. A theme whose background is dark is used for both."""
    own = _palette(theme.text, theme.background, theme.accent)
    if _luminance(theme.background) < 0.2:
        return own, own
    return own, _palette(_DARK_INK, _DARK_PAPER, theme.accent)


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours, 1 to 21. Pure."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _palette(ink: str, paper: str, accent: str) -> Palette:
    wash = _mixed(paper, ink, 0.045)
    extreme = "#ffffff" if _luminance(paper) < 0.2 else "#000000"
    ink = _readable(ink, paper, extreme)
    return Palette(
        ink=ink,
        paper=paper,
        accent=_readable(accent, wash, extreme),
        muted=_readable(_mixed(ink, paper, 0.4), wash, ink),
        rule=_mixed(paper, ink, 0.16),
        wash=wash,
    )


def _readable(colour: str, ground: str, towards: str) -> str:
    """``colour``, moved towards another one until it can be read on ``ground``."""
    for step in range(0, 101, 2):
        moved = _mixed(colour, towards, step / 100)
        if contrast(moved, ground) >= _ENOUGH:
            return moved
    return towards


def _mixed(one: str, other: str, share: float) -> str:
    first, second = _rgb(one), _rgb(other)
    return "#" + "".join(f"{round(255 * (a + (b - a) * share)):02x}" for a, b in zip(first, second, strict=True))


def _rgb(colour: str) -> _Rgb:
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def _luminance(colour: str) -> float:
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in _rgb(colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
