"""Digests: the edition that readers get, as subject, preheader, HTML and text, frozen.

The page is rendered from ``templates/email/digest.html`` and ``.txt``, or ``letter.html`` and ``.txt`` for a newsletter
in letter style whose edition has one article. Readers' own values stand as tokens.

Guarantees: the same values and templates give the same bytes. The HTML stays under ``limit`` bytes even with
long personal values, since mail programs clip what is longer, and with it the link to unsubscribe: the last
articles become excerpts, then headlines, then one link to all that is left out. Subject and preheader are
one line each.
Fails with TemplateError, and where not even the page without articles fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from publisher.editions.article_mail import without_controls
from publisher.editions.embedding import shown
from publisher.editions.mail_values import READER, FooterLink, mail_values, tidy_text
from publisher.editions.page import Page, fitted
from publisher.editions.placing import cleaned, excerpt_of, shortened, title_of
from publisher.model.article import Article, Image
from publisher.model.correction import Corrected
from publisher.model.edition import Digest, Embedded
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.theme.environment import Environment, render, render_line
from publisher.theme.fields import TOKEN, strip
from publisher.theme.words import Words, without_isolates

__all__ = ["CLIPPED_AT", "render_digest", "subject_of"]

CLIPPED_AT = 102_400
"""Bytes of decoded HTML beyond which Gmail shows "[Message clipped]" and nothing of what follows."""

_MARGINS = 40
_LOGO_WIDTH, _LOGO_HEIGHT = 200, 72


def render_digest(
    environment: Environment,
    publication: Publication,
    newsletter: Newsletter,
    *,
    articles: Sequence[Article],
    rest: Sequence[Article],
    edition_number: int,
    slot: datetime,
    cadence: str,
    language: str,
    note: Article | None = None,
    corrections: Sequence[Corrected] = (),
    pictures: Mapping[str, Embedded] | None = None,
    browser_url: str = "",
    logo: Image | None = None,
    limit: int = CLIPPED_AT,
) -> Digest:
    """The digest of an edition: ``articles`` in their order, ``rest`` as linked headlines.

    ``corrections`` stand before everything: what was wrong in articles that these readers have.
    ``pictures`` are embedded in place of their web addresses (``publisher.editions.embedding``).
    ``note`` is the editor's, at the head, in full unless it is very long (then its beginning).
    ``slot`` is aware; it is printed as a date in the newsletter's zone. ``browser_url`` is the edition's
    public page (``""``: no link); ``logo`` has an absolute URL; ``limit`` is in bytes. Raises TemplateError.
    """
    taken = [cleaned(article) for article in articles]
    further = [cleaned(article) for article in rest]
    local = slot.astimezone(ZoneInfo(newsletter.timezone))
    words = environment.words(language)
    dateline = words.dateline(local)
    if edition_number:
        dateline += " · " + words.say("No. %(number)s", number=edition_number)
    wrong = [_cleaned(one) for one in corrections]
    given = words.values | _given(publication, newsletter, words, taken, further, local, edition_number)
    if taken:
        subject = _subject(environment, newsletter, given)
        preheader = _line(environment, newsletter, "preheader", given) or _preheader(taken, words)
    else:  # corrections alone: the templates of the settings count on an article
        subject = without_isolates(words.say("Correction: %(text)s", text=", ".join(one.title for one in wrong)))
        preheader = " ".join(shortened(wrong[0].text, 120).split()) if wrong else ""
    values = mail_values(publication, newsletter, words) | {
        "heading": newsletter.title,
        "document_title": TOKEN.sub("", subject) or newsletter.title,
        "dateline": dateline,
        "date": local,
        "edition_number": edition_number,
        "preheader": preheader,
        "greeting": _line(environment, newsletter, "greeting", given) if taken else "",
        "corrections": wrong,
        "logo": logo and _logo_within(logo, publication.theme.width - _MARGINS),
        "why": words.say(
            "You get this because you subscribed to %(newsletter)s (%(cadence)s).",
            newsletter=newsletter.title,
            cadence=words.cadence(cadence),
        ),
        "footer_links": _footer_links(publication, words, browser_url),
    }
    page = Page(
        environment,
        words,
        values,
        tuple(taken),
        tuple(further),
        note=note and cleaned(note),
        pictures=pictures or {},
        is_letter=newsletter.style == "letter" and len(taken) == 1 and not wrong,
        column=publication.theme.width - _MARGINS,
    )
    html, layout = fitted(page, newsletter, limit)
    text = tidy_text(render(environment, f"email/{page.template}.txt", page.values_for(layout)))
    return Digest(
        subject=subject, preheader=preheader, html=html, text=text, pictures=shown(html, page.pictures.values())
    )


def _given(
    publication: Publication,
    newsletter: Newsletter,
    words: Words,
    articles: Sequence[Article],
    rest: Sequence[Article],
    local: datetime,
    edition_number: int,
) -> dict[str, Any]:
    """What the templates in a newsletter's settings are given. They ask for titles: an untitled article lends its
    first words.
    """
    titled = [replace(article, title=title_of(article)) for article in articles]
    return {
        "headline": _headline(titled, words),
        "articles": titled,
        "rest": [replace(article, title=title_of(article)) for article in rest],
        "newsletter": newsletter,
        "publication": publication,
        "slot": local,
        "edition_number": edition_number,
        "reader": READER,
    }


def _cleaned(correction: Corrected) -> Corrected:
    return replace(
        correction,
        title=" ".join(strip(without_controls(correction.title)).split()),
        text=" ".join(strip(without_controls(correction.text)).split()),
    )


def subject_of(
    environment: Environment,
    publication: Publication,
    newsletter: Newsletter,
    *,
    articles: Sequence[Article],
    rest: Sequence[Article],
    edition_number: int,
    slot: datetime,
    language: str,
) -> str:
    """The subject of an edition as `render_digest` would make it now. Raises TemplateError."""
    words = environment.words(language)
    taken, further = [cleaned(article) for article in articles], [cleaned(article) for article in rest]
    local = slot.astimezone(ZoneInfo(newsletter.timezone))
    given = words.values | _given(publication, newsletter, words, taken, further, local, edition_number)
    return _subject(environment, newsletter, given)


def _subject(environment: Environment, newsletter: Newsletter, given: Mapping[str, Any]) -> str:
    """One line, never empty."""
    return _line(environment, newsletter, "subject", given) or newsletter.title


def _line(
    environment: Environment,
    newsletter: Newsletter,
    key: Literal["subject", "preheader", "greeting"],
    given: Mapping[str, Any],
) -> str:
    """A template of the newsletter's settings as one line of plain text."""
    where = f"feeds/{newsletter.name}.toml: newsletter.{key}"
    text = render_line(environment, getattr(newsletter, key), given, where=where)
    return " ".join(without_controls(without_isolates(text)).split())


