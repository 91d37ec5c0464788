"""Readers' own values in subject, preheader and body: their names, their imported columns, and what stands for none."""

from __future__ import annotations

import email
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.delivery.message import Envelope, compile_message, message_bytes
from publisher.editions.digest import render_digest
from publisher.model.edition import Digest
from publisher.model.errors import TemplateError
from publisher.model.publication import Publication
from publisher.theme.environment import environment_of

SLOT = datetime(2025, 1, 20, 6, tzinfo=UTC)
SUBJECT = 'For {{ reader.name|default("you") }} in {{ reader.city|default("Übersee") }}'
PREHEADER = "{{ articles|length }} pieces for {{ reader.name|d('you') }}"
GREETING = "Good morning, {{ reader.name|default('<reader> & friend') }} of {{ reader.city }}!"
VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), min_size=1, max_size=80)


def message(digest: Digest, **fields: str) -> bytes:
    envelope = Envelope(sender_name="Desk", sender_address="desk@example.org", date=SLOT, list_id="a.example.org")
    name = fields.pop("name", "")
    return message_bytes(
        compile_message(digest, envelope).message(
            message_id="<1@example.org>", recipient_address="ana@example.com", recipient_name=name, fields=fields
        )
    )


def parsed(raw: bytes) -> tuple[str, str, str]:
    """Subject, text, HTML; no defect, and no line over 998 octets."""
    assert max(map(len, raw.split(b"\r\n"))) <= 998
    found = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(found, EmailMessage)
    assert not found.defects
    parts = [part for part in found.walk() if not part.is_multipart()]
    assert not [defect for part in parts for defect in part.defects]
    text, html = (str(part.get_content()) for part in parts[:2])
    return str(found["Subject"]), text, html


@pytest.fixture
def personal(publication: Publication, newsletter: Any, articles: Any) -> Digest:
    letter = replace(newsletter, subject=SUBJECT, preheader=PREHEADER, greeting=GREETING)
    return render_digest(
        environment_of(publication),
        publication,
        letter,
        articles=articles,
        rest=(),
        edition_number=1,
        slot=SLOT,
        cadence="daily",
        language="en",
    )


def test_values_stand_in_subject_preheader_and_body_escaped_for_where_they_are(personal: Digest) -> None:
    subject, text, html = parsed(message(personal, name="Zoë <& Söhne>", city="Kiel"))
    assert subject == "For Zoë <& Söhne> in Kiel"
    assert "Good morning, Zoë <& Söhne> of Kiel!" in " ".join(text.split())
    assert "Good morning, Zoë &lt;&amp; Söhne&gt; of Kiel!" in html
    assert "5 pieces for Zoë &lt;&amp; Söhne&gt;" in html
    assert "5 pieces for" not in text


def test_who_lacks_a_field_gets_its_default_or_nothing(personal: Digest) -> None:
    subject, text, html = parsed(message(personal))
    assert subject == "For you in Übersee"
    assert "Good morning, <reader> & friend of !" in " ".join(text.split())
    assert "Good morning, &lt;reader&gt; &amp; friend of !" in html
    assert "zqf" not in text + html + subject


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(name=VALUES, city=VALUES)
def test_any_name_and_value_parses_without_a_defect(personal: Digest, name: str, city: str) -> None:
    subject, text, html = parsed(message(personal, name=name, city=city))
    assert " ".join(subject.split()) == " ".join(f"For {name} in {city}".split())
    assert name in text
    assert "zqf" not in html


@pytest.mark.parametrize(
    "part", ["{% if reader.name %}x{% endif %}", "{{ reader.name or 'you' }}", "{{ reader['Nope'] }}"]
)
def test_a_template_that_asks_for_what_differs_by_reader_says_what_to_write(
    publication: Publication, compose: Callable[..., Digest], articles: Any, part: str
) -> None:
    file = publication.templates / "email" / "masthead.html"
    file.parent.mkdir(parents=True)
    file.write_text(f"<tr><td>\n<h1>x</h1>{part}</td></tr>")
    with pytest.raises(TemplateError, match=r"templates/email/masthead\.html:2: ") as raised:
        compose(articles)
    assert "default" in str(raised.value) or "Nope" in str(raised.value)
