"""DKIM signatures (RFC 6376; ed25519 by RFC 8463), relaxed/relaxed, without ``l=``.

Guarantees: From and Subject are oversigned, so that nobody can add a second one; List-Unsubscribe and
List-Unsubscribe-Post are signed where they stand (RFC 8058 section 4). A retry differs in ``t=``, ``s=`` and what
follows from them, nothing else. Fails with ConfigurationError: a key that is missing, unreadable, of another kind or
too short, a sender outside the signing domain.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from publisher.model.errors import ConfigurationError, OutputError, UsageError
from publisher.model.publication import Publication, Secrets

__all__ = ["FOLDER", "LEAST_BITS", "Key", "Signer", "dns_record", "make_key", "read_key", "signer_of"]

FOLDER = "dkim"
LEAST_BITS = 2048
SIGNED = (
    b"from", b"from", b"subject", b"subject", b"to", b"date", b"message-id", b"reply-to", b"list-id",
    b"list-unsubscribe", b"list-unsubscribe-post", b"precedence", b"auto-submitted", b"feedback-id",
    b"content-language", b"mime-version", b"content-type",
)  # fmt: skip

_SPACES = re.compile(rb"[ \t]+")
_UNFOLD = re.compile(rb"\r\n(?=[ \t])")


@dataclass(frozen=True, slots=True)
class Key:
    """A private key under its selector."""

    selector: str
    private: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        """The ``a=`` of its signatures."""
        return "rsa-sha256" if isinstance(self.private, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, signed: bytes) -> bytes:
        """The signature of these octets. RFC 8463 section 3: ed25519 signs their SHA-256."""
        if isinstance(self.private, RSAPrivateKey):
            return self.private.sign(signed, PKCS1v15(), hashes.SHA256())
        return self.private.sign(sha256(signed).digest())


class Signer:
    """Signs the messages of one domain with one key or several, each in a signature of its own."""

    def __init__(self, domain: str, keys: Sequence[Key]) -> None:
        self._domain = domain
        self._keys = tuple(keys)

    def signatures(self, buffers: Sequence[bytes], *, at: int) -> bytes:
        """The DKIM-Signature headers of a message, to stand before it. ``at``: seconds since 1970.

        ``buffers`` are what `publisher.delivery.message` makes: each ends with a line's end, which is why each can be
        brought to its canonical form by itself, and those that all readers share only once.
        """
        headers: dict[bytes, bytes] = {}
        body = sha256()
        in_body = False
        for buffer in buffers:
            if in_body:
                body.update(_canonical_body(buffer) if len(buffer) > 200 else _relaxed(buffer))
                continue
            head, in_body, rest = _canonical_head(buffer)
            headers.update(head)
            if in_body:
                body.update(rest)
        names = [name for name in SIGNED if name in headers]
        signed = b"".join(headers[name] for name in dict.fromkeys(names))
        listed = [name.decode() for name in names]
        hashed = b64encode(body.digest()).decode()
        return b"".join(self._signature(key, listed, hashed, signed, at) for key in self._keys)

    def _signature(self, key: Key, listed: list[str], hashed: str, signed: bytes, at: int) -> bytes:
        # White space may stand around the colons of h=, and counts in what is signed: one space where a line is folded.
        groups = [":".join(listed[start : start + 4]) for start in range(0, len(listed), 4)]
        parts = [
            f"v=1; a={key.algorithm}; c=relaxed/relaxed; d={self._domain};",
            f"s={key.selector}; t={at};",
            *f"h={': '.join(groups)};".split(" "),
            f"bh={hashed};",
            "b=",
        ]
        canonical = f"dkim-signature:{' '.join(parts)}".encode()
        signature = b64encode(key.sign(signed + canonical)).decode()
        lines = [signature[start : start + 70] for start in range(0, len(signature), 70)]
        fold = "\r\n\t"
        return f"DKIM-Signature: {fold.join(parts)}{fold.join(lines)}\r\n".encode()


def _relaxed(body: bytes) -> bytes:
    """RFC 6376 section 3.4.4 for whole lines: runs of white space are one space, none before a line's end."""
    if b"  " in body or b"\t" in body or b" \r\n" in body:
        return _SPACES.sub(b" ", body).replace(b" \r\n", b"\r\n")
    return body


@lru_cache(maxsize=256)
def _canonical_body(buffer: bytes) -> bytes:
    return _relaxed(buffer)


