"""`publisher config`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Program


def test_get_prints_a_value_as_set_takes_it(publication: Path, program: Program) -> None:
    assert program("config", "get", "timezone").out == "Europe/Berlin\n"
    assert program("config", "get", "web.pages").out == "true\n"
    assert program("config", "get", "feeds.all.formats").out == "rss, atom, json\n"
    assert program("config", "get", "feeds.all.newsletter.cadences.daily").out == "07:00\n"


def test_get_of_everything_lists_each_setting_with_value_and_default(publication: Path, program: Program) -> None:
    lines = program("config", "get").out.splitlines()
    assert lines[0].split() == ["key", "value", "default", "where"]
    row = next(line for line in lines if line.startswith("timezone"))
    assert row.split() == ["timezone", "Europe/Berlin", "UTC", "publication.toml:6"]
    listed = program("config", "get", "--json").json
    assert {"key", "value", "default", "file", "line"} == set(listed[0])
    assert len(listed) == len(lines) - 1


def test_get_of_a_table_lists_its_settings(publication: Path, program: Program) -> None:
    keys = [one["key"] for one in program("config", "get", "web", "--json").json]
    expected = ["pages", "endpoints", "permalink", "trusted_proxies", "metrics", "gone", "hub"]
    assert keys == [f"web.{key}" for key in expected]


def test_get_of_an_unknown_setting_names_the_nearest(publication: Path, program: Program) -> None:
    answer = program("config", "get", "delivery.transprot")
    assert answer.status == 2
    assert answer.err == ('publisher: unknown setting "delivery.transprot"; did you mean "delivery.transport"?\n')


def test_set_says_what_was_and_what_is(publication: Path, program: Program) -> None:
    answer = program("config", "set", "feeds.all.newsletter.min_items", "3")
    assert answer.out == "feeds.all.newsletter.min_items: 1 → 3 (feeds/all.toml)\n"
    assert program("config", "get", "feeds.all.newsletter.min_items").out == "3\n"
    assert "# fewer wait for the next edition" in (publication / "feeds" / "all.toml").read_text()


def test_set_takes_several_settings_that_only_fit_together(publication: Path, program: Program) -> None:
    alone = program("config", "set", "feeds.all.newsletter.min_items", "30")
    assert alone.status == 2
    together = program(
        *("config", "set", "feeds.all.newsletter.min_items", "30", "feeds.all.newsletter.max_items", "40")
    )
    assert together.status == 0
    assert program("config", "set", "title").status == 2


def test_set_refuses_a_transport_that_is_none(publication: Path, program: Program) -> None:
    before = (publication / "publication.toml").read_bytes()
    answer = program("config", "set", "delivery.transport", "relay.example.org")
    assert answer.status == 2
    assert "smtp://user@relay.example.org:587" in answer.err
    assert (publication / "publication.toml").read_bytes() == before


def test_check_says_what_is_still_an_example(publication: Path, program: Program) -> None:
    answer = program("config", "check")
    assert answer.status == 0
    assert answer.out.startswith("The settings are right: 1 feed, 1 newsletter.\nStill an example: url")
    assert program("config", "check", "--json").json["right"] is True


def test_check_reads_feeds_and_secrets_too(publication: Path, program: Program) -> None:
    (publication / "secrets.toml").write_text('signing = ["short"]\n')
    feed = publication / "feeds" / "all.toml"
    feed.write_text(feed.read_text().replace('"07:00"', '"25:00"'))
    answer = program("config", "check", "--json")
    assert answer.status == 2
    assert len(answer.err.splitlines()) == 2
    assert [fault["where"] for fault in answer.json["faults"]] == ["feeds/all.toml", "secrets.toml"]
    assert answer.json["faults"][0]["line"] == 17
