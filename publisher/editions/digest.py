"""Digests: the edition that readers get, as subject, preheader, HTML and text, frozen.

The page around the articles is rendered from ``templates/email/digest.html`` and inlined once; the articles'
bodies are inlined once each (many variants share them) and put in afterwards. Readers' own values stand as
tokens.

Guarantees: the same values and templates give the same bytes. The HTML stays under ``limit`` bytes even with
long personal values, since mail programs clip what is longer, and with it the link to unsubscribe: the last
articles become excerpts, then headlines, then one link to all that is left out. Subject and preheader are
one line each.
Fails with TemplateError, and where not even the page without articles fits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from publisher.editions.article_mail import article_mail, without_controls
from publisher.editions.fitting import Layout, first_that_fits, layout_at, layouts
from publisher.editions.inlining import inline, inline_fragment
from publisher.editions.mail_values import READER, FooterLink, mail_values, tidy_text
from publisher.editions.placing import (
    Group,
    Placed,
    cleaned,
    excerpt_of,
    grouped,
    placed,
    shortened,
    title_of,
)
from publisher.editions.plaintext import Links
from publisher.model.article import Article, Author, Image
from publisher.model.edition import Digest
from publisher.model.errors import TemplateError
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.theme.environment import Environment, render, render_line
from publisher.theme.fields import TOKEN
from publisher.theme.words import Words

__all__ = ["CLIPPED_AT", "render_digest"]

CLIPPED_AT = 102_400
"""Bytes of decoded HTML beyond which Gmail shows "[Message clipped]" and nothing of what follows."""

_FOR_A_TOKEN = 600
"""Bytes kept free for each token: a long link of a reader's own, escaped."""

_MARGINS = 40
_LOGO_WIDTH, _LOGO_HEIGHT = 200, 72
_MANY = 4
_MOST_CONTENTS = 30
_BODY = re.compile(r"<!--body (\d+)-->")


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
    browser_url: str = "",
    logo: Image | None = None,
    limit: int = CLIPPED_AT,
) -> Digest:
    """The digest of an edition: ``articles`` in their order, ``rest`` as linked headlines.

    ``slot`` is aware; it is printed as a date in the newsletter's zone. ``browser_url`` is the edition's
    public page (``""``: no link); ``logo`` has an absolute URL; ``limit`` is in bytes. Raises TemplateError.
    """
    shown = [cleaned(article) for article in articles]
    further = [cleaned(article) for article in rest]
    local = slot.astimezone(ZoneInfo(newsletter.timezone))
    words = environment.words(language)
    dateline = words.dateline(local)
    if edition_number:
        dateline += " · " + words.say("No. %(number)s", number=edition_number)
    subject = _subject(environment, words, publication, newsletter, shown, further, local, edition_number)
    preheader = _preheader(shown, words)
    values = mail_values(publication, newsletter, words) | {
        "heading": newsletter.title,
        "document_title": TOKEN.sub("", subject) or newsletter.title,
        "dateline": dateline,
        "date": local,
        "edition_number": edition_number,
        "preheader": preheader,
        "logo": logo and _logo_within(logo, publication.theme.width - _MARGINS),
        "why": words.say(
            "You get this because you subscribed to %(newsletter)s (%(cadence)s).",
            newsletter=newsletter.title,
            cadence=words.cadence(cadence),
        ),
        "footer_links": _footer_links(publication, words, browser_url),
    }
    page = _Page(environment, words, values, tuple(shown), tuple(further), publication.theme.width - _MARGINS)
    html, layout = _fitted(page, newsletter, limit)
    text = tidy_text(render(environment, "email/digest.txt", page.values_for(layout)))
    return Digest(subject=subject, preheader=preheader, html=html, text=text)


