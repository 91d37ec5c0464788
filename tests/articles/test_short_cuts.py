"""What is done the short way, because most articles are plain, gives what the long way gives."""

from __future__ import annotations

import random
import re

import pytest
import yaml

from publisher.articles import front_matter, markup, sources, urls
from publisher.syndication.characters import clean, clean_bytes

PAGE = "https://news.example.org/2026/ferry/"
MARKDOWN = [
    *(
        "word ",
        "*em* ",
        "**strong** ",
        "~~gone~~ ",
        "`a<b`",
        "a < b & c ",
        "&amp;",
        "&nbsp;",
        "&quot;",
        "&copy;",
        "\\*",
    ),
    *(
        "\n\n",
        "\n",
        "  \n",
        "\t",
        "\r\n",
        "- item\n",
        "  - inner\n",
        "1. one\n",
        "7. seven\n",
        "> quote\n",
        "> > deep\n",
    ),
    *(
        "# One\n",
        "## Two {#two .x}\n",
        "### Three\n",
        "Set\n===\n",
        "---\n",
        "    code\n",
        "```py\nx < y\n```\n",
        "```\n",
    ),
    *(
        "| a | b |\n|:--|--:|\n| 1 | *2* |\n",
        "[^1]",
        "\n[^1]: A note.\n",
        "[l](../up/)",
        "[m](/a?b=1&c='2')",
        "[n](#two)",
    ),
    *('[t](x.html "a title")', "[q](x 'say \"so\"')", "[w](http://EX.org:80/ä b)", "[j](javascript:x)", "[e]()"),
    *("![i](https://example.org/x.png)", "[r][s]", "\n[s]: https://example.org/s\n", "ü", "\u2003", "\u200b", "\x01"),
    *("'single' ", '"double" ', "\ufffe", "<3 ", "5 <6 ", "mailto:a@example.org "),
]


@pytest.mark.parametrize("seed", range(20))
def test_plain_html_needs_no_tree(seed: int) -> None:
    chance, plain = random.Random(seed), 0
    for _ in range(200):
        text = "".join(chance.choice(MARKDOWN) for _ in range(chance.randint(1, chance.choice([4, 12, 30]))))
        rendered = markup.render(text, url=PAGE, picture=lambda _: None)
        html = markup._CLEANER.clean(markup._MARKDOWN.html(markup._NOT_XML.sub("", text)))
        plain += markup._without_tree(html, PAGE) is not None
        if html.strip():
            assert rendered == markup._walked(html, url=PAGE, picture=lambda _: None), text
    assert plain > 50


def test_html_in_markdown_is_walked() -> None:
    text = "<u>a\n\n- b\n\n</u>"
    html = markup._CLEANER.clean(markup._MARKDOWN.html(text))
    assert markup.render(text, url=PAGE, picture=lambda _: None) == markup._walked(
        html, url=PAGE, picture=lambda _: None
    )


def test_an_address_that_is_ready_is_what_the_long_way_makes_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    chance, ready = random.Random(1), urls._READY
    parts = ["a", "b-", "-", "_", ".", "..", "example.org", "/", "//", "~", "#", "x", "xn--", "1", "127.0.0.1"]
    made = ["".join(["https://", *chance.choices(parts, k=chance.randint(1, 6))]) for _ in range(20_000)]
    found = [address for address in made if ready.fullmatch(address)]
    assert len(found) > 500
    monkeypatch.setattr(urls, "_READY", re.compile("(?!)"))
    assert [urls.absolute(address, PAGE) for address in found] == found


def test_text_is_cleaned_as_bytes_as_it_is_as_text() -> None:
    chance = random.Random(2)
    codes = (0, 9, 10, 13, 31, 32, 65, 127, 0x80, 0x9F, 0xA0, 0xE9, 0x7FF, 0x2028, 0xFB01, 0xFDD0, 0xFDEF, 0xFFFD)
    letters = [*map(chr, (*codes, 0xFFFE, 0xFFFF, 0xD800, 0xDFFF, 0x1F600, 0x1FFFE, 0x10FFFF))]
    for _ in range(20_000):
        text = "".join(chance.choices(letters, k=chance.randint(0, 5)))
        assert clean_bytes(text) == clean(text).encode()


HEADS = [
    "title: Plain\n",
    "title: \"Quoted: yes\"\ntags: [a, 'b', 3, 4.5, true, null, 2026-11-24]\ndate: 2026-11-24T07:00:00+01:00\n",
    "tags:\n- one\n- two: {three: [four]}\na: &x [1]\nb: *x\n",
    "base: &b {a: 1}\n<<: *b\n",
    "1: a number\nyes: a flag\n",
    "? [a, list]\n: as a key\n",
    "set: !!set {a, b}\nbytes: !!binary aGVsbG8=\n",
    "dup: 1\ndup: 2\n",
    "- not a table\n",
    "just text\n",
]


@pytest.mark.parametrize("head", HEADS)
def test_plain_yaml_is_what_pyyaml_makes_of_it(head: str) -> None:
    try:
        expected = yaml.load(head, Loader=front_matter._LOADER)
    except yaml.YAMLError as error:
        with pytest.raises(type(error)):
            front_matter._load(head)
    else:
        made = front_matter._load(head)
        assert made == expected
        assert repr(made) == repr(expected)


def test_white_space_is_folded_as_split_and_join_fold_it() -> None:
    chance = random.Random(3)
    letters = [
        "a",
        "b",
        " ",
        "  ",
        "\n",
        "\t",
        "\r",
        "\x0b",
        "\x1c",
        "\x85",
        "\xa0",
        "\u2003",
        "\u2028",
        "\u200b",
        "\u3000",
    ]
    for _ in range(20_000):
        text = "".join(chance.choices(letters, k=chance.randint(0, 8)))
        assert sources._folded(text) == " ".join(text.split()).encode("utf-8", "surrogatepass")
