"""Which feeds there are, and which articles each takes: those that are defined, and those of their ``each``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from operator import attrgetter

from publisher.model.article import Article
from publisher.model.feed import Feed, Selection
from publisher.model.publication import Publication
from publisher.syndication.addresses import slug
from publisher.syndication.characters import one_line

__all__ = ["feed_selections", "looked_at", "selected"]

# The names of languages in the languages themselves, as far as many readers have them.
_LANGUAGES = {
    "ar": "العربية", "cs": "Čeština", "da": "Dansk", "de": "Deutsch", "el": "Ελληνικά", "en": "English",
    "es": "Español", "fa": "فارسی", "fi": "Suomi", "fr": "Français", "he": "עברית", "hi": "हिन्दी", "hu": "Magyar",
    "it": "Italiano", "ja": "日本語", "ko": "한국어", "nl": "Nederlands", "no": "Norsk", "pl": "Polski",
    "pt": "Português", "ro": "Română", "ru": "Русский", "sv": "Svenska", "tr": "Türkçe", "uk": "Українська",
    "vi": "Tiếng Việt", "zh": "中文",
}  # fmt: skip

_Groups = dict[str, tuple[list[str], str, list[Article]]]


def feed_selections(publication: Publication, articles: Sequence[Article]) -> tuple[Feed, ...]:
    """The publication's feeds, and those of their ``each``: one a section, tag, author or language. Pure."""
    return tuple(feed for feed, _ in selected(publication, articles))


def selected(publication: Publication, articles: Sequence[Article]) -> list[tuple[Feed, list[Article]]]:
    """Each feed with its articles, in their order. Pure; goes through the articles once a definition and ``each``.

    A feed made for a value is named ``FEED-VALUE``; values that share a slug share one. A name that is taken
    already stays with the feed that has it. Sections and authors that the settings name have a feed from the
    start, so that its address is there before the first article and after the last.
    """
    takes: list[list[Article]] = [[] for _ in publication.feeds]
    look = looked_at(feed.selection for feed in publication.feeds)
    known: dict[tuple[object, ...], list[list[Article]]] = {}  # most articles share what selections look at
    for article in articles:
        key = look(article)
        taking = known.get(key)
        if taking is None:
            taking = known[key] = [
                own for feed, own in zip(publication.feeds, takes, strict=True) if feed.selection.matches(article)
            ]
        for own in taking:
            own.append(article)
    found = {feed.name: (feed, own) for feed, own in zip(publication.feeds, takes, strict=True)}
    for feed, own in list(found.values()):
        for kind in feed.each:
            for name, (values, label, taken) in _groups(publication, feed.selection, kind, own).items():
                made = replace(
                    feed,
                    name=f"{feed.name}-{name}",
                    title=f"{feed.title}: {label}",
                    language=values[0] if kind == "language" else feed.language,
                    selection=_narrowed(feed.selection, kind, tuple(values)),
                    each=(),
                    aliases=(),
                    newsletter=None,
                    podcast=None if feed.podcast is None else replace(feed.podcast, guid=""),
                    made_for=kind,
                )
                found.setdefault(made.name, (made, taken))
    return list(found.values())


def looked_at(selections: Iterable[Selection]) -> Callable[[Article], tuple[object, ...]]:
    """What these selections look at in an article: articles in which it is equal are taken by the same ones. Pure."""
    every = list(selections)
    names = [
        name
        for name, said in (
            ("section", any(one.sections for one in every)),
            ("tags", any(one.tags for one in every)),
            ("authors", any(one.authors for one in every)),
            ("language", any(one.languages for one in every)),
        )
        if said
    ]
    get = attrgetter("audio", *names) if any(one.audio for one in every) or not names else attrgetter(*names)
    return lambda article: (get(article),)


_OF: dict[str, Callable[[Article], tuple[tuple[str, str], ...]]] = {
    "section": lambda article: ((article.section, article.section),) if article.section else (),
    "tag": lambda article: tuple((tag, tag) for tag in article.tags),
    "author": lambda article: tuple((author.key, author.name) for author in article.authors),
    "language": lambda article: ((article.language, article.language),) if article.language else (),
}


def _groups(publication: Publication, selection: Selection, kind: str, articles: Sequence[Article]) -> _Groups:
    """By slug: the values that share it, a label, and the articles that have one of them; in the slugs' order."""
    groups: _Groups = {}
    for value, label in _expected(publication, selection, kind):
        groups.setdefault(slug(value), ([], label, []))[0].append(value)
    for article in articles:
        for value, label in _OF[kind](article):
            if not one_line(label):
                continue
            values, _, taken = groups.setdefault(slug(value), ([], label, []))
            if value not in values:
                values.append(value)
            if not taken or taken[-1] is not article:
                taken.append(article)
    if kind == "section":
        return {name: (of, publication.section_label(of[0]), taken) for name, (of, _, taken) in sorted(groups.items())}
    if kind == "language":
        return {name: (of, _language(of[0]), taken) for name, (of, _, taken) in sorted(groups.items())}
    return dict(sorted(groups.items()))


def _expected(publication: Publication, selection: Selection, kind: str) -> Iterator[tuple[str, str]]:
    """What has a feed before it has an article."""
    if kind == "section":
        yield from ((name, name) for name in publication.sections if name in (selection.sections or (name,)))
    elif kind == "author":
        yield from (
            (key, author.name) for key, author in publication.authors.items() if key in (selection.authors or (key,))
        )


def _language(tag: str) -> str:
    name = _LANGUAGES.get(tag.split("-")[0].lower(), tag)
    return f"{name} ({tag})" if "-" in tag and name != tag else name


def _narrowed(selection: Selection, kind: str, values: tuple[str, ...]) -> Selection:
    match kind:
        case "section":
            return replace(selection, sections=values)
        case "tag":
            return replace(selection, tags=values)
        case "author":
            return replace(selection, authors=values)
    return replace(selection, languages=values)
