"""The text of a file that somebody wants to import, whatever it was saved as.

Guarantees: no more than `LARGEST` bytes (and one) are read; the text is the file's, letter for letter,
without a byte order mark. Fails with ImportRefused when the file is missing, too large, empty or no text.
"""

from __future__ import annotations

import codecs
import os
import re
from pathlib import Path

from publisher.model.errors import ImportRefused

__all__ = ["LARGEST", "check_is_text", "read_text"]

LARGEST = 5_000_000  # bytes; the longest article a publication reads

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"PK\x05\x06", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"\xd0\xcf\x11\xe0", "an office document"),
    (b"{\\rtf", "an RTF document"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3", "a database"),
)
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
_AS_TEXT = "save it as plain text (.txt), or copy its text into a file"
# One in so many characters may be a stray control; more, and it is no text.
_STRAY = 200
# Languages that Windows-1252 was made for have fewer letters beyond ASCII than one in so many.
_WESTERN = 3


def read_text(path: Path) -> str:
    """The file's text, from UTF-8, UTF-16 or UTF-32 with a mark, or Windows-1252. Raises ImportRefused."""
    source = str(path)
    data = _read(path, source)
    if not data.strip():
        raise ImportRefused("is empty", where=source, remedy="an article's first line is its title")
    for magic, kind in _MAGIC:
        if data.startswith(magic):
            raise ImportRefused(f"is {kind}, not a text", where=source, remedy=_AS_TEXT)
    text = _decode(data, source)
    check_is_text(text, source=source)
    return text


def check_is_text(text: str, *, source: str) -> None:
    """Raises ImportRefused for a text without letters, or with control characters. Touches nothing."""
    controls = len(_CONTROLS.findall(text))
    if "\x00" in text or controls * _STRAY > len(text):
        raise ImportRefused("is a binary file, not a text", where=source, remedy=_AS_TEXT)
    if not any(character.isalnum() for character in text):
        raise ImportRefused("has no words in it", where=source, remedy="an article's first line is its title")


def _read(path: Path, source: str) -> bytes:
    try:
        with path.open("rb") as file:
            # A device or a pipe tells no size, and is not read to its end either.
            size = os.fstat(file.fileno()).st_size
            data = b"" if size > LARGEST else file.read(LARGEST + 1)
    except IsADirectoryError as error:
        raise ImportRefused("is a folder", where=source, remedy="name the files in it") from error
    except FileNotFoundError as error:
        raise ImportRefused("there is no such file", where=source, remedy="check its name") from error
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or str(error)
        raise ImportRefused(f"cannot be read ({cause})", where=source) from error
    if size > LARGEST or len(data) > LARGEST:
        raise ImportRefused(
            f"is larger than {LARGEST // 1_000_000} MB, so it is not one article",
            where=source,
            remedy="split it",
        )
    return data


def _decode(data: bytes, source: str) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            try:
                return data[len(mark) :].decode(encoding)
            except UnicodeDecodeError as error:
                raise _unreadable(f"is not {encoding[:6].upper()}, though it begins like it", source) from error
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _eight_bits(data, source, line=data.count(b"\n", 0, error.start) + 1)


def _eight_bits(data: bytes, source: str, *, line: int) -> str:
    """Windows-1252, of which Latin-1's letters are a part; ``line`` is the first that is not UTF-8."""
    if b"\x00" in data:
        raise ImportRefused("is a binary file, not a text", where=source, remedy=_AS_TEXT)
    # Two characters of Windows-1252 hardly ever look like one of UTF-8, so this is UTF-8 with a fault in it.
    whole = sum(not character.isascii() for character in data.decode("utf-8", "ignore"))
    broken = data.decode("utf-8", "replace").count("\ufffd")
    if whole > broken:
        raise _unreadable("has bytes in it that are not UTF-8", source, line)
    if sum(byte >= 0x80 for byte in data) * _WESTERN > len(data):
        raise _unreadable("is in an encoding we do not know", source)
    try:
        return data.decode("cp1252")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _unreadable(cause: str, source: str, line: int | None = None) -> ImportRefused:
    return ImportRefused(cause, where=source, line=line, remedy="save it as UTF-8")
