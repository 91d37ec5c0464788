"""What may stand in publication.toml and feeds/*.toml, key by key; anything else is refused.

Only shapes and single values are judged here; what needs two values at once (a default cadence that is not
among the cadences) is `loading`'s.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from ipaddress import ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from publisher.model.rate import parse_rate
from publisher.publication.schedules import parse_days, parse_duration, parse_schedule

_FIELDS = ("slug", "year", "month", "day", "section", "categories", "path")

__all__ = ["FeedFile", "NewsletterTable", "PublicationFile"]


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f'unknown time zone "{name}": write for example "Europe/Berlin" or "UTC"') from None
    return name


def _web_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.query or parts.fragment or re.search(r"[\s<>\"\\^`{|}\x00-\x1f\x7f]", url):
        raise ValueError('not a web address: write for example "https://news.example.org"')
    return url.rstrip("/")


def _language(tag: str) -> str:
    if not re.fullmatch(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*", tag):
        raise ValueError(f'"{tag}" is not a language tag (BCP 47): write for example "en" or "pt-BR"')
    return tag


def _colour(value: str) -> str:
    if not re.fullmatch(r"#[0-9A-Fa-f]{6}", value):
        raise ValueError(f'"{value}" is not a colour: write six hexadecimal digits, for example "#9a3412"')
    return value.lower()


def _duration(written: str) -> str:
    parse_duration(written)
    return written


def _keep(written: str) -> str:
    return written if written == "forever" else _duration(written)


def _schedule(written: str) -> str:
    parse_schedule(written)
    return written


def _days(written: str) -> str:
    parse_days(written)
    return written


def _database(url: str) -> str:
    try:
        usable = re.fullmatch(r"sqlite:.+|postgresql://.+", url) and urlsplit(url).port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ValueError('not a database: write "sqlite:publisher.db" or "postgresql://user@host/name"')
    return url


def _permalink(pattern: str) -> str:
    if not pattern.startswith("/") or not {"slug", "path"} & set(re.findall(r"\{([^}]*)\}", pattern)):
        raise ValueError('a permalink begins with "/" and contains {slug} or {path}, for example "/posts/{slug}/"')
    unknown = set(re.findall(r"\{([^}]*)\}", pattern)) - set(_FIELDS)
    if unknown:
        raise ValueError(f"unknown field {{{min(unknown)}}}: a permalink knows {', '.join(_FIELDS)}")
    return pattern


def _path(path: str) -> str:
    if not re.fullmatch(r"/[^\s?#\x00-\x1f\x7f]+", path):
        raise ValueError(f'"{path}" is not a path: it begins with "/", for example "/feeds/old.rss"')
    return path


def _one_line(text: str) -> str:
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must be one line without control characters")
    return text.strip()


def _hub(url: str) -> str:
    if url and urlsplit(url).scheme not in ("http", "https"):
        raise ValueError('not a web address: write for example "https://hub.example.org/"')
    return url


def _call(url: str) -> str:
    if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname or not url.isascii()):
        raise ValueError('not a web address: write for example "https://hooks.example.org/publisher"')
    return url


def _recipient(address: str) -> str:
    if not re.fullmatch(r"[^@\s<>,;]+@[^@\s<>,;]+", address):
        raise ValueError(f'"{address}" is not an e-mail address: write for example "ana@example.org"')
    return address


def _alias(address: str) -> str:
    parts = urlsplit(address)
    if not address.startswith("/") or address.startswith("//") or parts.query or parts.fragment or address == "/":
        raise ValueError(f'"{address}" is not a path below the url: write for example "/index.xml" or "/feed/"')
    if any(part in (".", "..") for part in address.split("/")) or not address.isprintable() or "\\" in address:
        raise ValueError(f'"{address}" is not a plain path')
    return address


def _category(written: str) -> str:
    if not all(part.strip() for part in written.split(">")) or written.count(">") > 1:
        raise ValueError(f'"{written}" is not a category: write "Technology" or "Society & Culture > Documentary"')
    return " > ".join(" ".join(part.split()) for part in written.split(">"))


def _guid(written: str) -> str:
    if written and not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", written):
        raise ValueError(f'"{written}" is not a UUID: copy <podcast:guid> from the feed that it comes from')
    return written.lower()


def _rates(written: object) -> object:
    return [written] if isinstance(written, str) else written


def _rate(written: str) -> str:
    return str(parse_rate(written))


def _relay_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name):
        raise ValueError(f'"{name}" is not a relay\'s name: small letters, digits and _, such as "main"')
    return name


def _selector(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?", name):
        raise ValueError(f'"{name}" is not a selector: letters, digits and hyphens, such as "p202611"')
    return name


def _something(text: str) -> str:
    if not text:
        raise ValueError("must not be empty")
    return text


def _font(names: str) -> str:
    if re.search(r"[<>{};\\]", names):
        raise ValueError(f"{names!r} is not a list of fonts: write for example \"Georgia, 'Times New Roman', serif\"")
    return names


def _network(name: str) -> str:
    try:
        ip_network(name, strict=False)
    except ValueError:
        raise ValueError(f'"{name}" is not an address: write for example "127.0.0.1" or "10.0.0.0/8"') from None
    return name


def _day(day: date) -> date:
    if not 1900 <= day.year <= 9998:
        raise ValueError(f"{day} is in no year that we know")
    return day


Zone = Annotated[str, AfterValidator(_zone)]
WebUrl = Annotated[str, AfterValidator(_web_url)]
Language = Annotated[str, AfterValidator(_language)]
Colour = Annotated[str, AfterValidator(_colour)]
Duration = Annotated[str, AfterValidator(_duration)]
Keep = Annotated[str, AfterValidator(_keep)]
Schedule = Annotated[str, AfterValidator(_schedule)]
Days = Annotated[str, AfterValidator(_days)]
DatabaseUrl = Annotated[str, AfterValidator(_database)]
Permalink = Annotated[str, AfterValidator(_permalink)]
WebPath = Annotated[str, AfterValidator(_path)]
Line = Annotated[str, AfterValidator(_one_line)]
Hub = Annotated[str, AfterValidator(_one_line), AfterValidator(_hub)]
Call = Annotated[str, AfterValidator(_one_line), AfterValidator(_call)]
Recipient = Annotated[str, AfterValidator(_recipient)]
Alias = Annotated[str, AfterValidator(_alias)]
Category = Annotated[str, AfterValidator(_one_line), AfterValidator(_category)]
Guid = Annotated[str, AfterValidator(_guid)]
RateText = Annotated[str, AfterValidator(_rate)]
RelayName = Annotated[str, AfterValidator(_relay_name)]
Selector = Annotated[str, AfterValidator(_selector)]
Title = Annotated[Line, AfterValidator(_something)]
Fonts = Annotated[Line, AfterValidator(_font)]
Network = Annotated[str, AfterValidator(_network)]
Day = Annotated[date, AfterValidator(_day)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WarmUpTable(_Table):
    since: Day
    first: Annotated[int, Field(ge=1, le=1_000_000)]
    factor: Annotated[float, Field(ge=1, le=10)] = 2.0


class _TransportTable(_Table):
    transport: Line = "maildir:mail"
    profile: Literal[
        "local", "ses", "ses-sandbox", "postmark", "mailgun", "sendgrid", "google", "socketlabs", "reachmail"
    ] = "local"
    rate: Annotated[list[RateText], BeforeValidator(_rates)] = []
    lanes: Annotated[int, Field(ge=1, le=64)] | None = None
    messages_a_connection: Annotated[int, Field(ge=1)] | None = None
    connection_age: Duration | None = None
    login: Literal["password", "token"] = "password"
    token_command: Line = ""
    warm_up: WarmUpTable | None = None


class RelayTable(_TransportTable):
    name: RelayName
    transport: Line
    tls: Literal["required", "opportunistic"] | None = None
    weight: Annotated[int, Field(ge=0, le=1000)] = 1


class DeliveryTable(_TransportTable):
    relays: list[RelayTable] = []
    give_up_after: Duration = "2 days"
    on_unknown: Literal["repeat", "hold"] = "repeat"
    tls: Literal["required", "opportunistic"] = "required"
    keep: Keep = "60 days"


class AlertsTable(_Table):
    mail: list[Recipient] = []
    transport: Line = ""
    webhook: Call = ""
    heartbeat: Call = ""
    ended: bool = False
    last_run: Duration = "1 hour"


class DkimTable(_Table):
    selectors: list[Selector] = []
    domain: Line = ""


class WebTable(_Table):
    pages: bool = True
    endpoints: bool = True
    permalink: Permalink = "/{year}/{slug}/"
    trusted_proxies: list[Network] = ["127.0.0.1", "::1"]
    metrics: list[Network] = ["127.0.0.1", "::1"]
    gone: list[WebPath] = []
    hub: Hub = ""


class ThemeTable(_Table):
    accent: Colour = "#9a3412"
    text: Colour = "#1c1917"
    background: Colour = "#ffffff"
    font: Fonts = "Georgia, 'Times New Roman', serif"
    heading_font: Fonts = "Georgia, 'Times New Roman', serif"
    logo: Line = ""
    width: Annotated[int, Field(ge=320, le=800)] = 600


class AuthorTable(_Table):
    name: Title
    bio: Line = ""
    url: Line = ""
    picture: Line = ""


class PublicationFile(_Table):
    title: Title
    url: WebUrl
    description: Line = ""
    language: Language = "en"
    timezone: Zone = "UTC"
    postal_address: Line = ""
    rights: Line = ""
    database: DatabaseUrl = "sqlite:publisher.db"
    articles: Line = "articles"
    delivery: DeliveryTable = DeliveryTable()
    alerts: AlertsTable = AlertsTable()
    dkim: DkimTable = DkimTable()
    web: WebTable = WebTable()
    theme: ThemeTable = ThemeTable()
    sections: dict[str, Line] = {}
    authors: dict[str, AuthorTable] = {}


class SelectTable(_Table):
    sections: list[str] = []
    tags: list[str] = []
    authors: list[str] = []
    languages: list[str] = []


class NewsletterTable(_Table):
    sender: Line
    cadences: Annotated[dict[str, Schedule], Field(min_length=1)]
    subject: Line = "{{ headline }}"
    preheader: Line = ""
    greeting: Line = ""
    title: Line | None = None
    timezone: Zone | None = None
    language: Language | None = None
    default_cadence: str | None = None
    min_items: Annotated[int, Field(ge=1)] = 1
    max_items: Annotated[int, Field(ge=1)] = 20
    overflow: Literal["link", "carry"] = "link"
    max_wait: Duration | None = None
    approval: Duration | None = None
    editor: Line = ""
    unanswered: Literal["wait", "send", "skip"] = "wait"
    late: Duration | None = None
    since: Day | None = None
    deliver: Literal["at once", "reader-local"] = "at once"
    settle: Duration = "10 minutes"
    quiet: list[Days] = []
    on_quiet: Literal["move", "drop"] = "move"
    style: Literal["full", "summary", "headlines", "letter"] = "full"
    reply_to: Line = ""
    images: Literal["link", "embed"] = "link"
    welcome: Literal["next", "latest"] = "next"
    order: Literal["section", "newest", "weight"] = "section"

    def model_post_init(self, _context: object) -> None:
        if isinstance(self.since, datetime):
            raise ValueError("since is a date without a time")


class PodcastTable(_Table):
    image: Line
    categories: Annotated[list[Category], Field(min_length=1)]
    author: Line = ""
    explicit: bool = False
    type: Literal["episodic", "serial"] = "episodic"
    locked: bool = True
    owner: Line = ""
    guid: Guid = ""


class FeedFile(_Table):
    title: Title
    description: Line = ""
    language: Language | None = None
    select: SelectTable = SelectTable()
    formats: list[Literal["rss", "atom", "json"]] = ["rss", "atom", "json"]
    content: Literal["full", "summary"] = "full"
    limit: Annotated[int, Field(ge=1, le=1000)] = 30
    max_size: Annotated[int, Field(ge=20, le=10_000)] = 250
    history: bool = True
    each: list[Literal["section", "tag", "author", "language"]] = []
    aliases: list[Alias] = []
    podcast: PodcastTable | None = None
    newsletter: NewsletterTable | None = None