@lru_cache(maxsize=256)
def _canonical_head(buffer: bytes) -> tuple[dict[bytes, bytes], bool, bytes]:
    """The headers in a buffer (RFC 6376 section 3.4.2), whether they end in it, and the body's beginning behind."""
    head, ended, body = buffer.partition(b"\r\n\r\n") if not buffer.startswith(b"\r\n") else (b"", b"\r\n", buffer[2:])
    found: dict[bytes, bytes] = {}
    for line in _UNFOLD.sub(b"", head).split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            lowered = name.strip().lower()
            found[lowered] = lowered + b":" + _SPACES.sub(b" ", value).strip() + b"\r\n"
    return found, bool(ended), _relaxed(body)


def read_key(selector: str, pem: bytes, *, where: str) -> Key:
    """A private key in PEM (PKCS #8 or #1, without a passphrase). Raises ConfigurationError."""
    try:
        private = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigurationError(
            f"not a private key in PEM: {error}", where=where, remedy="make one with: publisher dkim new"
        ) from error
    if isinstance(private, RSAPrivateKey) and private.key_size < LEAST_BITS:
        raise ConfigurationError(
            f"an RSA key of {private.key_size} bits is too short; {LEAST_BITS} are the least (RFC 8301 section 3.2)",
            where=where,
            remedy="make a new one with: publisher dkim new",
        )
    if not isinstance(private, (RSAPrivateKey, Ed25519PrivateKey)):
        raise ConfigurationError("neither an RSA nor an ed25519 key", where=where, remedy="publisher dkim new")
    return Key(selector, private)


def dns_record(key: Key) -> str:
    """The value of the TXT record at ``SELECTOR._domainkey.DOMAIN`` (RFC 6376 section 3.6.1)."""
    public = key.private.public_key()
    if isinstance(key.private, RSAPrivateKey):
        kind, encoded = (
            "rsa",
            public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo),
        )
    else:
        # RFC 8463 section 4: the bare 32 octets.
        kind, encoded = "ed25519", public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return f"v=DKIM1; k={kind}; p={b64encode(encoded).decode()}"


def signer_of(publication: Publication, secrets: Secrets, sender: str) -> Signer | None:
    """The signer for a sender's address (domain as A-labels); None where no selector is set.

    Raises ConfigurationError for a key that is missing or no use, and for a sender outside ``dkim.domain``.
    """
    settings = publication.dkim
    if not settings.selectors:
        return None
    own = sender.rpartition("@")[2].lower()
    domain = settings.domain or own
    if own != domain and not own.endswith(f".{domain}"):
        raise ConfigurationError(
            f"{sender} is not an address of {domain}, so its signature would not count (RFC 7489 section 3.1.1)",
            where="publication.toml: dkim.domain",
            remedy="leave dkim.domain out, or change the sender",
        )
    return Signer(domain, [_key(publication.root, secrets, selector) for selector in settings.selectors])


def _key(root: Path, secrets: Secrets, selector: str) -> Key:
    if selector in secrets.dkim:
        return read_key(selector, secrets.dkim[selector].encode(), where="secrets.toml: dkim")
    file = key_file(root, selector)
    where = f"{FOLDER}/{file.name}"
    try:
        return read_key(selector, file.read_bytes(), where=where)
    except OSError as error:
        raise ConfigurationError(
            f"the key of selector {selector} cannot be read ({error.strerror})",
            where=where,
            remedy=f"make it with: publisher dkim new --selector {selector}; or take it out of dkim.selectors",
        ) from error


def make_key(root: Path, selector: str, *, ed25519: bool = False) -> Key:
    """A new key in its file, which only its owner can read. Raises UsageError if there is one, OutputError."""
    private = Ed25519PrivateKey.generate() if ed25519 else generate_private_key(65537, LEAST_BITS)
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file = key_file(root, selector)
    where = f"{FOLDER}/{file.name}"
    try:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(pem)
            opened.flush()
            os.fsync(opened.fileno())
    except FileExistsError as error:
        remedy = "choose another selector: messages on their way are still checked against the old one"
        raise UsageError("there is a key already", where=where, remedy=remedy) from error
    except OSError as error:
        raise OutputError(f"cannot be written ({error.strerror})", where=where) from error
    return Key(selector, private)


def key_file(root: Path, selector: str) -> Path:
    """Where a selector's key is kept."""
    return root / FOLDER / f"{selector}.pem"
