"""A digest becomes messages: what every one of them guarantees, whatever stands in it."""

from __future__ import annotations

import email
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.delivery.message import Envelope, compile_message, message_bytes
from publisher.model.edition import Digest
from publisher.model.errors import AddressError, PublisherError
from publisher.theme.fields import strip, token

DUE = datetime(2025, 1, 20, 6, 0, tzinfo=UTC)

# Whatever can stand in a file: everything but lone surrogates. Bodies know one kind of line end.
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=400).map(strip)
BODY = ANY.map(lambda text: text.replace("\r", "\n"))
HEADER = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=200).map(strip)
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=120)


def envelope(**changes: object) -> Envelope:
    values: dict[str, object] = {
        "sender_name": "World Desk",
        "sender_address": "world@example.org",
        "date": DUE,
        "list_id": "world.news.example.org",
        "list_label": "World",
        "language": "en",
        "feedback_id": "214:world:edition:example",
        **changes,
    }
    return Envelope(**values)  # type: ignore[arg-type]


def digest(subject: str = "Harbour opens", html: str = "<p>News</p>\n", text: str = "News\n") -> Digest:
    return Digest(subject=subject, preheader="", html=html, text=text)


def raw(given_digest: Digest, given_envelope: Envelope | None = None, **changes: object) -> bytes:
    values: dict[str, object] = {
        "message_id": "<d1.k3@example.org>",
        "recipient_address": "ana@example.com",
        "recipient_name": "Ana",
        **changes,
    }
    template = compile_message(given_digest, given_envelope or envelope())
    return message_bytes(template.message(**values))  # type: ignore[arg-type]


def parsed(message: bytes) -> EmailMessage:
    """The message as Python's parser reads it, after the checks that hold for every message."""
    lines = message.split(b"\r\n")
    assert message.endswith(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines), "a bare CR or LF"
    assert not any(line.startswith(b".") for line in lines), "a dot in front"
    assert all(len(line) <= 998 for line in lines), "a line over 998"
    head, _, body = message.partition(b"\r\n\r\n")
    assert all(len(line) <= 76 for line in body.split(b"\r\n")), "a body line over 76"
    assert all(len(line) <= 76 for line in head.split(b"\r\n") if b"=?utf-8" in line), "encoded words over 76"
    assert not re.search(rb"(?m)^From ", body)
    result = email.message_from_bytes(message, policy=policy.default)
    assert isinstance(result, EmailMessage)
    for part in result.walk():
        assert not part.defects
    for name, value in result.items():
        assert not getattr(value, "defects", ()), f"{name}: {value.defects}"
    for name in ("From", "To", "Subject", "Date", "Message-ID", "MIME-Version"):
        assert len(result.get_all(name, [])) == 1, name
    return result


def body(message: EmailMessage, kind: str) -> str:
    """A part's decoded text, letter for letter."""
    part = next(part for part in message.walk() if part.get_content_subtype() == kind)
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode("utf-8").replace("\r\n", "\n")


def display_name(message: EmailMessage) -> str:
    """The recipient's name. Python 3.11's own parser puts a space between encoded words (RFC 2047 section
    6.2).
    """
    old = email.message_from_bytes(message.as_bytes(policy=policy.SMTP.clone(refold_source="none")))
    return str(make_header(decode_header(parseaddr(old["To"])[0])))


@settings(max_examples=300, deadline=None)
@given(subject=HEADER, html=BODY, text=BODY)
def test_any_digest_comes_back_letter_for_letter(subject: str, html: str, text: str) -> None:
    message = parsed(raw(digest(subject, html, text)))
    assert message["Subject"] == subject
    assert body(message, "html") == html
    assert body(message, "plain") == text
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]


@settings(max_examples=300, deadline=None)
@given(pieces=st.lists(BODY, min_size=2, max_size=4), value=BODY, name=NAMES)
def test_any_value_stands_where_its_token_stood(pieces: list[str], value: str, name: str) -> None:
    between = token("city").join(pieces)
    message = parsed(raw(digest(html=between, text=between), fields={"city": value}, recipient_name=name))
    escaped = value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = escaped.replace('"', "&quot;").replace("'", "&#x27;")
    assert body(message, "plain") == value.join(pieces)
    assert body(message, "html") == escaped.join(pieces)
    assert message["To"].addresses[0].addr_spec == "ana@example.com"
    assert display_name(message) == " ".join(name.split())


@given(value=HEADER)
def test_a_field_in_the_subject_is_each_readers_own(value: str) -> None:
    made = compile_message(digest(subject=f"{token('name')}, the harbour opens – {token('city')}"), envelope())
    for city in (value, "", "Łódź"):
        message = parsed(
            message_bytes(
                made.message(message_id="<a@example.org>", recipient_address="a@example.org", fields={"city": city})
            )
        )
        assert message["Subject"] == f", the harbour opens – {city}"


def test_a_field_that_a_reader_does_not_have_is_empty() -> None:
    both = f"Dear {token('title')}{token('name')}!\n"
    message = parsed(raw(digest(html=both, text=both)))
    assert body(message, "plain") == "Dear Ana!\n"
    assert body(message, "html") == "Dear Ana!\n"


