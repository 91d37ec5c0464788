"""The page of a digest: what its templates are given for a layout, and the richest layout that is not clipped.

The page around the articles is rendered and inlined as a whole; the articles' bodies are inlined once each (many
variants share them) and put in afterwards. Pure but for the templates it reads. Fails with TemplateError, and where
not even the page without articles fits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from publisher.editions.article_mail import article_mail
from publisher.editions.embedding import embedded
from publisher.editions.fitting import Layout, Style, first_that_fits, layout_at, layouts
from publisher.editions.inlining import inline, inline_fragment
from publisher.editions.placing import Group, Placed, grouped, placed
from publisher.editions.plaintext import Links
from publisher.model.article import Article, Author
from publisher.model.edition import Embedded
from publisher.model.errors import TemplateError
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.theme.environment import Environment, render
from publisher.theme.fields import TOKEN
from publisher.theme.languages import direction_of
from publisher.theme.words import Words

__all__ = ["Page", "fitted"]

_FOR_A_TOKEN = 600
"""Bytes kept free for each token: a long link of a reader's own, escaped."""

_LONGEST_NOTE = 20_000
"""Bytes of a note's HTML beyond which it would crowd out what it introduces."""

_MANY = 4
_MOST_CONTENTS = 30
_BODY = re.compile(r"<!--body (\d+)-->")


@dataclass(frozen=True, slots=True)
class Page:
    """What an edition's page is made of, whatever it shows of each article.

    ``is_letter``: one article as a letter, its title as the page's; ``column`` is in pixels.
    """

    environment: Environment
    words: Words
    values: Mapping[str, Any]
    articles: tuple[Article, ...]
    rest: tuple[Article, ...]
    note: Article | None
    pictures: Mapping[str, Embedded]
    is_letter: bool
    column: int

    @property
    def template(self) -> str:
        """The name of its templates, without an ending."""
        return "letter" if self.is_letter else "digest"

    @property
    def has_sections(self) -> bool:
        newsletter: Newsletter = self.values["newsletter"]
        return newsletter.order == "section" and len({article.section for article in self.articles}) > 1

    @property
    def level(self) -> int:
        """The level of articles' titles: below the section's, where there are sections."""
        return 1 if self.is_letter else 3 if self.has_sections else 2

    def html_for(self, layout: Layout) -> str:
        """The finished HTML of a layout. Raises TemplateError."""
        page = inline(render(self.environment, f"email/{self.template}.html", self.values_for(layout)))
        # An Arabic article in an English digest has its lists' and quotations' margins on its own side.
        css = {
            direction: render(
                self.environment, "email/style.css", {**self.values, "direction": direction, "level": self.level}
            )
            for direction in ("ltr", "rtl")
        }

        def body(found: re.Match[str]) -> str:
            index = int(found.group(1))
            return _inlined_body(self.body_of(index), css[self._direction_of(index)])

        return embedded(_BODY.sub(body, page), self.pictures)

    def body_of(self, index: int) -> str:
        """The HTML of an article for mail, not yet inlined."""
        article = self._article(index)
        if index == len(self.articles):
            return article_mail(article.html, url=article.url, top=3, column=self.column)
        top = max(2, self.level + 1 if article.title else self.level)
        return article_mail(article.html, url=article.url, top=top, column=self.column)

    def _article(self, index: int) -> Article:
        """The article at that place; behind the last one is the note."""
        if index == len(self.articles) and self.note is not None:
            return self.note
        return self.articles[index]

    def _direction_of(self, index: int) -> str:
        return direction_of(self._article(index).language or self.words.language)

    def values_for(self, layout: Layout) -> dict[str, Any]:
        """What the templates of a digest are given."""
        links = Links()
        note = self._note(links)
        note_links = links.gather()
        shown = self.articles[: len(layout.forms)]
        groups = []
        for indices in grouped(shown) if self.has_sections else [list(range(len(shown)))] if shown else []:
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
            "is_letter": self.is_letter,
            "level": self.level,
            "note": note,
            "note_links": note_links,
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

    def _note(self, links: Links) -> Placed | None:
        if self.note is None:
            return None
        index = len(self.articles)
        return placed(
            self.note,
            "full" if len(self.body_of(index).encode()) <= _LONGEST_NOTE else "excerpt",
            number=index,
            level=2,
            is_lead=False,
            words=self.words,
            column=self.column,
            links=links,
        )

    def _label(self, section: str) -> str:
        publication: Publication = self.values["publication"]
        return publication.section_label(section) if section else self.words.say("Also in this edition")


def fitted(page: Page, newsletter: Newsletter, limit: int) -> tuple[str, Layout]:
    """The HTML of the richest layout under the limit, and that layout. Raises TemplateError without one."""
    articles, rest = len(page.articles), len(page.rest)
    style: Style = "full" if newsletter.style == "letter" else newsletter.style
    steps = layouts(style, articles, rest)
    if style == "full":
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
            where=f"templates/email/{page.template}.html",
            remedy="shorten the template or its style",
        )
    return made[step], layout_at(step, articles, rest)


def _bodies_within(page: Page, limit: int) -> int:
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


def _contents(groups: Sequence[Group]) -> list[Placed]:
    """The list of contents, where there is so much to read that one helps."""
    to_read = [each for group in groups for each in group.articles if each.form != "headline"]
    return to_read if _MANY <= len(to_read) <= _MOST_CONTENTS else []


def _writers(articles: Sequence[Article]) -> list[Author]:
    """The authors with a biography, once each."""
    return list({author.key: author for article in articles for author in article.authors if author.bio}.values())
