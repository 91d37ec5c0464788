"""Notices: what a confirmation and a welcome say, and what a confirmation must not."""

from __future__ import annotations

from typing import Literal

import lxml.html
import pytest

from publisher.editions.notices import render_notice
from publisher.model.edition import Digest
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.theme.environment import Environment
from publisher.theme.fields import names, token

Kind = Literal["confirmation", "welcome"]


@pytest.fixture
def confirmation(environment: Environment, publication: Publication, newsletter: Newsletter) -> Digest:
    return render_notice(environment, publication, newsletter, "confirmation", language="en")


@pytest.fixture
def welcome(environment: Environment, publication: Publication, newsletter: Newsletter) -> Digest:
    return render_notice(environment, publication, newsletter, "welcome", language="en")


def test_a_confirmation_asks_for_one_click(confirmation: Digest) -> None:
    assert confirmation.subject == "Please confirm: The Morning Letter"
    assert f'href="{token("confirm_url")}"' in confirmation.html
    assert f"\n{token('confirm_url')}\n" in confirmation.text
    assert "If it was not you, do nothing." in " ".join(confirmation.text.split())


def test_a_confirmation_carries_nothing_that_a_stranger_typed(confirmation: Digest) -> None:
    parts = (confirmation.subject, confirmation.preheader, confirmation.html, confirmation.text)
    assert frozenset().union(*map(names, parts)) == {"confirm_url"}


def test_a_welcome_says_how_to_leave(welcome: Digest) -> None:
    assert welcome.subject == "Welcome to The Morning Letter"
    parts = (welcome.subject, welcome.preheader, welcome.html, welcome.text)
    assert frozenset().union(*map(names, parts)) == {"unsubscribe_url"}
    assert f'href="{token("unsubscribe_url")}"' in welcome.html
    assert f"\n{token('unsubscribe_url')}\n" in welcome.text


@pytest.mark.parametrize("kind", ["confirmation", "welcome"])
def test_notices_are_pages_like_digests(
    environment: Environment, publication: Publication, newsletter: Newsletter, kind: Kind
) -> None:
    notice = render_notice(environment, publication, newsletter, kind, language="en")
    root = lxml.html.document_fromstring(notice.html)
    assert [heading.tag for heading in root.iter("h1", "h2", "h3")] == ["h1"]
    assert root.attrib["lang"] == "en"
    assert notice.preheader in root.text_content()
    assert notice.preheader not in " ".join(notice.text.split())
    assert "1 Example Street, 10115 Berlin" in notice.html
    assert "1 Example Street, 10115 Berlin" in notice.text
    assert all(href for href in root.xpath("//@href"))
    assert all(len(line) <= 72 for line in notice.text.splitlines())
    assert len(notice.html.encode()) < 20_000


def test_notices_speak_the_readers_language(
    environment: Environment, publication: Publication, newsletter: Newsletter
) -> None:
    german = render_notice(environment, publication, newsletter, "confirmation", language="de-CH")
    assert german.subject == "Bitte bestätigen: The Morning Letter"
    assert 'lang="de-CH" dir="ltr"' in german.html
    arabic = render_notice(environment, publication, newsletter, "welcome", language="ar")
    assert '<html lang="ar" dir="rtl">' in arabic.html
    assert "إلغاء الاشتراك في \u2068The Morning Letter\u2069:" in arabic.text


def test_a_footer_that_prints_readers_fields_prints_their_defaults_in_a_notice(
    environment: Environment, publication: Publication, newsletter: Newsletter
) -> None:
    file = publication.templates / "email" / "footer.html"
    file.parent.mkdir(parents=True)
    file.write_text("<tr><td>For {{ reader.name|default('you') }} in {{ reader.city }}.</td></tr>")
    made = render_notice(environment, publication, newsletter, "confirmation", language="en")
    assert "For you in ." in made.html
    assert names(made.html) == {"confirm_url"}