@dataclass(frozen=True, slots=True)
class _Page:
    """What an edition's page is made of, whatever it shows of each article. ``column`` is in pixels."""

    environment: Environment
    words: Words
    values: Mapping[str, Any]
    articles: tuple[Article, ...]
    rest: tuple[Article, ...]
    column: int

    @property
    def has_sections(self) -> bool:
        return len({article.section for article in self.articles}) > 1

    @property
    def level(self) -> int:
        """The level of articles' titles: below the section's, where there are sections."""
        return 3 if self.has_sections else 2

    def html_for(self, layout: Layout) -> str:
        """The finished HTML of a layout. Raises TemplateError."""
        page = inline(render(self.environment, "email/digest.html", self.values_for(layout)))
        css = render(self.environment, "email/style.css", self.values)

        def body(found: re.Match[str]) -> str:
            return _inlined_body(self.body_of(int(found.group(1))), css)

        return _BODY.sub(body, page)

    def body_of(self, index: int) -> str:
        """The HTML of an article for mail, not yet inlined."""
        article = self.articles[index]
        top = self.level + 1 if article.title else self.level
        return article_mail(article.html, url=article.url, top=top, column=self.column)

    def values_for(self, layout: Layout) -> dict[str, Any]:
        """What the templates of a digest are given."""
        links = Links()
        shown = self.articles[: len(layout.forms)]
        groups = []
        for indices in grouped(shown):
            inside = tuple(self._placed(index, layout, links) for index in indices)
            label = self._label(shown[indices[0]].section) if self.has_sections else ""
            groups.append(Group(label, inside, tuple(links.gather())))
        rest = [
            placed(
                article,
                "headline",
                number=-1,
                level=3,
                is_lead=False,
                words=self.words,
                column=self.column,
                links=links,
            )
            for article in self.rest[: layout.rest]
        ]
        return {
            **self.values,
            "groups": groups,
            "rest": rest,
            "contents": _contents(groups),
            "left_out": len(self.articles) + len(self.rest) - len(shown) - len(rest),
            "writers": _writers(shown) if set(layout.forms) == {"full"} else [],
        }

    def _placed(self, index: int, layout: Layout, links: Links) -> Placed:
        return placed(
            self.articles[index],
            layout.forms[index],
            number=index,
            level=self.level,
            is_lead=index == 0,
            words=self.words,
            column=self.column,
            links=links,
        )

    def _label(self, section: str) -> str:
        publication: Publication = self.values["publication"]
        return publication.section_label(section) if section else self.words.say("Also in this edition")


def _fitted(page: _Page, newsletter: Newsletter, limit: int) -> tuple[str, Layout]:
    """The HTML of the richest layout under the limit, and that layout. Raises TemplateError without one."""
    articles, rest = len(page.articles), len(page.rest)
    steps = layouts(newsletter.style, articles, rest)
    if newsletter.style == "full":
        steps = range(articles - _bodies_within(page, limit), steps.stop)
    made: dict[int, str] = {}

    def fits(step: int) -> bool:
        html = made[step] = page.html_for(layout_at(step, articles, rest))
        return len(html.encode()) + _FOR_A_TOKEN * len(TOKEN.findall(html)) <= limit

    step = first_that_fits(steps, fits)
    if step is None:
        size = len(made[steps[-1]].encode())
        raise TemplateError(
            f"the digest of {newsletter.name} has {size} bytes without any article, and {limit} is the limit",
            where="templates/email/digest.html",
            remedy="shorten the template or its style",
        )
    return made[step], layout_at(step, articles, rest)


def _bodies_within(page: _Page, limit: int) -> int:
    """How many of the first articles could at most be full: so many bodies, not inlined, are in the limit.

    It spares inlining megabytes that cannot fit anyway.
    """
    size = 0
    for index in range(len(page.articles)):
        size += len(page.body_of(index).encode())
        if size > limit:
            return index
    return len(page.articles)


@lru_cache(maxsize=128)
def _inlined_body(html: str, css: str) -> str:
    return inline_fragment(html, css, within="body")


def _subject(
    environment: Environment,
    words: Words,
    publication: Publication,
    newsletter: Newsletter,
    articles: Sequence[Article],
    rest: Sequence[Article],
    local: datetime,
    edition_number: int,
) -> str:
    """One line, never empty; a template asks for titles, so an untitled article lends its first words."""
    titled = [replace(article, title=title_of(article)) for article in articles]
    values = words.values | {
        "headline": _headline(titled, words),
        "articles": titled,
        "rest": [replace(article, title=title_of(article)) for article in rest],
        "newsletter": newsletter,
        "publication": publication,
        "slot": local,
        "edition_number": edition_number,
        "reader": READER,
    }
    where = f"feeds/{newsletter.name}.toml: newsletter.subject"
    subject = render_line(environment, newsletter.subject, values, where=where)
    return " ".join(without_controls(subject).split()) or newsletter.title


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
    return " ".join(shortened(words.say("Also: %(titles)s", titles=titles), 120).split())


def _contents(groups: Sequence[Group]) -> list[Placed]:
    """The list of contents, where there is so much to read that one helps."""
    to_read = [each for group in groups for each in group.articles if each.form != "headline"]
    return to_read if _MANY <= len(to_read) <= _MOST_CONTENTS else []


def _writers(articles: Sequence[Article]) -> list[Author]:
    """The authors with a biography, once each."""
    return list({author.key: author for article in articles for author in article.authors if author.bio}.values())


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
