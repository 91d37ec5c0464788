"""Words: the fixed texts, dates, lists and plurals of one language, for templates and for code.

The English text is the key: ``say("By %(names)s", names=…)``; in templates ``_("By %(names)s", names=…)`` and
``ngettext("%(number)s more", "%(number)s more", number)``. Code that keeps a text for later marks it with
:func:`marked`, so that it is found for the catalogues.

Guarantees: a text without a translation is English. A value of the other direction is isolated, so that an English
title does not turn the marks around it in an Arabic sentence (https://www.unicode.org/reports/tr9/, section 2.4). What
comes back is plain text, to be escaped where it goes; only where a value is Markup already, it is Markup, and the other
values are escaped. Fails with LookupError where a value is missing, which
:func:`publisher.theme.environment.render` reports with the template's line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton
from babel.lists import format_list
from markupsafe import Markup, escape

from publisher.theme.languages import direction_of, locale_of
from publisher.theme.translations import translations

__all__ = ["Words", "capital", "marked", "without_isolates"]

_FIRST_STRONG, _POP = "\u2068", "\u2069"
_TURNED = {
    "ltr": re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]"),
    "rtl": re.compile("[A-Za-z\u00c0-\u058f\u1e00-\u1fff]"),
}


def marked(text: str) -> str:
    """``text`` itself: it says that the catalogues need it."""
    return text


_CADENCES = {
    "daily": marked("daily"),
    "weekly": marked("weekly"),
    "monthly": marked("monthly"),
    "instant": marked("at once"),
}


class Words:
    """The words of one language. Safe to share between threads. ``own``: a folder with a publication's catalogues.

    Raises TemplateError for a catalogue that cannot be used.
    """

    def __init__(self, language: str, own: Path | None = None) -> None:
        self.language = language
        self.direction = direction_of(language)
        self._translations = translations(language, own)
        self._locale = str(locale_of(language))

    def say(self, text: str, /, **values: object) -> str:
        """The text in this language, its ``%(…)s`` filled in."""
        return self._filled(self._translations.gettext(text), values)

    def plural(self, one: str, many: str, number: int, /, **values: object) -> str:
        """The form for ``number``, which is the placeholder ``%(number)s`` as well."""
        return self._filled(self._translations.ngettext(one, many, number), {"number": number, **values})

    def cadence(self, name: str) -> str:
        """How often, as readers see it: ``daily``; a name that the publication made up is shown as it is."""
        return self.say(_CADENCES[name]) if name in _CADENCES else name

    def listed(self, names: Sequence[str]) -> str:
        """``Ana, Ben and Cem``. Markup if one of the names is."""
        if any(isinstance(name, Markup) for name in names):
            return Markup(format_list([str(escape(name)) for name in names], locale=self._locale))
        return format_list(names, locale=self._locale)

    def dateline(self, day: datetime) -> str:
        """``Monday, 20 January 2025``, at the beginning of a line."""
        return _day(day.date(), "full", self._locale)

    def day(self, day: datetime) -> str:
        """``20 January 2025``."""
        return _day(day.date(), "long", self._locale)

    def month(self, day: date) -> str:
        """``January 2025``, at the beginning of a line."""
        return capital(format_skeleton("yMMMM", day, locale=self._locale))

    def language_name(self, tag: str) -> str:
        """``German`` for ``de``; the tag itself where nobody knows it."""
        base = tag.replace("_", "-").split("-")
        try:
            name = Locale.parse("_".join([base[0].lower(), *(part.upper() for part in base[1:] if len(part) == 2)]))
        except (UnknownLocaleError, ValueError):
            return tag
        return name.get_display_name(self._locale) or tag

    def _filled(self, text: str, values: Mapping[str, object]) -> str:
        if not values:
            return text
        isolated = {name: self._isolated(value) for name, value in values.items()}
        if any(isinstance(value, Markup) for value in values.values()):
            return escape(text) % isolated
        return text % isolated

    def _isolated(self, value: object) -> object:
        """Addresses are copied, and markup has a ``dir`` of its own: both stay as they are."""
        if not isinstance(value, str) or isinstance(value, Markup) or "://" in value or _POP in value:
            return value
        return f"{_FIRST_STRONG}{value}{_POP}" if _TURNED[self.direction].search(value) else value

    @property
    def values(self) -> dict[str, Any]:
        """What templates are given of a language."""
        return {
            "_": self.say,
            "ngettext": self.plural,
            "listed": self.listed,
            "cadence_label": self.cadence,
            "language": self.language,
            "direction": self.direction,
        }


def capital(text: str) -> str:
    """``text`` with a capital at its beginning, and nothing else changed."""
    return text[:1].upper() + text[1:]


def without_isolates(text: str) -> str:
    """``text`` for where marks of direction are of no use: a header, a record of what was agreed to."""
    return text.replace(_FIRST_STRONG, "").replace(_POP, "")


@lru_cache(maxsize=8192)
def _day(day: date, form: Any, locale: str) -> str:
    shown = format_date(day, form, locale)
    return capital(shown) if form == "full" else shown
