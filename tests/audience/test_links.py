"""A reader's own links."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from publisher.audience.links import confirm_url, links
from publisher.audience.tokens import read_confirmation, read_token
from publisher.model.publication import Web

ENDS = datetime(2026, 3, 9, tzinfo=UTC)


def test_links_lead_to_our_server_and_carry_one_purpose_each(publication: Any, keys: Any) -> None:
    made = links(publication, publication.newsletter("world"), 7, keys)
    unsubscribe, preferences = (made[name].rpartition("/") for name in ("unsubscribe_url", "preferences_url"))
    assert unsubscribe[0] == "https://news.example.org/u"
    assert preferences[0] == "https://news.example.org/preferences"
    assert read_token("unsubscribe", unsubscribe[2], keys) == 7
    assert read_token("preferences", preferences[2], keys) == 7
    assert made["unsubscribe_mailto"] == f"mailto:world@example.org?subject=unsubscribe%20{unsubscribe[2]}"
    link = confirm_url(publication, 7, keys, ends=ENDS)
    assert link.startswith("https://news.example.org/confirm/")
    assert read_confirmation(link.rpartition("/")[2], keys, now=ENDS) is not None


def test_without_a_server_of_ours_unsubscribing_is_a_mail(publication: Any, keys: Any) -> None:
    mail_only = replace(publication, web=Web(endpoints=False))
    made = links(mail_only, publication.newsletter("world"), 7, keys)
    address, _, query = urlsplit(made["unsubscribe_url"]).path, "", urlsplit(made["unsubscribe_url"]).query
    assert address == "world@example.org"
    word, token = unquote(query.removeprefix("subject=")).split(" ")
    assert (word, read_token("unsubscribe", token, keys)) == ("unsubscribe", 7)
    assert made["preferences_url"] == made["unsubscribe_mailto"] == ""


def test_links_are_ascii_whatever_the_publication_is_called(publication: Any, keys: Any) -> None:
    newsletter = replace(publication.newsletter("world"), sender_address="grüße+%@bücher.example.com")
    abroad = replace(publication, url="https://bücher.example.com:8443/zeitung/süd")
    made = links(abroad, newsletter, 7, keys)
    assert all(value.isascii() for value in made.values())
    assert made["unsubscribe_url"].startswith("https://xn--bcher-kva.example.com:8443/zeitung/s%C3%BCd/u/")
    assert made["unsubscribe_mailto"].startswith("mailto:gr%C3%BC%C3%9Fe%2B%25@xn--bcher-kva.example.com?")
