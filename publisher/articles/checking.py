"""What is wrong or doubtful in an article's file: front matter, dates, titles, ids, characters.

Each rule is a function. Deciding only: everything here is pure, on articles that were read before
(`publisher.articles.inspecting`). Pictures have rules of their own (`picture_checking`), and so have links to our
own pages (`publisher.syndication.link_checking`).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from publisher.articles.inspecting import Inspected
from publisher.articles.known_keys import FOREIGN, OURS
from publisher.articles.picture_checking import check_pictures
from publisher.articles.urls import is_insecure
from publisher.model.article import Record
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication

__all__ = ["LONGEST_TITLE", "check_articles"]

LONGEST_TITLE = 110
"""Characters; lists of messages and search engines cut longer ones."""

# What XML 1.0 (section 2.2) does not allow: rendering drops it.
_DROPPED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")
_PLACEHOLDER = re.compile(r"\{\{[^{}\n]{1,80}\}\}|\{%[^%\n]{1,80}%\}|\*\|[A-Z][A-Z0-9_:]*\|\*|\bzqf[a-z0-9_]+qfz")


def check_articles(
    articles: Sequence[Inspected], *, publication: Publication, records: Mapping[str, Record], now: datetime
) -> list[Finding]:
    """All findings about the articles, each article's together. Pure.

    ``records`` are what the database remembers, by id. What would be an error in a public article is a warning in a
    draft, but for what keeps it from being read.
    """
    first_with_title = _first_with_title(articles)
    of_path: dict[str, list[Record]] = {}
    for record in records.values():
        of_path.setdefault(record.path, []).append(record)
    found: list[Finding] = []
    for one in articles:
        of_this = [
            *misspelt_keys(one),
            *changed_id(one, of_path.get(one.path, ()), known=records),
            *no_id(one),
            *untitled(one),
            *overlong_title(one),
            *repeated_title(one, first_with_title),
            *unknown_section(one, publication),
            *unknown_author(one, publication),
            *future_date(one, publication, now),
            *updated_too_early(one),
            *empty_summary(one),
            *dropped_characters(one),
            *undecodable_characters(one),
            *leftover_placeholders(one),
            *insecure_links(one, publication),
            *check_pictures(one),
        ]
        found += of_this if one.is_public_soon() else map(_in_a_draft, of_this)
    return found


def misspelt_keys(one: Inspected) -> Iterator[Finding]:
    """Keys of the front matter that look like one of ours; those that other generators use are passed over."""
    for key in one.front.keys:
        if key in OURS or key.lower() in FOREIGN:
            continue
        near = key.lower() if key.lower() in OURS else _nearest_key(key.lower())
        if near is not None:
            yield _warning(
                one, "misspelt-key", f'"{key}" is not read', f'did you mean "{near}"?', one.front.line_of(key)
            )


def _nearest_key(key: str) -> str | None:
    turned = next((ours for ours in OURS if sorted(ours) == sorted(key)), None)  # two letters the wrong way round
    return turned or next(iter(difflib.get_close_matches(key, OURS, n=1, cutoff=0.8)), None)


def changed_id(one: Inspected, recorded: Sequence[Record], *, known: Container[str]) -> Iterator[Finding]:
    """An id that differs from the one under which this file was published: readers would see a new article.

    ``recorded`` are the records of its path, ``known`` all ids there ever were.
    """
    written = one.source.id
    if not written:
        return
    for record in recorded:
        if record.id == written or record.public_since is None:
            continue
        is_same_text = record.content_hash == one.source.content_hash or record.title == one.source.title
        if record.gone_at is None and written not in known:
            severity, cause = Severity.ERROR, "the next run would publish and mail it as a new article"
        elif record.gone_at is not None and is_same_text:
            severity, cause = Severity.WARNING, "since then readers see it as a new article"
        else:
            continue
        yield Finding(
            severity=severity,
            rule="changed-id",
            file=one.path,
            line=one.line_of("id"),
            what=f'was published as "{record.id}"; {cause}',
            remedy=f'write it back: id = "{record.id}"',
        )


def no_id(one: Inspected) -> Iterator[Finding]:
    """An article without an id of its own is known by its path."""
    if not one.source.id:
        yield _hint(
            one, "no-id", "has no id of its own, and is known by its file's name", "publisher check --fix writes it"
        )


def untitled(one: Inspected) -> Iterator[Finding]:
    """No title: lists and subjects show its first words."""
    if not one.source.title:
        yield _hint(one, "untitled", "has no title; its first words stand in", "add: title = …, if it should have one")


def overlong_title(one: Inspected) -> Iterator[Finding]:
    """A title that is cut everywhere."""
    if (length := len(one.source.title)) > LONGEST_TITLE:
        yield _warning(
            one,
            "overlong-title",
            f"the title has {length} characters",
            f"keep it under {LONGEST_TITLE}; the summary takes the rest",
            one.line_of("title"),
        )


def repeated_title(one: Inspected, first_with_title: Mapping[str, str]) -> Iterator[Finding]:
    """Two articles that readers cannot tell apart."""
    first = first_with_title.get(_folded(one.source.title))
    if first is not None and first != one.path and one.is_public_soon():
        yield _warning(
            one,
            "repeated-title",
            f"has the same title as {first}",
            "give one of the two another, or delete a copy",
            one.line_of("title"),
        )


def unknown_section(one: Inspected, publication: Publication) -> Iterator[Finding]:
    """A section that is not among [sections], where there are any."""
    section = one.source.section
    if section and publication.sections and section not in publication.sections:
        near = difflib.get_close_matches(section, publication.sections, n=1)
        yield Finding(
            severity=Severity.ERROR,
            rule="unknown-section",
            file=one.path,
            line=one.line_of("section"),
            what=f'unknown section "{section}"',
            remedy=f'did you mean "{near[0]}"?' if near else f"publisher config set sections.{section} NAME",
        )


def unknown_author(one: Inspected, publication: Publication) -> Iterator[Finding]:
    """An author who is not among [authors], where there are any. A bare name is allowed: a hint."""
    if not publication.authors:
        return
    names = {author.name: author.key for author in publication.authors.values()}
    for author in one.source.authors:
        if author.key in publication.authors:
            continue
        near = difflib.get_close_matches(author.key, publication.authors, n=1, cutoff=0.75)
        near = near or [names[name] for name in difflib.get_close_matches(author.name, names, n=1, cutoff=0.8)]
        make = _warning if near else _hint
        remedy = f'did you mean "{near[0]}"?' if near else f"publisher config set authors.{author.key}.name NAME"
        yield make(
            one,
            "unknown-author",
            f'"{author.name}" is not among [authors]',
            remedy,
            one.line_of("authors", "author"),
        )


def future_date(one: Inspected, publication: Publication, now: datetime) -> Iterator[Finding]:
    """It waits for its day."""
    date = one.source.date
    if date is not None and date > now and one.is_public_soon():
        local = date.astimezone(ZoneInfo(publication.timezone))
        yield _hint(
            one,
            "future-date",
            f"is not public before {local:%Y-%m-%d %H:%M} ({publication.timezone})",
            "nothing to do, if that is meant",
            one.line_of("date"),
        )


def updated_too_early(one: Inspected) -> Iterator[Finding]:
    """``updated`` before ``date`` cannot be."""
    source = one.source
    if source.date is not None and source.updated is not None and source.updated < source.date:
        yield _warning(
            one,
            "updated-too-early",
            '"updated" lies before "date", and is passed over',
            "take it out, or mend one of the two",
            one.line_of("updated"),
        )


def empty_summary(one: Inspected) -> Iterator[Finding]:
    """Neither a summary nor a paragraph to take one from: lists show nothing but the title."""
    if one.article is not None and not one.article.summary:
        yield _warning(
            one,
            "empty-summary",
            "has no summary, and no text to take one from",
            'add: summary = "One or two sentences."',
        )


def dropped_characters(one: Inspected) -> Iterator[Finding]:
    """Control characters, which no feed may have: they are left out."""
    found = _DROPPED.findall(one.text)
    if found:
        at = one.text.index(found[0])
        number = len(found)
        yield _warning(
            one,
            "dropped-characters",
            f"{number} control character{'s' * (number > 1)} ({_code_points(found)}): no document may have them, "
            "and they are left out",
            "take them out",
            one.text.count("\n", 0, at) + 1,
        )


def undecodable_characters(one: Inspected) -> Iterator[Finding]:
    """U+FFFD, which stands where some program could not read a letter."""
    at = one.text.find("\ufffd")
    if at >= 0:
        yield _warning(
            one,
            "undecodable-characters",
            f"a letter was lost ({one.text.count(chr(0xFFFD))} × U+FFFD): the text was once read in the wrong encoding",
            "write the letter again",
            one.text.count("\n", 0, at) + 1,
        )


def leftover_placeholders(one: Inspected) -> Iterator[Finding]:
    """What another program should have filled in (``{{ page.title }}``, ``*|FNAME|*``), outside code."""
    seen: set[str] = set()
    for found in _PLACEHOLDER.finditer(one.body.prose):
        if found[0] not in seen:
            seen.add(found[0])
            line = one.line_in_body(one.body.prose.count("\n", 0, found.start()) + 1)
            yield _warning(
                one,
                "leftover-placeholder",
                f'readers would see "{found[0]}"',
                "write what belongs there; in code, put it between backquotes",
                line,
            )


def insecure_links(one: Inspected, publication: Publication) -> Iterator[Finding]:
    """Links over http:. Pictures are worse (`picture_checking`)."""
    for reference in one.body.references:
        if reference.kind == "link" and is_insecure(reference.address, publication.url):
            yield _hint(
                one,
                "insecure-link",
                f"{reference.address} is not https:",
                "use https:, if that works",
                one.line_in_body(reference.line),
            )


def _first_with_title(articles: Sequence[Inspected]) -> dict[str, str]:
    """Title → the path of the oldest article that has it, of those that readers see."""
    first: dict[str, str] = {}
    for one in sorted(articles, key=lambda one: (one.record.published, one.path)):
        if one.source.title and one.is_public_soon():
            first.setdefault(_folded(one.source.title), one.path)
    return first


def _folded(title: str) -> str:
    return " ".join(title.casefold().split())


def _code_points(found: Sequence[str]) -> str:
    return ", ".join(f"U+{ord(character):04X}" for character in dict.fromkeys(found))


def _in_a_draft(finding: Finding) -> Finding:
    is_milder = finding.severity is Severity.ERROR and finding.rule != "missing-picture"
    return replace(finding, severity=Severity.WARNING) if is_milder else finding


def _warning(one: Inspected, rule: str, what: str, remedy: str, line: int | None = None) -> Finding:
    return Finding(severity=Severity.WARNING, rule=rule, file=one.path, line=line, what=what, remedy=remedy)


def _hint(one: Inspected, rule: str, what: str, remedy: str, line: int | None = None) -> Finding:
    return Finding(severity=Severity.HINT, rule=rule, file=one.path, line=line, what=what, remedy=remedy)
