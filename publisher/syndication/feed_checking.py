"""What is wrong or doubtful in the feeds' definitions and in who claims which address. Deciding only: pure."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from publisher.articles.inspecting import Inspected
from publisher.model.article import Article
from publisher.model.feed import Feed
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.publication.positions import Positions
from publisher.syndication.addresses import feed_path, file_of, home

__all__ = ["check_aliases", "check_feeds"]


def check_feeds(publication: Publication, articles: Sequence[Article], positions: Positions) -> Iterator[Finding]:
    """All findings about feeds. ``articles``: those that are public, or will be on their day. Pure."""
    yield from repeated_feed_title(publication, positions)
    for feed in publication.feeds:
        yield from feed_without_articles(feed, articles, positions)
        yield from unmatched_selection(feed, articles, publication, positions)


def feed_without_articles(feed: Feed, articles: Sequence[Article], positions: Positions) -> Iterator[Finding]:
    """A feed that selects nothing of what there is."""
    if articles and not any(map(feed.selection.matches, articles)):
        yield Finding(
            severity=Severity.WARNING,
            rule="empty-feed",
            file=feed.file,
            line=positions(feed.file, ["select"]),
            what=f'the feed "{feed.name}" selects none of the articles',
            remedy="see whether its select is what you mean; all of the kinds that are named must match",
        )


def unmatched_selection(
    feed: Feed, articles: Sequence[Article], publication: Publication, positions: Positions
) -> Iterator[Finding]:
    """A tag, author or language that no article has, where one like it is there."""
    kinds: list[tuple[str, tuple[str, ...], Callable[[Article], Iterable[str]], Iterable[str]]] = [
        ("tags", feed.selection.tags, lambda article: article.tags, ()),
        ("authors", feed.selection.authors, lambda article: (a.key for a in article.authors), publication.authors),
        ("languages", feed.selection.languages, _languages, (publication.language,)),
    ]
    for kind, chosen, of, settings in kinds:
        known = {value for article in articles for value in of(article)} | set(settings) if chosen else set()
        for value in chosen:
            near = difflib.get_close_matches(value, known, n=1, cutoff=0.75) if value not in known else []
            if near:
                yield Finding(
                    severity=Severity.WARNING,
                    rule="unmatched-selection",
                    file=feed.file,
                    line=positions(feed.file, ["select", kind]),
                    what=f'no article has "{value}" among its {kind}',
                    remedy=f'did you mean "{near[0]}"?',
                )


def _languages(article: Article) -> tuple[str, ...]:
    return article.language, article.language.split("-")[0]


def repeated_feed_title(publication: Publication, positions: Positions) -> Iterator[Finding]:
    """Two feeds, or two newsletters, that readers cannot tell apart in a list."""
    feeds = [("feed", feed.title, feed, ["title"]) for feed in publication.feeds if feed.formats]
    letters = [
        ("newsletter", feed.newsletter.title, feed, ["newsletter", "title"])
        for feed in publication.feeds
        if feed.newsletter is not None
    ]
    for group in (feeds, letters):
        first: dict[str, Feed] = {}
        for kind, title, feed, key in group:
            other = first.setdefault(" ".join(title.casefold().split()), feed)
            if other is not feed and not (kind == "newsletter" and other.title == feed.title):
                yield Finding(
                    severity=Severity.WARNING,
                    rule="repeated-feed-title",
                    file=feed.file,
                    line=positions(feed.file, key) or positions(feed.file, ["title"]),
                    what=f'the {kind} has the same title as {other.file}: "{title}"',
                    remedy="give one of the two another",
                )


def check_aliases(
    articles: Iterable[Inspected],
    publication: Publication,
    claims: Mapping[str, int],
    positions: Positions,
) -> Iterator[Finding]:
    """Old addresses (``aliases``) that something else answers already: only one of the two would be seen. Pure.

    ``claims``: how often a build wants to write each path under public/.
    """
    public = [one for one in articles if one.article is not None and one.is_public_soon()]
    taken = _pages(publication, [one.article for one in public if one.article is not None])
    for one in public:
        for alias in one.source.aliases:
            path = _file_of_alias(publication, alias)
            if path is None:
                yield _alias(one.path, one.line_of("aliases"), alias, "lies outside this publication")
                continue
            other = taken.setdefault(path, one.path)
            if other != one.path:
                yield _alias(one.path, one.line_of("aliases"), alias, f"is {other}'s address already")
            elif claims.get(path, 0) > 1:
                yield _alias(one.path, one.line_of("aliases"), alias, "is the address of another page")
    for feed in publication.feeds:
        for alias in feed.aliases:
            path = _file_of_alias(publication, alias)
            other = taken.setdefault(path, feed.file) if path else ""
            if other != feed.file:
                cause = f"is {other}'s address already" if other else "lies outside this publication"
                yield _alias(feed.file, positions(feed.file, ["aliases"]), alias, cause)


def _pages(publication: Publication, articles: Sequence[Article]) -> dict[str, str]:
    """Path under public/ → whose it is, of articles and feeds themselves."""
    pages = {"index.html": "the front page"} if publication.web.pages else {}
    for feed in publication.feeds:
        pages |= {feed_path(feed, form): feed.file for form in feed.formats}
    for article in articles:
        if (path := file_of(publication, article.url)) is not None:
            pages[path] = article.path
    return pages


def _file_of_alias(publication: Publication, alias: str) -> str | None:
    if "://" in alias:
        return file_of(publication, alias)
    return file_of(publication, home(publication) + alias.lstrip("/"))


def _alias(file: str, line: int | None, alias: str, cause: str) -> Finding:
    return Finding(
        severity=Severity.ERROR,
        rule="colliding-alias",
        file=file,
        line=line,
        what=f'the alias "{alias}" {cause}',
        remedy="take it out, or change the other one",
    )
