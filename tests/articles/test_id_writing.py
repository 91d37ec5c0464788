"""`check --fix`: ids are written into the front matter, and nothing else changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.articles.front_matter import split
from publisher.articles.id_writing import with_id, write_ids
from publisher.articles.identity import identify
from publisher.articles.sources import read_sources
from publisher.model.errors import ArticleError, OutputError
from publisher.model.finding import Severity
from tests.articles.checked import NOW, publication_in, write

ID = "tag:news.example.org,2026:/x"

CASES = {
    "TOML, in step with its signs": (
        '+++\ntitle   = "X" # mine\n\n# kept\ntags = []\n+++\nText\n',
        '+++\nid      = "tag:news.example.org,2026:/x"\ntitle   = "X" # mine\n\n# kept\ntags = []\n+++\nText\n',
    ),
    "TOML that begins with a comment": (
        '+++\n# about\ntitle = "X"\n+++\nText',
        '+++\nid    = "tag:news.example.org,2026:/x"\n# about\ntitle = "X"\n+++\nText',
    ),
    "TOML that begins with a table": (
        "+++\n[params]\na = 1\n+++\nText",
        '+++\nid = "tag:news.example.org,2026:/x"\n[params]\na = 1\n+++\nText',
    ),
    "YAML": (
        "---\ntitle: X  # mine\nsummary: >-\n  Two\n  lines\n---\nText",
        '---\nid: "tag:news.example.org,2026:/x"\ntitle: X  # mine\nsummary: >-\n  Two\n  lines\n---\nText',
    ),
    "YAML that is indented": (
        "---\n  title: X\n  draft: false\n---\nText",
        '---\n  id: "tag:news.example.org,2026:/x"\n  title: X\n  draft: false\n---\nText',
    ),
    "Windows line ends and a byte order mark": (
        "\ufeff---\r\ntitle: X\r\n---\r\nText\r\n",
        '\ufeff---\r\nid: "tag:news.example.org,2026:/x"\r\ntitle: X\r\n---\r\nText\r\n',
    ),
    "empty front matter": ("+++\n+++\nText", '+++\nid = "tag:news.example.org,2026:/x"\n+++\nText'),
    "no front matter": ("# X\n\nText", '+++\nid = "tag:news.example.org,2026:/x"\n+++\n# X\n\nText'),
}


@pytest.mark.parametrize(("before", "after"), CASES.values(), ids=CASES)
def test_one_line_is_added(before: str, after: str) -> None:
    assert with_id(before, ID) == after


@pytest.mark.parametrize(
    "text",
    [
        "---\n{title: X}\n---\nText",
        '---\nid: ""\ntitle: X\n---\n',
        '+++\nid = ""\n+++\nText',
        "---\nno end",
        "+++\n=\n+++",
    ],
    ids=["YAML in braces", "an empty id, YAML", "an empty id, TOML", "no end", "no TOML"],
)
def test_what_cannot_be_changed_safely_is_left_alone(text: str) -> None:
    assert with_id(text, ID) is None


@given(
    head=st.sampled_from(["+++", "---", ""]),
    lines=st.lists(st.sampled_from(['title = "X"', "title: X", "# note", "", "tags: [a]", "[a]", "  b: 1", "- c"])),
    body=st.text(alphabet="ab \n#-+", max_size=20),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_whatever_is_written_is_the_old_text_with_the_id(head: str, lines: list[str], body: str, end: str) -> None:
    text = end.join([head, *lines, head, body] if head else [body])
    changed = with_id(text, ID)
    if changed is None:
        return
    read, rest = split(changed.replace("\r\n", "\n"), path="x")
    assert read.values["id"] == ID
    if head:
        [added] = [line for line in changed.split(end) if ID in line]
        assert changed.replace(added + end, "", 1) == text
    else:
        assert changed.endswith(text)
    try:
        before, before_rest = split(text.replace("\r\n", "\n"), path="x")
    except ArticleError:
        pytest.fail("a broken file was changed")
    assert dict(before.values) | {"id": ID} == dict(read.values)
    assert before_rest.strip() == rest.strip()


def fix(root: Path) -> list[tuple[Severity, str, str]]:
    publication = publication_in(root)
    sources, _ = read_sources(publication)
    identified, _, _ = identify(sources, {}, publication=publication, now=NOW)
    return [(one.severity, one.file, one.what) for one in write_ids(identified, publication)]


def test_files_get_the_id_they_go_by_and_a_second_time_nothing_happens(tmp_path: Path) -> None:
    publication_in(tmp_path)
    write(
        tmp_path,
        one='+++\ntitle = "One"\ndate = 2026-02-01\n+++\nText\n',
        two='+++\nid = "kept:letter-for-letter"\n+++\nText\n',
        sub__three="---\n{title: Three}\n---\nText\n",
    )
    path = tmp_path / "articles" / "one.md"
    path.chmod(0o640)
    assert fix(tmp_path) == [
        ("hint", "articles/one.md", 'written: id = "tag:news.example.org,2026-02-01:/one"'),
        ("warning", "articles/sub/three.md", "its front matter is written in a way that no id can be put into safely"),
    ]
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(path.parent)) == ["one.md", "sub", "two.md"]
    sources, errors = read_sources(publication_in(tmp_path))
    assert not errors
    assert {source.path: source.id for source in sources}["articles/two.md"] == "kept:letter-for-letter"
    assert [severity for severity, _, _ in fix(tmp_path)] == ["warning"]


def test_where_the_others_are_yaml_a_new_front_matter_is_yaml(tmp_path: Path) -> None:
    publication_in(tmp_path)
    write(tmp_path, one="---\nid: a\n---\nText\n", two="Only text.\n")
    fix(tmp_path)
    assert (tmp_path / "articles" / "two.md").read_text().startswith('---\nid: "tag:')


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    publication_in(tmp_path)
    write(tmp_path, one="Text\n")
    (tmp_path / "articles").chmod(0o500)
    with pytest.raises(OutputError, match="make the folder writable"):
        fix(tmp_path)
    (tmp_path / "articles").chmod(0o700)
