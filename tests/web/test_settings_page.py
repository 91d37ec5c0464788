"""The page behind a link that is mailed afresh: pause, language, address, data, and the end of all of it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from publisher.audience.tokens import read_timed, timed_token, token
from publisher.model.subscriber import SubscriptionState
from publisher.store import notices, outbox, subscribers
from tests.web.conftest import Site, SiteMaker
from tests.web.test_endpoints import everything, heading


def mailed(site: Site, kind: str) -> list[tuple[str, str]]:
    """Address and path of each link that was mailed since."""
    with site.store.writing() as connection:
        claimed = outbox.claim(connection, worker="test", now=site.clock.now, lease=timedelta(minutes=1), limit=100)
        found = [(one.address, notices.get(connection, one.notice)) for one in claimed if one.notice]
    return [
        (address, notice.fields["confirm_url"].removeprefix("https://news.example.org"))
        for address, notice in found
        if notice.kind == kind
    ]


def fresh_link(site: Site) -> str:
    preferences = f"/preferences/{token('preferences', 1, site.keys)}"
    answer = site.client.post(f"{preferences}/more")
    assert heading(answer.text) == "Look into your mailbox"
    [(address, link)] = mailed(site, "settings")
    assert address == "ana@example.com"
    return link


def test_the_page_that_digests_link_to_shows_only_how_often_and_topics_and_mails_a_link_to_the_rest(
    site: Site,
) -> None:
    site.reader()
    page = site.client.get(f"/preferences/{token('preferences', 1, site.keys)}").text
    for private in ("ana@example.com", "snooze", 'name="language"', "erase", 'name="address"'):
        assert private not in page
    link = fresh_link(site)
    assert "ana@example.com" not in link
    settings = site.client.get(link)
    assert heading(settings.text) == "Your settings"
    assert "World for ana@example.com." in settings.text
    assert settings.headers["cache-control"] == "no-store"


def test_the_link_is_good_for_a_day_and_for_nothing_else(site: Site) -> None:
    site.reader()
    link = fresh_link(site)
    site.clock.now += timedelta(days=1, minutes=1)
    assert (site.client.get(link).status_code, heading(site.client.get(link).text)) == (410, "This link is too old")
    assert site.client.post(f"{link}/erase", data={"sure": "yes"}).status_code == 410
    for wrong in (
        f"/settings/{token('preferences', 1, site.keys)}",
        f"/settings/{token('unsubscribe', 1, site.keys)}",
        f"/settings/{timed_token('address', [1], site.keys, ends=site.clock.now + timedelta(days=1))}",
        "/settings/x",
    ):
        assert site.client.get(wrong).status_code == site.client.post(wrong).status_code == 404
        assert site.client.get(f"{wrong}/data").status_code == 404


def test_links_are_mailed_to_readers_only_once_in_ten_minutes_and_three_times_a_day(site: Site) -> None:
    site.reader()
    more = f"/preferences/{token('preferences', 1, site.keys)}/more"
    texts = {site.client.post(more).text for _ in range(3)}
    assert len(texts) == 1
    assert len(mailed(site, "settings")) == 1
    for _ in range(4):
        site.clock.now += timedelta(minutes=11)
        texts.add(site.client.post(more).text)
    assert len(mailed(site, "settings")) == 2
    site.client.post(f"/u/{token('unsubscribe', 1, site.keys)}")
    site.clock.now += timedelta(days=2)
    texts.add(site.client.post(more).text)
    assert (len(texts), mailed(site, "settings")) == (1, [])


def test_a_pause_until_a_day_and_its_end(site: Site) -> None:
    site.reader()
    link = fresh_link(site)
    assert heading(site.client.post(link, data={"cadence": "daily", "snooze": "2026-04-01"}).text) == "Saved"
    assert site.subscription().snoozed_until == datetime(2026, 3, 31, 22, tzinfo=UTC)  # midnight in Berlin
    assert 'value="2026-04-01"' in site.client.get(link).text
    site.client.post(link, data={"cadence": "daily", "snooze": "2031-01-01"})
    until = site.subscription().snoozed_until
    assert until is not None
    assert until - site.clock.now < timedelta(days=367)
    # Ended before its day: the next edition is the catch-up.
    site.client.post(link, data={"cadence": "daily", "snooze": ""})
    assert site.subscription().snoozed_until == site.clock.now
    wordings = [event.wording for event in site.history()[1:]]
    assert wordings == ["snooze until: 2026-04-01", "snooze until: 2031-01-01", "snooze: ended"]
    assert site.client.post(link, data={"snooze": "soon"}).status_code == 400


def test_by_feed_instead_of_mail_and_back(site: Site) -> None:
    site.reader()
    link = fresh_link(site)
    assert f"{link.rpartition('/')[2]}/private/end" not in site.client.get(link).text
    made = site.client.post(link, data={"cadence": "daily", "how": "feed", "snooze": ""})
    assert heading(made.text) == "Your own feed of World"
    [address, *_] = re.findall(r'href="https://news\.example\.org(/private/[a-z2-7]+\.rss)"', made.text)
    assert site.client.get(address).status_code == 200
    assert site.subscription().by_feed
    page = site.client.get(link).text
    assert '<option value="feed" selected>' in page
    assert "9999" not in page
    # Saving something else, also from a page that knows nothing of feeds, leaves it so.
    site.client.post(link, data={"cadence": "weekly", "snooze": ""})
    assert address in site.client.post(link, data={"cadence": "weekly", "how": "feed"}).text, "and the address, too"
    assert site.subscription().by_feed
    assert heading(site.client.post(link, data={"how": "mail", "snooze": "2026-04-01"}).text) == "Saved"
    assert site.subscription().snoozed_until == datetime(2026, 3, 31, 22, tzinfo=UTC)
    assert site.client.get(address).status_code == 200
    wordings = [event.wording for event in site.history()[1:]]
    assert wordings == ["by feed instead of mail", "cadence: weekly", "by mail again", "snooze until: 2026-04-01"]


def test_the_address_of_a_feed_ends_without_a_new_one(site: Site) -> None:
    site.reader()
    link = fresh_link(site)
    made = site.client.post(link, data={"how": "feed"})
    [address, *_] = re.findall(r'href="https://news\.example\.org(/private/[a-z2-7]+\.rss)"', made.text)
    for _ in range(2):
        ended = site.client.post(f"{link}/private/end")
        assert heading(ended.text) == "The address of your feed has ended"
    assert site.client.get(address).status_code == 410
    assert site.subscription().snoozed_until == site.clock.now, "mail again, first what came meanwhile"
    assert "/private/end" not in site.client.get(link).text


def test_another_language_of_the_fixed_texts(site: Site) -> None:
    site.reader()
    link = fresh_link(site)
    assert re.findall(r'<option value="(\w+)"( selected)?>', site.client.get(link).text)[2:] == [
        ("ar", ""), ("de", ""), ("en", " selected"), ("es", ""), ("fr", ""),
    ]  # fmt: skip
    site.client.post(link, data={"cadence": "weekly", "language": "de"})
    assert (site.subscription().language, site.subscription().cadence) == ("de", "weekly")
    assert heading(site.client.get(link).text) == "Ihre Einstellungen"
    site.client.post(link, data={"language": "xx"})
    assert site.subscription().language == "de"
    site.client.post(link, data={"language": "en"})
    assert site.subscription().language == ""


def test_a_time_zone_is_asked_for_only_where_it_matters(site_of: SiteMaker, publication: Any) -> None:
    site = site_of()
    site.reader()
    assert 'name="timezone"' not in site.client.get(fresh_link(site)).text
    feed = publication.feed("world")
    local = replace(feed, newsletter=replace(feed.newsletter, deliver="reader-local"))
    site = site_of(replace(publication, feeds=(local,)))
    site.clock.now += timedelta(minutes=11)
    link = fresh_link(site)
    assert '<option value="Europe/Berlin" selected>' in site.client.get(link).text
    for zone in ("Asia/Kathmandu", "Nowhere/Atall"):
        site.client.post(link, data={"timezone": zone})
    with site.store.reading() as connection:
        person = subscribers.get(connection, 1)
    assert person is not None
    assert person.timezone == "Asia/Kathmandu"
    assert site.history()[-1].wording == "time zone: Asia/Kathmandu"


def test_another_address_is_confirmed_from_there(site: Site) -> None:
    site.reader()
    link = fresh_link(site)
    assert heading(site.client.post(f"{link}/address", data={"address": "ana@example.net"}).text) == (
        "Look into your mailbox"
    )
    [(address, confirm)] = mailed(site, "address")
    assert address == "ana@example.net"
    before = everything(site)
    assert heading(site.client.get(confirm).text) == "Is this your new address?"
    assert everything(site) == before
    assert heading(site.client.post(confirm).text) == "The address is changed"
    assert heading(site.client.post(confirm).text) == "The address is changed"
    with site.store.reading() as connection:
        assert [one.address for one in subscribers.listing(connection)] == ["ana@example.net"]
    assert site.client.post(f"{link}/address", data={"address": "ana"}).status_code == 400


def test_the_data_come_as_a_file(site: Site) -> None:
    site.reader()
    answer = site.client.get(f"{fresh_link(site)}/data")
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["cache-control"] == "no-store"
    kept = answer.json()
    assert kept["address"] == "ana@example.com"
    assert kept["consents"][0]["event"] == "added"


def test_erasing_has_to_be_meant_and_ends_everything(site: Site) -> None:
    site.reader()
    link = fresh_link(site)
    assert site.client.post(f"{link}/erase").status_code == 400
    assert site.subscription().state is SubscriptionState.ACTIVE
    assert heading(site.client.post(f"{link}/erase", data={"sure": "yes"}).text) == "Everything is erased"
    assert heading(site.client.post(f"{link}/erase", data={"sure": "yes"}).text) == "Everything is erased"
    assert site.subscription().state is SubscriptionState.UNSUBSCRIBED
    assert heading(site.client.get(link).text) == "You do not subscribe to World"
    with site.store.reading() as connection:
        assert subscribers.listing(connection) == []


def test_a_get_of_any_of_its_pages_changes_nothing(site: Site) -> None:
    site.reader()
    link = fresh_link(site)
    before = everything(site)
    for path in ("", "/data", "/address", "/erase", "?snooze=2026-04-01", "/erase?sure=yes"):
        for method in ("GET", "HEAD", "OPTIONS"):
            site.client.request(method, link + path)
    site.client.get(f"/preferences/{token('preferences', 1, site.keys)}/more")
    assert everything(site) == before


@pytest.mark.parametrize("numbers", [(1,), (7, 2**34)])
def test_a_token_with_an_end_says_what_it_was_made_for(numbers: tuple[int, ...], keys: Any) -> None:
    now = datetime(2026, 3, 2, tzinfo=UTC)
    text = timed_token("address", numbers, keys, ends=now)
    read = read_timed("address", text.upper(), keys, now=now)
    assert read is not None
    assert (read.numbers, read.expired) == (numbers, False)
    later = read_timed("address", text, keys, now=now + timedelta(seconds=1))
    assert later is not None
    assert later.expired
    assert read_timed("settings", text, keys, now=now) is None
    assert read_timed("address", text + "-aa", keys, now=now) is None
