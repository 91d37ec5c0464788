"""HTML to text: what somebody on a terminal gets to read."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.editions.plaintext import Links, plain_text
from publisher.editions.wrapping import columns
from publisher.theme.fields import names, token

CASES = {
    "paragraphs and line ends": ("<p>One\n two</p>\n<p>Three<br>four</p>", "One two\n\nThree\nfour"),
    "emphasis is marked": ("<p><em>a</em> <strong>b</strong> <code>c</code></p>", "_a_ *b* `c`"),
    "headings by depth": ("<h2>A</h2><p>a</p><h4>B</h4>", "## A\n\na\n\n#### B"),
    "lists": ("<ul><li>a</li><li>b<ul><li>c</li></ul></li></ul>", "* a\n* b\n  * c"),
    "numbered lists": ('<ol start="9"><li>a</li><li><p>b</p><p>c</p></li></ol>', "9. a\n\n10. b\n\n    c"),
    "quotations": ("<blockquote><p>a</p><p>b</p></blockquote>", "> a\n>\n> b"),
    "code": ("<pre><code>a  b\n\n\tc\n</code></pre>", "    a  b\n\n        c"),
    "rules": ("<p>a</p><hr><p>b</p>", "a\n\n* * *\n\nb"),
    "pictures": (
        '<figure><img src="x" alt="A boat"><figcaption>Out</figcaption></figure>',
        "[A boat]\nOut",
    ),
    "terms": ("<dl><dt>a</dt><dd>b</dd></dl>", "a\n    b"),
    "tasks": ('<ul><li><input type="checkbox" checked>a</li></ul>', "* [x] a"),
    "loose text around blocks": ("a<div>b</div>c<b>d</b>", "a\n\nb\n\nc*d*"),
    "footnotes": (
        '<p>a<sup><a href="https://e.example.org/#fn-1">1</a></sup></p>'
        '<div class="footnote-definition"><sup>1</sup><p>b <a href="#r">↩</a></p></div>',
        "a^1\n\n^1 b",
    ),
    "what is no text": ("<style>p{}</style><script>x</script><p>a\u00ad\u200bb</p><!-- c -->", "ab"),
    "nothing": (" \n", ""),
}


@pytest.mark.parametrize("case", CASES)
def test_html_reads_well_as_text(case: str) -> None:
    html, text = CASES[case]
    assert plain_text(html) == text


def test_links_are_numbered_and_listed() -> None:
    html = (
        '<p><a href="https://e.example.org/a">One</a>, <a href="https://e.example.org/b">two</a>, '
        '<a href="https://e.example.org/a">again</a>, '
        '<a href="https://e.example.org/c">https://e.example.org/c</a>, '
        '<a href="mailto:a@example.org">a@example.org</a></p>'
    )
    assert plain_text(html) == dedent(
        """\
        One [1], two [2], again [1], https://e.example.org/c, a@example.org

        [1] https://e.example.org/a
        [2] https://e.example.org/b"""
    )


def test_numbers_go_on_from_text_to_text_and_addresses_are_gathered_once() -> None:
    links = Links()
    link = '<a href="https://e.example.org/{0}">{0}</a>'
    assert plain_text(link.format("a"), links) == "a [1]"
    assert links.gather() == ["[1] https://e.example.org/a"]
    assert plain_text(link.format("a") + link.format("b"), links) == "a [2]b [3]"
    assert links.gather() == ["[2] https://e.example.org/a", "[3] https://e.example.org/b"]
    assert links.gather() == []


def test_a_table_stays_a_table() -> None:
    html = (
        "<table><caption>Piers</caption><thead><tr><th>Pier</th><th>Depth</th><th>State</th></tr></thead><tbody>"
        "<tr><td>North</td><td>7.5</td><td>open</td></tr><tr><td>Old</td><td>12.25</td><td>closed</td></tr>"
        "</tbody></table>"
    )
    assert plain_text(html) == dedent(
        """\
        Piers

        Pier   Depth  State
        -----  -----  ------
        North    7.5  open
        Old    12.25  closed"""
    )


def test_a_cell_that_is_too_long_takes_several_lines() -> None:
    html = f"<table><tr><td>A</td><td>{'word ' * 30}</td></tr><tr><td>B</td><td>b</td></tr></table>"
    lines = plain_text(html).splitlines()
    assert all(len(line) <= 72 for line in lines)
    assert lines[0].startswith("A  word")
    assert lines[1].startswith("   word")
    assert lines[-1] == "B  b"


def test_lines_keep_to_their_width_in_every_script() -> None:
    for text in ("日本語の文章は空白なしに続きます。" * 20, "слово " * 60, "x" * 300, "e\u0301" * 100):
        out = plain_text(f"<p>{text}</p><ul><li><blockquote>{text}</blockquote></li></ul>")
        assert all(columns(line) <= 72 for line in out.splitlines()), text
        assert re.sub(r"[\s>*]", "", out) == re.sub(r"\s", "", text * 2)


def test_a_url_is_never_broken() -> None:
    url = "https://e.example.org/" + "long/" * 40
    assert f"\n{url}" in plain_text(f'<p>{"word " * 12}<a href="{url}">{url}</a></p>')


def test_no_token_comes_through() -> None:
    stolen = token("name")
    html = f'<p>{stolen} zqf<span>name</span>qfz <a href="https://e.example.org/{stolen}">x</a></p>'
    assert names(plain_text(html)) == frozenset()


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.one_of(
            st.sampled_from(
                [
                    "<p>",
                    "</p>",
                    "<ul>",
                    "<li>",
                    "</ul>",
                    "<table>",
                    "<tr>",
                    "<td colspan=x>",
                    "</table>",
                    "<a href=y>",
                    "</a>",
                    "<h2>",
                    "<pre>",
                    "<br>",
                    "<dl>",
                ]
            ),
            st.text(max_size=60),
        ),
        max_size=25,
    ).map(" ".join)
)
def test_any_html_gives_text(html: str) -> None:
    out = plain_text(html)
    assert out == out.strip("\n")
    out.encode()


def test_a_picture_that_no_mail_program_shows_is_a_link() -> None:
    html = '<p><img src="https://example.org/map.svg?v=2" alt="A map"></p>'
    html += '<p><img src="https://example.org/a.png" alt="A"></p>'
    assert plain_text(html) == "[A map] [1]\n\n[A]\n\n[1] https://example.org/map.svg?v=2"
    assert plain_text('<img src="https://example.org/map.webp" alt="">').startswith("[map.webp] [1]")
    linked = '<a href="https://example.org/"><img src="https://example.org/map.svg" alt="A map"></a>'
    assert plain_text(linked) == "[A map] [1]\n\n[1] https://example.org/"
