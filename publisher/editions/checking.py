"""What is wrong or doubtful in the digests that readers would get next.

Each rule is a function. Deciding only: pure, on digests that were rendered before (`publisher.editions.sampling`).
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from urllib.parse import urlsplit

from publisher.articles.urls import is_insecure
from publisher.editions.digest import CLIPPED_AT
from publisher.editions.mail_programs import lost_features
from publisher.editions.mail_values import FIELDS
from publisher.editions.sampling import Sample
from publisher.editions.spam import Verdict
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.publication.positions import Positions
from publisher.theme.fields import TOKEN, fill, names
from publisher.theme.overrides import Overrides

__all__ = ["AIM", "HEAVY", "LONGEST_SUBJECT", "SUSPICIOUS", "check_sample"]

LONGEST_SUBJECT = 60
"""Characters; phones show fewer, but nothing shows many more."""

HEAVY = 2_000_000
"""Bytes of one digest with its pictures, which a reader on the road has to load."""

AIM = 80 * 1024
"""Bytes of HTML that leave room for the longest personal values and for what a mail program adds."""

SUSPICIOUS = 1.0
"""Points of a spam filter from which on something should be changed."""

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
    overrides: Overrides,
    own_fields: Collection[str] | None = None,
    verdict: Verdict | None = None,
) -> Iterator[Finding]:
    """All findings about one digest. Pure.

    ``weights``: bytes of our own pictures by address; ``fault``: why an address of ours leads nowhere, and a remedy.
    ``own_fields``: the columns that readers have values of; ``verdict``: how much it looks like spam. What is None is
    not judged.
    """
    yield from empty_subject(sample, positions)
    yield from placeholder_in_digest(sample, overrides)
    yield from image_without_alt(sample, overrides)
    yield from broken_link_in_digest(sample, fault, overrides)
    yield from insecure_link_in_digest(sample, publication, overrides)
    yield from lost_in_mail(sample, overrides)
    if own_fields is not None:
        yield from unknown_field(sample, positions, overrides, own_fields)
    if verdict is not None:
        yield from looks_like_spam(sample, positions, verdict)
    if sample.waiting:  # of articles that only stand in, no reader will get such a digest
        yield from overlong_subject(sample, positions)
        yield from no_preheader(sample, positions)
        yield from heavy_digest(sample, positions, weights)
        yield from large_digest(sample, positions)
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
            line=1,
            what=f'leads the next edition of "{sample.newsletter.name}" without a word to show beside the subject',
            remedy='add: summary = "One or two sentences."',
        )


def placeholder_in_digest(sample: Sample, overrides: Overrides) -> Iterator[Finding]:
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
        for placeholder in dict.fromkeys(left):
            place, line = overrides.place(placeholder, placeholder.strip("{}%*| "), otherwise=file)
            yield Finding(
                severity=Severity.ERROR,
                rule="leftover-placeholder",
                file=file if file == sample.feed.file else place,
                line=None if file == sample.feed.file else line,
                what=f'readers of "{sample.newsletter.name}" would see "{placeholder}"',
                remedy="fill it in, or take it out of the template",
            )


def image_without_alt(sample: Sample, overrides: Overrides) -> Iterator[Finding]:
    """An ``<img>`` of the templates without ``alt``: programs read its address aloud."""
    for tag in dict.fromkeys(_IMAGE.findall(sample.digest.html)):
        given = _attributes(tag)
        if "alt" not in given:
            file, line = overrides.place(given.get("src", ""), "<img", otherwise=_TEMPLATE)
            yield Finding(
                severity=Severity.WARNING,
                rule="missing-alt",
                file=file,
                line=line,
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


def broken_link_in_digest(
    sample: Sample, fault: Callable[[str], tuple[str, str] | None], overrides: Overrides
) -> Iterator[Finding]:
    """A link of the templates that leads nowhere; an article's own links are reported there."""
    for address in _of_templates(sample):
        if not address or address == "#":
            cause: tuple[str, str] | None = ("it leads nowhere", "give it an address, or take it out")
        elif TOKEN.search(address):
            continue
        else:
            cause = fault(address)
        if cause is not None:
            path = urlsplit(address).path if len(urlsplit(address).path) > 1 else ""
            file, line = overrides.place(f'href="{address}"', address, path, otherwise=_TEMPLATE)
            yield Finding(
                severity=Severity.ERROR,
                rule="broken-link",
                file=file,
                line=line,
                what=f'broken link "{address}" in the digest of "{sample.newsletter.name}": {cause[0]}',
                remedy=cause[1],
            )


