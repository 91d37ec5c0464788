"""A mistake in the settings is one line that says where it stands and what to do."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from publisher.model.errors import ConfigurationError, UsageError
from publisher.publication import find_root, load, load_secrets
from publisher.publication.loading import validate

PUBLICATION = """\
title = "The Example"
url = "https://news.example.org"

[sections]
world = "World"
"""
FEED = """\
title = "World"
select = { sections = ["world"] }

[newsletter]
sender = "Desk <desk@example.org>"
[newsletter.cadences]
daily = "mon-fri 07:00"
"""


def written(folder: Path, publication: str = PUBLICATION, feed: str | None = FEED) -> Path:
    (folder / "feeds").mkdir(exist_ok=True)
    (folder / "publication.toml").write_text(publication, "utf-8")
    if feed is not None:
        (folder / "feeds" / "world.toml").write_text(feed, "utf-8")
    return folder


def complaint(folder: Path) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_small_publication_gets_sensible_defaults(tmp_path: Path) -> None:
    publication = load(written(tmp_path))
    newsletter = publication.newsletter("world")
    assert publication.database == "sqlite:publisher.db"
    assert publication.delivery.transport == "maildir:mail"
    assert newsletter is not None
    assert newsletter.default_cadence == "daily"
    assert newsletter.sender_name == "Desk"
    assert newsletter.timezone == "UTC"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('title = "The Example"', 'titel = "The Example"', '1: unknown key "titel"; did you mean "title"?'),
        ('title = "The Example"', "title = The Example", "publication.toml:1: not TOML"),
        ('url = "https://news.example.org"', 'url = "news.example.org"', 'toml:2: "url": not a web address'),
        ('url = "https://news.example.org"', "", '"url" is missing; add: url ='),
        ("[sections]", 'timezone = "Europe/Belin"\n[sections]', 'publication.toml:4: "timezone": unknown time zone'),
        ("[sections]", 'database = "mysql:x"\n[sections]', '"database": not a database'),
        ("[sections]", "[theme]\naccent = 'red'\n[sections]", '5: "theme.accent": "red" is not a colour'),
        ("[sections]", "[delivery]\nlanes = 'many'\n[sections]", 'publication.toml:5: "delivery.lanes" should be'),
    ],
)  # fmt: skip
def test_a_fault_in_publication_toml_names_file_line_and_remedy(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert says in complaint(written(tmp_path, PUBLICATION.replace(old, new)))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("mon-fri 07:00", "0 7 * * moonday", 'feeds/world.toml:7: "newsletter.cadences.daily": not a cron line'),
        ('daily = "mon-fri 07:00"', "", "newsletter.cadences"),
        ("sender =", "sendr =", 'feeds/world.toml:5: unknown key "newsletter.sendr"; did you mean "sender"?'),
        ("Desk <desk@example.org>", "Desk", 'feeds/world.toml:5: "newsletter.sender": "Desk" has no e-mail address'),
        ('["world"]', '["wrld"]', 'feeds/world.toml:2: unknown section "wrld"; did you mean "world"?'),
        ("[newsletter.cadences]", 'default_cadence = "weekly"\n[newsletter.cadences]', "is not among the cadences"),
        ("[newsletter.cadences]", "min_items = 5\nmax_items = 3\n[newsletter.cadences]", "is less than min_items"),
        ("[newsletter.cadences]", 'timezone = "Mars"\n[newsletter.cadences]', 'unknown time zone "Mars"'),
    ],
)  # fmt: skip
def test_a_fault_in_a_feed_names_file_line_and_remedy(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert says in complaint(written(tmp_path, feed=FEED.replace(old, new)))


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    written(
        tmp_path, PUBLICATION.replace("title", "titel") + "\n[theme]\naccent = 'red'\n", FEED.replace("sender", "sendr")
    )
    with pytest.raises(ConfigurationError) as caught:
        load(tmp_path)
    told = [str(error) for error in (caught.value, *caught.value.also)]
    assert len(told) == 5
    assert any("feeds/world.toml:5" in line for line in told)


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / "publication.toml").write_bytes(b'title = "x"\nurl = "https://\xe4.example"\n')
    assert complaint(tmp_path) == "publication.toml:2: not UTF-8; save the file as UTF-8"


def test_a_feed_whose_name_cannot_be_an_address_is_refused(tmp_path: Path) -> None:
    written(tmp_path, feed=None)
    (tmp_path / "feeds" / "My Feed.toml").write_text(FEED, "utf-8")
    assert "rename it" in complaint(tmp_path)


def test_a_command_finds_its_publication_upwards(tmp_path: Path) -> None:
    deep = written(tmp_path) / "articles" / "2026"
    deep.mkdir(parents=True)
    assert find_root(deep) == tmp_path
    with pytest.raises(UsageError, match="publisher init"):
        find_root(Path("/"))


def test_examples_are_noticed(tmp_path: Path) -> None:
    publication = load(written(tmp_path))
    assert publication.examples_left == ("url", "postal_address", "feeds/world.toml: sender")
    own = PUBLICATION.replace("news.example.org", "news.town.org").replace(
        "[sections]", 'postal_address = "1 High Street"\n[sections]'
    )
    assert load(written(tmp_path, own, FEED.replace("example.org", "town.org"))).examples_left == ()


def test_secrets_are_made_once_and_for_the_owner_only(tmp_path: Path) -> None:
    first = load_secrets(tmp_path)
    assert load_secrets(tmp_path) == first
    assert (tmp_path / "secrets.toml").stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".secrets*"))


def test_a_typo_in_secrets_is_told(tmp_path: Path) -> None:
    (tmp_path / "secrets.toml").write_text('signing = ["short"]\n', "utf-8")
    with pytest.raises(ConfigurationError, match="32 characters"):
        load_secrets(tmp_path)
    (tmp_path / "secrets.toml").write_text('passwort = "x"\n', "utf-8")
    with pytest.raises(ConfigurationError, match='unknown key "passwort"'):
        load_secrets(tmp_path)


def test_variables_win_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLISHER_SIGNING", "k" * 40)
    monkeypatch.setenv("PUBLISHER_RELAY_PASSWORD", "hush")
    secrets = load_secrets(tmp_path)
    assert secrets.signing == (b"k" * 40,)
    assert secrets.relay_passwords == {"": "hush"}
    assert not (tmp_path / "secrets.toml").exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("title", ""),
        ("url", "https://ex ample.org"),
        ("url", "https://example.org:port"),
        ("url", "https://[::1"),
        ("database", "postgresql://user@host:port/name"),
        ("web.trusted_proxies", ["somewhere"]),
        ("theme.font", "serif; } </style>"),
    ],
)
def test_a_value_that_would_fail_only_later_is_refused_with_its_line(key: str, value: object) -> None:
    table, _, name = key.rpartition(".")
    written = f"{name} = {json.dumps(value)}"
    required = "".join(
        line for line in ('title = "T"\n', 'url = "https://example.org"\n') if not line.startswith(f"{name} ")
    )
    text = f"{required}[{table}]\n{written}\n" if table else f"{written}\n{required}"
    [fault] = validate("publication.toml", text)
    assert fault.line == (4 if table else 1)
    assert f'"{key}' in fault.cause


@pytest.mark.parametrize("day", ["0001-01-01", "9999-12-31"])
def test_a_day_at_the_end_of_the_calendar_is_refused(day: str) -> None:
    text = f'title = "T"\n[newsletter]\nsender = "a@example.org"\nsince = {day}\ncadences = {{ daily = "07:00" }}\n'
    [fault] = validate("feeds/all.toml", text)
    assert (fault.line, fault.cause) == (4, f'"newsletter.since": {day} is in no year that we know')
