"""Words: texts, dates, lists and plurals in a language, and what happens without one."""

from __future__ import annotations

from datetime import date, datetime

import pytest
from markupsafe import Markup

from publisher.theme.languages import direction_of, fallbacks
from publisher.theme.words import Words, without_isolates

MONDAY = datetime(2025, 1, 20, 6)


@pytest.mark.parametrize(
    ("language", "dateline", "day", "month"),
    [
        ("en", "Monday, 20 January 2025", "20 January 2025", "January 2025"),
        ("en-US", "Monday, January 20, 2025", "January 20, 2025", "January 2025"),
        ("de", "Montag, 20. Januar 2025", "20. Januar 2025", "Januar 2025"),
        ("de-AT", "Montag, 20. Jänner 2025", "20. Jänner 2025", "Jänner 2025"),
        ("fr", "Lundi 20 janvier 2025", "20 janvier 2025", "Janvier 2025"),
        ("es-MX", "Lunes, 20 de enero de 2025", "20 de enero de 2025", "Enero de 2025"),
        ("ar", "الاثنين، 20 يناير 2025", "20 يناير 2025", "يناير 2025"),
        ("it", "Lunedì 20 gennaio 2025", "20 gennaio 2025", "Gennaio 2025"),
        ("xx-YY", "Monday, 20 January 2025", "20 January 2025", "January 2025"),
    ],
)
def test_dates_are_written_as_the_language_writes_them(language: str, dateline: str, day: str, month: str) -> None:
    words = Words(language)
    assert words.dateline(MONDAY) == dateline
    assert words.day(MONDAY) == day
    assert words.month(date(2025, 1, 1)) == month


@pytest.mark.parametrize(
    ("language", "said"),
    [("de-CH", "Abbestellen"), ("pt", "Unsubscribe"), ("", "Unsubscribe"), ("EN-us", "Unsubscribe")],
)
def test_an_unknown_language_falls_back_to_its_base_and_then_to_english(language: str, said: str) -> None:
    assert Words(language).say("Unsubscribe") == said


def test_a_text_that_no_catalogue_has_is_said_as_it_is() -> None:
    assert Words("de").say("A text of an override, %(number)s", number=3) == "A text of an override, 3"


@pytest.mark.parametrize(
    ("language", "number", "said"),
    [
        ("en", 1, "A and 1 more"),
        ("en", 4, "A and 4 more"),
        ("de", 1, "A und ein weiterer Artikel"),
        ("de", 4, "A und 4 weitere Artikel"),
        ("fr", 1, "A et 1 autre article"),
        ("ar", 2, "\u2068A\u2069 ومقالان آخران"),
        ("ar", 14, "\u2068A\u2069 و14 مقالًا آخر"),
    ],
)
def test_what_is_counted_stands_in_the_form_of_its_number(language: str, number: int, said: str) -> None:
    one = many = "%(title)s and %(number)s more"
    assert Words(language).plural(one, many, number, title="A") == said


def test_names_are_listed_as_the_language_lists_them() -> None:
    assert Words("en").listed(["Ana"]) == "Ana"
    assert Words("en").listed(["Ana", "Ben", "Cem"]) == "Ana, Ben and Cem"
    assert Words("de").listed(["Ana", "Ben"]) == "Ana und Ben"
    assert Words("ar").listed(["Ana", "Ben"]) == "Ana وBen"


def test_markup_stays_markup_and_everything_beside_it_is_escaped() -> None:
    words = Words("fr")
    listed = words.listed([Markup("<b>A</b>"), "B & C"])
    assert listed == Markup("<b>A</b> et B &amp; C")
    assert words.say("By %(names)s", names=listed) == Markup("Par <b>A</b> et B &amp; C")
    assert words.say("By %(names)s", names="B & C") == "Par B & C"


def test_a_value_of_the_other_direction_does_not_turn_what_stands_around_it() -> None:
    assert Words("ar").say("By %(names)s", names="Ana") == "بقلم \u2068Ana\u2069"
    assert Words("ar").say("By %(names)s", names="أمل") == "بقلم أمل"
    assert Words("de").say("By %(names)s", names="أمل") == "Von \u2068أمل\u2069"
    assert Words("ar").say("On the web: %(url)s", url="https://example.org/") == "على الويب: https://example.org/"
    assert without_isolates(Words("ar").say("By %(names)s", names="Ana")) == "بقلم Ana"


def test_how_often_is_said_in_words_unless_the_publication_made_them_up() -> None:
    assert Words("de").cadence("weekly") == "wöchentlich"
    assert Words("de").cadence("every full moon") == "every full moon"


def test_the_nearest_catalogue_comes_first() -> None:
    assert fallbacks("zh-hant-tw") == ("zh_Hant_TW", "zh_Hant", "zh")
    assert [direction_of(tag) for tag in ("ar-EG", "HE", "az-Arab", "ur-Latn", "de", "")] == ["rtl"] * 3 + ["ltr"] * 3
