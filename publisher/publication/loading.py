"""Reading the publication's settings: files → validated values, all faults at once, each with file, line and key."""

from __future__ import annotations

import difflib
import re
import tomllib
from email.utils import parseaddr
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from publisher.model.article import Author
from publisher.model.errors import ConfigurationError
from publisher.model.feed import Cadence, Feed, Newsletter, Podcast, Selection
from publisher.model.publication import Alerts, Delivery, Dkim, Publication, Theme, Web
from publisher.publication.finding import FILE
from publisher.publication.positions import line_of
from publisher.publication.profiles import relays_of
from publisher.publication.schedules import parse_days, parse_duration, parse_schedule
from publisher.publication.schema import FeedFile, NewsletterTable, PodcastTable, PublicationFile

__all__ = ["load", "validate"]

Table = TypeVar("Table", bound=BaseModel)
_NAME = re.compile(r"^[a-z0-9][a-z0-9-]{0,62}$")
_MAILBOX = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+|[^@\s]+@localhost")


def load(root: Path) -> Publication:
    """The publication in ``root``. Raises ConfigurationError; its ``also`` has the faults after the first."""
    faults: list[ConfigurationError] = []
    settings = _parse(root, FILE, PublicationFile, faults)
    feeds: list[tuple[str, str, FeedFile]] = []
    for path in sorted((root / "feeds").glob("*.toml")):
        name = f"feeds/{path.name}"
        if not _NAME.match(path.stem):
            faults.append(
                ConfigurationError(
                    "a feed's file name becomes its address: use a-z, 0-9 and hyphens",
                    where=name,
                    remedy="rename it",
                )
            )
        elif (table := _parse(root, name, FeedFile, faults)) is not None:
            feeds.append((path.stem, name, table))
    if settings is None or faults:
        raise _together(faults)
    values = tuple(
        _feed(name, file, table, settings=settings, text=_read(root, file), faults=faults)
        for name, file, table in feeds
    )
    faults += _shared_aliases(root, values)
    if faults:
        raise _together(faults)
    return _publication(root, settings, values)


def _shared_aliases(root: Path, feeds: tuple[Feed, ...]) -> list[ConfigurationError]:
    """An old address leads to one feed."""
    taken: dict[str, str] = {}
    faults = []
    for feed in feeds:
        for alias in feed.aliases:
            other = taken.setdefault(alias.rstrip("/"), feed.file)
            if other != feed.file:
                line = line_of(_read(root, feed.file), ["aliases"])
                faults.append(
                    ConfigurationError(
                        f'"aliases": {alias} is an old address of {other} already',
                        where=feed.file,
                        line=line,
                        remedy="leave it to one of the two",
                    )
                )
    return faults


def validate(file: str, text: str) -> list[ConfigurationError]:
    """The faults of one file's text (``publication.toml`` or ``feeds/NAME.toml``) as far as it alone shows. Pure."""
    faults: list[ConfigurationError] = []
    _check(file, text, PublicationFile if file == FILE else FeedFile, faults)
    return faults


def _together(faults: list[ConfigurationError]) -> ConfigurationError:
    first, *rest = faults
    first.also = tuple(rest)
    return first


def _read(root: Path, file: str) -> str:
    try:
        return (root / file).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise ConfigurationError("not UTF-8", where=file, line=line, remedy="save the file as UTF-8") from error
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", where=file) from error


def _parse(root: Path, file: str, schema: type[Table], faults: list[ConfigurationError]) -> Table | None:
    try:
        text = _read(root, file)
    except ConfigurationError as error:
        faults.append(error)
        return None
    return _check(file, text, schema, faults)


def _check(file: str, text: str, schema: type[Table], faults: list[ConfigurationError]) -> Table | None:
    try:
        return schema.model_validate(tomllib.loads(text.replace("\r\n", "\n")))
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = re.search(r" \(at line (\d+), column \d+\)$", message)
        line = int(at[1]) if at else text.count("\n") + 1
        cause = message[: at.start()] if at else message.removesuffix(" (at end of document)")
        faults.append(
            ConfigurationError(
                f"not TOML: {cause[:1].lower()}{cause[1:]}",
                where=file,
                line=line,
                remedy='text stands in quotes: key = "value"',
            )
        )
    except ValidationError as error:
        details = sorted(error.errors(include_url=False), key=lambda detail: detail["type"] == "missing")
        # What is missing comes last: a misspelt key, told first, is why.
        faults += [_fault(file, text, schema, detail) for detail in details]
    return None


