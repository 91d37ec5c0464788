"""Message catalogues: gettext's .po files, read as they are, each once a process; nothing has to be compiled.

Ours are in ``publisher/theme/catalogues/LANG/LC_MESSAGES/publisher.po``, with the English texts as keys, so English
needs none. A publication may have its own in ``templates/catalogues/LANG/LC_MESSAGES/publisher.po``: what stands in
there comes first, for one text (in English too) or for a whole language that we lack.

Guarantees: a translation asks for no value that the English text does not have. Fails with TemplateError, which
names file and line.
"""

from __future__ import annotations

import gettext
import re
from collections.abc import Iterable
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path

from babel.messages import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import PoFileError, read_po

from publisher.model.errors import TemplateError
from publisher.theme.languages import fallbacks

__all__ = ["CATALOGUES", "PLACEHOLDER", "available", "catalogue_file", "read_catalogue", "translations"]

CATALOGUES = Path(__file__).parent / "catalogues"
"""The folder of our own catalogues."""

PLACEHOLDER = re.compile(r"%\((\w+)\)s|%.?")
"""A placeholder, or a percent sign that is none."""


def catalogue_file(folder: Path, name: str) -> Path:
    """Where the catalogue ``name`` (``de``, ``de_AT``) of a folder is."""
    return folder / name / "LC_MESSAGES" / "publisher.po"


def translations(language: str, own: Path | None = None) -> gettext.NullTranslations:
    """The texts of a language: of ``own``, then of ours, then English. Raises TemplateError."""
    chain = list(_catalogues(language, own))
    for before, after in pairwise(chain):
        before.add_fallback(after)
    return chain[0]


def read_catalogue(file: Path, name: str, where: str) -> Catalog:
    """A catalogue, checked. Raises TemplateError with ``where`` and the line."""
    try:
        with file.open("rb") as opened:
            catalogue = read_po(opened, locale=name, abort_invalid=True)
    except PoFileError as error:
        raise _broken(f"is no catalogue: {str(error.line).strip()}", where, error.lineno + 1) from error  # from 0
    except (OSError, LookupError, ValueError) as error:
        raise _broken(f"cannot be read: {error}", where, None) from error
    for message in catalogue:
        texts = [message.string] if isinstance(message.string, str) else [*(message.string or ())]
        asked = message.id if isinstance(message.id, str) else message.id[-1]
        for text in texts if asked else ():
            if unknown := _placeholders(text) - _placeholders(asked):
                raise _broken(f'"{text}" asks for {min(unknown)}, which "{asked}" has not', where, message.lineno)
    return catalogue


def _catalogues(language: str, own: Path | None) -> Iterable[gettext.NullTranslations]:
    names = fallbacks(language)
    if own is not None:
        for name in dict.fromkeys((*names, "en")):
            if (file := catalogue_file(own, name)).is_file():
                shown = "/".join(("templates", "catalogues", *file.parts[-3:]))
                yield _compiled(read_catalogue(file, name, shown))
            if name != "en" and (ours := _ours(name)) is not None:
                yield ours
    else:
        yield from filter(None, map(_ours, names))
    yield gettext.NullTranslations()


@lru_cache(maxsize=64)
def _compiled_ours(name: str) -> bytes | None:
    file = catalogue_file(CATALOGUES, name)
    return _mo(read_catalogue(file, name, f"publisher/theme/catalogues/{name}")) if file.is_file() else None


def _ours(name: str) -> gettext.NullTranslations | None:
    """A new object each time, since a chain hangs its fallbacks onto it."""
    compiled = _compiled_ours(name)
    return gettext.GNUTranslations(BytesIO(compiled)) if compiled else None


def _compiled(catalogue: Catalog) -> gettext.NullTranslations:
    return gettext.GNUTranslations(BytesIO(_mo(catalogue)))


def _mo(catalogue: Catalog) -> bytes:
    written = BytesIO()
    write_mo(written, catalogue)
    return written.getvalue()


def _placeholders(text: str) -> set[str]:
    return {found[0] for found in PLACEHOLDER.finditer(text) if found[0] != "%%"}


def _broken(cause: str, where: str, line: int | None) -> TemplateError:
    return TemplateError(cause, where=where, line=line, remedy="compare with the catalogue of another language")


def available(own: Path | None = None) -> tuple[str, ...]:
    """The tags of all languages that there are texts in: English, our catalogues, and those of a publication."""
    found = {"en"}
    for folder in filter(None, (CATALOGUES, own)):
        found |= {file.parts[-3].replace("_", "-") for file in folder.glob("*/LC_MESSAGES/publisher.po")}
    return tuple(sorted(found))
