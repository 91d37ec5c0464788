"""Finding the article that somebody means: by its id, its file, its slug, its title or a part of it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence

from publisher.model.article import Article, Record
from publisher.model.errors import UsageError

__all__ = ["find_article"]


def find_article(text: str, records: Mapping[str, Record], articles: Sequence[Article]) -> Record:
    """The one article that ``text`` names, what is gone too. Pure. Raises UsageError for none, and for several.

    What names exactly goes before a part of a title, and what is there before what is gone.
    """
    wanted = text.strip()
    folded = " ".join(wanted.casefold().split())
    slugs = {article.id: article.slug for article in articles}
    path = wanted.removeprefix("./")
    tests = (
        lambda record: record.id == wanted,
        lambda record: record.path == path or record.path.endswith(f"/{path}"),
        lambda record: slugs.get(record.id) == wanted or _stem(record.path) == wanted,
        lambda record: " ".join(record.title.casefold().split()) == folded,
        lambda record: folded in " ".join(record.title.casefold().split()),
    )
    for test in tests if folded else ():
        found = [record for record in records.values() if test(record)]
        present = [record for record in found if record.gone_at is None] or found
        if len(present) == 1:
            return present[0]
        if present:
            paths = sorted(record.path for record in present)
            shown = ", ".join(paths[:4]) + (f" and {len(paths) - 4:,} more" if len(paths) > 4 else "")
            raise UsageError(
                f'"{wanted}" fits {len(paths):,} articles: {shown}', remedy="name one of them by its file or its id"
            )
    titles = {record.title.casefold(): record for record in records.values() if record.gone_at is None}
    near = difflib.get_close_matches(folded, titles, n=1) if folded else []
    raise UsageError(
        f'no article "{wanted}"',
        remedy=f'did you mean "{titles[near[0]].title}"?' if near else "name its file, slug, id or a part of its title",
    )


def _stem(path: str) -> str:
    stem = path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    return path.rsplit("/", 2)[-2] if stem == "index" and "/" in path else stem
