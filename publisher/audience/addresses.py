"""Addresses: what is accepted as one, and the forms it takes on the wire.

Guarantees: an :class:`Address` is one mailbox without a display name, comment, quoting or control character;
its local part has at most 64 octets and the whole at most 254 (RFC 5321 section 4.5.3.1 and erratum 1690);
its domain also stands as A-labels (RFC 5890). Nothing here asks the network.
Fails with AddressError, one line that says what is wrong and what to write instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from publisher.model.errors import AddressError

__all__ = ["Address", "needs_smtputf8", "parse_address", "wire_address"]

_REMEDY = "write one address, such as ana@example.org"


@dataclass(frozen=True, slots=True)
class Address:
    """``text`` is what people read (Unicode, NFC); ``wire`` has the domain as A-labels: what SMTP and
    headers carry.
    """

    text: str
    wire: str

    @property
    def key(self) -> str:
        """The same for all spellings that are one mailbox in practice: upper and lower case do not count."""
        return self.wire.casefold()

    @property
    def smtputf8(self) -> bool:
        """True if only a server that offers SMTPUTF8 can take it (RFC 6531): the local part is not ASCII."""
        return not self.wire.isascii()


def parse_address(text: str) -> Address:
    """The address in ``text``; spaces around it do not matter. Raises AddressError.

    The reserved names of RFC 6761 are refused (``localhost``, ``.invalid``), but for ``.test``, which is
    for trying.
    """
    bare = text.strip(" \t")
    where = "".join(character if character.isprintable() else "?" for character in bare)[:80] or None
    if not bare:
        raise AddressError("the address is empty", remedy=_REMEDY)
    try:
        # test_environment admits .test and nothing else; strict holds the local part to 64.
        valid = validate_email(bare, check_deliverability=False, strict=True, test_environment=True)
    except EmailNotValidError as error:
        raise AddressError(f"not an e-mail address: {str(error).rstrip('.')}", where=where, remedy=_REMEDY) from error
    wire = f"{valid.local_part}@{valid.ascii_domain}"
    if len(valid.local_part.encode()) > 64 or len(wire.encode()) > 254:
        raise AddressError("the address is too long (64 octets before the @, 254 in all)", where=where, remedy=_REMEDY)
    return Address(valid.normalized, wire)


def wire_address(address: str) -> str:
    """A stored address as SMTP carries it: the domain as A-labels. Raises AddressError."""
    return address if address.isascii() else _wire_address(address)


def needs_smtputf8(address: str) -> bool:
    """True if the local part is not ASCII, so that the relay must offer SMTPUTF8 (RFC 6531)."""
    return not address.isascii() and not address.rpartition("@")[0].isascii()


@lru_cache(maxsize=4096)
def _wire_address(address: str) -> str:
    return parse_address(address).wire
