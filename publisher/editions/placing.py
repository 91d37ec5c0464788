"""Placing: each article as its place in the digest shows it: title, picture, byline, body or excerpt.

Guarantees: nothing that an article's author wrote brings a token or a control character with it. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup, escape

from publisher.editions.article_mail import is_shown_in_mail, without_controls
from publisher.editions.fitting import Form
from publisher.editions.plaintext import Links, plain_text
from publisher.model.article import Article, Author, Image
from publisher.theme.fields import strip
from publisher.theme.languages import direction_of
from publisher.theme.words import Words

__all__ = ["Group", "Placed", "cleaned", "excerpt_of", "grouped", "placed", "shortened", "title_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An article in its place.

    ``picture`` is shown above the text; ``linked`` is one that mail programs do not show, so that it is a link.
    ``title`` is never empty (``titled`` says whether it is the article's own); ``level`` is its heading's;
    ``body`` is a mark where the body goes once the page around it is inlined; ``text`` is its body or excerpt
    in the text part.
    """

    article: Article
    form: Form
    title: str
    titled: bool
    short_title: str
    level: int
    is_lead: bool
    byline: str
    excerpt: str
    picture: Image | None
    linked: Image | None
    body: Markup
    text: str
    language_attributes: Markup


@dataclass(frozen=True, slots=True)
class Group:
    """Articles under one section's heading (``""``: none), and the numbered addresses of their links."""

    label: str
    articles: tuple[Placed, ...]
    links: tuple[str, ...] = ()


def cleaned(article: Article) -> Article:
    """``article`` without tokens and control characters in what stands on the page outside its HTML."""
    image = article.image
    return replace(
        article,
        title=_clean(article.title),
        summary=_clean(article.summary),
        correction=_clean(article.correction),
        authors=tuple(_cleaned_author(author) for author in article.authors),
        image=image
        and replace(image, alt=_clean(image.alt), caption=_clean(image.caption), credit=_clean(image.credit)),
    )


def title_of(article: Article) -> str:
    """Its title, or the first words of its summary or text: something to call it by."""
    return article.title or shortened(excerpt_of(article), 60) or article.slug or article.url


def excerpt_of(article: Article) -> str:
    """Its summary, or the beginning of its text."""
    return article.summary or shortened(" ".join(_clean(plain_text(article.html, Links())).split()), 300)


def shortened(text: str, length: int) -> str:
    """``text``, or as many whole words of it as fit into ``length`` characters, with an ellipsis."""
    if len(text) <= length:
        return text
    head = text[: length - 1]
    words, space, _ = head.rpartition(" ")
    return (words if space and len(words) > length // 2 else head).rstrip(" ,.;:-\u2013\u2014") + "…"


def placed(
    article: Article,
    form: Form,
    *,
    number: int,
    level: int,
    is_lead: bool,
    words: Words,
    column: int,
    links: Links,
) -> Placed:
    """``article`` (cleaned) in ``form`` as the ``number``-th of the digest. Its links go into ``links``."""
    title = title_of(article)
    excerpt = excerpt_of(article) if form == "excerpt" else ""
    return Placed(
        article=article,
        form=form,
        title=title,
        titled=bool(article.title),
        short_title=shortened(title, 60),
        level=level,
        is_lead=is_lead,
        byline=_byline(article.authors, words),
        excerpt=excerpt,
        picture=_picture(article, form, is_lead, column),
        linked=_linked(article, form),
        body=Markup(f"<!--body {number}-->"),
        text=plain_text(article.html if form == "full" else str(escape(excerpt)), links),
        language_attributes=_language_attributes(article.language, words.language),
    )


def grouped(articles: Sequence[Article]) -> list[list[int]]:
    """The places of ``articles`` section by section, in the order in which sections come up first. Pure."""
    sections: dict[str, list[int]] = {}
    for index, article in enumerate(articles):
        sections.setdefault(article.section, []).append(index)
    return list(sections.values())


def _picture(article: Article, form: Form, is_lead: bool, column: int) -> Image | None:
    """The article's picture, where it is shown above the text: not if the text shows it anyway."""
    image = article.image
    if image is None or not image.url or form == "headline" or not is_shown_in_mail(image.url):
        return None
    in_its_text = form == "full" and f'src="{escape(image.url)}"' in article.html
    if in_its_text or (form == "excerpt" and not is_lead):
        return None
    width = min(image.width or column, column)
    height = max(1, round(image.height * width / image.width)) if image.width and image.height else 0
    return replace(image, width=width, height=height)


def _linked(article: Article, form: Form) -> Image | None:
    """The picture in a format that mail programs do not show: beside the whole text, which may hang on it."""
    image = article.image
    if image is None or not image.url or form != "full" or is_shown_in_mail(image.url):
        return None
    in_its_text = f'src="{escape(image.url)}"' in article.html
    alt = image.alt or image.caption or image.url.rsplit("/", 1)[-1]
    return None if in_its_text else replace(image, alt=alt)


def _byline(authors: Sequence[Author], words: Words) -> str:
    names = [author.name for author in authors if author.name]
    return words.say("By %(names)s", names=words.listed(names)) if names else ""


def _language_attributes(language: str, around: str) -> Markup:
    if not language or language.lower() == around.lower():
        return Markup("")
    direction = direction_of(language)
    turned = Markup(' dir="{}"').format(direction) if direction != direction_of(around) else Markup("")
    return Markup(' lang="{}"').format(language) + turned


def _cleaned_author(author: Author) -> Author:
    return replace(author, name=_clean(author.name), bio=_clean(author.bio), url=_clean(author.url))


def _clean(text: str) -> str:
    return strip(without_controls(text))
