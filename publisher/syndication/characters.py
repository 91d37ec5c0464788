"""Text that may stand in any document: no character that XML 1.0 forbids, none that a judge warns of.

Everything that goes into a feed passes through here, so one bad article never breaks a feed.
"""

from __future__ import annotations

import html
import re
from contextlib import suppress
from html.entities import name2codepoint

__all__ = ["clean", "clean_bytes", "excerpt", "is_clean", "looks_like_markup", "one_line", "text_of", "unlike_markup"]

# Outside `Char` of https://www.w3.org/TR/xml/#charsets, or discouraged there.
# U+FFFD is allowed, but marks a character already lost, and the W3C validator warns of it.
_NONCHARACTERS = "".join(f"{chr(plane + 0xFFFE)}-{chr(plane + 0xFFFF)}" for plane in range(0x10000, 0x110000, 0x10000))
_BAD = re.compile(f"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffd-\uffff{_NONCHARACTERS}]")
_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_TAG = re.compile(r"<[^>]*>")
_BLOCK = re.compile(r"</?(?:p|div|li|ul|ol|h[1-6]|br|tr|td|th|table|blockquote|pre|figure|figcaption|hr|dd|dt)\b[^>]*>")
_TAG_LIKE = re.compile(r"<(?=[\w/!?])")
_ENTITY_LIKE = re.compile(r"&(#?\w+)")
_C0 = bytes([*range(9), *range(11, 32), 127])
_ASTRAL = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4")
_LONG = 500  # characters from which it pays to look through bytes
_C1 = re.compile(rb"\xc2[\x80-\x9f]")
_JOINER = "\u2060"  # word joiner: no width, no break


def clean(text: str) -> str:
    """``text`` with only characters that XML 1.0 has, and LF as the line end. Pure.

    Surrogate pairs are joined; Windows-1252 left in the C1 range becomes what was meant; what stands
    for a lost character (a lone surrogate, U+FFFD) becomes ``?``; other controls vanish.
    """
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    if len(text) > _LONG:
        with suppress(UnicodeEncodeError):
            if is_clean(text.encode()):
                return text
    printable = text.replace("\n", "").replace("\t", "").replace("\xa0", "").isprintable()
    if (printable and "\ufffd" not in text) or _BAD.search(text) is None:  # the first is ten times as fast
        return text
    return _BAD.sub(_allowed, _PAIR.sub(_joined, text))


def clean_bytes(text: str) -> bytes:
    """`clean` text in UTF-8. Pure."""
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return clean(text).encode()
    return data if is_clean(data) else clean(text).encode()


def is_clean(data: bytes) -> bool:
    """Whether there is surely nothing of `_BAD` in UTF-8. Pure. Bytes are looked through in a third of the time."""
    # C0 controls are deleted to be counted; the others begin with one of these bytes.
    return (
        len(data.translate(None, _C0)) == len(data)
        and not (b"\xef" in data and (b"\xef\xb7" in data or b"\xef\xbf" in data))
        and not any(map(data.__contains__, _ASTRAL))
        and not (b"\xc2" in data and _C1.search(data) is not None)
    )


def one_line(text: str) -> str:
    """``text`` cleaned, on one line, trimmed. Pure."""
    return " ".join(clean(text).split())


def text_of(markup: str) -> str:
    """The words of sanitised HTML on one line. Pure."""
    return one_line(html.unescape(_TAG.sub("", _BLOCK.sub(" ", markup))))


def excerpt(text: str, length: int) -> str:
    """At most ``length`` characters of a line, cut between words and marked with an ellipsis. Pure."""
    if len(text) <= length:
        return text
    head = text[: length - 1]
    shorter = head.rpartition(" ")[0]
    return f"{(shorter if len(shorter) > length // 2 else head).rstrip(' ,;:.–—-')}…"


def looks_like_markup(text: str) -> bool:
    """Whether a reader could take plain text for HTML: it has something like a tag or an entity. Pure."""
    return _TAG_LIKE.search(text) is not None or any(
        name in name2codepoint or not name.isalpha() for name in _ENTITY_LIKE.findall(text)
    )


def unlike_markup(text: str) -> str:
    """Plain text for a place that cannot say that it is plain. Pure.

    Nothing in it can be taken for a tag or an entity: an invisible word joiner (U+2060) goes between ``<`` or
    ``&`` and what follows. Other text is left alone.
    """
    if not looks_like_markup(text):
        return text
    return _ENTITY_LIKE.sub(rf"&{_JOINER}\1", _TAG_LIKE.sub(f"<{_JOINER}", text))


def _joined(found: re.Match[str]) -> str:
    return found[0].encode("utf-16-le", "surrogatepass").decode("utf-16-le")


def _allowed(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0x80 <= code <= 0x9F:
        return bytes([code]).decode("cp1252", "ignore")
    return "?" if 0xD800 <= code <= 0xDFFF or code == 0xFFFD else ""
