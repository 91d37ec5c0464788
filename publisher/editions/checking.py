"""What is wrong or doubtful in the digests that readers would get next.

Each rule is a function. Deciding only: pure, on digests that were rendered before (`publisher.editions.sampling`).
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from publisher.articles.urls import is_insecure
from publisher.editions.digest import CLIPPED_AT
from publisher.editions.mail_values import FIELDS
from publisher.editions.sampling import Sample
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.publication.positions import Positions
from publisher.theme.fields import TOKEN, fill, names

__all__ = ["HEAVY", "LONGEST_SUBJECT", "check_sample"]

LONGEST_SUBJECT = 60
"""Characters; phones show fewer, but nothing shows many more."""

HEAVY = 2_000_000
"""Bytes of one digest with its pictures, which a reader on the road has to load."""

_TEMPLATE = "templates/email/digest.html"
_PLACEHOLDER = re.compile(r"\{\{[^{}\n]{0,80}\}\}|\{%[^%\n]{0,80}%\}|\*\|[A-Z][A-Z0-9_:]*\|\*")
_CODE = re.compile(r"<(pre|code)\b.*?</\1>", re.S | re.I)
_IMAGE = re.compile(r"<img\b[^>]*>", re.I)
_ATTRIBUTE = re.compile(r"""\s(src|alt|href)=(?:"([^"]*)"|'([^']*)')""", re.I)
_LINK = re.compile(r"<(?:a|img)\b[^>]*>", re.I)
_SOMEBODY = {"name": "Alexandra Exampleton", "address": "alexandra@example.org"}
_FIELDS = {*FIELDS, "unsubscribe_mailto"}


def check_sample(
    sample: Sample,
    *,
    positions: Positions,
    publication: Publication,
    weights: Mapping[str, int],
    fault: Callable[[str], tuple[str, str] | None],
) -> Iterator[Finding]:
    """All findings about one digest. Pure.

    ``weights``: bytes of our own pictures by address; ``fault``: why an address of ours leads nowhere, and a remedy.
    """
    yield from empty_subject(sample, positions)
    yield from placeholder_in_digest(sample)
    yield from image_without_alt(sample)
    yield from broken_link_in_digest(sample, fault)
    yield from insecure_link_in_digest(sample, publication)
    if sample.waiting:  # of articles that only stand in, no reader will get such a digest
        yield from overlong_subject(sample, positions)
        yield from no_preheader(sample, positions)
        yield from heavy_digest(sample, positions, weights)
        yield from shortened_articles(sample, positions)


def empty_subject(sample: Sample, positions: Positions) -> Iterator[Finding]:
    """The template says nothing, so that the newsletter's title stands in."""
    newsletter = sample.newsletter
    if newsletter.subject.strip() == "" or (
        sample.digest.subject == newsletter.title
        and "newsletter" not in newsletter.subject
        and newsletter.title not in newsletter.subject
    ):
        yield _of_settings(
            sample,
            positions,
            "empty-subject",
            "subject",
            f'the subject is empty, and "{newsletter.title}" stands in',
            "let it say what is in the edition",
        )


def overlong_subject(sample: Sample, positions: Positions) -> Iterator[Finding]:
    """A subject that lists of messages cut off."""
    subject = fill(sample.digest.subject, _SOMEBODY)
    if len(subject) > LONGEST_SUBJECT:
        yield _of_settings(
            sample,
            positions,
            "overlong-subject",
            "subject",
            f'the subject of the next edition has {len(subject)} characters: "{subject}"',
            f"keep it under {LONGEST_SUBJECT}: a shorter title, or another subject template",
        )


def no_preheader(sample: Sample, positions: Positions) -> Iterator[Finding]:
    """Nothing to show beside the subject: programs take the first words of the masthead."""
    if not sample.digest.preheader.strip():
        first = sample.articles[0]
        yield Finding(
            severity=Severity.WARNING,
            rule="no-preheader",
            file=first.path,
            what=f'leads the next edition of "{sample.newsletter.name}" without a word to show beside the subject',
            remedy='add: summary = "One or two sentences."',
        )


def placeholder_in_digest(sample: Sample) -> Iterator[Finding]:
    """What a template should have filled in. What an article brought in is reported there."""
    digest = sample.digest
    written = "\n".join(f"{one.title}\n{one.summary}\n{html.unescape(one.html)}" for one in sample.articles)
    parts = {
        sample.feed.file: digest.subject,
        _TEMPLATE: html.unescape(_CODE.sub("", digest.html)) + digest.preheader,
        "templates/email/digest.txt": digest.text,
    }
    for file, text in parts.items():
        left = [found for found in _PLACEHOLDER.findall(text) if found not in written]
        left += [f"zqf{name}qfz" for name in sorted(names(text) - _FIELDS)]
        for placeholder in dict.fromkeys(left):
            yield Finding(
                severity=Severity.ERROR,
                rule="leftover-placeholder",
                file=file,
                what=f'readers of "{sample.newsletter.name}" would see "{placeholder}"',
                remedy="fill it in, or take it out of the template",
            )


