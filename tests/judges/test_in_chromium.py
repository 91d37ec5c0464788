"""Every style at a phone's width, of a publication with everything that has broken a digest: axe has nothing to say,
nothing scrolls sideways, nothing is cut off. All looks, and the other judges: make judges.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.judges.samples import Sample, samples

pytestmark = pytest.mark.chromium


@pytest.fixture(autouse=True)
def axe(browser: Any) -> None:
    from tests.judges.browser import AXE

    if not AXE.exists():
        pytest.skip("axe-core is missing: npm install --prefix tests/judges --omit=optional")


@pytest.mark.parametrize("style", ["full", "summary", "headlines", "letter"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_every_style_without_a_finding(browser: Any, style: str, scheme: Any) -> None:
    from tests.judges.browser import Look, findings

    for sample in samples((style,), ("ar",) if scheme == "dark" else ("en",), ("nasty",)):
        assert _judged(browser, sample, findings, Look(375, scheme)) == []
        if scheme == "light":
            assert findings(browser, sample.without_style, Look(375, style=False, images=False)) == []


def _judged(browser: Any, sample: Sample, findings: Any, look: Any) -> list[str]:
    assert len(sample.html.encode()) <= 102_400
    found: list[str] = findings(browser, sample.html, look)
    return found
