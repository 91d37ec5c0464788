"""What is wrong or doubtful in what the templates of a digest make of it: with the line of a template of its own.

Each rule is a function. Deciding only: pure. What articles bring with them is reported there, not here.
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from urllib.parse import urlsplit

from publisher.articles.urls import is_insecure
from publisher.editions.mail_programs import lost_features
from publisher.editions.mail_values import FIELDS
from publisher.editions.sampling import Sample
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.publication.positions import Positions
from publisher.theme.fields import TOKEN, names
from publisher.theme.overrides import Overrides

__all__ = ["IMAGE", "attributes", "check_templates"]

IMAGE = re.compile(r"<img\b[^>]*>", re.I)
"""A picture's tag."""

_TEMPLATE = "templates/email/digest.html"
_PLACEHOLDER = re.compile(r"\{\{[^{}\n]{0,80}\}\}|\{%[^%\n]{0,80}%\}|\*\|[A-Z][A-Z0-9_:]*\|\*")
_CODE = re.compile(r"<(pre|code)\b.*?</\1>", re.S | re.I)
_ATTRIBUTE = re.compile(r"""\s(src|alt|href)=(?:"([^"]*)"|'([^']*)')""", re.I)
_LINK = re.compile(r"<(?:a|img)\b[^>]*>", re.I)
_FIELDS = {*FIELDS, "unsubscribe_mailto"}


def check_templates(
    sample: Sample,
    *,
    positions: Positions,
    publication: Publication,
    fault: Callable[[str], tuple[str, str] | None],
    overrides: Overrides,
    own_fields: Collection[str] | None,
) -> Iterator[Finding]:
    """All findings about one digest's templates; see `publisher.editions.checking.check_sample`. Pure."""
    yield from placeholder_in_digest(sample, overrides)
    yield from image_without_alt(sample, overrides)
    yield from broken_link_in_digest(sample, fault, overrides)
    yield from insecure_link_in_digest(sample, publication, overrides)
    yield from lost_in_mail(sample, overrides)
    if own_fields is not None:
        yield from unknown_field(sample, positions, overrides, own_fields)


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
                what=f'readers would see "{placeholder}"',
                remedy="fill it in, or take it out of the template",
            )


def image_without_alt(sample: Sample, overrides: Overrides) -> Iterator[Finding]:
    """An ``<img>`` of the templates without ``alt``: programs read its address aloud."""
    for tag in dict.fromkeys(IMAGE.findall(sample.digest.html)):
        given = attributes(tag)
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
                what=f'broken link "{address}" in digests: {cause[0]}',
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
            what=f'no reader has a field "{name}", which digests print',
            remedy=f'did you mean "{near[0]}"?' if near else "import it as a column of that name",
        )


def _of_templates(sample: Sample) -> Iterable[str]:
    """The addresses in the digest that no article's text brought in."""
    of_articles = {
        address for article in sample.articles for tag in _LINK.findall(article.html) for address in _addresses(tag)
    }
    in_digest = (address for tag in _LINK.findall(sample.digest.html) for address in _addresses(tag))
    return [address for address in dict.fromkeys(in_digest) if address not in of_articles]


def _addresses(tag: str) -> Iterator[str]:
    given = attributes(tag)
    yield from (given[name].strip() for name in ("href", "src") if name in given)


def attributes(tag: str) -> dict[str, str]:
    """``src``, ``alt`` and ``href`` of a tag, unescaped. Pure."""
    return {name.lower(): html.unescape(double or single) for name, double, single in _ATTRIBUTE.findall(tag)}
