"""Figures for Prometheus, read as Prometheus reads them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from publisher.delivery.delivered import Delivered
from publisher.health.metrics import Family, count_attempts, gathered, text
from publisher.model.delivery import Result
from publisher.publication import load
from publisher.store import Store
from tests.store import readers as r
from tests.store.test_outbox import claim, ended, record

SAMPLE = re.compile(
    r"^(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r'(?:\{(?P<labels>(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)+)\})? (?P<value>[-+0-9.e]+|NaN|[+-]Inf)$'
)


def read(exposed: str) -> dict[str, float]:
    """Name and labels → value; everything that the format 0.0.4 and promtool's checks ask for is asserted."""
    assert exposed.endswith("\n")
    found: dict[str, float] = {}
    kinds: dict[str, str] = {}
    helped = ""
    for line in exposed.splitlines():
        if line.startswith("# HELP "):
            helped = line.split(" ", 3)[2]
            assert helped not in kinds, "each family stands together"
            assert line.split(" ", 3)[3]
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == helped
            assert kind in ("gauge", "counter")
            assert (kind == "counter") == name.endswith("_total")
            assert name.startswith("publisher_")
            assert name == name.lower()
            assert not re.search(r"_(milliseconds|minutes|hours|ms)\b", name), "base units"
            kinds[name] = kind
        else:
            sample = SAMPLE.match(line)
            assert sample, line
            assert sample["name"] == helped
            key = line.rpartition(" ")[0]
            assert key not in found
            found[key] = float(sample["value"])
    return found


def test_figures_are_what_the_database_says(folder: Path, store: Store) -> None:
    publication = replace(load(folder), title='The "Example"\\')
    with store.writing() as connection:
        r.number_articles(connection, 2)
        for number in (1, 2, 3):
            r.add_reader(connection, number)
        edition = r.open_edition(connection)
    claimed = claim(store, limit=2)
    record(store, claimed[1], ended(claimed[2], Result.FAILED, 550, "no such user"))
    delivered = Delivered(accepted=1, failed=1)
    now = r.NOW + timedelta(minutes=10)
    assert count_attempts(store, delivered) == []
    assert count_attempts(store, delivered) == []
    found = read(
        text(gathered(publication, store, delivered, errors=1, took=timedelta(seconds=4), now=now)),
    )
    newest = 'publisher_newest_edition_{}{{newsletter="world",cadence="daily"{}}}'
    assert found[newest.format("number", "")] == edition.id
    states = {state: found[newest.format("deliveries", f',state="{state}"')] for state in ("accepted", "failed")}
    assert states == {"accepted": 1, "failed": 1}
    assert found[newest.format("deliveries", ',state="outstanding"')] == 1
    assert found['publisher_attempts_total{result="accepted"}'] == 2
    assert found['publisher_outbox_deliveries{when="due"}'] == 1
    assert found["publisher_outbox_oldest_due_age_seconds"] == (now - r.SLOT).total_seconds()
    assert found["publisher_last_run_messages_per_second"] == 0.5
    assert found["publisher_last_run_errors"] == 1
    assert found["publisher_last_run_timestamp_seconds"] == now.timestamp()
    assert found['publisher_editions{state="going out"}'] == 1
    assert found['publisher_subscriptions{newsletter="world",cadence="daily"}'] == 3


def test_a_family_without_samples_is_left_out_and_labels_are_escaped() -> None:
    odd = Family("publisher_odd", "gauge", "Odd.")
    odd.add(1, name='a"b\\c\nd')
    exposed = text([Family("publisher_none", "gauge", "None."), odd])
    assert exposed == '# HELP publisher_odd Odd.\n# TYPE publisher_odd gauge\npublisher_odd{name="a\\"b\\\\c\\nd"} 1\n'
    assert read(exposed)
