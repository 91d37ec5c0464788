"""Header fields: one function a kind of value, each giving ``Name: value`` with its CRLF, folded where it
must be.

Guarantees: no value can begin a header of its own, since CR, LF and NUL are refused; text that is not plain
ASCII stands in encoded words of at most 75 characters (RFC 2047) that never split a character; lines with
encoded words have at most 76 octets, all others at most 998 (RFC 5322 section 2.1.1). Fails with
PublisherError that names the header, and AddressError for an address that cannot stand in one.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from publisher.audience.addresses import wire_address
from publisher.model.errors import AddressError, PublisherError

__all__ = ["date", "identifier", "list_id", "mailbox", "plain", "unstructured", "uris"]

_BREAK = re.compile(r"[\r\n\0]")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_VISIBLE = re.compile(r"[!-~]+(?: [!-~]+)*")
_ADDRESS = re.compile(r"[^\x00-\x20\x7f-\xa0()<>\[\]:;@\\,\"]{1,64}@[!#-'*+./0-9A-Z^-z{}-]{1,254}")
# The usual reader, in one look: a name of atoms and an ASCII address.
_MAILBOX = re.compile(rf"{_ATOMS.pattern}<[!#-'*+./0-9=?A-Z^-~-]{{1,64}}@[!#-'*+./0-9A-Z^-z{{}}-]{{1,254}}>")
_IDENTIFIER = re.compile(r"<[!-;=?A-Z^-z{|}~\[\]]+@[!-;=?A-Z^-z{|}~\[\]]+>")
_URIS = re.compile(r"<(?:https?|mailto):[!-;=?-~]{1,950}>(?:,\r\n <(?:https?|mailto):[!-;=?-~]{1,950}>)*")

# Octets of UTF-8 in one encoded word: 39 make 52 of base64, 64 with the frame, 76 with " Reply-To: " in
# front.
_WORD_OCTETS = 39
_SHORT = 60


def unstructured(name: str, value: str) -> str:
    """A header of free text, such as Subject (RFC 5322 section 2.2.1). Decodes to exactly ``value``."""
    if value and (len(value) > _SHORT or not _VISIBLE.fullmatch(value) or "=?" in value):
        refuse_breaks(name, value)
        return f"{name}: {_folded(value) or encoded_words(value)}\r\n"
    return f"{name}: {value}\r\n"


def plain(name: str, value: str) -> str:
    """A header whose value is ASCII without structure of interest here; longer than a line is refused."""
    if not _VISIBLE.fullmatch(value) or len(value) > 900:
        raise PublisherError("only visible ASCII characters may stand here", where=f"header {name}")
    return f"{name}: {value}\r\n"


def mailbox(name: str, display: str, address: str) -> str:
    """``Name: Display <address>`` (RFC 5322 section 3.4); the domain as A-labels, the name encoded where
    needed.

    Raises AddressError for an address that is none and for a name with a line break.
    """
    if len(display) <= _SHORT and "=?" not in display and _MAILBOX.fullmatch(f"{display}<{address}>"):
        return f"{name}: {display} <{address}>\r\n"
    wire = wire_address(address)
    if not _ADDRESS.fullmatch(wire):
        raise AddressError(
            "this address cannot stand in a header",
            where=f"header {name}: {''.join(c if c.isprintable() else '?' for c in address)[:80]}",
            remedy="correct the address",
        )
    if not display:
        return f"{name}: {wire}\r\n"
    if _BREAK.search(display):
        raise AddressError("a name must not have a line break or NUL", where=f"header {name}: {wire}")
    return f"{name}: {phrase(' '.join(display.split()))}<{wire}>\r\n"


def list_id(label: str, identifier: str) -> str:
    """List-Id (RFC 2919): a label for people, an identifier that never changes, such as
    ``world.news.example.org``.
    """
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,255}", identifier):
        raise PublisherError(f"not a list identifier: {identifier!r}", where="header List-Id")
    refuse_breaks("List-Id", label)
    return f"List-Id: {phrase(label)}<{identifier}>\r\n"


def identifier(name: str, value: str) -> str:
    """Message-ID (RFC 5322 section 3.6.4), ``<left@right>`` in ASCII."""
    if not _IDENTIFIER.fullmatch(value) or len(value) > 250:
        raise PublisherError(f"not a message identifier: {value!r}", where=f"header {name}")
    return f"{name}: {value}\r\n"


def uris(name: str, values: Sequence[str]) -> str:
    """A header of URIs, such as List-Unsubscribe (RFC 2369): each in angle brackets, folded only between
    them.

    They are never encoded words, however long: mail programs would not find the link.
    """
    links = f"<{f'>,{_FOLD}<'.join(values)}>"
    if not _URIS.fullmatch(links):
        raise PublisherError(
            "a link in a header is an https: or mailto: URL in ASCII of at most 950 characters",
            where=f"header {name}",
        )
    return f"{name}: {links}\r\n"


def date(moment: datetime) -> str:
    """The Date header (RFC 5322 section 3.3), in UTC. ``moment`` is aware."""
    return _date(moment)


@lru_cache(maxsize=64)
def _date(moment: datetime) -> str:
    return f"Date: {format_datetime(moment.astimezone(UTC))}\r\n"


def phrase(text: str) -> str:
    """A display name with the space or fold behind it, ready for ``<``. Empty for an empty text."""
    if not text:
        return ""
    if len(text) <= _SHORT and "=?" not in text:
        if _ATOMS.fullmatch(text):
            return text + " "
        if _VISIBLE.fullmatch(text):
            quoted = text.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{quoted}" '
    return encoded_words(text) + _FOLD


def encoded_words(text: str) -> str:
    """``text`` as encoded words, one a line (RFC 2047 sections 2 and 5: at most 75 characters, whole
    characters).
    """
    words = []
    data = text.encode("utf-8", "replace")
    start = 0
    while start < len(data):
        end = min(start + _WORD_OCTETS, len(data))
        while end < len(data) and data[end] & 0xC0 == 0x80:
            end -= 1
        words.append(f"=?utf-8?b?{b2a_base64(data[start:end], newline=False).decode('ascii')}?=")
        start = end
    return _FOLD.join(words)


def refuse_breaks(name: str, value: str) -> None:
    """Raises PublisherError for CR, LF or NUL: what follows one would be a header of the writer's choice."""
    if _BREAK.search(value):
        raise PublisherError("a header must not have a line break or NUL in it", where=f"header {name}")


_FOLD = "\r\n "


def _folded(value: str) -> str | None:
    """Visible ASCII folded at single spaces to lines of at most 75; None where that is not possible."""
    if "=?" in value or not _VISIBLE.fullmatch(value):
        return None
    lines: list[str] = []
    line = ""
    for word in value.split(" "):
        if len(word) > _SHORT:
            return None
        if line and len(line) + 1 + len(word) > _SHORT:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
    lines.append(line)
    return _FOLD.join(lines)