def insecure_link_in_digest(sample: Sample, publication: Publication, overrides: Overrides) -> Iterator[Finding]:
    """A link or picture of the templates over http:."""
    told = {author.url for author in publication.authors.values()}
    for address in _of_templates(sample):
        if is_insecure(address, publication.url) and address not in told:
            file, line = overrides.place(address, otherwise=_TEMPLATE)
            yield Finding(
                severity=Severity.WARNING,
                rule="insecure-link",
                file=file,
                line=line,
                what=f"{address} is not https:",
                remedy="use https:, if that works",
            )


def shortened_articles(sample: Sample, positions: Positions) -> Iterator[Finding]:
    """The next edition does not fit under what mail programs show; it is shortened by itself."""
    if _natural_size(sample) > CLIPPED_AT:
        yield _of_settings(
            sample,
            positions,
            "shortened-articles",
            "style",
            f"the next edition would be clipped at {CLIPPED_AT / 1024:.0f} KB ({_styles(sample)}), "
            "so that its last articles are shortened",
            'nothing to do, or set style = "summary", or a lower max_items',
            severity=Severity.HINT,
        )


def lost_in_mail(sample: Sample, overrides: Overrides) -> Iterator[Finding]:
    """What a template's layout hangs on and some mail programs drop."""
    for lost in lost_features(sample.digest.html):
        if lost.feature.layout:
            name = lost.name
            spaced = name.replace(":", ": ")
            file, line = overrides.place(name, spaced, name.strip("<>"), otherwise="templates/email/style.css")
            yield Finding(
                severity=Severity.WARNING,
                rule="lost-in-mail",
                file=file,
                line=line,
                what=f"{name} is unknown to {', '.join(lost.feature.programs)}: {lost.feature.effect}",
                remedy="lay it out with tables, padding and plain colours, as the built-in templates do",
            )


def unknown_field(
    sample: Sample, positions: Positions, overrides: Overrides, own_fields: Collection[str]
) -> Iterator[Finding]:
    """A field of the reader's that no reader has: it is misspelt, or was never imported."""
    newsletter, digest = sample.newsletter, sample.digest
    for name in sorted(names(digest.subject + digest.preheader + digest.html + digest.text) - _FIELDS):
        if name in own_fields:
            continue
        settings = {key: getattr(newsletter, key) for key in ("subject", "preheader", "greeting")}
        key = next((key for key, template in settings.items() if re.search(rf"\breader\W+{name}\b", template)), None)
        file, line = overrides.place(f"reader.{name}", name, otherwise=_TEMPLATE)
        if key is not None:
            file, line = sample.feed.file, positions(sample.feed.file, ["newsletter", key])
        near = difflib.get_close_matches(name, [*own_fields, *_FIELDS], n=1)
        yield Finding(
            severity=Severity.WARNING,
            rule="unknown-field",
            file=file,
            line=line,
            what=f'no reader has a field "{name}", which the digest of "{newsletter.name}" prints',
            remedy=f'did you mean "{near[0]}"?' if near else "import it as a column of that name",
        )


def looks_like_spam(sample: Sample, positions: Positions, verdict: Verdict) -> Iterator[Finding]:
    """More points than a digest should have; 5 are spam."""
    if verdict.score >= SUSPICIOUS:
        yield _of_settings(
            sample,
            positions,
            "spam-score",
            "subject",
            f"the next edition has a spam score of {verdict.score:.1f} by {verdict.by}: {'; '.join(verdict.reasons)}",
            "change what the rules name; 5 is spam, 0 or less is best",
        )


def large_digest(sample: Sample, positions: Positions) -> Iterator[Finding]:
    """Near the size at which mail programs clip; beyond it, articles are shortened."""
    size = len(sample.digest.html.encode())
    if size > AIM and _natural_size(sample) <= CLIPPED_AT:
        yield _of_settings(
            sample,
            positions,
            "large-digest",
            "style",
            f"the next edition has {size / 1024:.0f} KB of HTML ({_styles(sample)}), and mail programs clip at "
            f"{CLIPPED_AT / 1024:.0f} KB",
            'nothing to do, or set style = "summary", or a lower max_items',
            severity=Severity.HINT,
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


def _natural_size(sample: Sample) -> int:
    """Bytes of the HTML in the newsletter's style, were there no limit."""
    style = sample.newsletter.style
    return sample.sizes["full" if style == "letter" else style]


def _styles(sample: Sample) -> str:
    return ", ".join(f"{style} {size / 1024:.0f} KB" for style, size in sample.sizes.items())


def _of_settings(
    sample: Sample,
    positions: Positions,
    rule: str,
    key: str,
    what: str,
    remedy: str,
    *,
    severity: Severity = Severity.WARNING,
) -> Finding:
    file = sample.feed.file
    return Finding(
        severity=severity,
        rule=rule,
        file=file,
        line=positions(file, ["newsletter", key]),
        what=what,
        remedy=remedy,
    )
