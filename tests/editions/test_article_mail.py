"""An article's HTML in mail: simple, within the column, and still the same article."""

from __future__ import annotations

import re

import lxml.html
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from publisher.editions.article_mail import article_mail, is_shown_in_mail
from publisher.theme.fields import names, token

URL = "https://news.example.org/2025/a0/"


def mail(html: str, *, top: int = 3, column: int = 560) -> str:
    return article_mail(html, url=URL, top=top, column=column)


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((2, 3, 2), (3, 4, 3)),
        ((4, 6, 5), (3, 4, 4)),
        ((3, 1, 2, 6), (3, 3, 4, 5)),
        ((1, 2, 3, 4, 5, 6), (3, 4, 5, 6, 6, 6)),
    ],
)
def test_headings_go_below_the_articles_own_without_a_gap(levels: tuple[int, ...], expected: tuple[int, ...]) -> None:
    html = mail("".join(f"<h{level}>x</h{level}>" for level in levels))
    assert [int(str(heading.tag)[1]) for heading in lxml.html.fragment_fromstring(html, "div")] == list(expected)


def test_an_empty_heading_is_not_announced() -> None:
    assert mail("<h2> </h2><p>a</p>") == "<p>a</p>"


@pytest.mark.parametrize(
    ("given_size", "shown"),
    [
        ("width=1200 height=600", (560, 280)),
        ("width=80 height=60", (80, 60)),
        ("", (560, None)),
        ("width=50%", (560, None)),
    ],
)
def test_a_picture_is_never_wider_than_the_column(given_size: str, shown: tuple[int, int | None]) -> None:
    image = lxml.html.fragment_fromstring(mail(f'<img src="https://x.example.org/a.png" {given_size} alt="A">'))
    height = image.attrib.get("height")
    assert (int(image.attrib["width"]), int(height) if height else None) == shown
    assert image.attrib["style"] == f"max-width:{shown[0]}px"


def test_pictures_that_mail_programs_do_not_show_become_links() -> None:
    assert (
        mail('<img src="https://x.example.org/a.svg" alt="A map">') == '<a href="https://x.example.org/a.svg">A map</a>'
    )
    assert (
        mail('<img src="https://x.example.org/a.webp?v=1">') == '<a href="https://x.example.org/a.webp?v=1">a.webp</a>'
    )
    inside = '<a href="https://example.org/"><img src="https://x.example.org/a.avif" alt="A map"></a>'
    assert mail(inside) == '<a href="https://example.org/">A map</a>'
    assert is_shown_in_mail("https://x.example.org/a.PNG?x=.svg")


def test_a_linked_picture_without_a_text_says_where_it_leads() -> None:
    html = mail('<a href="https://example.org/x"><img src="https://x.example.org/a.png" alt=""></a>')
    assert 'alt="example.org"' in html


@pytest.mark.parametrize("link", ["<a>text</a>", '<a href="">text</a>', '<a href="#x">text</a>'])
def test_a_link_to_nowhere_is_only_its_text(link: str) -> None:
    assert mail(f"<p>{link} on</p>") == "<p>text on</p>"


def test_a_link_without_a_text_is_gone() -> None:
    assert mail('<p>a<a href="https://example.org/"></a> b</p>') == "<p>a b</p>"


def test_footnotes_are_numbers_and_notes_without_jumps() -> None:
    html = mail(
        f'<p>Word<sup class="footnote-reference"><a href="{URL}#fn-1">1</a></sup></p>'
        '<div class="footnote-definition" id="fn-1"><sup class="footnote-definition-label">1</sup>'
        f'<p>A <em>note</em>. <a href="{URL}#fnref-1">↩</a></p></div>'
    )
    assert html == ('<p>Word<sup>1</sup></p><div class="footnote"><p><sup>1</sup> A <em>note</em>. </p></div>')


def test_names_of_one_article_cannot_meet_those_of_another() -> None:
    html = mail('<h2 id="a" class="page" style="display:none">A</h2><p class="cell muted">b</p>')
    assert html == "<h3>A</h3><p>b</p>"


