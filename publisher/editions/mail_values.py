"""What every mail template is given: words, colours, fonts, the reader's tokens, and how text is wrapped.

Guarantees: what stands for a reader's own value is a token (``publisher.theme.fields``), never the value.
Fails with TemplateError where ``email/words.txt`` does not parse.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

from markupsafe import Markup

from publisher.editions.palette import palette_of
from publisher.editions.plaintext import WIDTH
from publisher.editions.wrapping import columns, wrap
from publisher.model.errors import TemplateError
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.theme.environment import Environment, render
from publisher.theme.fields import token

__all__ = [
    "READER",
    "FooterLink",
    "direction_of",
    "mail_values",
    "printed_date",
    "say",
    "tidy_text",
    "words_of",
]

READER = MappingProxyType(
    {name: token(name) for name in ("name", "address", "unsubscribe_url", "preferences_url", "confirm_url")}
)
"""The fields that a template may print as ``{{ reader.name }}``."""

_WORDS = "email/words.txt"
_RIGHT_TO_LEFT = {
    "ar",
    "arc",
    "ckb",
    "dv",
    "fa",
    "he",
    "khw",
    "ks",
    "ku",
    "ps",
    "sd",
    "syr",
    "ug",
    "ur",
    "yi",
}
_NOT_A_FONT = re.compile(r"[^\w \-]")
_PLAIN_FONT = re.compile(r"[A-Za-z][\w-]*( [A-Za-z][\w-]*)*")


@dataclass(frozen=True, slots=True)
class FooterLink:
    """A link of the footer; ``url`` may be a token."""

    text: str
    url: str


def direction_of(language: str) -> str:
    """``rtl`` for languages written from right to left, else ``ltr``."""
    return "rtl" if language.replace("_", "-").split("-")[0].lower() in _RIGHT_TO_LEFT else "ltr"


def words_of(environment: Environment) -> Any:
    """The fixed texts: the attributes of ``email/words.txt``. Raises TemplateError."""
    render(environment, _WORDS, {})
    return environment.get_template(_WORDS).module


def printed_date(words: Any, day: datetime) -> str:
    """``Monday, 20 January 2025``, in the words of ``words``."""
    try:
        weekday, month = words.weekdays[day.weekday()], words.months[day.month - 1]
    except (AttributeError, LookupError, TypeError) as error:
        raise _in_the_words(error) from error
    return say(words, "date", weekday=weekday, day=day.day, month=month, year=day.year)


def say(words: Any, name: str, **values: object) -> str:
    """The fixed text ``name`` with its ``%(…)s`` filled in. Raises TemplateError if an override lacks it."""
    try:
        text = str(getattr(words, name))
        return text % values if values else text
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise _in_the_words(error) from error


def mail_values(publication: Publication, newsletter: Newsletter, words: Any, *, language: str) -> dict[str, Any]:
    """The values that digests and notices share. Pure."""
    return {
        "publication": publication,
        "newsletter": newsletter,
        "theme": publication.theme,
        "colours": palette_of(publication.theme),
        "fonts": {"text": _font(publication.theme.font), "heading": _font(publication.theme.heading_font)},
        "words": words,
        "language": language,
        "direction": direction_of(language),
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


def _in_the_words(error: Exception) -> TemplateError:
    return TemplateError(
        f"a fixed text does not fit: {error}",
        where=f"templates/{_WORDS}",
        remedy="compare with the built-in file of that name",
    )


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
