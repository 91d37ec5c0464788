"""Private feeds: one reader's own selection under an address that nobody can guess, and that ends (requirement 26)."""

from __future__ import annotations

import gzip
import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import feedparser
import pytest

from publisher import pipeline
from publisher.audience.links import private_url
from publisher.audience.preferring import choose
from publisher.audience.tokens import token
from publisher.model.publication import Publication
from publisher.model.subscriber import Suppression
from publisher.publication.loading import load
from publisher.store import meta, private_feeds, subscriptions, suppressions
from publisher.theme.environment import environment_of
from tests.web.conftest import Site, SiteMaker
from tests.web.polite import check_codings, check_conditions, check_faces
from tests.web.test_endpoints import heading
from tests.web.test_settings_page import fresh_link

FORMATS = ("rss", "atom", "json")


@pytest.fixture
def folder(folder: Path) -> Path:
    for name, section, tags in (("tide", "science", '["sea"]'), ("weir", "world", '["sea", "river"]')):
        head = f'title = "The {name}"\ndate = 2026-03-01T09:00:00Z\nsection = "{section}"\ntags = {tags}'
        (folder / "articles" / f"{name}.md").write_text(f"+++\n{head}\n+++\nText of the {name}.\n", "utf-8")
    hub = '\n[web]\nhub = "https://hub.example.org/"\n'
    (folder / "publication.toml").write_text((folder / "publication.toml").read_text("utf-8") + hub, "utf-8")
    return folder


@pytest.fixture
def site(site_of: SiteMaker, folder: Path) -> Site:
    """A site with a build, and a reader of everything in "world"."""
    site = site_of(load(folder))
    build(site)
    site.reader()
    return site


def build(site: Site) -> None:
    pipeline.publish(
        site.publication,
        site.store,
        environment=environment_of(site.publication),
        now=site.clock.now,
        mailing=False,
    )


def link(site: Site, subscription: int = 1) -> int:
    with site.store.writing() as connection:
        return private_feeds.renew(connection, subscription, site.clock.now)


def path(site: Site, number: int, format: str = "rss") -> str:
    return private_url(site.publication, number, format, site.keys).removeprefix(site.publication.url)


def titles(answer: Any) -> list[str]:
    if answer.headers["content-type"].startswith("application/feed+json"):
        return sorted(item["title"] for item in answer.json()["items"])
    found = feedparser.parse(answer.content)
    assert not found.bozo
    return sorted(entry.title for entry in found.entries)


def test_it_has_the_reader_s_own_selection_in_each_format(site: Site) -> None:
    number = link(site)
    for format in FORMATS:
        assert titles(site.client.get(path(site, number, format))) == [
            "The ferry has a new name",
            "The tide",
            "The weir",
        ]
    with site.store.writing() as connection:
        assert subscriptions.change_topics(connection, 1, before="*", after="section:science@99,tag:river@99")
    for format in FORMATS:
        assert titles(site.client.get(path(site, number, format))) == ["The tide", "The weir"]


def test_a_reader_makes_an_address_behind_a_link_that_is_mailed_afresh(site: Site) -> None:
    settings = fresh_link(site)
    page = site.client.get(settings).text
    assert "Your own feed" in page
    assert "/private/" not in page.replace(f"{settings.rpartition('/')[2]}/private", ""), "asking makes none"
    made = site.client.post(f"{settings}/private")
    assert made.headers["cache-control"] == "no-store"
    assert heading(made.text) == "Your own feed of World"
    addresses = re.findall(r'href="https://news\.example\.org(/private/[a-z2-7]+\.(?:rss|atom|json))"', made.text)
    assert len(addresses) == 3
    for address in addresses:
        assert site.client.get(address).status_code == 200
    again = site.client.post(f"{settings}/private")
    assert addresses[0] not in again.text
    assert {site.client.get(address).status_code for address in addresses} == {410}


def test_it_is_for_its_reader_alone(site: Site) -> None:
    answer = site.client.get(path(site, link(site)), headers={"accept": "application/rss+xml"})
    assert answer.headers["cache-control"] == "private, max-age=300"
    assert answer.headers["x-robots-tag"] == "noindex"
    assert answer.headers["content-type"] == "application/rss+xml; charset=utf-8"
    assert "access-control-allow-origin" not in answer.headers
    assert "set-cookie" not in answer.headers
    assert "link" not in answer.headers
    assert b"hub.example.org" not in answer.content, "a hub would know the address"
    assert b"ana@example.com" not in answer.content
    [self] = [one.href for one in feedparser.parse(answer.content).feed.links if one.rel == "self"]
    assert self == private_url(site.publication, 1, "rss", site.keys)


def test_a_new_link_ends_the_old_one_and_the_feed_keeps_its_ids(site: Site) -> None:
    first = link(site)
    before = feedparser.parse(site.client.get(path(site, first, "atom")).content)
    second = link(site)
    assert site.client.get(path(site, first, "atom")).status_code == 410
    after = feedparser.parse(site.client.get(path(site, second, "atom")).content)
    assert [entry.id for entry in after.entries] == [entry.id for entry in before.entries]
    assert after.feed.id == before.feed.id
    assert json.loads(site.client.get(path(site, second, "json")).content)["feed_url"].endswith(
        path(site, second, "json")
    )