def _headline(articles: Sequence[Article], words: Words) -> str:
    """The first title, and how many more there are."""
    if len(articles) < 2:
        return articles[0].title if articles else ""
    more = len(articles) - 1
    return words.plural("%(title)s and %(number)s more", "%(title)s and %(number)s more", more, title=articles[0].title)


def _preheader(articles: Sequence[Article], words: Words) -> str:
    """What a list of messages shows after the subject: what the first article says, or what else there is."""
    if not articles:
        return ""
    if articles[0].title and (excerpt := excerpt_of(articles[0])):
        return " ".join(shortened(excerpt, 120).split())
    titles = ", ".join(title_of(article) for article in articles[1:4])
    if not titles:
        return " ".join(shortened(excerpt_of(articles[0]), 120).split())
    return " ".join(shortened(without_isolates(words.say("Also: %(titles)s", titles=titles)), 120).split())


def _logo_within(logo: Image, column: int) -> Image:
    """The logo with a width that is known: low enough for a masthead, padding included in the column."""
    if not logo.width or not logo.height:
        return replace(logo, width=_LOGO_WIDTH, height=0)
    scale = min(1, _LOGO_HEIGHT / logo.height, (column - 16) / logo.width)
    return replace(logo, width=max(1, round(logo.width * scale)), height=max(1, round(logo.height * scale)))


def _footer_links(publication: Publication, words: Words, browser_url: str) -> list[FooterLink]:
    links = [FooterLink(words.say("Unsubscribe"), READER["unsubscribe_url"])]
    if publication.web.endpoints:
        links.append(FooterLink(words.say("Change how often and what you get"), READER["preferences_url"]))
    if browser_url:
        links.append(FooterLink(words.say("Read this edition in your browser"), browser_url))
    return links
