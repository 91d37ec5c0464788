"""What `publisher preview` writes can be looked at before anything is on the web."""

from __future__ import annotations

import base64
from pathlib import Path

from tests.cli.conftest import Program

DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def test_pictures_are_shown_from_this_machine_in_the_page_and_from_the_web_in_the_message(
    publication: Path, program: Program
) -> None:
    articles = publication / "articles"
    (articles / "a heron.png").write_bytes(DOT)
    (articles / "logo.png").write_bytes(DOT)
    (articles / "heron.md").write_text(
        '+++\ntitle = "Heron"\nmail = true\n+++\n![A heron](<a heron.png>)\n\n![A crow](https://cdn.example.org/crow.png)\n'
    )
    assert program("config", "set", "theme.logo", "logo.png").status == 0
    assert program("preview", "all").status == 0
    html = (publication / "preview" / "all.html").read_text()
    for name in ("a heron.png", "logo.png"):
        assert (articles / name).as_uri() in html
    assert "https://cdn.example.org/crow.png" in html
    message = (publication / "preview" / "all.eml").read_text()
    assert "file:" not in message
    assert "https://news.example.org/media/logo.png" in message.replace("=\n", "")
