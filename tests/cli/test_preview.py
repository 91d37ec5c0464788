"""preview: the next edition as files, and what it says of a broken template."""

from __future__ import annotations

import email
import re
from email import policy
from email.message import EmailMessage
from pathlib import Path

import pytest

from publisher.audience.tokens import read_token
from publisher.publication import load_secrets
from tests.cli.conftest import Program


@pytest.fixture
def article(publication: Path) -> None:
    (publication / "articles" / "a.md").write_text('+++\ntitle = "A"\ndate = 2026-01-02\n+++\nText.\n', "utf-8")


@pytest.mark.usefixtures("article")
def test_the_style_of_a_newsletter_decides_what_is_shown(publication: Path, program: Program) -> None:
    assert program("preview", "all").status == 0
    html = (publication / "preview" / "all.html").read_text("utf-8")
    assert "<h1" in html
    assert program("config", "set", "feeds.all.newsletter.style", "letter").status == 0
    assert program("preview", "all").status == 0
    letter = (publication / "preview" / "all.html").read_text("utf-8")
    assert "The Test Gazette · " in letter
    assert html != letter


@pytest.mark.usefixtures("article")
@pytest.mark.parametrize(
    ("name", "line"), [("email/digest.html", 2), ("email/letter.html", 2), ("email/style.css", 2), ("web/tag.html", 2)]
)
def test_a_broken_override_is_named_with_its_line_and_nothing_is_written(
    publication: Path, program: Program, name: str, line: int
) -> None:
    file = publication / "templates" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n{% nonsense %}", "utf-8")
    answer = program("preview", "all")
    assert answer.status == 1
    assert answer.err.startswith(f"publisher: templates/{name}:{line}: ")
    assert not (publication / "preview").exists()


def mailed(publication: Path) -> list[EmailMessage]:
    files = sorted((publication / "mail" / "new").iterdir())
    return [email.message_from_bytes(file.read_bytes(), policy=policy.default) for file in files]


@pytest.mark.usefixtures("article")
def test_a_test_copy_is_marked_signed_and_counts_for_nothing(publication: Path, program: Program) -> None:
    assert program("config", "set", "feeds.all.newsletter.subject", "For {{ reader.name }}").status == 0
    assert program("dkim", "new", "--selector", "s1").status == 0
    assert program("config", "set", "dkim.selectors", "s1").status == 0
    assert program("subscribers", "add", "ana@example.com", "--name", "Ana").status == 0
    before = (publication / "publisher.db").read_bytes()
    answer = program("preview", "all", "--as", "ana@example.com", "--send", "ed@example.org", "--json")
    assert answer.status == 0, answer.err
    assert list(answer.json["sent"]) == ["ed@example.org"]
    assert not (publication / "preview").exists()
    (message,) = mailed(publication)
    assert message["Subject"] == "[Test] For Ana"
    assert message["X-Publisher-Test"] == "all"
    assert message["To"] == "ed@example.org"
    assert message["DKIM-Signature"]
    assert (publication / "publisher.db").read_bytes() == before
    assert program("editions", "list", "--json").json == []
    secrets = load_secrets(publication)
    links = re.findall(r"/u/([a-z0-9]+)", message["List-Unsubscribe"])
    assert [read_token("unsubscribe", link, secrets.signing) for link in links] == [0]
    assert program("subscribers", "list", "--json").json[0]["address"] == "ana@example.com"


@pytest.mark.usefixtures("article")
def test_no_test_copy_leaves_this_machine_while_examples_are_left(publication: Path, program: Program) -> None:
    assert program("config", "set", "delivery.transport", "smtp://relay.example.net:587").status == 0
    answer = program("preview", "all", "--send", "ed@example.org")
    assert answer.status == 2
    assert "still an example's" in answer.err


@pytest.mark.usefixtures("article")
def test_none_of_several_test_copies_is_sent_if_one_address_is_none(publication: Path, program: Program) -> None:
    answer = program("preview", "all", "--send", "ed@example.org", "--send", "nobody")
    assert answer.status == 1
    assert "nobody" in answer.err
    assert not (publication / "mail").exists()


@pytest.mark.usefixtures("article")
def test_who_would_get_nothing_is_told(publication: Path, program: Program) -> None:
    assert program("subscribers", "add", "ana@example.com").status == 0
    assert "does not subscribe" in program("preview", "all", "--as", "ben@example.com").err
    assert program("preview", "all", "--as", "ana@example.com", "--cadence", "hourly").status == 2
    answer = program("preview", "all", "--as", "ana@example.com")
    assert answer.status == 0
    assert "would get nothing" not in answer.out
