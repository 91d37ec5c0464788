"""What every mail template is given: words, colours, fonts, the reader's tokens, and how text is wrapped.

Guarantees: what stands for a reader's own value is a token (``publisher.theme.fields``), never the value. Never fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from jinja2 import Undefined
from markupsafe import Markup

from publisher.editions.palette import palette_of
from publisher.editions.plaintext import WIDTH
from publisher.editions.wrapping import columns, wrap
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.theme.fields import Field, is_name, token
from publisher.theme.words import Words

__all__ = ["FIELDS", "READER", "FooterLink", "NoticeReader", "mail_values", "tidy_text"]

FIELDS = ("name", "address", "unsubscribe_url", "preferences_url", "confirm_url")
"""The fields that every reader of a digest or notice has."""


class _Reader:
    """The reader of a digest, to templates: every field has a token, the publisher's own from an import, too."""

    def __getitem__(self, name: str) -> Field:
        if not is_name(name):
            raise KeyError(name)
        return Field(token(name))


READER = _Reader()
"""What a template may print as ``{{ reader.name }}`` or ``{{ reader.city|default("your town") }}``."""

_NOT_A_FONT = re.compile(r"[^\w \-]")
_PLAIN_FONT = re.compile(r"[A-Za-z][\w-]*( [A-Za-z][\w-]*)*")


class NoticeReader:
    """The reader of a notice, to templates that it shares with digests: these links, and no other field, whatever the
    database has. What a stranger typed must not get into a confirmation; a field's default stands in its place.
    """

    def __init__(self, *links: str) -> None:
        self._links = links

    def __getitem__(self, name: str) -> Field | Undefined:
        return READER[name] if name in self._links else Undefined(name=f"reader.{name}")


@dataclass(frozen=True, slots=True)
class FooterLink:
    """A link of the footer; ``url`` may be a token."""

    text: str
    url: str


def mail_values(publication: Publication, newsletter: Newsletter, words: Words) -> dict[str, Any]:
    """The values that digests and notices share. Pure."""
    return {
        **words.values,
        "publication": publication,
        "newsletter": newsletter,
        "theme": publication.theme,
        "colours": palette_of(publication.theme),
        "fonts": {"text": _font(publication.theme.font), "heading": _font(publication.theme.heading_font)},
        "reader": READER,
        "logo": None,
        "dateline": "",
        "wrapped": _wrapped,
        "underlined": _underlined,
        "rule": _rule,
        "titled_rule": _titled_rule,
    }


def tidy_text(text: str) -> str:
    """A text part as it is frozen: no spaces at line ends, never two blank lines, one line end at its end."""
    return re.sub(r"\n{3,}", "\n\n", re.sub(r"[ \t]+\n", "\n", text)).strip("\n") + "\n"


def _font(names: str) -> Markup:
    """Font names for a stylesheet and a style attribute: in quotes only where CSS demands them.

    A name of plain words needs none (https://www.w3.org/TR/css-fonts-4/#font-family-name-syntax), and quotes
    in attributes confuse some mail programs.
    """
    clean = [_NOT_A_FONT.sub("", name).strip() for name in names.split(",")]
    return Markup(", ".join(name if _PLAIN_FONT.fullmatch(name) else f"'{name}'" for name in clean if name))


def _wrapped(text: str, first: str = "", rest: str | None = None) -> str:
    text = str(text).strip()
    return "\n".join(wrap(text, WIDTH, first=first, rest=rest)) if text else ""


def _underlined(text: str, mark: str = "-") -> str:
    lines = wrap(str(text), WIDTH)
    return "\n".join([*lines, mark * max(map(columns, lines))])


def _rule(mark: str = "-") -> str:
    return mark * WIDTH


def _titled_rule(text: str) -> str:
    lines = wrap(str(text), WIDTH - 8, first="=== ", rest="    ")
    return "\n".join([*lines[:-1], f"{lines[-1]} ".ljust(WIDTH - columns(lines[-1]) + len(lines[-1]), "=")])
