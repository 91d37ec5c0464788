"""`publisher check`: what is wrong or doubtful, for people and for programs."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from publisher.cli.check import told
from publisher.model.finding import Finding, Severity
from tests.cli.conftest import Answer, Program

ARTICLE = """\
+++
id = "tag:news.example.org,2026:/{0}"
title = "{0}"
date = 2026-11-20T08:00:00Z
+++
Text, and [a link]({1}).
"""


@pytest.fixture
def publication(publication: Path, program: Program) -> Path:
    """Articles count from long before those of the tests."""
    assert program("config", "set", "feeds.all.newsletter.since", "2026-01-01").status == 0
    return publication


def article(publication: Path, name: str, link: str = "/") -> Path:
    path = publication / "articles" / f"{name}.md"
    path.write_text(ARTICLE.format(name, link))
    return path


def rules(answer: Answer) -> list[tuple[str, str, str, int | None]]:
    return [(one["severity"], one["rule"], one["file"], one["line"]) for one in answer.json]


@pytest.fixture
def starter(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "demo"
    assert program("init", str(folder), "--demo").status == 0
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize("at", [datetime(2026, 11, 20, 9, tzinfo=UTC), datetime(2027, 6, 1, tzinfo=UTC)])
def test_the_starter_publication_has_no_error_and_no_warning(at: datetime, starter: Path, program: Program) -> None:
    with time_machine.travel(at):
        for _ in range(2):
            answer = program("check", "--json")
            assert answer.status == 0
            assert {one["severity"] for one in answer.json} == {"hint"}
            assert program("run").status == 0


@time_machine.travel("2026-11-20T09:00Z")
def test_the_hints_of_the_starter_publication_are_true(starter: Path, program: Program) -> None:
    found = [(rule, file.removeprefix("articles/")) for _, rule, file, _ in rules(program("check", "--json"))]
    assert sorted(found) == [
        ("examples-left", "publication.toml"),
        ("future-date", "a-letter-to-be-opened-in-2036.md"),
        ("no-id", "morning-note.md"),
        ("no-id", "the-tide-tables-are-back-in-print.md"),
        ("not-mailed", "the-tide-tables-are-back-in-print.md"),
        ("untitled", "morning-note.md"),
    ]


@time_machine.travel("2026-11-20T09:00Z")
def test_only_errors_make_the_exit_status_1(publication: Path, program: Program) -> None:
    path = article(publication, "fog")
    assert program("check").status == 0
    path.write_text(path.read_text().replace("Text", "![](https://elsewhere.example/x.png)"))
    warned = program("check")
    assert warned.status == 0
    assert "  warning  " in warned.out
    article(publication, "fog", "/nowhere/")
    broken = program("check")
    assert broken.status == 1
    assert broken.err == ""
    assert '\n    6  error    broken link "/nowhere/": there is nothing at that address  [broken-link]\n' in broken.out
    assert broken.out.endswith("1 error, 0 warnings, 1 hint\n")


@time_machine.travel("2026-11-20T09:00Z")
def test_what_is_right_is_one_line(publication: Path, program: Program) -> None:
    program("config", "set", "url", "https://news.wendhaven.net", "postal_address", "1 Old Quay")
    program("config", "set", "feeds.all.newsletter.sender", "Desk <desk@wendhaven.net>")
    article(publication, "fog")
    assert program("check").out == "Nothing is wrong or doubtful: settings, articles, 1 feed, 1 newsletter.\n"
    assert program("check", "--json").json == []


@time_machine.travel("2026-11-20T09:00Z")
def test_json_is_a_list_of_objects_by_file_and_line(publication: Path, program: Program) -> None:
    article(publication, "fog", "/nowhere/")
    (publication / "articles" / "broken.md").write_text("+++\ntitle = \n+++\n")
    (publication / "articles" / "copy.md").write_text((publication / "articles" / "fog.md").read_text())
    answer = program("check", "--json")
    assert answer.status == 1
    assert answer.json[0] == {
        "severity": "error",
        "rule": "unusable-article",
        "file": "articles/broken.md",
        "line": 2,
        "what": "front matter is not TOML: invalid value",
        "remedy": 'text stands in quotes: title = "…"',
    }
    assert [(one["file"], one["rule"]) for one in answer.json[1:4]] == [
        ("articles/copy.md", "broken-link"),
        ("articles/fog.md", "unusable-article"),
        ("publication.toml", "examples-left"),
    ]


@time_machine.travel("2026-11-20T09:00Z")
def test_a_missing_picture_is_told_once_and_with_its_line(publication: Path, program: Program) -> None:
    path = article(publication, "fog")
    path.write_text(path.read_text() + "\n![Fog](fog.jpg)\n\n![More fog](more.jpg)\n")
    found = [one for one in rules(program("check", "--json")) if one[2].startswith("articles/")]
    assert found == [
        ("error", "missing-picture", "articles/fog.md", 8),
        ("error", "missing-picture", "articles/fog.md", 10),
    ]


@time_machine.travel("2026-11-20T09:00Z")
def test_what_readers_subscribe_to_and_is_gone_is_found(publication: Path, program: Program) -> None:
    article(publication, "fog")
    assert program("subscribers", "add", "ana@example.org").status == 0
    feed = publication / "feeds" / "all.toml"
    feed.write_text(feed.read_text().replace("daily ", "morning ", 1).replace("daily", "morning"))
    found = [one for one in program("check", "--json").json if one["severity"] == "error"]
    assert [one["rule"] for one in found] == ["missing-cadence"]
    feed.unlink()
    (publication / "feeds" / "other.toml").write_text('title = "Other"\n')
    found = [one for one in program("check", "--json").json if one["severity"] == "error"]
    assert [(one["rule"], one["file"]) for one in found] == [("missing-newsletter", "feeds/all.toml")]


@time_machine.travel("2026-11-20T09:00Z")
@pytest.mark.parametrize("name", ["web/front.html", "email/footer.html", "email/welcome.txt"])
def test_a_broken_override_is_an_error_with_file_and_line(name: str, publication: Path, program: Program) -> None:
    article(publication, "fog", "/nowhere/")
    override = publication / "templates" / name
    override.parent.mkdir(parents=True, exist_ok=True)
    override.write_text("fine\n{{ nobody.knows }}\n")
    found = [one for one in rules(program("check", "--json")) if one[1] == "template"]
    assert found == [("error", "template", f"templates/{name}", 2)]


def test_broken_settings_end_with_2_and_are_findings_for_programs(publication: Path, program: Program) -> None:
    settings = publication / "publication.toml"
    settings.write_text(settings.read_text().replace("pages ", "pagse "))
    answer = program("check", "--json")
    assert answer.status == 2
    assert [(one["rule"], one["file"], one["line"]) for one in answer.json] == [("settings", "publication.toml", 18)]
    assert program("check").out == ""
    assert 'did you mean "pages"?' in answer.err


@time_machine.travel("2026-11-20T09:00Z")
def test_fix_writes_ids_and_says_so_and_nothing_else_changes(starter: Path, program: Program) -> None:
    assert program("run").status == 0
    before = {path: path.read_text() for path in (starter / "articles").glob("*.md")}
    answer = program("check", "--fix")
    assert answer.status == 0
    assert answer.out.count("[id-written]") == 2
    assert "[no-id]" not in answer.out
    changed = {path.name for path, text in before.items() if path.read_text() != text}
    assert changed == {"morning-note.md", "the-tide-tables-are-back-in-print.md"}
    note = (starter / "articles" / "morning-note.md").read_text().splitlines()
    assert note[:2] == ["+++", 'id      = "tag:news.example.org,2026-11-20:/morning-note"']
    again = program("run", "--json")
    assert again.json["published"]["changed"] == []
    assert again.json["published"]["numbered"] == []
    assert "[id-written]" not in program("check", "--fix").out


@time_machine.travel("2026-11-20T09:00Z")
def test_a_fixed_article_keeps_its_id_when_its_file_gets_another_name_and_text(starter: Path, program: Program) -> None:
    program("check", "--fix")
    program("build")
    path = starter / "articles" / "morning-note.md"
    path.rename(path.with_name("ice.md")).write_text(path.with_name("ice.md").read_text() + "\nAnd gone.\n")
    numbered = program("run", "--json").json["published"]["numbered"]
    assert numbered.count("articles/ice.md") == 1
    assert program("check", "--json").status == 0


@time_machine.travel("2026-11-20T09:00Z")
def test_check_saves_nothing(publication: Path, program: Program) -> None:
    article(publication, "fog")
    program("check")
    assert not (publication / "public").exists()
    numbered = program("run", "--json").json["published"]["numbered"]
    assert numbered == ["articles/fog.md"]


def test_titles_cannot_write_on_the_terminal() -> None:
    finding = Finding(severity=Severity.HINT, rule="x", file="a\x1b[2J.md", what="one\ntwo\x07", remedy="\x1b]0;")
    text = "".join(told([finding]))
    assert "\x07" not in text
    assert "\x1b[2J" not in text
    assert "\x1b]0" not in text
