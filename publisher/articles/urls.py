"""URLs as they may stand in a feed: absolute, percent-encoded, hosts as A-labels (RFC 3986, RFC 5890)."""

from __future__ import annotations

import re
from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

import idna

__all__ = ["absolute", "is_insecure"]

_SCHEMES = {"http", "https", "mailto", "tel", "xmpp", "geo", "sms"}
# Nothing to resolve or encode. A host in capitals, an empty path and a port are for the long way.
_READY = re.compile(r"https?://[a-z0-9._-]+/[A-Za-z0-9/_.~-]*(?:#[A-Za-z0-9_.-]+)?")
_LOOSE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def absolute(url: str, base: str) -> str | None:
    """``url`` resolved against ``base``; None if it is no URL that a reader could safely follow. Pure."""
    if _READY.fullmatch(url):
        return url
    try:
        parts = urlsplit(urljoin(base, url.strip()))
        if parts.scheme not in _SCHEMES:
            return None
        if parts.scheme not in ("http", "https"):
            return urlunsplit(
                parts._replace(path=_quoted(parts.path, "/@:;,+="), query=_quoted(parts.query, "/?@:;,+=&"))
            )
        if not parts.hostname:
            return None
        return urlunsplit(
            (
                parts.scheme,
                _authority(parts.hostname, parts.port),
                _quoted(parts.path, "/:@!$&'()*+,;=~") or "/",
                _quoted(parts.query, "/?:@!$&'()*+,;=~"),
                _quoted(parts.fragment, "/?:@!$&'()*+,;=~"),
            )
        )
    except (ValueError, idna.IDNAError):
        return None


def _authority(host: str, port: int | None) -> str:
    host = unquote(host)  # CommonMark percent-encodes the host as well
    if ":" in host:
        host = f"[{host}]"
    elif not host.isascii():
        host = idna.encode(host, uts46=True).decode()
    elif not re.fullmatch(r"[A-Za-z0-9._-]+", host):
        raise ValueError("not a host")
    return f"{host}:{port}" if port else host


def _quoted(text: str, safe: str) -> str:
    return quote(_LOOSE_PERCENT.sub("%25", text), safe=safe + "%")


def is_insecure(address: str, own: str) -> bool:
    """Whether an address is http: and leads elsewhere than below ``own`` or onto this machine. Pure."""
    if not address.lower().startswith("http:"):
        return False
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    below_own = own != "" and (f"{address}/").startswith(f"{own}/")
    return not below_own and host not in ("localhost", "127.0.0.1", "::1")
