"""`publisher new`: an article's file with its front matter, as a draft."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote
from zoneinfo import ZoneInfo

import click

from publisher.cli.session import Session
from publisher.cli.verb import Verb
from publisher.model.errors import UsageError

if TYPE_CHECKING:
    from publisher.model.article import Author
    from publisher.model.publication import Publication

__all__ = ["check_section", "free_slug", "known_author", "new", "shown_path", "tag_id"]


@click.command(cls=Verb)
@click.argument("title")
@click.option("--section", help="The section it stands in.")
@click.option("--author", "authors", multiple=True, metavar="KEY", help="An author's key; may be repeated.")
@click.option("--tags", metavar="A,B", default="", help="Its tags, with commas between.")
@click.pass_obj
def new(session: Session, title: str, section: str | None, authors: tuple[str, ...], tags: str) -> None:
    """An article with its front matter.

    It is a draft and has no date: when you take `draft = true` out, the next run publishes it.
    """
    from publisher.articles.importing import write_article
    from publisher.articles.slugs import slugify

    publication = session.publication
    title = " ".join(title.split())
    if not title.isprintable() or not title:
        raise UsageError("the title must be one line of readable text")
    if section is not None:
        check_section(section, publication)
    keys = [known_author(author, publication).key for author in authors]
    today = session.now().astimezone(ZoneInfo(publication.timezone)).date()
    words = [word.strip() for word in tags.split(",") if word.strip()]
    folder = publication.articles_folder
    slug = free_slug(folder, slugify(title))
    text = _text(tag_id(publication, today, slug), title, section=section, authors=keys, tags=words)
    known_as = shown_path(write_article(folder, text, slug), publication)
    if session.as_json:
        session.answer({"file": known_as, "title": title})
        return
    session.say(f"{known_as}: a draft. Write, take out `draft = true`, and the next run publishes it.")


def check_section(section: str, publication: Publication) -> None:
    """Raises UsageError for a section that is not among [sections]; where none are listed, any will do."""
    if not publication.sections or section in publication.sections:
        return
    near = difflib.get_close_matches(section, publication.sections, n=1)
    raise UsageError(
        f'unknown section "{section}"',
        remedy=f'did you mean "{near[0]}"?'
        if near
        else f"known: {', '.join(publication.sections)}; a new one: publisher config set sections.{section} NAME",
    )


def free_slug(folder: Path, slug: str) -> str:
    """``slug``, or with the first number at its end that no file of the folder has yet."""
    taken = {path.stem for path in folder.glob(f"{slug}*.md")}
    number = 1
    while (name := slug if number == 1 else f"{slug}-{number}") in taken:
        number += 1
    return name


def tag_id(publication: Publication, day: date, slug: str) -> str:
    """A new article's id: a tag URI (RFC 4151), which stays when title, file and address change. Pure."""
    return f"tag:{publication.host},{day.isoformat()}:/{quote(slug)}"


def shown_path(path: Path, publication: Publication) -> str:
    """A file of the articles' folder as a person knows it. Pure."""
    return f"{publication.articles.rstrip('/')}/{path.name}"


def known_author(key: str, publication: Publication) -> Author:
    """The author of that key, or of that name. Raises UsageError, with the nearest."""
    if key in publication.authors:
        return publication.authors[key]
    for author in publication.authors.values():
        if author.name.casefold() == key.casefold():
            return author
    near = difflib.get_close_matches(key, publication.authors, n=1)
    raise UsageError(
        f'unknown author "{key}"',
        remedy=f'did you mean "{near[0]}"?' if near else f"first: publisher config set authors.{key}.name NAME",
    )


def _text(article_id: str, title: str, *, section: str | None, authors: Sequence[str], tags: Sequence[str]) -> str:
    """The file: what was not given stands there as a comment, to be filled in. Pure."""
    import tomlkit

    def line(key: str, value: str | Sequence[str], example: str) -> str:
        written = tomlkit.item(value if isinstance(value, str) else list(value)).as_string()
        return f"{key:<7} = {written}" if value else f"# {key:<7} = {example}"

    return "\n".join(
        (
            "+++",
            line("id", article_id, ""),
            line("title", title, ""),
            "draft   = true",
            line("section", section or "", '"world"'),
            line("authors", authors, '["ana"]'),
            line("tags", tags, '["harbour"]'),
            '# summary = "One or two sentences."',
            "+++",
            "",
            "",
        )
    )
