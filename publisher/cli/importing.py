"""`publisher import`: articles from texts and pages of elsewhere. A refused one does not keep the others."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import click

from publisher.cli.moments import read_moment
from publisher.cli.new import check_section, free_slug, known_author, shown_path, tag_id
from publisher.cli.sentences import local
from publisher.cli.session import Session, count
from publisher.cli.verb import Verb
from publisher.model.errors import ImportRefused, UsageError

if TYPE_CHECKING:
    from publisher.articles.importing import ImportedArticle
    from publisher.model.article import Author
    from publisher.model.publication import Publication

__all__ = ["import_"]


@click.command("import", cls=Verb)
@click.argument("sources", metavar="SOURCE…", nargs=-1, required=True)
@click.option("--date", "date_text", metavar="TIME", help="When it was published: 2026-01-31T10:00.")
@click.option("--section", help="The section it stands in.")
@click.option("--author", "author", metavar="KEY", help="The author, instead of who the text names.")
@click.option("--language", metavar="TAG", help="Its language, if not the publication's: de, pt-BR.")
@click.option("--mail/--no-mail", default=None, help="Mail it, whatever its age. Otherwise feeds and pages only.")
@click.pass_obj
def import_(
    session: Session,
    sources: tuple[str, ...],
    date_text: str | None,
    section: str | None,
    author: str | None,
    language: str | None,
    mail: bool | None,
) -> None:
    """Articles from text or HTML files.

    Each becomes a file in the articles' folder. A SOURCE that is not an article gets one line; the others
    go on.
    """
    from publisher.articles.importing import read_source

    publication = session.publication
    if section is not None:
        check_section(section, publication)
    given = read_moment(date_text, zone=publication.timezone, option="--date") if date_text else None
    by = known_author(author, publication) if author else None
    importing = _Importing(
        publication,
        date=given,
        now=session.now().replace(microsecond=0),
        section=section or "",
        language=language or "",
        mail=bool(mail),
    )
    results: list[dict[str, object]] = []
    for source in sources:
        try:
            article = read_source(Path(source))
        except ImportRefused as error:
            session.failed(error)
            continue
        results.append(importing.take(session, source, article, by))
    if session.as_json:
        session.answer(results)


class _Importing:
    """One call's imports: what is the same for all, and what is there already: nothing comes twice."""

    def __init__(
        self,
        publication: Publication,
        *,
        date: datetime | None,
        now: datetime,
        section: str,
        language: str,
        mail: bool,
    ) -> None:
        from publisher.articles.sources import read_sources

        self._publication = publication
        self._date = date
        self._now = now
        self._section = section
        self._language = language
        self._mail = mail
        self._authors = dict(publication.authors)
        # Articles that cannot be read are `check`'s affair; they are no reason to import nothing.
        self._known = {_content(one.title, one.body): one.path for one in read_sources(publication)[0]}

    def take(self, session: Session, source: str, article: ImportedArticle, by: Author | None) -> dict[str, object]:
        """Writes the article, unless it is there already; says what was found; gives the same for JSON."""
        from publisher.articles.front_matter import split
        from publisher.articles.importing import front_matter, write_article
        from publisher.articles.slugs import slugify

        authors = (by,) if by else self._known_as(article.authors)
        date, dated = self._dated(article)
        folder = self._publication.articles_folder
        slug = free_slug(folder, slugify(article.title))
        zone = ZoneInfo(self._publication.timezone)
        day = date.astimezone(zone).date()
        text = front_matter(
            article,
            # What another program published under an id stays known under it, letter for letter.
            article_id=str(article.kept.get("id") or tag_id(self._publication, day, slug)),
            date=date.astimezone(zone),
            section=self._section,
            language=self._language,
            authors=tuple(one.key for one in authors),
            mail=self._mail,
        )
        front, body = split(text, path=source)
        content = _content(front.line("title"), body)
        found = self._found(source, article, authors, date, dated)
        if there := self._known.get(content):
            session.say(f"{source}: is in {there} already; nothing was written.")
            return {**found, "file": there, "written": False}
        added = self._add(session, authors)
        written = shown_path(write_article(folder, text, slug), self._publication)
        self._known[content] = written
        for line in self._told(source, article, authors, added, written, date, dated):
            session.say(line)
        return {**found, "file": written, "written": True}

    def _dated(self, article: ImportedArticle) -> tuple[datetime, str]:
        """The article's date and where it is from: --date, the text's own if it is exact, or now. Pure."""
        if self._date is not None:
            return self._date, "--date"
        if article.date_text:
            with suppress(UsageError):  # "20 January" is no exact date: it is told, and now is used
                own = read_moment(article.date_text, zone=self._publication.timezone, option="date")
                return own, "text"
        return self._now, "now"

    def _known_as(self, authors: Sequence[Author]) -> tuple[Author, ...]:
        """Who is in publication.toml under that name keeps the key; a new name never takes another's."""
        by_name = {one.name.casefold(): one for one in self._authors.values()}
        chosen = []
        for one in authors:
            key, number = one.key, 1
            while key in self._authors and self._authors[key].name.casefold() != one.name.casefold():
                number += 1
                key = f"{one.key}-{number}"
            chosen.append(by_name.get(one.name.casefold()) or replace(one, key=key))
        return tuple(chosen)

    def _add(self, session: Session, authors: Sequence[Author]) -> list[Author]:
        from publisher.publication.editing import add_authors

        new = [one for one in authors if one.key not in self._authors]
        added = add_authors(session.root, new) if new else []
        self._authors.update({one.key: one for one in new})
        return added

    def _found(
        self, source: str, article: ImportedArticle, authors: Sequence[Author], date: datetime, dated: str
    ) -> dict[str, object]:
        return {
            "source": source,
            "title": article.title,
            "caption": article.caption,
            "headings": _headings(article.body),
            "authors": [one.key for one in authors],
            "date": date,
            "date_from": dated,
            "date_in_text": article.date_text,
            "section": self._section,
            "mail": self._mail,
        }

    def _told(
        self,
        source: str,
        article: ImportedArticle,
        authors: Sequence[Author],
        added: Sequence[Author],
        written: str,
        date: datetime,
        dated: str,
    ) -> list[str]:
        """What was found in the text and made of it. Pure."""
        new = {one.key for one in added}
        names = ", ".join(f"{one.name} (new: [authors.{one.key}])" if one.key in new else one.name for one in authors)
        when = local(date, self._publication.timezone)
        if dated != "now":
            told = f"date: {when}{', from the text' if dated == 'text' else ''}"
        elif article.date_text:
            told = f'date: the text says "{article.date_text}"; now was used instead ({when}): see --date'
        else:
            told = f"date: the text has no date; now was used instead ({when}), or give one with --date"
        return [
            f"{source} → {written}",
            f"  title: {article.title or '(none)'}",
            *([f"  caption: {article.caption}"] if article.caption else []),
            f"  {count(_headings(article.body), 'heading')}; author: {names or '(none)'}",
            f"  {told}",
            "  it is mailed with the next edition, whatever its age"
            if self._mail
            else "  it reaches the feeds and pages only; to mail it: --mail, or mail = true in the file",
        ]


def _content(title: str, body: str) -> tuple[str, str]:
    """What makes two files the same article: title and body, white space folded. Pure."""
    return " ".join(title.split()), " ".join(body.split())


def _headings(body: str) -> int:
    return sum(line.startswith("#") for line in body.splitlines())
