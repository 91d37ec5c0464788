"""Quoted-printable (RFC 2045 section 6.7) in pieces that can be put side by side.

Guarantees of every piece: CRLF line ends; no line over 75 octets, so that a soft break still fits; no line
begins with a dot, so SMTP needs no dot-stuffing (RFC 5321 section 4.5.2); none begins with ``From ``, which
mbox stores would change; no white space before a line end.
"""

from __future__ import annotations

import re
from binascii import b2a_qp
from html import escape

__all__ = ["SOFT_BREAK", "quoted_printable", "segment", "segments"]

SOFT_BREAK = b"=\r\n"
_WIDTH = 75

# What can stand as it is, alone on a line, in text and in HTML: the usual name, address or URL.
_PLAIN = re.compile(r"(?!From )[A-Za-z0-9/:_@#;?+,-][A-Za-z0-9/:_@#;?+,. -]{0,72}(?<! )")
_NEEDS_ESCAPE = re.compile("[&<>\"']")


def quoted_printable(text: str) -> bytes:
    """``text`` in UTF-8, encoded. Every kind of line end counts as one (CRLF, LF, a lone CR)."""
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    # b2a_qp also wraps, but leaves dots in front and bare LF between: its escapes are kept, its wrapping
    # undone.
    escaped = b2a_qp(text.encode("utf-8", "replace")).replace(b"=\n", b"")
    return b"\r\n".join(map(_wrapped, escaped.split(b"\n")))


def segment(text: str) -> bytes:
    """``text`` encoded so that whatever follows stands on the next line of the file and the same line of
    the text.

    Empty for an empty text.
    """
    encoded = quoted_printable(text)
    return encoded if not encoded or encoded.endswith(b"\r\n") else encoded + SOFT_BREAK


def segments(text: str) -> tuple[bytes, bytes]:
    """A reader's value as segments: for the text part, and escaped for the HTML part."""
    if _PLAIN.fullmatch(text):
        line = (text + "=\r\n").encode("ascii")
        return line, line
    encoded = segment(text)
    return encoded, segment(escape(text)) if _NEEDS_ESCAPE.search(text) else encoded


def _opening(line: bytes) -> bytes:
    """The line with a first character that nobody on the way will touch."""
    if line.startswith(b"."):
        return b"=2E" + line[1:]
    if line.startswith(b"From "):
        return b"=46" + line[1:]
    return line


def _wrapped(line: bytes) -> bytes:
    """One escaped line of text as lines of at most 75 octets, the soft break's ``=`` apart."""
    if len(line) <= _WIDTH - 2:
        return _opening(line)
    pieces = []
    start = 0
    while start < len(line):
        # Two octets are kept free for an opening that grows.
        end = min(start + _WIDTH - 2, len(line))
        if end < len(line):
            # An escape such as =C3 stays in one piece.
            escape = line.rfind(b"=", end - 2, end)
            end = end if escape < 0 else escape
        pieces.append(_opening(line[start:end]))
        start = end
    return SOFT_BREAK.join(pieces)
