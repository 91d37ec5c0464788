"""How much a digest looks like spam: SpamAssassin's local rules where it is installed, else a few rules of our own.

Guarantees: no network is asked and nothing is saved. SpamAssassin's answer is its own; ours is labelled as ours, and
is no prediction of what a filter with years of mail behind it will say. Never fails: a SpamAssassin that does not
answer within half a minute, or not as expected, is taken for one that is not there.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import lxml.html

from publisher.delivery.composing import edition_envelope, personal_fields
from publisher.delivery.message import compile_message, message_bytes
from publisher.editions.sampling import Sample
from publisher.model.publication import Publication

__all__ = ["Verdict", "own_verdict", "spam_verdict"]

_PATIENCE = 30
_NOBODYS_KEYS = (b"nobody's key, of a sample that is never sent",)
_STATUS = re.compile(r"^X-Spam-Status:.*?score=(-?[\d.]+)", re.MULTILINE | re.DOTALL)
_RULE = re.compile(r"^\*\s+(-?[\d.]+) (\w+) (.*)$", re.MULTILINE)
_SHORTENERS = {"bit.ly", "t.co", "tinyurl.com", "goo.gl", "ow.ly", "is.gd", "buff.ly", "rebrand.ly", "cutt.ly"}
_DOMAIN = re.compile(r"(?:https?://)?((?:[a-z0-9-]+\.)+[a-z]{2,})(?:/\S*)?", re.IGNORECASE)
_NUMBER = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
_WORDS_A_PICTURE = 30
_FEWEST_WORDS = 20


@dataclass(frozen=True, slots=True)
class Verdict:
    """``score``: 0 or less is best, from 5 on it is spam. ``by``: who says so. ``reasons``: what adds to it."""

    score: float
    by: str
    reasons: tuple[str, ...]


def spam_verdict(sample: Sample, publication: Publication) -> Verdict:
    """The verdict on a sample as somebody made up would get it. Runs SpamAssassin (a second) if it is there."""
    program = shutil.which("spamassassin")
    if program is not None:
        words = [program, "--local", "--nocreate-prefs", "--cf", "score NO_RELAYS 0"]
        words += ["--cf", "add_header all Report _REPORT_"]
        try:
            done = subprocess.run(
                words, input=_message(sample, publication), capture_output=True, timeout=_PATIENCE, check=True
            )
        except (OSError, subprocess.SubprocessError):
            done = None
        if done is not None and (verdict := _read(done.stdout.decode("utf-8", "replace"))) is not None:
            return verdict
    return own_verdict(sample.digest.subject, sample.digest.html, sample.digest.text)


def own_verdict(subject: str, html: str, text: str) -> Verdict:
    """The verdict of our own rules, which are listed in docs/commands.md. Pure."""
    faults = [*_of_subject(subject), *_of_html(html), *_of_text(text)]
    return Verdict(
        score=sum(points for points, _ in faults),
        by="seven rules of our own, since SpamAssassin is not installed",
        reasons=tuple(f"{points:.1f} {reason}" for points, reason in faults),
    )


def _message(sample: Sample, publication: Publication) -> bytes:
    newsletter = sample.newsletter
    envelope = edition_envelope(publication, newsletter, number=1, date=sample.slot, language="")
    domain = newsletter.sender_address.rpartition("@")[2]
    return message_bytes(
        compile_message(sample.digest, envelope).message(
            message_id=f"<check@{domain}>",
            recipient_address="alexandra@example.org",
            recipient_name="Alexandra Exampleton",
            fields=personal_fields(publication, newsletter, {}, 0, _NOBODYS_KEYS),
        )
    )


def _read(answer: str) -> Verdict | None:
    head = answer.partition("\n\n")[0].replace("\n\t", "\n").replace("\n *", "\n*")
    status = _STATUS.search(head)
    if status is None:
        return None
    reasons = [f"{points} {name} ({about.strip()})" for points, name, about in _RULE.findall(head) if float(points) > 0]
    return Verdict(float(status[1]), "SpamAssassin's local rules", tuple(reasons))


def _of_subject(subject: str) -> Iterator[tuple[float, str]]:
    letters = [letter for letter in subject if letter.isalpha() and letter.upper() != letter.lower()]
    if len(letters) >= 8 and sum(letter.isupper() for letter in letters) > 0.8 * len(letters):
        yield 2.0, "the subject is in capitals"
    if re.search(r"!!|\?!|[$€£]{2}", subject):
        yield 1.0, "the subject shouts (!!, ?!, $$)"


def _of_html(html: str) -> Iterator[tuple[float, str]]:
    root = lxml.html.document_fromstring(html)
    pictures = len(root.findall(".//img"))
    words = len(root.text_content().split())
    if pictures and words < _WORDS_A_PICTURE * pictures:
        yield 0.5, f"{words} words for {pictures} pictures"
    for link in root.iterfind(".//a[@href]"):
        host = (urlsplit(link.attrib["href"]).hostname or "").lower()
        shown = _DOMAIN.fullmatch(link.text_content().strip())
        if host in _SHORTENERS:
            yield 1.0, f"a link is shortened ({host})"
        if _NUMBER.fullmatch(host):
            yield 2.0, f"a link leads to a bare number ({host})"
        if shown and host and not _related(shown[1].lower(), host):
            yield 2.0, f"a link says {shown[1]} and leads to {host}"


def _of_text(text: str) -> Iterator[tuple[float, str]]:
    words = len(text.split())
    if words < _FEWEST_WORDS:
        yield 0.5, f"the text part has {words} words"


def _related(one: str, other: str) -> bool:
    """Whether two host names are of one owner, as far as names tell."""
    return one.split(".")[-2:] == other.split(".")[-2:]
