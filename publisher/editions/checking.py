"""What is wrong or doubtful in the digests that readers would get next.

Each rule is a function. Deciding only: pure, on digests that were rendered before (`publisher.editions.sampling`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from publisher.editions.digest import CLIPPED_AT
from publisher.editions.sampling import Sample
from publisher.editions.spam import Verdict
from publisher.editions.template_checking import IMAGE, attributes, check_templates
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.publication.positions import Positions
from publisher.theme.fields import fill
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

_SOMEBODY = {"name": "Alexandra Exampleton", "address": "alexandra@example.org"}


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
    yield from check_templates(
        sample,
        positions=positions,
        publication=publication,
        fault=fault,
        overrides=overrides,
        own_fields=own_fields,
    )
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
    if sample.articles and not sample.digest.preheader.strip():
        first = sample.articles[0]
        yield Finding(
            severity=Severity.WARNING,
            rule="no-preheader",
            file=first.path,
            line=1,
            what=f'leads the next edition of "{sample.newsletter.name}" without a word to show beside the subject',
            remedy='add: summary = "One or two sentences."',
        )


def heavy_digest(sample: Sample, positions: Positions, weights: Mapping[str, int]) -> Iterator[Finding]:
    """More bytes than a reader on the road should have to load: the HTML and our own pictures."""
    shown = {attributes(tag).get("src", "") for tag in IMAGE.findall(sample.digest.html)}
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
