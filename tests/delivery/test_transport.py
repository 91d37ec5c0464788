"""Transport URLs."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.delivery.maildir import Maildir
from publisher.delivery.relays import Relays
from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import (
    EmlAddress,
    MaildirAddress,
    RelayAddress,
    SendmailAddress,
    open_transport,
    parse_transport,
)
from publisher.model.errors import ConfigurationError
from publisher.model.publication import Relay


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("maildir:mail", MaildirAddress("mail")),
        ("maildir:/var/mail/news", MaildirAddress("/var/mail/news")),
        ("eml:preview/mail", EmlAddress("preview/mail")),
        ("sendmail:/usr/sbin/sendmail -oi", SendmailAddress(("/usr/sbin/sendmail", "-oi"))),
        ("smtp://relay.example.org", RelayAddress("relay.example.org", 587)),
        ("smtps://relay.example.org", RelayAddress("relay.example.org", 465, implicit_tls=True)),
        ("smtp://ana@relay.example.org:2525", RelayAddress("relay.example.org", 2525, "ana")),
        (
            "smtp://ana%40example.org:p%3Aw@relay.example.org",
            RelayAddress("relay.example.org", 587, "ana@example.org", "p:w"),
        ),
        ("SMTP://[::1]:25/", RelayAddress("::1", 25)),
    ],
)
def test_a_transport_is_a_url(url: str, address: object) -> None:
    assert parse_transport(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail",
        "maildir:",
        "sendmail:",
        'sendmail:"half',
        "eml:",
        "http://relay.example.org",
        "smtp:relay",
        "smtp://",
        "smtp://:25",
        "smtp://relay.example.org:port",
        "smtp://relay.example.org:0",
        "smtp://relay.example.org:70000",
        "smtp://relay.example.org/path",
        "smtp://relay.example.org?x=1",
        "smtp://re lay.example.org",
        "smtp://[::1",
    ],
)
def test_anything_else_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(ConfigurationError, match=r"relay\.example\.org:587"):
        parse_transport(url)


def test_no_password_is_ever_shown() -> None:
    address = parse_transport("smtp://ana:secret@relay.example.org")
    assert "secret" not in str(address) + repr(address)
    with pytest.raises(ConfigurationError) as caught:
        parse_transport("smtp://ana:secret@relay.example.org/x")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("relay.example.org", False),
        ("128.0.0.1", False),
        ("10.0.0.1", False),
        ("localhost.example.org", False),
    ],
)
def test_loopback_is_known_by_the_name_alone(host: str, loopback: bool) -> None:
    url = f"smtp://{host}:25"
    assert parse_transport(url).is_loopback is loopback
    assert open_transport([Relay(transport=url)], root=Path(), secrets={}).real is not loopback


def test_opening_gives_the_two_transports(tmp_path: Path) -> None:
    maildir = open_transport([Relay(transport="maildir:mail")], root=tmp_path, secrets={})
    assert isinstance(maildir, Maildir)
    assert maildir.folder == tmp_path / "mail"
    assert not maildir.real
    relay = open_transport([Relay(transport="smtp://ana@relay.example.org")], root=tmp_path, secrets={"": "secret"})
    assert isinstance(relay, SmtpTransport)


def test_a_user_without_a_password_is_refused_with_the_place_to_write_it() -> None:
    with pytest.raises(ConfigurationError, match="relay_password"):
        open_transport([Relay(transport="smtp://ana@relay.example.org")], root=Path(), secrets={})


def test_several_relays_share_the_messages_and_each_has_its_own_password() -> None:
    relays = [
        Relay(name="main", transport="smtp://ana@relay.example.org"),
        Relay(name="other", transport="smtp://127.0.0.1:25", weight=0),
    ]
    opened = open_transport(relays, root=Path(), secrets={"main": "secret"})
    assert isinstance(opened, Relays)
    assert opened.real
    with pytest.raises(ConfigurationError, match="PUBLISHER_RELAY_PASSWORD_MAIN"):
        open_transport(relays, root=Path(), secrets={"": "of nobody"})
    with pytest.raises(ConfigurationError, match="no relay"):
        open_transport([*relays, Relay(name="third", transport="maildir:mail")], root=Path(), secrets={"main": "s"})
