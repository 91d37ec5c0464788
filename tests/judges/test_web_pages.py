"""The pages of public/ in Chromium, of a publication with everything that is too long: nothing scrolls sideways on a
telephone, on paper or on a desk, nothing is asked of anybody else, and axe has nothing to say.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from publisher.model.article import Author
from publisher.syndication.documents import feed_documents
from publisher.syndication.pages import page_documents
from publisher.theme.environment import environment_of
from tests.syndication.conftest import URL, article, publication

pytestmark = pytest.mark.chromium

WORD = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft" * 2
HEADS, CELLS = "<th>Heading of a column</th>" * 9, "<td>12,50</td>" * 9
TEXT = f"""<p>Words.</p><pre><code>{"name = value; " * 40}</code></pre>
<table><thead><tr>{HEADS}</tr></thead><tbody><tr>{CELLS}</tr></tbody></table>
<p>{WORD} <code>{WORD}</code> <a href="https://example.org/{WORD}">https://example.org/{WORD}</a></p>
<ul><li>{WORD}</li></ul>
<div class="footnote-definition" id="fn-1"><sup class="footnote-definition-label">1</sup><p>{WORD}</p></div>"""
PAGES = ("", "2026/long/", "2026/arabic/", "section/world/", "tag/long-tag/", "author/ana/", "archive/", "follow/")


@pytest.fixture(scope="module")
def public(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("pages")
    of = publication(root)
    ana = Author("ana", f"Ana {WORD}", f"Writes about {WORD}.", f"https://{'a' * 60}.example.org/", "")
    articles = [
        article("long", title=WORD, html=TEXT, tags=("Long tag", WORD), authors=(ana,), summary=WORD),
        article("arabic", age=1, title="ميناء قديم", html=TEXT, language="ar", image=None, tags=("Long tag",)),
        *(article(f"n{number}", age=24 * number, title=WORD if number == 30 else "A title") for number in range(2, 40)),
    ]
    for document in (*page_documents(of, articles, environment_of(of)), *feed_documents(of, articles)):
        (root / document.path).parent.mkdir(parents=True, exist_ok=True)
        (root / document.path).write_bytes(document.content)
    return root


LOOKS = [(320, "light", "screen"), (375, "dark", "screen"), (1280, "light", "screen"), (700, "dark", "print")]


@pytest.mark.parametrize(("width", "scheme", "medium"), LOOKS)
def test_pages_fit_wherever_they_are_read(browser: Any, public: Path, width: int, scheme: str, medium: str) -> None:
    from tests.judges.browser import AXE, axe_findings, beyond

    asked: set[str] = set()
    context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme, bypass_csp=True)

    def answer(route: Any) -> None:
        address = urlsplit(route.request.url)
        asked.add(f"{address.scheme}://{address.netloc}")
        file = public / unquote(address.path).lstrip("/")
        file = file / "index.html" if file.is_dir() else file
        route.fulfill(path=file) if file.is_file() else route.fulfill(status=404, body="")

    try:
        page = context.new_page()
        page.emulate_media(media=medium, color_scheme=scheme)
        page.route("**/*", answer)
        for path in PAGES:
            page.goto(f"{URL}/{path}", wait_until="load")
            assert beyond(page, but=".skip, .trap, .unseen, .scroll, pre") == [], path
            if medium == "print":
                assert page.evaluate("[...document.querySelectorAll('pre')].every(e => e.scrollWidth <= e.clientWidth)")
            elif AXE.exists():
                assert axe_findings(page) == [], path
    finally:
        context.close()
    assert asked == {URL}, "no third party"
    if not AXE.exists() and medium == "screen":
        pytest.skip("all but axe's rules held; axe-core is missing: npm install --prefix tests/judges --omit=optional")
