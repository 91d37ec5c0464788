"""A web page that somebody saved becomes an article, without its menus."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.articles.importing import read_source
from publisher.model.errors import ImportRefused

PAGE = """<!DOCTYPE html><html lang="en-GB"><head><meta charset="utf-8"><title>Bridge opens – The Example</title>
<meta name="author" content="Ana Example">
<meta name="description" content="The bridge is open again.">
<meta property="article:published_time" content="2026-01-20T07:30:00+01:00">
<link rel="canonical" href="https://news.example.org/bridge"></head><body>
<nav><a href="/">Home</a> <a href="/world">World</a></nav><main><article><h1>Bridge opens</h1>
<p>The bridge of Example opened on Monday after <a href="/long">eleven months</a> of repairs, with *stars*,
 a_b, &lt;tags&gt; and &amp;amp; besides, said the mayor on its northern pier.</p>
<h2>What it cost</h2>
<p>It cost <em>very</em> much <strong>money</strong>, the mayor said. “We pay,” she said, and everybody went home.</p>
<ul><li>One thing that it took is steel</li><li>Another <b>thing</b> is time</li></ul>
<blockquote><p>A quote in a block that somebody said about the bridge.</p></blockquote>
<p>1. The last paragraph of the page, which is long enough to be kept in the text.</p>
</article></main><footer>Copyright The Example</footer></body></html>"""


def test_a_saved_page_becomes_markdown(tmp_path: Path) -> None:
    path = tmp_path / "bridge.html"
    path.write_text(PAGE)
    article = read_source(path)
    assert (article.title, article.summary, article.date_text) == (
        "Bridge opens",
        "The bridge is open again.",
        "2026-01-20",
    )
    assert [author.name for author in article.authors] == ["Ana Example"]
    assert article.kept == {"language": "en-GB"}
    assert article.body.split("\n\n") == [
        "The bridge of Example opened on Monday after [eleven months](<https://news.example.org/long>) of repairs, "
        "with \\*stars\\*, a_b, \\<tags> and \\&amp; besides, said the mayor on its northern pier.",
        "## What it cost",
        "It cost *very* much **money**, the mayor said. “We pay,” she said, and everybody went home.",
        "- One thing that it took is steel\n- Another **thing** is time",
        "> A quote in a block that somebody said about the bridge.",
        "1\\. The last paragraph of the page, which is long enough to be kept in the text.\n",
    ]


def test_a_page_is_known_without_its_name(tmp_path: Path) -> None:
    path = tmp_path / "bridge.txt"
    path.write_text(PAGE)
    assert read_source(path).title == "Bridge opens"


def test_a_page_may_be_xml(tmp_path: Path) -> None:
    path = tmp_path / "bridge.xhtml"
    declared = '<?xml version="1.0" encoding="UTF-8"?>\n' + PAGE.replace(
        "<html", '<html xmlns="http://www.w3.org/1999/xhtml"'
    )
    path.write_text(declared)
    assert read_source(path).title == "Bridge opens"


@pytest.mark.parametrize("html", ["<html><body></body></html>", "<html>", "<!doctype html>x", "<html><title>y</title>"])
def test_a_page_without_an_article_is_refused(tmp_path: Path, html: str) -> None:
    path = tmp_path / "empty.html"
    path.write_text(html)
    with pytest.raises(ImportRefused, match="no article"):
        read_source(path)
