"""Markdown becomes HTML that is clean, balanced and at home anywhere."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.articles.markup import Picture, render
from tests.articles.balanced import faults_of

URL = "https://news.example.org/2026/fog/"


def html(markdown: str) -> str:
    return render(markdown, url=URL, picture=known).html


def known(address: str) -> Picture | None:
    if address.startswith("images/"):
        return Picture(f"https://news.example.org/media/{address}", 640, 480)
    return None


@pytest.mark.parametrize(
    ("markdown", "expected"),
    [
        ("[a](about)", 'href="https://news.example.org/2026/fog/about"'),
        ("[a](/about?x=1&y=2)", 'href="https://news.example.org/about?x=1&amp;y=2"'),
        ("[a](#part)", 'href="https://news.example.org/2026/fog/#part"'),
        ("[a](//cdn.example.org/x)", 'href="https://cdn.example.org/x"'),
        ("[a](https://bücher.example/ä)", 'href="https://xn--bcher-kva.example/%C3%A4"'),
        ("[a](mailto:ana@example.org)", 'href="mailto:ana@example.org"'),
        ("![b](https://other.example/a b.png)", "![b]"),
        ('<img src="https://other.example/a b.png">', 'src="https://other.example/a%20b.png"'),
        ('<img src="images/a.png" srcset="images/a.png 1x, images/b.png 2x">',
         'srcset="https://news.example.org/media/images/a.png 1x, https://news.example.org/media/images/b.png 2x"'),
    ],
)  # fmt: skip
def test_every_address_is_absolute_and_encoded(markdown: str, expected: str) -> None:
    assert expected in html(markdown)


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        '<img src=x onerror="alert(1)">',
        "[x](javascript:alert(1))",
        '<a href="java&#10;script:alert(1)">x</a>',
        '<svg><a href="javascript:alert(1)">x</a></svg>',
        "<style>p{position:fixed}</style>",
        '<p style="position:fixed">x</p>',
        "<form action=/x><input name=q></form>",
        '<iframe src="javascript:alert(1)"></iframe>',
        '<object data="data:text/html,x"></object>',
        '<base href="https://evil.example/">',
        '<meta http-equiv=refresh content="0;https://evil.example/">',
        '<math><mtext><img src=x onerror="alert(1)"></mtext></math>',
    ],
)
def test_nothing_that_runs_or_leaves_its_place_survives(hostile: str) -> None:
    result = html(f"Before\n\n{hostile}\n\nAfter")
    assert "Before" in result
    assert "After" in result
    for sign in ("script", "onerror", "<style", "position", "<form", "<iframe", "<object", "<base", "<meta", "evil"):
        assert sign not in result


def test_a_picture_alone_in_its_paragraph_is_a_figure_with_its_title_as_caption() -> None:
    assert html('![A boat](images/boat.jpg "In fog. Photo: Ana")') == (
        '<figure><img src="https://news.example.org/media/images/boat.jpg" alt="A boat" width="640" height="480">'
        "<figcaption>In fog. Photo: Ana</figcaption></figure>\n"
    )


def test_a_picture_in_a_sentence_stays_in_it() -> None:
    assert "<figure" not in html("Look: ![A boat](images/boat.jpg) there")


def test_embeds_become_links_to_what_they_show() -> None:
    assert html('<iframe src="https://video.example/embed/1"></iframe>') == (
        '<a href="https://video.example/embed/1">video.example</a>\n'
    )
    assert 'href="https://news.example.org/2026/fog/a.mp3">a.mp3</a>' in html(
        "<audio controls><source src='a.mp3'></audio>"
    )
    assert ">The lake at night</a>" in html('<iframe src="https://video.example/1" title="The lake at night"></iframe>')


def test_headings_of_the_body_leave_the_first_level_to_the_title() -> None:
    assert html("# One\n\n## Two") == "<h2>One</h2>\n<h3>Two</h3>\n"
    assert html("## Two\n\n### Three") == "<h2>Two</h2>\n<h3>Three</h3>\n"


def test_footnotes_find_each_other() -> None:
    result = html("Text[^1].\n\n[^1]: Note.")
    assert 'href="https://news.example.org/2026/fog/#fn-1"' in result
    assert 'id="fn-1"' in result


def test_tables_keep_their_alignment() -> None:
    assert 'style="text-align:right"' in html("| a | b |\n|---|--:|\n| 1 | 2 |")


def test_the_first_paragraph_is_plain_text_on_one_line() -> None:
    assert render("![x](images/a.png)\n\nOne *two*\nthree &amp; four.", url=URL, picture=known).first_paragraph == (
        "One two three & four."
    )


@given(st.text(alphabet=st.characters(codec=None, exclude_categories=()), max_size=300))
def test_any_text_gives_html_that_is_balanced_and_fit_for_xml(text: str) -> None:
    """Ghost #8442, miniflux #575: one control character ended a feed."""
    result = html(text)
    assert faults_of(result) == []
    document = ElementTree.Element("div")
    document.text = result
    ElementTree.fromstring(ElementTree.tostring(document, "utf-8"))


TAGS = [
    "p",
    "b",
    "i",
    "div",
    "table",
    "tr",
    "td",
    "ul",
    "li",
    "a href='x'",
    "picture",
    "source src='x'",
    "video",
    "wbr",
]


@given(
    st.lists(st.sampled_from([f"<{tag}>" for tag in TAGS] + [f"</{tag.split()[0]}>" for tag in TAGS] + ["x", "\n\n"]))
)
def test_any_tags_give_html_that_is_balanced(pieces: list[str]) -> None:
    assert faults_of(html("".join(pieces))) == []


@pytest.mark.parametrize(
    "text",
    ['<p title="</wbr>">a<wbr>b</p>', "&lt;/wbr&gt; <picture><source srcset='a.png'><img src='a.png'></picture>"],
)
def test_what_has_no_end_is_not_ended_and_texts_stay(text: str) -> None:
    result = html(text)
    assert faults_of(result) == []
    assert "&lt;/wbr&gt;" in result
