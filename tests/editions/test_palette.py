"""Colours: legible on their background, whatever a theme asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.editions.palette import contrast, palette_of
from publisher.model.publication import Theme

COLOURS = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


def test_contrast_is_what_wcag_says() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_legible_theme_is_left_as_it_is() -> None:
    light = palette_of(Theme()).light
    assert (light.text, light.background, light.accent) == (Theme().text, Theme().background, Theme().accent)


@given(COLOURS, COLOURS, COLOURS)
def test_every_theme_has_enough_contrast_in_light_and_dark(accent: str, text: str, background: str) -> None:
    palette = palette_of(Theme(accent=accent, text=text, background=background))
    for shades in (palette.light, palette.dark):
        for colour in (shades.text, shades.muted, shades.accent):
            assert contrast(colour, shades.background) >= 4.5
            assert contrast(colour, shades.tint) >= 4.0
