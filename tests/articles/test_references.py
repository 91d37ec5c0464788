"""What an article's text points at, with the lines it stands on."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from publisher.articles.references import Reference, read_body

TEXT = """\
é [a](/x "t") and ![what *it* shows](i.jpg)

<a href="/q">q</a> <img src=z> `[no](/code)`

<div><img
  src="n" alt="">
<a href="#n">x</a></div>

[r]: /ref
[see][r] <https://a.example> <x@y.example>

```
[no](/fenced)
```
![](j.png)[^1]

[^1]: See [n](/note).
"""


def test_links_and_pictures_are_found_with_their_lines() -> None:
    assert read_body(TEXT).references == (
        Reference("link", "/x", 1),
        Reference("picture", "i.jpg", 1, "what it shows"),
        Reference("link", "/q", 3),
        Reference("picture", "z", 3),
        Reference("picture", "n", 6, "", True),
        Reference("link", "#n", 7),
        Reference("link", "/ref", 10),
        Reference("link", "https://a.example", 10),
        Reference("picture", "j.png", 15, ""),
        Reference("link", "/note", 17),
    )


def test_code_is_blanked_out_and_every_line_stays() -> None:
    prose = read_body(TEXT).prose
    assert prose.count("\n") == TEXT.count("\n")
    assert "/code" not in prose
    assert "/fenced" not in prose
    assert "é [a](/x" in prose


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_no_text_is_too_odd(text: str) -> None:
    body = read_body(text)
    assert body.prose.count("\n") == text.count("\n")
    assert all(1 <= reference.line <= text.count("\n") + 1 for reference in body.references)
