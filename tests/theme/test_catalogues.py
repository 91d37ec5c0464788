"""The catalogues: complete, faithful, without leftovers, and a publication's own ones over ours."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages import Catalog

from publisher.model.errors import TemplateError
from publisher.theme.translations import PLACEHOLDER, catalogue_file, read_catalogue, translations
from tests.theme.texts import files, texts

LANGUAGES = ("ar", "de", "es", "fr")


def catalogue(language: str) -> Catalog:
    return read_catalogue(files()[language], language, language)


def placeholders(text: str) -> set[str]:
    return {found[0] for found in PLACEHOLDER.finditer(text)}


def test_german_french_spanish_and_arabic_are_there() -> None:
    assert tuple(files()) == LANGUAGES


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_in_every_catalogue_and_none_is_unused(language: str) -> None:
    asked = {message.id for message in texts() if message.id}
    has = {message.id for message in catalogue(language) if message.id}
    assert len(asked) > 100
    assert asked - has == set(), "write a translation: make catalogues"
    assert has - asked == set(), "no longer used: make catalogues"
    assert not catalogue(language).obsolete


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_text_is_translated_with_the_same_placeholders(language: str) -> None:
    found = catalogue(language)
    for message in found:
        if not message.id:
            continue
        assert not message.fuzzy, message.id
        if isinstance(message.id, str):
            assert isinstance(message.string, str)
            assert message.string, message.id
            assert placeholders(message.string) == placeholders(message.id)
        else:
            assert len(message.string) == found.num_plurals
            asked = placeholders(message.id[1])
            for form in message.string:
                # "one more article" and "two" need no figure in many languages
                assert form
                assert placeholders(form) | {"%(number)s"} == asked


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_has_markup_or_straight_quotes_so_that_it_can_stand_anywhere(language: str) -> None:
    for message in catalogue(language):
        for text in [message.string] if isinstance(message.string, str) else message.string:
            if message.id:
                assert not set("<>&\"'\\\n") & set(text), text
                assert text == text.strip()


def test_an_english_text_has_no_markup_or_straight_quotes_either() -> None:
    for message in texts():
        for text in [message.id] if isinstance(message.id, str) else message.id:
            assert not set("<>&\"'\\\n") & set(text), text


def test_arabic_counts_in_six_forms() -> None:
    arabic = translations("ar")
    forms = [arabic.ngettext("%(title)s and %(number)s more", "…", number) for number in (0, 1, 2, 3, 11, 100)]
    assert len(set(forms)) == 6
    for few, many, other in ((10, 99, 101), (103, 111, 200)):
        assert [arabic.ngettext("%(title)s and %(number)s more", "…", n) for n in (few, many, other)] == forms[3:]


# a publication's own


def own(folder: Path, language: str, text: str) -> Path:
    file = catalogue_file(folder, language)
    file.parent.mkdir(parents=True)
    file.write_text(text, "utf-8")
    return folder


def test_a_publication_can_say_one_thing_its_own_way_and_keep_the_rest(tmp_path: Path) -> None:
    folder = own(tmp_path, "de", 'msgid "Unsubscribe"\nmsgstr "Abmelden"\n')
    for language in ("de", "de-AT"):
        german = translations(language, folder)
        assert german.gettext("Unsubscribe") == "Abmelden"
        assert german.gettext("Save") == "Speichern"
    assert translations("de").gettext("Unsubscribe") == "Abbestellen"


def test_a_publication_can_change_english_and_bring_a_language_that_we_lack(tmp_path: Path) -> None:
    own(tmp_path, "en", 'msgid "Save"\nmsgstr "Keep"\n')
    own(tmp_path, "it", 'msgid "Unsubscribe"\nmsgstr "Annulla l’iscrizione"\n')
    italian = translations("it", tmp_path)
    assert italian.gettext("Unsubscribe") == "Annulla l’iscrizione"
    assert italian.gettext("Save") == translations("en-GB", tmp_path).gettext("Save") == "Keep"
    assert italian.gettext("Tags") == "Tags"


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ('msgid "Save"\nmgsstr "Sav"\n', 2, "no catalogue"),
        ('msgid "Save"\nmsgstr "Save"\n\nmsgid "By %(names)s"\nmsgstr "Von %(name)s"\n', 4, r"asks for %\(name\)s"),
        ('msgid "Save"\nmsgstr "100 % sure"\n', 1, "asks for"),
    ],
)
def test_a_broken_catalogue_is_named_with_its_line(tmp_path: Path, text: str, line: int, cause: str) -> None:
    folder = own(tmp_path / "templates" / "catalogues", "de", text)
    with pytest.raises(TemplateError, match=rf"^templates/catalogues/de/LC_MESSAGES/publisher\.po:{line}: .*{cause}"):
        translations("de", folder)
