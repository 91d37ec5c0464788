"""The rules for articles: a hostile example of each, with its line, and a clean one."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields, replace
from pathlib import Path

import pytest

import publisher.articles.checking
import publisher.articles.picture_checking
from publisher.articles.known_keys import FOREIGN, OURS
from publisher.articles.sources import Source
from publisher.model.article import Record
from publisher.model.finding import Severity
from tests.articles.checked import CLEAN, NOW, check, inspect, publication_in, write

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000010000000100802000000909168360000000c49444154789c63f8ffff3f0005fe02fea7356f"
    "f70000000049454e44ae426082"
)


@dataclass(frozen=True)
class Example:
    """``hostile`` breaks the rule on ``line``, ``clean`` does not; both are the whole file."""

    severity: str
    hostile: str
    line: int | None
    clean: str
    says: str = ""


def changed(before: str, after: str) -> str:
    assert before in CLEAN
    return CLEAN.replace(before, after)


def with_key(line: str) -> str:
    return changed('section = "world"\n', f'section = "world"\n{line}\n')


def with_text(text: str) -> str:
    return changed("Nobody aboard knew it yet.", text)


EXAMPLES = {
    "misspelt-key": [
        Example("warning", with_key('sumary = "Short."'), 6, with_key('summary = "Short."'), 'did you mean "summary"?'),
        Example("warning", with_key("drfat = true"), 6, with_key("draft = true"), 'did you mean "draft"?'),
        Example("warning", with_key("Draft = true"), 6, with_key("weight = 1"), 'did you mean "draft"?'),
        Example("warning", with_key('image-alt = "A"'), 6, with_key("layout = 1\nimages = []\nlastmod = 2026-01-01")),
        Example("warning", '---\nid: "a:b"\ntitel: X\n---\nText\n', 3, '---\nid: "a:b"\nseries: X\n---\nText\n'),
    ],
    "no-id": [Example("hint", changed("id      =", "# id ="), None, CLEAN, "publisher check --fix")],
    "untitled": [Example("hint", changed("title   =", "# title ="), None, CLEAN)],
    "overlong-title": [
        Example(
            "warning",
            changed("The ferry has a new name", "The ferry " * 11 + "!"),
            3,
            changed("The ferry has a new name", "The ferry " * 10 + "has a name"),
            "the title has 111 characters",
        )
    ],
    "unknown-section": [
        Example("error", changed('"world"', '"wrold"'), 5, CLEAN, 'did you mean "world"?'),
        Example("error", changed('"world"', '"cooking"'), 5, CLEAN, "publisher config set sections.cooking NAME"),
    ],
    "unknown-author": [
        Example("warning", changed('["ana"]', '["anna"]'), 6, changed('["ana"]', '["Ana Example"]'), '"ana"?'),
        Example("hint", changed('["ana"]', '["Zoe Muster"]'), 6, CLEAN, "authors.zoe-muster.name"),
    ],
    "future-date": [
        Example("hint", changed("2026-03-01", "2026-03-04"), 4, CLEAN, "is not public before 2026-03-04 08:00 (UTC)")
    ],
    "updated-too-early": [
        Example(
            "warning",
            with_key("updated = 2026-02-28T08:00:00Z"),
            6,
            with_key("updated = 2026-03-02T08:00:00Z"),
        )
    ],
    "empty-summary": [
        Example("warning", with_text("![A boat](https://news.example.org/b.png)"), None, CLEAN),
    ],
    "dropped-characters": [
        Example(
            "warning", with_text("One.\n\nTwo\x07 \x0c\x07three."), 10, CLEAN, "3 control characters (U+0007, U+000C)"
        )
    ],
    "undecodable-characters": [Example("warning", with_text("It was \ufffdrst."), 8, with_text("It was first."))],
    "leftover-placeholder": [
        Example("warning", with_text('Hello,\n{% include "a.html" %}'), 9, with_text("Write `{{ name }}`."), "{%"),
        Example("warning", with_text("Dear *|FNAME|*,"), 8, with_text("```\n{% if x %}\n```"), "*|FNAME|*"),
        Example("warning", with_text("zqfunsubscribe_urlqfz"), 8, with_text("Two } and { alone."), "zqf"),
    ],
    "insecure-link": [
        Example(
            "hint",
            with_text("One.\n\n[There](http://elsewhere.example/x)"),
            10,
            with_text("[There](https://elsewhere.example), [here](http://localhost:8000/), `http://a.example`"),
        )
    ],
    "missing-alt": [
        Example("warning", with_text("One.\n\n![](a.png)"), 10, with_text("![A buoy](a.png)")),
        Example("warning", with_text('<img src="a.png">'), 8, with_text('<img src="a.png" alt="">')),
        Example(
            "warning", with_key('image = "a.png"'), 6, with_key('image = "a.png"\nimage_alt = "A buoy"'), "image_alt"
        ),
        Example("warning", with_text("![][b]\n\n[b]: a.png"), 8, with_text("```\n![](a.png)\n```")),
    ],
    "missing-picture": [
        Example("error", with_text("![A](a.png)\n![B](b.png)"), 9, with_text("![A](a.png)"), '"b.png"'),
        Example("error", with_key('image = "no.png"'), 6, with_key('image = "a%2Epng"'), "held back"),
        Example("error", changed('"world"', '"world"\ndraft = true') + "\n![A](no.png)", 11, CLEAN),
    ],
    "heavy-picture": [Example("warning", with_text("![A](heavy.png)"), 8, with_text("![A](a.png)"), "1.2 MB")],
    "picture-without-size": [Example("warning", with_text("![A](odd.svg)"), 8, with_text("![A](even.svg)"))],
    "insecure-picture": [
        Example("warning", with_text("![A](http://elsewhere.example/x.png)"), 8, with_text("![A](a.png)"))
    ],
}


def with_pictures(root: Path) -> None:
    publication_in(root)
    folder = root / "articles"
    (folder / "a.png").write_bytes(PNG)
    (folder / "heavy.png").write_bytes(PNG.ljust(1_200_000, b"\0"))
    (folder / "odd.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg"></svg>')
    (folder / "even.svg").write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"></svg>')


@pytest.mark.parametrize(
    ("rule", "example"),
    [
        pytest.param(rule, example, id=f"{rule}-{number}")
        for rule, examples in EXAMPLES.items()
        for number, example in enumerate(examples, start=1)
    ],
)
def test_each_rule_finds_its_hostile_example_and_leaves_the_clean_one(
    rule: str, example: Example, tmp_path: Path
) -> None:
    with_pictures(tmp_path)
    write(tmp_path, one=example.hostile)
    [found] = [finding for finding in check(tmp_path) if finding.rule == rule]
    assert (found.severity, found.file, found.line) == (example.severity, "articles/one.md", example.line)
    assert example.says in f"{found.what} {found.remedy}"
    assert found.what
    assert found.remedy
    write(tmp_path, one=example.clean)
    assert rule not in {finding.rule for finding in check(tmp_path)}


ELSEWHERE = {"changed-id", "repeated-title"}


def test_every_rule_has_an_example() -> None:
    named = {
        name
        for module in (publisher.articles.checking, publisher.articles.picture_checking)
        for name in re.findall(
            r'^ +(?:rule=|one, |yield _\w+\(one, )?"([a-z]+-[a-z-]+|untitled)",', source(module), re.M
        )
    }
    assert named | {"no-id", "untitled", "empty-summary"} == EXAMPLES.keys() | ELSEWHERE


def source(module: object) -> str:
    return Path(str(getattr(module, "__file__", ""))).read_text()


def test_an_article_that_is_right_has_no_finding(tmp_path: Path) -> None:
    publication_in(tmp_path)
    write(tmp_path, one=CLEAN)
    assert check(tmp_path) == []


def test_the_title_of_another_article_is_found_on_the_later_one(tmp_path: Path) -> None:
    publication_in(tmp_path)
    later = changed("03-01T08", "03-01T09").replace("/ferry", "/second").replace("ferry has", "Ferry  has")
    write(tmp_path, b=CLEAN, a=later)
    [found] = [finding for finding in check(tmp_path) if finding.rule == "repeated-title"]
    assert (found.file, found.line, found.severity) == ("articles/a.md", 3, "warning")
    assert "articles/b.md" in found.what
    write(tmp_path, a=later.replace("title", "draft = true\ntitle"))
    assert not [finding for finding in check(tmp_path) if finding.rule == "repeated-title"]


RECORD = Record(
    id="tag:news.example.org,2026:/first",
    path="articles/one.md",
    title="The ferry has a new name",
    content_hash="",
    published=NOW,
    updated=NOW,
    first_seen=NOW,
    public_since=NOW,
)


def test_an_id_that_changed_since_it_was_published_is_an_error(tmp_path: Path) -> None:
    publication_in(tmp_path)
    write(tmp_path, one=CLEAN)
    [found] = [finding for finding in check(tmp_path, [RECORD]) if finding.rule == "changed-id"]
    assert (found.severity, found.line) == (Severity.ERROR, 2)
    assert found.remedy == 'write it back: id = "tag:news.example.org,2026:/first"'


def test_after_a_run_has_taken_a_changed_id_it_is_a_warning(tmp_path: Path) -> None:
    publication_in(tmp_path)
    write(tmp_path, one=CLEAN)
    gone = replace(RECORD, gone_at=NOW)
    now_known = replace(RECORD, id="tag:news.example.org,2026:/ferry")
    [found] = [finding for finding in check(tmp_path, [gone, now_known]) if finding.rule == "changed-id"]
    assert found.severity is Severity.WARNING


@pytest.mark.parametrize(
    "record",
    [
        replace(RECORD, id="tag:news.example.org,2026:/ferry"),
        replace(RECORD, public_since=None),
        replace(RECORD, path="articles/other.md"),
        replace(RECORD, gone_at=NOW, title="An older article of that file name"),
    ],
    ids=["the same", "never published", "another file's", "another article's"],
)
def test_an_id_that_did_not_change_is_no_finding(record: Record, tmp_path: Path) -> None:
    publication_in(tmp_path)
    write(tmp_path, one=CLEAN)
    assert not [finding for finding in check(tmp_path, [record]) if finding.rule == "changed-id"]


def test_two_files_that_changed_names_keep_their_ids(tmp_path: Path) -> None:
    publication_in(tmp_path)
    write(tmp_path, one=CLEAN, two=CLEAN.replace("/ferry", "/first"))
    records = [RECORD, replace(RECORD, id="tag:news.example.org,2026:/ferry", path="articles/two.md")]
    assert not [finding for finding in check(tmp_path, records) if finding.rule == "changed-id"]


def test_an_error_in_a_draft_is_a_warning(tmp_path: Path) -> None:
    publication_in(tmp_path)
    write(tmp_path, one=changed('section = "world"', 'section = "wrold"\ndraft = true'))
    assert {finding.severity for finding in check(tmp_path) if finding.rule == "unknown-section"} == {Severity.WARNING}


def test_lines_are_right_with_windows_line_ends_a_byte_order_mark_and_a_heading_for_a_title(tmp_path: Path) -> None:
    publication_in(tmp_path)
    text = '---\nid: "a:b"\n---\n\n\n# The heading\n\nText.\n\n![](https://elsewhere.example/x.png)\n'
    write(tmp_path, one=b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    [found] = check(tmp_path)
    assert (found.rule, found.line) == ("missing-alt", 10)


def test_our_keys_are_those_that_are_read() -> None:
    read = {field.name for field in fields(Source)} - {"path", "body", "content_hash"}
    assert read | {"description", "lang", "author"} == OURS
    assert not OURS & FOREIGN


def test_what_is_called_dropped_is_what_rendering_drops(tmp_path: Path) -> None:
    publication_in(tmp_path)
    everything = "".join(map(chr, range(1, 0x100))) + "\ufffe\uffff"
    write(tmp_path, one=with_text(f"a {everything.replace('<', '').replace('&', '')} z"))
    [one] = inspect(tmp_path)
    assert one.article is not None
    dropped = set(publisher.articles.checking._DROPPED.findall(one.text))
    assert dropped
    assert not dropped & set(one.article.html)
