"""What is known of a relay by its profile, and what the settings say instead."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher.model.errors import ConfigurationError
from publisher.model.publication import Delivery
from publisher.model.rate import Limits, Rate
from publisher.publication import load, load_secrets
from publisher.publication.profiles import PROFILES
from publisher.publication.schema import DeliveryTable


def delivery(folder: Path, table: str) -> Delivery:
    path = folder / "publication.toml"
    path.write_text(path.read_text("utf-8") + f"\n[delivery]\n{table}\n", "utf-8")
    return load(folder).delivery


def limits(folder: Path, table: str) -> Limits:
    (relay,) = delivery(folder, table).relays
    return relay.limits


def test_a_profile_says_what_its_provider_has_published(folder: Path) -> None:
    assert limits(folder, 'transport = "smtp://127.0.0.1"\nprofile = "socketlabs"') == Limits(lanes=10, messages=50)


def test_any_part_of_a_profile_can_be_set_otherwise(folder: Path) -> None:
    more = 'lanes = 2\nmessages_a_connection = 7\nconnection_age = "5 minutes"'
    found = limits(folder, f'profile = "google"\nrate = ["5/s", "2000/day"]\n{more}')
    assert found == Limits(rates=(Rate(5, 1), Rate(2000, 86400)), lanes=2, messages=7, age=300.0)


def test_a_rate_that_is_set_leaves_the_profiles_other_units(folder: Path) -> None:
    assert limits(folder, 'profile = "google"\nrate = "5/s"').rates == (Rate(5, 1), Rate(10_000, 86400))


def test_every_profile_can_be_named() -> None:
    for name in PROFILES:
        assert DeliveryTable(profile=name).profile == name  # type: ignore[arg-type]


def test_a_warm_up_grows_from_day_to_day(folder: Path) -> None:
    found = limits(folder, "warm_up = { since = 2026-03-01, first = 500, factor = 1.5 }")
    rates = [found.rates_at(datetime(2026, month, day, 12, tzinfo=UTC)) for month, day in ((2, 20), (3, 1), (3, 3))]
    assert rates == [(Rate(500, 86400),), (Rate(500, 86400),), (Rate(1125, 86400),)]
    assert found.rates_at(datetime(2030, 1, 1, tzinfo=UTC))[0].messages == 999_999_999


def test_several_relays_have_names_weights_and_profiles(folder: Path) -> None:
    found = delivery(
        folder,
        """
[[delivery.relays]]
name = "main"
transport = "smtp://ana@a.example.org"
profile = "ses"
rate = "14/s"
weight = 3
[[delivery.relays]]
name = "spare"
transport = "smtp://ana@b.example.org"
weight = 0
""",
    )
    assert [(relay.name, relay.weight) for relay in found.relays] == [("main", 3), ("spare", 0)]
    assert found.relays[0].limits.rates == (Rate(14, 1),)
    assert found.transport == "smtp://ana@a.example.org"


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ('profile = "nobody"', "profile"),
        ('rate = "fast"', "is not a rate"),
        ('transport = "maildir:mail"\nrelays = [{ name = "a", transport = "smtp://a.example.org" }]', "both there"),
        ('relays = [{ name = "a", transport = "smtp://a" }, { name = "a", transport = "smtp://b" }]', "one name"),
        ('relays = [{ name = "a", transport = "smtp://a" }, { name = "b", transport = "smtp://a" }]', "one address"),
        ('relays = [{ name = "a", transport = "smtp://a", weight = 0 }]', "weight 0"),
        ('relays = [{ name = "A b", transport = "smtp://a" }]', "relay's name"),
        ('relays = [{ transport = "smtp://a" }]', "name"),
    ],
)
def test_what_cannot_be_is_refused(folder: Path, table: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        delivery(folder, table)


def test_passwords_of_relays_stand_in_secrets_or_outside(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_secrets(folder)
    path = folder / "secrets.toml"
    path.write_text(path.read_text("utf-8") + '[relay_passwords]\nmain = "inside"\nspare = "inside"\n', "utf-8")
    monkeypatch.setenv("PUBLISHER_RELAY_PASSWORD_MAIN", "outside")
    assert load_secrets(folder).relay_passwords == {"main": "outside", "spare": "inside"}
