"""A reader's own links. One call a recipient, so what does not change is made once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit, urlunsplit

from publisher.audience.addresses import wire_address
from publisher.audience.tokens import confirmation_token, timed_token, token
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication

__all__ = ["address_url", "confirm_url", "links", "private_url", "settings_url"]


def links(publication: Publication, newsletter: Newsletter, subscription: int, keys: Sequence[bytes]) -> dict[str, str]:
    """``unsubscribe_url``, ``preferences_url`` and ``unsubscribe_mailto`` of a subscription. Pure.

    Where there is no server of ours (``web.endpoints = false``), ``unsubscribe_url`` is the mailto: URL and
    the other two are empty. It opens a message to the sender with the subject ``unsubscribe TOKEN``.
    """
    unsubscribe = token("unsubscribe", subscription, keys)
    mailto = f"{_mailto(newsletter.sender_address)}{unsubscribe}"
    if not publication.web.endpoints:
        return {"unsubscribe_url": mailto, "preferences_url": "", "unsubscribe_mailto": ""}
    home = _home(publication.url)
    return {
        "unsubscribe_url": f"{home}/u/{unsubscribe}",
        "preferences_url": f"{home}/preferences/{token('preferences', subscription, keys)}",
        "unsubscribe_mailto": mailto,
    }


def confirm_url(publication: Publication, subscription: int, keys: Sequence[bytes], *, ends: datetime) -> str:
    """The link that confirms a subscription until ``ends``. Pure."""
    return f"{_home(publication.url)}/confirm/{confirmation_token(subscription, keys, ends=ends)}"


def settings_url(publication: Publication, subscription: int, keys: Sequence[bytes], *, ends: datetime) -> str:
    """The link to everything that a reader can change, until ``ends``. Pure."""
    return f"{_home(publication.url)}/settings/{timed_token('settings', [subscription], keys, ends=ends)}"


def address_url(publication: Publication, old: int, new: int, keys: Sequence[bytes], *, ends: datetime) -> str:
    """The link that moves the subscriber ``old`` to the address of the subscriber ``new``, until ``ends``. Pure."""
    return f"{_home(publication.url)}/address/{timed_token('address', [old, new], keys, ends=ends)}"


def private_url(publication: Publication, number: int, format: str, keys: Sequence[bytes]) -> str:
    """The address of the private feed that the link ``number`` leads to, in the format rss, atom or json. Pure."""
    return f"{_home(publication.url)}/private/{token('private', number, keys)}.{format}"


@lru_cache(maxsize=64)
def _mailto(address: str) -> str:
    """RFC 6068: what is not plain in an address is percent-encoded."""
    return f"mailto:{quote(wire_address(address), safe='@')}?subject=unsubscribe%20"


@lru_cache(maxsize=16)
def _home(url: str) -> str:
    """The publication's URL in ASCII, as headers need it: host as A-labels, path percent-encoded."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host.isascii():
        host = host.encode("idna").decode()
    elif ":" in host:
        host = f"[{host}]"
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, f"{host}{port}", quote(parts.path, safe="/%"), "", ""))
