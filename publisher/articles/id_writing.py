"""Writing ids into the front matter of articles that have none, so that they last whatever the files are called.

Guarantees: nothing but the one line is added (or, where there is no front matter, the block that holds it); what the
file says otherwise, its comments, its line ends and its byte order mark stay as they are; the file is replaced in
one step. A file in which that cannot be done safely is left alone, and a finding says so.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from publisher.articles.front_matter import split
from publisher.articles.identity import Identified
from publisher.model.errors import ArticleError
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.publication.editing import replace_file

__all__ = ["with_id", "write_ids"]

_HEAD = re.compile(r"\A\ufeff?(?P<fence>\+\+\+|---)[ \t]*(?P<end>\r\n|\r|\n)")
_FIRST_KEY = re.compile(r"""(?P<indent>[ \t]*)(?P<key>[\w"'.-]+?)(?P<gap>[ \t]*)(?P<sign>[=:])""")


def write_ids(identified: Iterable[Identified], publication: Publication) -> list[Finding]:
    """Gives each article without a written id the one it goes by; a hint for each that was written.

    Raises OutputError.
    """
    items = list(identified)
    fence = "---" if _mostly_yaml(publication, items) else "+++"
    findings = []
    for item in sorted(items, key=lambda item: item.source.path):
        if not item.source.id:
            findings.append(_write_id(publication.root / item.source.path, item.source.path, item.record.id, fence))
    return findings


def _write_id(file: Path, path: str, article_id: str, fence: str) -> Finding:
    line = f"id = {json.dumps(article_id, ensure_ascii=False)}"
    try:
        changed = with_id(file.read_bytes().decode(), article_id, fence=fence)
    except (OSError, UnicodeDecodeError):
        changed = None
    if changed is None:
        return Finding(
            severity=Severity.WARNING,
            rule="no-id",
            file=path,
            what="its front matter is written in a way that no id can be put into safely",
            remedy=f"write it yourself: {line} (in YAML with a colon)",
        )
    replace_file(file, changed)
    return Finding(severity=Severity.HINT, rule="id-written", file=path, line=2, what=f"written: {line}")


def with_id(text: str, article_id: str, *, fence: str = "+++") -> str | None:
    """A file's text with the id in its front matter, which has none; None where that changes anything else. Pure.

    ``fence`` opens and closes a front matter that is not there yet: ``+++`` for TOML, ``---`` for YAML.
    """
    head = _HEAD.match(text)
    if head is None:
        mark = "\ufeff" if text.startswith("\ufeff") else ""
        end = _line_end(text)
        line = _line(fence, article_id)
        changed = f"{mark}{fence}{end}{line}{end}{fence}{end}{text.removeprefix(mark)}"
    else:
        rest = text[head.end() :]
        line = _line(head["fence"], article_id, first=_first_key(rest, head["fence"]))
        changed = f"{text[: head.end()]}{line}{head['end']}{rest}"
    return changed if _says_the_same(text, changed, article_id) else None


def _line(fence: str, article_id: str, *, first: re.Match[str] | None = None) -> str:
    """The line, in step with the first key that stands there: its indentation, and its column of signs."""
    value = json.dumps(article_id, ensure_ascii=False)  # quoted alike in TOML, YAML and JSON
    indent = first["indent"] if first else ""
    if fence == "---":
        return f"{indent}id: {value}"
    width = len(first["key"] + first["gap"]) if first else 3
    return f"{indent}{'id':<{max(3, width)}}= {value}"


def _first_key(rest: str, fence: str) -> re.Match[str] | None:
    sign = "=" if fence == "+++" else ":"
    for line in rest.splitlines():
        if line.strip() in (fence, "..."):
            return None
        if line.strip() and not line.lstrip().startswith("#"):
            found = _FIRST_KEY.match(line)
            return found if found and found["sign"] == sign else None
    return None


def _line_end(text: str) -> str:
    found = re.search(r"\r\n|\r|\n", text)
    return found[0] if found else "\n"


def _says_the_same(before: str, after: str, article_id: str) -> bool:
    """Whether the id is all that the two files differ in."""
    try:
        (old, old_body), (new, new_body) = (split(_normal(text), path="") for text in (before, after))
    except ArticleError:
        return False
    values = dict(new.values)
    # "id" that stands there twice: the later one may have won
    return (
        "id" not in old.values
        and values.pop("id", None) == article_id
        and values == dict(old.values)
        and new_body.lstrip("\n") == old_body.lstrip("\n")
    )


def _normal(text: str) -> str:
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def _mostly_yaml(publication: Publication, items: Iterable[Identified]) -> bool:
    """Whether more of the articles' files begin with ``---`` than with ``+++``: other programs may read them too."""
    balance = 0
    for item in items:
        try:
            with (publication.root / item.source.path).open("rb") as file:
                start = file.read(6).removeprefix(b"\xef\xbb\xbf")
        except OSError:
            continue
        balance += start.startswith(b"---") - start.startswith(b"+++")
    return balance > 0