def test_whoever_has_left_or_must_not_be_mailed_has_no_feed(site: Site) -> None:
    number = link(site)
    with site.store.writing() as connection:
        assert subscriptions.end(connection, 1, site.clock.now)
    gone = site.client.get(path(site, number))
    assert (gone.status_code, gone.headers["cache-control"], gone.headers["x-robots-tag"]) == (
        410,
        "no-store",
        "noindex",
    )
    other = site.reader("bo@example.com", newsletter="science")
    assert other
    with site.store.reading() as connection:
        [hashed] = connection.exec_driver_sql("SELECT address_hash FROM subscribers WHERE id = 2").scalars()
    number = link(site, 2)
    assert titles(site.client.get(path(site, number))) == ["The tide"]
    with site.store.writing() as connection:
        suppressions.suppress(connection, Suppression(address_hash=hashed, reason="complaint", at=site.clock.now))
    assert site.client.get(path(site, number)).status_code == 410


def test_a_reader_who_returns_has_to_ask_for_a_new_link(site: Site) -> None:
    number = link(site)
    with site.store.writing() as connection:
        connection.exec_driver_sql("UPDATE subscriptions SET generation = generation + 1 WHERE id = 1")
    assert site.client.get(path(site, number)).status_code == 410


@pytest.mark.parametrize(
    "name", ["x.rss", "{other}.rss", "{known}.xml", "{known}", "{wrong}.rss", "%00.rss", "{known}.rss/"]
)
def test_what_is_no_link_of_ours_is_not_there(site: Site, name: str) -> None:
    number = link(site)
    known = token("private", number, site.keys)
    wrong = known[:-2] + ("ab" if known[-2:] != "ab" else "ac")
    other = token("preferences", number, site.keys)
    answer = site.client.get(f"/private/{name.format(known=known, wrong=wrong, other=other)}")
    assert answer.status_code == 404


KINDS = {
    "rss": "application/rss+xml; charset=utf-8",
    "atom": "application/atom+xml; charset=utf-8",
    "json": "application/feed+json; charset=utf-8",
}


@pytest.mark.parametrize("format", FORMATS)
def test_it_answers_as_public_feeds_do(site: Site, format: str) -> None:
    where = path(site, link(site), format)
    check_conditions(site.client, where)
    check_codings(site.client, where)
    check_faces(site.client, where, KINDS[format])
    assert site.client.post(where).status_code == 405
    unchanged = site.client.get(where, headers={"if-none-match": "*"})
    assert unchanged.headers["cache-control"] == "private, max-age=300"
    assert unchanged.headers["x-robots-tag"] == "noindex"


def test_its_date_moves_with_whatever_changes_it(site: Site) -> None:
    where = path(site, link(site))

    def built(hours: int) -> None:
        """A build, some hours later."""
        folder = site.publication.state / "private"
        before = {(file.name, file.stat().st_ino) for file in folder.iterdir()}  # another file may get the number
        build(site)
        for file in folder.iterdir():
            if (file.name, file.stat().st_ino) not in before or not hours:
                os.utime(file, (1_800_000_000 + 3600 * hours,) * 2)

    built(0)
    first = site.client.get(where).headers["last-modified"]
    assert site.client.get(where).headers["last-modified"] == first
    built(1)
    assert site.client.get(where, headers={"if-modified-since": first}).status_code == 304, "nothing has changed"
    (site.publication.root / "articles" / "tide.md").unlink()
    built(2)
    second = site.client.get(where, headers={"if-modified-since": first})
    assert (second.status_code, titles(second)) == (200, ["The ferry has a new name", "The weir"])
    site.clock.now = datetime(2027, 6, 1, tzinfo=UTC)
    subscription, newsletter = site.subscription(), site.publication.newsletter("world")
    with site.store.writing() as connection:
        meta.write(connection, "topics of world", json.dumps([["section", "world", "World"]]))
        assert choose(
            connection,
            subscription,
            newsletter,
            cadence=subscription.cadence,
            topics=["section:world"],
            now=site.clock.now,
            source="test",
        )
    third = site.client.get(where, headers={"if-modified-since": second.headers["last-modified"]})
    assert (third.status_code, third.headers["last-modified"]) == (200, "Tue, 01 Jun 2027 00:00:00 GMT")


def test_a_client_that_hammers_is_asked_to_come_less_often(site: Site) -> None:
    where = path(site, link(site))
    codes = [site.client.get(where).status_code for _ in range(61)]
    assert codes == [200] * 60 + [429]
    late = site.client.get(where)
    assert int(late.headers["retry-after"]) > 0
    assert site.client.get(where, headers={"if-none-match": '"x"'}).status_code == 200
    old = {"if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"}
    assert site.client.get(where, headers=old).status_code == 200


def test_before_the_first_build_it_is_empty_and_valid(site_of: SiteMaker, publication: Publication) -> None:
    site = site_of(publication)
    site.reader()
    number = link(site)
    for format in FORMATS:
        assert titles(site.client.get(path(site, number, format))) == []


def test_an_edit_is_in_it_after_the_build(site: Site) -> None:
    number = link(site)
    assert "The tide" in titles(site.client.get(path(site, number)))
    (site.publication.root / "articles" / "tide.md").unlink()
    build(site)
    assert "The tide" not in titles(site.client.get(path(site, number)))


def test_no_document_is_larger_than_the_feed_s_ceiling(site: Site) -> None:
    for number in range(60):
        head = f'title = "Piece {number}"\ndate = 2026-02-0{number % 9 + 1}T09:00:00Z'
        text = f"+++\n{head}\n+++\n" + "A long sentence about the sea. " * 400
        (site.publication.root / "articles" / f"piece-{number}.md").write_text(text, "utf-8")
    build(site)
    number = link(site)
    for format in FORMATS:
        content = site.client.get(path(site, number, format)).content
        assert 100_000 < len(content) <= 250_000
        assert gzip.decompress(gzip.compress(content)) == content
