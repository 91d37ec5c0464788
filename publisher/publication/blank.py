"""The files of a new, empty publication, with comments that explain them.

What a person answered is checked by the same loading that every command does, and each fault is given back
under the answer's name, so that it can be asked again.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path

import tomlkit

from publisher.model.errors import ConfigurationError
from publisher.publication.loading import load

__all__ = ["GITIGNORE", "Answers", "blank_files", "faults", "schedule_of"]

GITIGNORE = """\
# What this publication must keep to itself, and what can be built again.
/secrets.toml
/dkim/
/publisher.db*
/public/
/mail/
/preview/
/.publisher/
/ledger/
"""

# Where each answer stands in the files.
_PLACES = {
    ("publication.toml", "title"): "title",
    ("publication.toml", "url"): "url",
    ("publication.toml", "timezone"): "timezone",
    ("publication.toml", "postal_address"): "postal_address",
    ("publication.toml", "delivery.transport"): "relay",
    ("feeds/all.toml", "newsletter.sender"): "sender",
    ("feeds/all.toml", "newsletter.cadences.daily"): "hour",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What `init` asks. ``hour``: ``7``, ``07:00`` or a schedule; ``relay``: a host, a transport or empty."""

    title: str
    url: str
    sender: str
    postal_address: str = ""
    timezone: str = "UTC"
    hour: str = "07:00"
    relay: str = ""

    @property
    def transport(self) -> str:
        """The transport of ``relay``: a Maildir without one; a bare host is a relay."""
        if not self.relay:
            return "maildir:mail"
        return f"smtp://{self.relay}" if re.fullmatch(r"[^:/]+(:\d+)?", self.relay) else self.relay


def schedule_of(hour: str) -> str:
    """``7`` → ``07:00``; anything else is left to the schedule's own reading. Pure."""
    return f"{int(hour):02}:00" if re.fullmatch(r"\d{1,2}", hour.strip()) else hour.strip()


def blank_files(answers: Answers, *, today: date) -> dict[str, str]:
    """Relative path → text. Pure."""
    postal = f"postal_address = {_toml(answers.postal_address)}"
    return {
        "publication.toml": f"""\
# The settings of this publication. After a change: publisher config check

title    = {_toml(answers.title)}
url      = {_toml(answers.url)}
language = "en"
timezone = {_toml(answers.timezone)}   # dates without a zone are in this one

# Stands in every digest. While it is missing, or url or sender is an example, no mail leaves this machine.
{postal if answers.postal_address else f"# {postal}"}

# database = "postgresql://user@host/name"   # without it: the file publisher.db
# articles = "../content/posts"              # an existing blog's folder; without it: articles

[delivery]
transport = {_toml(answers.transport)}   # a folder: "maildir:mail"; a relay: "smtp://user@relay.example.org:587"

[web]
pages     = true   # false: feeds and mail only, no web archive
endpoints = true   # false: no server of ours; links in mail are mailto:

# [theme]
# accent = "#9a3412"

# [sections]
# world = "World"

# [authors.ana]
# name = "Ana Example"
# bio  = "Ana writes about harbours."
# url  = "https://ana.example.org"
""",
        "feeds/all.toml": f"""\
# A feed of every article, and its newsletter. The file's name is the feed's: /feeds/all.rss, .atom, .json

title   = {_toml(answers.title)}
formats = ["rss", "atom", "json"]
content = "full"                            # or "summary"
limit   = 30
# select = {{ sections = ["world"] }}         # and/or tags, authors, languages; without it: everything

[newsletter]
sender    = {_toml(answers.sender)}
since     = {today.isoformat()}                      # older articles are not mailed
min_items = 1                               # fewer wait for the next edition
max_items = 20
# max_wait = "3 weeks"                      # after this long it goes out with what there is

[newsletter.cadences]                       # the reader picks one
daily  = {_toml(schedule_of(answers.hour))}
# weekly = "sun 08:00"                      # or a cron line: "0 8 * * sun"
""",
        ".gitignore": GITIGNORE,
    }


def faults(answers: Answers, *, today: date) -> dict[str, str]:
    """What is wrong, by the answer's name. Raises ConfigurationError for a fault that is no answer's."""
    found: dict[str, str] = {}
    for field in fields(answers):
        text = getattr(answers, field.name)
        if not text.strip() and field.name in ("title", "url", "sender"):
            found[field.name] = "must not be empty"
        elif not _is_text(text):
            found[field.name] = "must be one line of readable text"
    if found:
        return found
    with tempfile.TemporaryDirectory(prefix="publisher-") as scratch:
        write_files(Path(scratch), blank_files(answers, today=today))
        try:
            load(Path(scratch))
        except ConfigurationError as error:
            for fault in (error, *error.also):
                key = re.match(r'"([^"]+)"(?:: )?', fault.cause)
                name = _PLACES.get((fault.where or "", key[1])) if key else None
                if key is None or name is None:
                    raise
                remedy = f"; {fault.remedy}" if fault.remedy else ""
                found.setdefault(name, f"{fault.cause[key.end() :].strip()}{remedy}")
    return found


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Writes each text (UTF-8) under ``folder``."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def _is_text(text: str) -> bool:
    """A word of the command line that is not UTF-8 comes as surrogates, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return not any(ord(character) < 32 or ord(character) == 127 for character in text)


def _toml(text: str) -> str:
    return tomlkit.string(text.strip()).as_string()