def image_without_alt(sample: Sample) -> Iterator[Finding]:
    """An ``<img>`` of the templates without ``alt``: programs read its address aloud."""
    for tag in dict.fromkeys(_IMAGE.findall(sample.digest.html)):
        given = _attributes(tag)
        if "alt" not in given:
            yield Finding(
                severity=Severity.WARNING,
                rule="missing-alt",
                file=_TEMPLATE,
                what=f"a picture has no alt: {given.get('src', tag)}",
                remedy='write alt="what it shows", or alt="" for an ornament',
            )


def heavy_digest(sample: Sample, positions: Positions, weights: Mapping[str, int]) -> Iterator[Finding]:
    """More bytes than a reader on the road should have to load: the HTML and our own pictures."""
    shown = {_attributes(tag).get("src", "") for tag in _IMAGE.findall(sample.digest.html)}
    heavy = sorted(((weights[url], url) for url in shown if url in weights), reverse=True)
    total = len(sample.digest.html.encode()) + sum(length for length, _ in heavy)
    if total > HEAVY:
        most = ", ".join(f"{url.rsplit('/', 1)[-1]} {length / 1_000_000:.1f} MB" for length, url in heavy[:3])
        yield _of_settings(
            sample,
            positions,
            "heavy-digest",
            "style",
            f"a reader of the next edition has to load {total / 1_000_000:.1f} MB ({most})",
            'save the pictures smaller, or set style = "summary"',
        )


def broken_link_in_digest(sample: Sample, fault: Callable[[str], tuple[str, str] | None]) -> Iterator[Finding]:
    """A link of the templates that leads nowhere; an article's own links are reported there."""
    for address in _of_templates(sample):
        if not address or address == "#":
            cause: tuple[str, str] | None = ("it leads nowhere", "give it an address, or take it out")
        elif TOKEN.search(address):
            continue
        else:
            cause = fault(address)
        if cause is not None:
            yield Finding(
                severity=Severity.ERROR,
                rule="broken-link",
                file=_TEMPLATE,
                what=f'broken link "{address}" in the digest of "{sample.newsletter.name}": {cause[0]}',
                remedy=cause[1],
            )


def insecure_link_in_digest(sample: Sample, publication: Publication) -> Iterator[Finding]:
    """A link or picture of the templates over http:."""
    told = {author.url for author in publication.authors.values()}
    for address in _of_templates(sample):
        if is_insecure(address, publication.url) and address not in told:
            yield Finding(
                severity=Severity.WARNING,
                rule="insecure-link",
                file=_TEMPLATE,
                what=f"{address} is not https:",
                remedy="use https:, if that works",
            )


def shortened_articles(sample: Sample, positions: Positions) -> Iterator[Finding]:
    """The next edition does not fit under what mail programs show; it is shortened by itself."""
    newsletter, sizes = sample.newsletter, sample.sizes
    if sizes["full" if newsletter.style == "letter" else newsletter.style] > CLIPPED_AT:
        others = ", ".join(f"{style} {size / 1024:.0f} KB" for style, size in sizes.items())
        yield Finding(
            severity=Severity.HINT,
            rule="shortened-articles",
            file=sample.feed.file,
            line=positions(sample.feed.file, ["newsletter", "style"]),
            what=f"the next edition would be clipped at {CLIPPED_AT / 1024:.0f} KB ({others}), "
            "so that its last articles are shortened",
            remedy='nothing to do, or set style = "summary", or a lower max_items',
        )


def _of_templates(sample: Sample) -> Iterable[str]:
    """The addresses in the digest that no article's text brought in."""
    of_articles = {
        address for article in sample.articles for tag in _LINK.findall(article.html) for address in _addresses(tag)
    }
    in_digest = (address for tag in _LINK.findall(sample.digest.html) for address in _addresses(tag))
    return [address for address in dict.fromkeys(in_digest) if address not in of_articles]


def _addresses(tag: str) -> Iterator[str]:
    given = _attributes(tag)
    yield from (given[name].strip() for name in ("href", "src") if name in given)


def _attributes(tag: str) -> dict[str, str]:
    return {name.lower(): html.unescape(double or single) for name, double, single in _ATTRIBUTE.findall(tag)}


def _of_settings(sample: Sample, positions: Positions, rule: str, key: str, what: str, remedy: str) -> Finding:
    file = sample.feed.file
    return Finding(
        severity=Severity.WARNING,
        rule=rule,
        file=file,
        line=positions(file, ["newsletter", key]),
        what=what,
        remedy=remedy,
    )