def _fault(file: str, text: str, schema: type[BaseModel], detail: ErrorDetails) -> ConfigurationError:
    path = [str(part) for part in detail["loc"]]
    key = ".".join(path)
    line = line_of(text, path)
    match detail["type"]:
        case "extra_forbidden":
            known = _known_keys(schema, path[:-1])
            near = difflib.get_close_matches(path[-1], known, n=1)
            remedy = f'did you mean "{near[0]}"?' if near else f"known here: {', '.join(known)}"
            return ConfigurationError(f'unknown key "{key}"', where=file, line=line, remedy=remedy)
        case "missing":
            return ConfigurationError(
                f'"{key}" is missing',
                where=file,
                line=line_of(text, path[:-1]),
                remedy=f"add: {path[-1]} = …",
            )
        case "value_error":
            return ConfigurationError(f'"{key}": {detail["msg"].removeprefix("Value error, ")}', where=file, line=line)
    message = detail["msg"].removeprefix("Input should be ")
    return ConfigurationError(f'"{key}" should be {message}, not {detail["input"]!r:.60}', where=file, line=line)


def _known_keys(schema: type[BaseModel], path: list[str]) -> list[str]:
    """The keys a table may have. Follows ``path`` through nested tables; an open table's names are passed over."""
    current: Any = schema
    for part in path:
        if not (isinstance(current, type) and issubclass(current, BaseModel)):
            continue
        found = current.model_fields.get(part)
        current = _table_in(found.annotation) if found else current
    return list(current.model_fields) if isinstance(current, type) and issubclass(current, BaseModel) else []


def _table_in(annotation: Any) -> Any:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((inner for inner in map(_table_in, getattr(annotation, "__args__", ())) if inner), None)


def _feed(
    name: str,
    file: str,
    table: FeedFile,
    *,
    settings: PublicationFile,
    text: str,
    faults: list[ConfigurationError],
) -> Feed:
    for section in table.select.sections:
        if settings.sections and section not in settings.sections:
            near = difflib.get_close_matches(section, settings.sections, n=1)
            faults.append(
                ConfigurationError(
                    f'unknown section "{section}"',
                    where=file,
                    line=line_of(text, ["select"]),
                    remedy=f'did you mean "{near[0]}"?' if near else "add it to [sections] in publication.toml",
                )
            )
    newsletter = None
    if table.newsletter is not None:
        newsletter = _newsletter(name, file, table, table.newsletter, settings=settings, text=text, faults=faults)
    return Feed(
        name=name,
        title=table.title,
        description=table.description or settings.description or table.title,
        file=file,
        language=table.language or settings.language,
        selection=Selection(
            sections=tuple(table.select.sections),
            tags=tuple(table.select.tags),
            authors=tuple(table.select.authors),
            languages=tuple(table.select.languages),
            audio=table.podcast is not None,
        ),
        formats=tuple(dict.fromkeys(table.formats)),
        content=table.content,
        limit=table.limit,
        each=tuple(dict.fromkeys(table.each)),
        aliases=tuple(dict.fromkeys(table.aliases)),
        max_size=1000 * table.max_size,
        history=table.history,
        podcast=None if table.podcast is None else _podcast(file, table.podcast, text=text, faults=faults),
        newsletter=newsletter,
    )


def _podcast(file: str, table: PodcastTable, *, text: str, faults: list[ConfigurationError]) -> Podcast:
    owner_name, owner_address = parseaddr(table.owner)
    if table.owner and "@" not in owner_address:
        faults.append(
            ConfigurationError(
                f'"podcast.owner": "{table.owner}" has no e-mail address',
                where=file,
                line=line_of(text, ["podcast", "owner"]),
                remedy='write: owner = "Ana Example <ana@example.org>"; every listener can read it',
            )
        )
    parts = [category.split(" > ") for category in table.categories]
    return Podcast(
        author=table.author,
        image=table.image,
        categories=tuple((of[0], of[1] if len(of) > 1 else "") for of in parts),
        explicit=table.explicit,
        kind=table.type,
        locked=table.locked,
        owner_name=owner_name,
        owner_address=owner_address,
        guid=table.guid,
    )


