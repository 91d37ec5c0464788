"""preview: the next edition as files, and what it says of a broken template."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Program


@pytest.fixture
def article(publication: Path) -> None:
    (publication / "articles" / "a.md").write_text('+++\ntitle = "A"\ndate = 2026-01-02\n+++\nText.\n', "utf-8")


@pytest.mark.usefixtures("article")
def test_the_style_of_a_newsletter_decides_what_is_shown(publication: Path, program: Program) -> None:
    assert program("preview", "all").status == 0
    html = (publication / "preview" / "all.html").read_text("utf-8")
    assert "<h1" in html
    assert program("config", "set", "feeds.all.newsletter.style", "letter").status == 0
    assert program("preview", "all").status == 0
    letter = (publication / "preview" / "all.html").read_text("utf-8")
    assert "The Test Gazette · " in letter
    assert html != letter


@pytest.mark.usefixtures("article")
@pytest.mark.parametrize(
    ("name", "line"), [("email/digest.html", 2), ("email/letter.html", 2), ("email/style.css", 2), ("web/tag.html", 2)]
)
def test_a_broken_override_is_named_with_its_line_and_nothing_is_written(
    publication: Path, program: Program, name: str, line: int
) -> None:
    file = publication / "templates" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n{% nonsense %}", "utf-8")
    answer = program("preview", "all")
    assert answer.status == 1
    assert answer.err.startswith(f"publisher: templates/{name}:{line}: ")
    assert not (publication / "preview").exists()
