"""Languages: what a BCP 47 tag means to us: which catalogues to look in, which locale's dates, which direction.

Guarantees: every tag has an answer; what is unknown falls back to its base language (``de-AT`` to ``de``), then to
English. Pure. Never fails.
"""

from __future__ import annotations

from functools import lru_cache

from babel import Locale, UnknownLocaleError

__all__ = ["direction_of", "fallbacks", "locale_of"]

# fmt: off
_RIGHT_TO_LEFT = {
    "ar", "arc", "ckb", "dv", "fa", "he", "khw", "ks", "ps", "sd", "syr", "ug", "ur", "yi",
}
_RIGHT_TO_LEFT_SCRIPTS = {"adlm", "arab", "hebr", "nkoo", "rohg", "syrc", "thaa"}
# fmt: on
# English without a country is read everywhere, and most of the world writes the day before the month.
_ENGLISH = "en_GB"


def direction_of(language: str) -> str:
    """``rtl`` for languages written from right to left, else ``ltr``."""
    named, *others = _parts(language.lower())
    script = next((part for part in others if len(part) == 4 and part.isalpha()), "")
    turned = script in _RIGHT_TO_LEFT_SCRIPTS if script else named in _RIGHT_TO_LEFT
    return "rtl" if turned else "ltr"


@lru_cache(maxsize=256)
def fallbacks(language: str) -> tuple[str, ...]:
    """Names of catalogues for a tag, the nearest first: ``de-AT`` gives ``de_AT``, ``de``."""
    parts = _parts(language)
    spelled = [parts[0].lower(), *(part.title() if len(part) == 4 else part.upper() for part in parts[1:])]
    return tuple("_".join(spelled[:length]) for length in range(len(spelled), 0, -1))


@lru_cache(maxsize=256)
def locale_of(language: str) -> Locale:
    """The locale of dates and lists: the tag's, its base language's, or English."""
    for name in fallbacks(language):
        try:
            return Locale.parse(_ENGLISH if name == "en" else name)
        except (UnknownLocaleError, ValueError):
            continue
    return Locale.parse(_ENGLISH)


def _parts(language: str) -> list[str]:
    return language.replace("_", "-").split("-")