def _newsletter(
    name: str,
    file: str,
    feed: FeedFile,
    table: NewsletterTable,
    *,
    settings: PublicationFile,
    text: str,
    faults: list[ConfigurationError],
) -> Newsletter:
    def fault(key: str, cause: str, remedy: str) -> None:
        line = line_of(text, ["newsletter", key])
        faults.append(ConfigurationError(f'"newsletter.{key}": {cause}', where=file, line=line, remedy=remedy))

    sender_name, sender_address = parseaddr(table.sender)
    if not _MAILBOX.fullmatch(sender_address):
        fault(
            "sender",
            f'"{table.sender}" has no e-mail address',
            'write: sender = "World Desk <world@example.org>"',
        )
    editor = parseaddr(table.editor)[1] if table.editor else sender_address
    if table.editor and not _MAILBOX.fullmatch(editor):
        fault("editor", f'"{table.editor}" has no e-mail address', 'write: editor = "Ana Example <ana@example.org>"')
    quiet = tuple(sorted(parse_days(days) for days in table.quiet))
    default = table.default_cadence or next(iter(table.cadences))
    if default not in table.cadences:
        fault(
            "default_cadence",
            f'"{default}" is not among the cadences',
            f"choose from: {', '.join(table.cadences)}",
        )
    if table.max_items < table.min_items:
        fault(
            "max_items",
            f"{table.max_items} is less than min_items {table.min_items}",
            "raise it, or lower min_items",
        )
    return Newsletter(
        name=name,
        title=table.title or feed.title,
        description=feed.description or settings.description,
        sender_name=sender_name or settings.title,
        sender_address=sender_address,
        subject=table.subject,
        preheader=table.preheader,
        greeting=table.greeting,
        timezone=table.timezone or settings.timezone,
        language=table.language or feed.language or settings.language,
        cadences=tuple(
            Cadence(key, written, parse_schedule(written), quiet=quiet, on_quiet=table.on_quiet)
            for key, written in table.cadences.items()
        ),
        default_cadence=default,
        min_items=table.min_items,
        max_items=table.max_items,
        overflow=table.overflow,
        max_wait=parse_duration(table.max_wait) if table.max_wait else None,
        approval=parse_duration(table.approval) if table.approval else None,
        editor=editor,
        unanswered=table.unanswered,
        late=parse_duration(table.late) if table.late else None,
        since=table.since,
        deliver=table.deliver,
        settle=parse_duration(table.settle),
        style=table.style,
        reply_to=table.reply_to,
        images=table.images,
        welcome=table.welcome,
        order=table.order,
    )


def _publication(root: Path, settings: PublicationFile, feeds: tuple[Feed, ...]) -> Publication:
    return Publication(
        root=root,
        title=settings.title,
        url=settings.url,
        description=settings.description,
        language=settings.language,
        timezone=settings.timezone,
        postal_address=settings.postal_address,
        rights=settings.rights,
        database=settings.database,
        articles=settings.articles,
        delivery=Delivery(
            relays=relays_of(settings.delivery),
            give_up_after_hours=int(parse_duration(settings.delivery.give_up_after).total_seconds() // 3600),
            on_unknown=settings.delivery.on_unknown,
            tls=settings.delivery.tls,
            keep=None if settings.delivery.keep == "forever" else parse_duration(settings.delivery.keep),
        ),
        alerts=Alerts(
            mail=tuple(dict.fromkeys(settings.alerts.mail)),
            transport=settings.alerts.transport,
            webhook=settings.alerts.webhook,
            heartbeat=settings.alerts.heartbeat,
            ended=settings.alerts.ended,
            last_run=parse_duration(settings.alerts.last_run),
        ),
        dkim=Dkim(selectors=tuple(dict.fromkeys(settings.dkim.selectors)), domain=settings.dkim.domain.lower()),
        web=Web(
            **{
                **settings.web.model_dump(),
                "trusted_proxies": tuple(settings.web.trusted_proxies),
                "metrics": tuple(settings.web.metrics),
                "gone": tuple(settings.web.gone),
            }
        ),
        theme=Theme(**settings.theme.model_dump()),
        sections=dict(settings.sections),
        authors={
            key: Author(key, table.name, table.bio, table.url, table.picture) for key, table in settings.authors.items()
        },
        feeds=feeds,
    )
