"""The publication: the folder and everything its settings say."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Literal

from publisher.model.article import Author
from publisher.model.feed import Feed, Newsletter
from publisher.model.rate import Limits, Rate

__all__ = ["Alerts", "Delivery", "Dkim", "Publication", "Relay", "Secrets", "Theme", "Web"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """Where messages go. ``transport`` is a URL: ``maildir:mail`` or ``smtp://user@relay.example.org:587``.

    ``name``    of one among several, for its password; otherwise empty
    ``weight``  its part of the messages, against the others'; 0: it steps in when all others are away
    ``login``   what the secret is that goes with the user: a password, or a token (OAuth 2.0)
    ``token_command``  prints such a token
    ``tls``     "opportunistic": it may do without, unless there is a password
    """

    name: str = ""
    transport: str = "maildir:mail"
    limits: Limits = field(default_factory=Limits)
    weight: int = 1
    login: Literal["password", "token"] = "password"
    token_command: str = ""
    tls: Literal["required", "opportunistic"] = "required"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """Where messages go (at least one relay), and what happens to those that cannot be delivered.

    ``keep``: how long an edition that has ended stays in the database, delivery by delivery; None: for ever.
    """

    relays: tuple[Relay, ...] = (Relay(),)
    give_up_after_hours: int = 48
    on_unknown: str = "repeat"
    tls: Literal["required", "opportunistic"] = "required"
    keep: timedelta | None = timedelta(days=60)

    @property
    def transport(self) -> str:
        """The first relay's URL; the only one, usually."""
        return self.relays[0].transport

    @property
    def rates(self) -> tuple[Rate, ...]:
        """What a claim is sized by: the only relay's rates, or those of all that have any, a second."""
        if len(self.relays) == 1:
            return self.relays[0].limits.rates
        slowest = [min((rate.per_second for rate in relay.limits.rates), default=0.0) for relay in self.relays]
        return (Rate(max(1, round(sum(slowest))), 1),) if all(slowest) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerts:
    """Who is told when something is late, stuck or wrong: addresses, through ``transport`` if it is not empty, and a
    web address that is called with JSON. ``heartbeat``: a web address that is called after each good run.

    ``ended``: of each edition that has ended, too. ``last_run``: a last run that is longer ago is late.
    """

    mail: tuple[str, ...] = ()
    transport: str = ""
    webhook: str = ""
    heartbeat: str = ""
    ended: bool = False
    last_run: timedelta = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dkim:
    """Our own signatures: one for each selector; none: the relay signs. ``domain`` empty: each sender's own."""

    selectors: tuple[str, ...] = ()
    domain: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Web:
    """``pages``: we write the web archive; ``endpoints``: our server answers subscribe, confirm and unsubscribe.

    ``metrics``: who may fetch /metrics from our server.
    ``gone``: paths of feeds that have ended, such as ``/feeds/old.rss``.
    ``hub``: the WebSub hub that feeds name; ``""`` for none.
    """

    pages: bool = True
    endpoints: bool = True
    permalink: str = "/{year}/{slug}/"
    trusted_proxies: tuple[str, ...] = ("127.0.0.1", "::1")
    metrics: tuple[str, ...] = ("127.0.0.1", "::1")
    gone: tuple[str, ...] = ()
    hub: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Theme:
    """The few variables of the design. Colours are ``#rrggbb``; ``logo`` is a path under the articles folder."""

    accent: str = "#9a3412"
    text: str = "#1c1917"
    background: str = "#ffffff"
    font: str = "Georgia, 'Times New Roman', serif"
    heading_font: str = "Georgia, 'Times New Roman', serif"
    logo: str = ""
    width: int = 600


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """``signing``: keys of tokens; the first signs, all of them verify, so that every token ever mailed works.

    ``relay_passwords``: passwords or tokens by the relays' names; the only relay's name is empty.
    ``dkim``: private keys in PEM by selector, for those that are not in files.
    """

    signing: tuple[bytes, ...]
    relay_passwords: dict[str, str] = field(default_factory=dict)
    alerts_password: str | None = None
    dkim: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """Validated and frozen. ``url`` has no slash at its end; ``database`` is ``sqlite:FILE`` or ``postgresql://…``."""

    root: Path
    title: str
    url: str
    description: str = ""
    language: str = "en"
    timezone: str = "UTC"
    postal_address: str = ""
    rights: str = ""
    database: str = "sqlite:publisher.db"
    articles: str = "articles"
    delivery: Delivery = field(default_factory=Delivery)
    alerts: Alerts = Alerts()
    dkim: Dkim = Dkim()
    web: Web = Web()
    theme: Theme = Theme()
    sections: dict[str, str] = field(default_factory=dict)
    authors: dict[str, Author] = field(default_factory=dict)
    feeds: tuple[Feed, ...] = ()

    @property
    def articles_folder(self) -> Path:
        """The articles' folder; may lie outside the publication (an existing blog's)."""
        return (self.root / self.articles).resolve()

    @property
    def public(self) -> Path:
        """Built output: disposable, servable by any web server."""
        return self.root / "public"

    @property
    def templates(self) -> Path:
        """Overrides of the built-in templates."""
        return self.root / "templates"

    @property
    def state(self) -> Path:
        """Locks and the delivery journal of this machine."""
        return self.root / ".publisher"

    @property
    def ledger(self) -> Path:
        """The ledger of editions that have left the database, a file each."""
        return self.root / "ledger"

    @property
    def host(self) -> str:
        """The URL's host name as A-labels (RFC 5890), for ids and List-Id."""
        name = self.url.split("//", 1)[-1].split("/", 1)[0].split(":", 1)[0]
        try:
            return name.encode("idna").decode("ascii")
        except UnicodeError:
            return name

    @property
    def newsletters(self) -> tuple[Newsletter, ...]:
        """The newsletters of all feeds, in the order of the feeds' names."""
        return tuple(feed.newsletter for feed in self.feeds if feed.newsletter is not None)

    def feed(self, name: str) -> Feed | None:
        """The feed of that name."""
        return next((feed for feed in self.feeds if feed.name == name), None)

    def newsletter(self, name: str) -> Newsletter | None:
        """The newsletter of that name."""
        return next((newsletter for newsletter in self.newsletters if newsletter.name == name), None)

    def section_label(self, section: str) -> str:
        """How readers see a section: its label, or its name with a capital."""
        return self.sections.get(section, section[:1].upper() + section[1:].replace("-", " "))

    @property
    def examples_left(self) -> tuple[str, ...]:
        """Settings that are still an example's (RFC 2606 names): nothing may leave this machine while there are any."""
        left = []
        if _is_example(self.host):
            left.append("url")
        if not self.postal_address or "example" in self.postal_address.lower():
            left.append("postal_address")
        left += [
            f"feeds/{newsletter.name}.toml: sender"
            for newsletter in self.newsletters
            if _is_example(newsletter.sender_address.rpartition("@")[2])
        ]
        return tuple(left)


def _is_example(host: str) -> bool:
    """RFC 2606: example.com, .net, .org and the top levels .example, .test, .invalid, .localhost."""
    labels = host.lower().rstrip(".").split(".")
    return labels[-1] in {"example", "test", "invalid", "localhost"} or (
        len(labels) >= 2 and labels[-2] == "example" and labels[-1] in {"com", "net", "org"}
    )
