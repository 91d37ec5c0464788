"""The rules for settings and for what readers subscribe to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from publisher.model.finding import Finding, Severity
from publisher.publication.checking import check_readers, check_settings
from publisher.publication.loading import load
from publisher.publication.positions import Positions


def check(folder: Path, *, missing: Sequence[str] = ()) -> list[Finding]:
    return list(check_settings(load(folder), Positions(folder), missing_pictures=missing))


def change(folder: Path, file: str, before: str, after: str) -> None:
    text = (folder / file).read_text()
    assert before in text
    (folder / file).write_text(text.replace(before, after))


def genuine(folder: Path) -> None:
    """No example is left."""
    change(folder, "publication.toml", "news.example.org", "news.wendhaven.net")
    change(folder, "publication.toml", "1 Example Street", "1 Old Quay")
    for name in ("world", "science"):
        change(folder, f"feeds/{name}.toml", "@example.org", "@wendhaven.net")


def to_a_relay(folder: Path) -> None:
    change(folder, "publication.toml", "[sections]", '[delivery]\ntransport = "smtp://relay.wendhaven.net"\n[sections]')


def test_settings_that_are_right_have_no_finding(folder: Path) -> None:
    genuine(folder)
    to_a_relay(folder)
    assert check(folder) == []


def test_examples_are_a_hint_while_a_folder_takes_the_mail_and_an_error_with_a_relay(folder: Path) -> None:
    [found] = check(folder)
    assert (found.rule, found.file, found.line, found.severity) == (
        "examples-left",
        "publication.toml",
        2,
        Severity.HINT,
    )
    to_a_relay(folder)
    assert [one.severity for one in check(folder)] == [Severity.ERROR]


def test_a_missing_postal_address_is_a_warning_and_with_a_relay_an_error(folder: Path) -> None:
    genuine(folder)
    change(folder, "publication.toml", "1 Old Quay, 10115 Berlin", "")
    [found] = check(folder)
    assert (found.rule, found.line, found.severity) == ("missing-postal-address", 5, Severity.WARNING)
    to_a_relay(folder)
    assert {one.severity for one in check(folder)} == {Severity.ERROR}


def test_an_address_over_http_is_a_warning(folder: Path) -> None:
    genuine(folder)
    change(folder, "publication.toml", "https://", "http://")
    assert [(one.rule, one.line) for one in check(folder)] == [("insecure-address", 2)]
    change(folder, "publication.toml", "http://news.wendhaven.net", "http://localhost:8000")
    assert "insecure-address" not in {one.rule for one in check(folder)}


def test_an_authors_address_over_http_is_a_hint(folder: Path) -> None:
    genuine(folder)
    with (folder / "publication.toml").open("a") as file:
        file.write('\n[authors.ana]\nname = "Ana"\nurl = "http://ana.wendhaven.net"\n')
    assert [(one.rule, one.line, one.severity) for one in check(folder)] == [("insecure-link", 13, Severity.HINT)]


def test_a_logo_that_is_not_there_is_an_error(folder: Path) -> None:
    genuine(folder)
    with (folder / "publication.toml").open("a") as file:
        file.write('\n[theme]\nlogo = "logo.png"\n')
    [found] = check(folder, missing=["logo.png"])
    assert (found.rule, found.line, found.severity) == ("missing-picture", 12, Severity.ERROR)


@pytest.mark.parametrize(
    ("url", "sender", "is_aligned"),
    [
        ("https://news.wendhaven.net", "desk@wendhaven.net", True),
        ("https://wendhaven.net/news", "desk@mail.wendhaven.net", True),
        ("https://wendhaven.co.uk", "desk@mail.wendhaven.co.uk", True),
        ("https://bücher.wendhaven.net", "desk@WENDHAVEN.net", True),
        ("https://localhost:8000", "desk@wendhaven.net", True),
        ("https://news.wendhaven.net", "desk@localhost", True),
        ("https://wendhaven.net", "desk@wendhaven.com", False),
        ("https://wendhaven.co.uk", "desk@elsewhere.co.uk", False),
        ("https://wendhaven.net", "wendhaven.gazette@webmail.com", False),
    ],
)
def test_a_sender_should_be_of_the_publications_domain(folder: Path, url: str, sender: str, is_aligned: bool) -> None:
    genuine(folder)
    (folder / "feeds" / "science.toml").unlink()
    change(folder, "publication.toml", "https://news.wendhaven.net", url)
    change(folder, "feeds/world.toml", "world@wendhaven.net", sender)
    found = [one for one in check(folder) if one.rule == "unaligned-sender"]
    assert [(one.file, one.line, one.severity) for one in found] == (
        [] if is_aligned else [("feeds/world.toml", 5, Severity.WARNING)]
    )


@pytest.mark.parametrize(("domain", "is_aligned"), [("wendhaven.net", True), ("mail.wendhaven.net", False)])
def test_a_signature_of_another_domain_is_an_error_at_its_line(folder: Path, domain: str, is_aligned: bool) -> None:
    genuine(folder)
    (folder / "feeds" / "science.toml").unlink()
    settings = (folder / "publication.toml").read_text()
    (folder / "publication.toml").write_text(f'{settings}\n[dkim]\nselectors = ["s1"]\ndomain = "{domain}"\n')
    line = (folder / "publication.toml").read_text().splitlines().index(f'domain = "{domain}"') + 1
    found = [one for one in check(folder) if one.rule == "unaligned-signature"]
    assert [(one.file, one.line, one.severity) for one in found] == (
        [] if is_aligned else [("publication.toml", line, Severity.ERROR)]
    )


def readers(folder: Path, counts: Mapping[tuple[str, str], int]) -> list[Finding]:
    return list(check_readers(load(folder), counts, Positions(folder)))


def test_readers_of_what_there_is_are_no_finding(folder: Path) -> None:
    assert readers(folder, {("world", "daily"): 3, ("world", "weekly"): 1, ("science", "weekly"): 9}) == []


def test_a_cadence_that_readers_have_and_that_is_gone_is_an_error(folder: Path) -> None:
    [found] = readers(folder, {("world", "daly"): 1204})
    assert (found.rule, found.file, found.line, found.severity) == (
        "missing-cadence",
        "feeds/world.toml",
        9,
        Severity.ERROR,
    )
    assert found.what.startswith("1,204 readers subscribe with the cadence")
    assert found.remedy.endswith('was it renamed to "daily"?')


def test_a_newsletter_that_readers_have_and_that_is_gone_is_an_error(folder: Path) -> None:
    [found] = readers(folder, {("travel", "daily"): 1})
    assert (found.rule, found.file, found.severity) == ("missing-newsletter", "feeds/travel.toml", Severity.ERROR)
    assert found.what == '1 reader subscribes to "travel", and there is no such newsletter'