def test_structure_that_mail_programs_do_not_know_becomes_plain_blocks() -> None:
    html = mail(
        '<section><figure><img src="https://x.example.org/a.png" alt="A" width="10" height="10">'
        "<figcaption>C</figcaption></figure><details><summary>S</summary>d</details></section>"
        '<video src="x"></video><script>x</script><nh>kept</nh><input type="checkbox" checked> done'
    )
    assert html.startswith('<div><div class="figure"><img ')
    assert '<div class="caption">C</div>' in html
    assert '<div class="strong">S</div>d' in html
    assert html.endswith("kept☑  done")
    assert "script" not in html


@pytest.mark.parametrize(
    ("cells", "is_wide"),
    [(["Letters", "Name", "A steady light"], False), (["Occulting"] * 4, True), (["a"] * 5, True), (["x" * 40], True)],
)
def test_only_a_table_that_a_phone_cannot_show_otherwise_breaks_words(cells: list[str], is_wide: bool) -> None:
    row = "".join(f"<td>{cell}</td>" for cell in cells)
    shown = mail(f"<table><tr>{row}</tr></table>")
    assert ('class="data wide"' in shown or 'class="data breaks"' in shown) == is_wide


def test_a_header_cell_says_what_it_heads() -> None:
    html = mail("<table><tr><th>a</th><th>b</th></tr><tr><th>c</th><td>1</td></tr></table>")
    assert re.findall(r'scope="(\w+)"', html) == ["col", "col", "row"]


def test_a_table_keeps_its_alignment_and_a_wide_one_says_so() -> None:
    html = mail('<table><tr><th></th><th style="color:red;text-align: RIGHT">n</th></tr></table>')
    assert html == '<table class="data"><tr><td></td><th scope="col" style="text-align:right">n</th></tr></table>'
    assert 'class="data wide"' in mail("<table><tr>" + "<td>x</td>" * 6 + "</tr></table>")


def test_words_of_a_table_are_broken_only_where_they_are_too_long_for_a_phone() -> None:
    def table(*words: str) -> str:
        return mail(f"<table><tr>{''.join(f'<td>{word} and so on</td>' for word in words)}</tr></table>")

    assert table("Letters", "Occulting", "Flashing").startswith('<table class="data"><')
    assert table("Letters", "Occulting", "https://example.org/lights").startswith('<table class="data breaks"><')
    assert mail("<table><tr></tr></table>") == '<table class="data"><tr></tr></table>'


def test_text_around_what_goes_away_stays() -> None:
    assert mail("a &lt; b<script>x</script> c <i>d</i><style>p</style> e") == "a &lt; b c <i>d</i> e"


def test_nothing_gives_nothing() -> None:
    assert mail(" \n") == mail("\x00") == ""


def test_no_token_comes_through() -> None:
    stolen = token("unsubscribe_url")
    disguised = "zqf&#117;nsubscribe_urlqfz"
    html = mail(f'{stolen}<a href="https://e.example.org/{disguised}" title="{stolen}">{disguised}</a>x')
    assert names(html) == frozenset()


TAGS = st.sampled_from(
    [
        "p",
        "a",
        "div",
        "b",
        "h1",
        "h5",
        "ul",
        "li",
        "table",
        "tr",
        "td",
        "th",
        "img",
        "figure",
        "sup",
        "pre",
        "input",
    ]
)
PIECES = st.lists(
    st.one_of(
        TAGS.map(lambda tag: f"<{tag}>"),
        TAGS.map(lambda tag: f"</{tag}>"),
        st.sampled_from(
            [
                '<a href="https://e.example.org/">',
                '<img src="https://e.example.org/a.png">',
                "<!-- c -->",
                "<?p ?>",
                "&#0;",
            ]
        ),
        st.text(max_size=8),
    ),
    max_size=20,
).map("".join)


@settings(deadline=None, max_examples=200)
@example("<h1><h1>")
@given(PIECES)
def test_any_html_comes_out_balanced_and_unnamed(html: str) -> None:
    out = mail(html)
    root = lxml.html.fragment_fromstring(out, create_parent="div") if out else None
    if root is None:
        return
    for element in root.iterdescendants():
        assert isinstance(element.tag, str)
        assert "id" not in element.attrib
        assert element.tag != "a" or element.attrib["href"]
        assert element.tag != "img" or element.attrib["width"]


def test_a_comment_among_the_cells_of_a_table_is_no_cell() -> None:
    assert "<td" in mail("<table><tr><!-- c --><td>One</td></tr></table>")
