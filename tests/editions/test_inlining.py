"""Styles become attributes, and nothing else happens: no fetching, no rewriting, no lost rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.editions.inlining import inline, inline_fragment
from publisher.model.errors import TemplateError
from publisher.theme.fields import token

PAGE = (
    '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>T</title>{head}</head>'
    "<body>{body}</body></html>"
)


def page(head: str, body: str) -> str:
    return PAGE.format(head=head, body=body)


def test_rules_are_applied_and_a_block_that_is_only_for_that_leaves_the_page() -> None:
    html = inline(page("<style data-inlined>p { color: red; mso-x: y }</style>", "<p>a</p>"))
    assert '<p style="color:red; mso-x:y">a</p>' in html
    assert "<style" not in html


def test_important_and_classes_stay() -> None:
    html = inline(page("<style>.a { color: red !important }</style>", '<p class="a">a</p>'))
    assert '<p class="a" style="color:red !important">' in html
    assert "<style>.a { color: red !important }</style>" in html


def test_a_block_to_be_left_alone_comes_through_letter_for_letter() -> None:
    rules = "@media (x) {\n [data-ogsc] .a, p:nth-child(2n) { color : RED !important }\n} @font-face { src: x }"
    html = inline(page(f'<style data-premailer="ignore">{rules}</style>', '<p class="a">a</p>'))
    assert f"<style>{rules}</style>" in html
    assert '<p class="a">a</p>' in html


def test_no_presentational_attribute_is_added() -> None:
    css = "td { width: calc(1px + 2px); text-align: left; background-color: red; vertical-align: top }"
    html = inline(page(f"<style>{css}</style>", "<table><tr><td>a</td></tr></table>"))
    for attribute in (" align=", " width=", " bgcolor=", " valign="):
        assert attribute not in html


def test_tokens_conditional_comments_and_odd_letters_survive() -> None:
    body = f'<!--[if mso]><table><![endif]--><a href="{token("unsubscribe_url")}">ü 日 &amp; 😀</a>'
    html = inline(page("<style>a { color: red }</style>", body))
    assert body.replace('qfz"', 'qfz" style="color:red"') in html
    assert html.startswith("<!DOCTYPE html>")
    assert html.count("charset") == 1


def test_nothing_is_fetched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = tmp_path / "secret.css"
    secret.write_text("p { color: red }")
    head = (
        f'<style>@import url("file://{secret}"); @import "http://127.0.0.1:9/x"; b {{ color: blue }}</style>'
        f'<link rel="stylesheet" href="file://{secret}"><link rel="stylesheet" href="http://127.0.0.1:9/y">'
    )
    html = inline(page(head, "<p>a</p><b>b</b>"))
    assert "<p>a</p>" in html
    assert '<b style="color:blue">' in html
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("empty", ["", "  \n"])
def test_an_empty_page_is_an_error_not_a_crash(empty: str) -> None:
    with pytest.raises(TemplateError, match="renders to nothing"):
        inline(empty)


def test_a_selector_beyond_the_inliner_is_an_error_with_a_remedy() -> None:
    with pytest.raises(TemplateError, match=r"cannot be inlined.*use plain selectors"):
        inline(page(r"<style>.\31 0 { color: red }</style>", "<p>a</p>"))


def test_a_fragment_is_inlined_as_it_would_be_in_its_place() -> None:
    css = ".body p { margin: 0 } p { margin: 9px } .other p { color: red }"
    assert inline_fragment("<p>a</p> b <br>", css, within="body") == '<p style="margin:0">a</p> b <br>'
    assert inline_fragment(" ", css, within="body") == ""