def test_the_headers_of_an_edition() -> None:
    links = {
        "unsubscribe_url": "https://news.example.org/u/" + "t" * 120,
        "unsubscribe_mailto": "mailto:unsubscribe+" + "t" * 80 + "@example.org?subject=unsubscribe",
    }
    sent = raw(digest(), envelope(reply_to="desk@example.org"), fields=links)
    message = parsed(sent)
    assert message["From"].addresses[0].display_name == "World Desk"
    assert message["Date"].datetime == DUE
    assert message["Message-ID"] == "<d1.k3@example.org>"
    assert message["List-Id"] == "World <world.news.example.org>"
    assert message["Precedence"] == "bulk"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Feedback-ID"] == "214:world:edition:example"
    assert message["Content-Language"] == "en"
    assert message["Reply-To"].addresses[0].addr_spec == "desk@example.org"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    folded = f"List-Unsubscribe: <{links['unsubscribe_url']}>,\r\n <{links['unsubscribe_mailto']}>\r\n"
    assert folded.encode() in sent
    assert message.get_content_type() == "multipart/alternative"
    assert {part["Content-Transfer-Encoding"] for part in message.iter_parts()} == {"quoted-printable"}


def test_one_click_is_promised_only_beside_an_https_link() -> None:
    mail = {"unsubscribe_mailto": "mailto:u@example.org"}
    local = {"unsubscribe_url": "http://localhost:8000/u/t"}
    for fields in (mail, local, mail | local):
        message = parsed(raw(digest(), fields=fields))
        assert message["List-Unsubscribe"] is not None
        assert message["List-Unsubscribe-Post"] is None
    assert parsed(raw(digest()))["List-Unsubscribe"] is None


def test_a_notice_has_no_list_headers() -> None:
    links = {"unsubscribe_url": "https://news.example.org/u/t"}
    message = parsed(raw(digest(), envelope(list_id="", feedback_id="", language=""), fields=links))
    present = {name.lower() for name in message.keys()}  # noqa: SIM118 - a message is no mapping
    assert not any(name.startswith("list-") for name in present)
    assert "precedence" not in present
    assert message["Auto-Submitted"] == "auto-generated"


def test_the_same_input_gives_the_same_bytes() -> None:
    assert raw(digest()) == raw(digest())
    assert raw(digest()) != raw(digest(text="Other\n"))


def test_a_delivery_can_have_a_due_time_of_its_own() -> None:
    later = datetime(2025, 1, 20, 9, 0, tzinfo=timezone(timedelta(hours=2)))
    assert parsed(raw(digest(), date=later))["Date"].datetime == later


def test_names_with_specials_are_quoted_and_others_encoded() -> None:
    assert b'To: "Example, Ana \\"Bo\\" \\\\" <ana@example.com>\r\n' in raw(
        digest(), recipient_name='Example, Ana "Bo" \\'
    )
    assert b"To: =?utf-8?b?" in raw(digest(), recipient_name="Ána")
    assert b"To: ana@example.com\r\n" in raw(digest(), recipient_name="")


def test_a_domain_that_is_not_ascii_goes_as_a_labels() -> None:
    message = parsed(raw(digest(), envelope(sender_address="desk@bücher.example.org"), recipient_address="ana@例え.jp"))
    assert message["From"].addresses[0].addr_spec == "desk@xn--bcher-kva.example.org"
    assert message["To"].addresses[0].addr_spec == "ana@xn--r8jz45g.jp"


def test_a_local_part_that_is_not_ascii_stands_as_utf8() -> None:
    sent = raw(digest(), recipient_address="jörg@example.org", recipient_name="Jörg")
    assert "<jörg@example.org>\r\n".encode() in sent


@pytest.mark.parametrize("bad", ["x\r\nBcc: ben@example.org", "x\nx", "x\rx", "x\0x", "x\r\n\r\nbody"])
def test_a_line_break_in_anything_that_reaches_a_header_is_refused(bad: str) -> None:
    with pytest.raises(AddressError):
        raw(digest(), recipient_name=bad)
    with pytest.raises(AddressError):
        raw(digest(), recipient_address=f"{bad}@example.org")
    attempts: list[Callable[[], bytes]] = [
        lambda: raw(digest(subject=bad)),
        lambda: raw(digest(subject=f"{token('city')} news"), fields={"city": bad}),
        lambda: raw(digest(), message_id=f"<{bad}@example.org>"),
        lambda: raw(digest(), fields={"unsubscribe_url": f"https://example.org/{bad}"}),
        lambda: raw(digest(), fields={"unsubscribe_mailto": f"mailto:{bad}@example.org"}),
        lambda: raw(digest(), envelope(sender_name=bad)),
        lambda: raw(digest(), envelope(sender_address=f"{bad}@example.org")),
        lambda: raw(digest(), envelope(reply_to=f"{bad}@example.org")),
        lambda: raw(digest(), envelope(list_label=bad)),
        lambda: raw(digest(), envelope(list_id=bad)),
        lambda: raw(digest(), envelope(feedback_id=bad)),
        lambda: raw(digest(), envelope(language=bad)),
    ]
    for attempt in attempts:
        with pytest.raises(PublisherError):
            attempt()


@pytest.mark.parametrize(
    "url",
    ["https://example.org/ü", "https://example.org/ a", "javascript:alert(1)", "https://example.org/>,<x:"],
)
def test_a_link_that_cannot_stand_in_a_header_is_refused(url: str) -> None:
    with pytest.raises(PublisherError, match="List-Unsubscribe"):
        raw(digest(), fields={"unsubscribe_url": url})


def test_a_link_is_escaped_in_html_and_plain_in_text() -> None:
    url = "https://news.example.org/p?reader=a&topic=b"
    link = f'<a href="{token("preferences_url")}">Preferences</a>'
    message = parsed(raw(digest(html=link, text=token("preferences_url")), fields={"preferences_url": url}))
    assert body(message, "html") == '<a href="https://news.example.org/p?reader=a&amp;topic=b">Preferences</a>'
    assert body(message, "plain") == url
