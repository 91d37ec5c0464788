"""What readers do on our server: only POST changes anything, and everything can be repeated."""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from publisher.audience.addresses import parse_address
from publisher.audience.hashing import address_hash
from publisher.audience.tokens import confirmation_token, token
from publisher.model.publication import Web
from publisher.model.subscriber import SubscriptionState, Suppression
from publisher.store import notices, outbox, subscribers, suppressions
from publisher.store.schema import consents, deliveries, metadata
from publisher.store.schema import notices as notice_table
from publisher.web.stamps import stamp
from tests.conftest import NOW
from tests.web.conftest import Site, SiteMaker

PENDING, ACTIVE, LEFT = SubscriptionState.PENDING, SubscriptionState.ACTIVE, SubscriptionState.UNSUBSCRIBED
KEYS = (b"a new signing key of enough length.",)
FORM = {
    "address": "ana@example.com",
    "newsletter": "world",
    "cadence": "weekly",
    "website": "",
    "stamp": stamp(KEYS, now=NOW - timedelta(minutes=5)),
}


def everything(site: Site) -> list[Any]:
    """The whole database."""
    with site.store.reading() as connection:
        return [connection.execute(select(table)).all() for table in metadata.sorted_tables]


def mailed_links(site: Site) -> list[str]:
    """The paths of the links in the confirmations, as they are mailed."""
    with site.store.writing() as connection:
        claimed = outbox.claim(connection, worker="test", now=site.clock.now, lease=timedelta(minutes=1), limit=100)
        found = [notices.get(connection, delivery.notice) for delivery in claimed if delivery.notice]
    links = [notice.fields["confirm_url"] for notice in found if notice.kind == "confirmation"]
    assert all(link.startswith("https://news.example.org/confirm/") for link in links)
    return [link.removeprefix("https://news.example.org") for link in links]


def button(page: str) -> str:
    """The one button's text."""
    (text,) = re.findall(r'<button type="submit">([^<]*)</button>', page)
    return str(text)


def heading(page: str) -> str:
    found = re.search(r"<h1>([^<]*)</h1>", page)
    assert found
    return found[1]


class TestSigningUp:
    def test_from_the_form_to_the_confirmed_subscription(self, site: Site) -> None:
        answer = site.client.post("/subscribe", data=FORM)
        assert (answer.status_code, heading(answer.text)) == (200, "Look into your mailbox")
        assert site.subscription().state is PENDING
        (link,) = mailed_links(site)
        page = site.client.get(link)
        assert button(page.text) == "Yes, send it to me"
        assert site.subscription().state is PENDING
        confirmed = site.client.post(link)
        assert heading(confirmed.text) == "You are subscribed"
        assert (site.subscription().state, site.subscription().cadence) == (ACTIVE, "weekly")
        signed_up, agreed = site.history()
        assert (signed_up.event, signed_up.ip, signed_up.source) == ("subscribed", "127.0.0.1", "form on the website")
        assert signed_up.wording.startswith("Subscribe to World (weekly).")
        assert (agreed.event, agreed.wording) == ("confirmed", "Do you want to get World (weekly) by mail?")

    def test_the_form_of_a_browser_and_one_with_files_in_mind_are_both_read(self, site: Site) -> None:
        parts = {name: (None, value) for name, value in FORM.items()}
        assert site.client.post("/subscribe", files=parts).status_code == 200
        assert site.subscription().state is PENDING

    def test_the_answer_is_the_same_for_a_new_a_known_and_a_suppressed_address(self, site: Site) -> None:
        site.reader("known@example.com")
        with site.store.writing() as connection:
            hashed = address_hash(parse_address("gone@example.com"), site.keys)
            suppressions.suppress(connection, Suppression(address_hash=hashed, reason="complaint", at=site.clock.now))
        answers = [
            site.client.post("/subscribe", data={**FORM, "address": f"{who}@example.com"})
            for who in ("new", "known", "gone", "new")
        ]
        assert len({(answer.status_code, answer.text) for answer in answers}) == 1
        assert len({tuple(name for name in answer.headers if name != "date") for answer in answers}) == 1
        with site.store.reading() as connection:
            assert connection.execute(select(func.count()).select_from(notice_table)).scalar() == 1

    def test_the_time_of_the_answer_does_not_tell_who_is_known(self, site_of: SiteMaker) -> None:
        site = site_of(answer_after=0.4)
        for _ in range(2):
            start = time.monotonic()
            site.client.post("/subscribe", data=FORM)
            assert time.monotonic() - start >= 0.4

    def test_a_form_that_a_program_filled_in_is_asked_again_and_a_person_can_go_on(self, site: Site) -> None:
        asked = site.client.post("/subscribe", data={**FORM, "website": "https://spam.example"})
        assert button(asked.text) == "Subscribe me"
        with site.store.reading() as connection:
            assert subscribers.listing(connection) == []
        fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', asked.text))
        site.clock.now += timedelta(seconds=3)
        assert heading(site.client.post("/subscribe", data=fields).text) == "Look into your mailbox"
        assert site.subscription().cadence == "weekly"

    @pytest.mark.parametrize(
        ("changes", "status", "said"),
        [
            ({"address": "ana"}, 400, "That is not an e-mail address"),
            ({"address": "a@example.com\r\nBcc: b@example.com"}, 400, "That is not an e-mail address"),
            ({"newsletter": "nothing"}, 404, "There is no such newsletter"),
        ],
    )
    def test_what_cannot_be_is_said_in_words(self, site: Site, changes: Any, status: int, said: str) -> None:
        answer = site.client.post("/subscribe", data={**FORM, **changes})
        assert (answer.status_code, heading(answer.text)) == (status, said)

    def test_what_a_stranger_types_stands_on_no_page_as_markup(self, site: Site) -> None:
        form = {**FORM, "website": "x", "address": '"><script>alert(1)</script>'}
        assert "<script" not in site.client.post("/subscribe", data=form).text

    def test_twenty_sign_ups_an_hour_from_one_address_and_each_proxy_of_ours_passes_on_whose(self, site: Site) -> None:
        def sign_up(number: int, client: str) -> int:
            form = {**FORM, "address": f"r{number}@example.com"}
            return site.client.post("/subscribe", data=form, headers={"x-forwarded-for": client}).status_code

        answers = [sign_up(number, "192.0.2.1") for number in range(21)]
        assert answers == [200] * 20 + [429]
        assert sign_up(30, "192.0.2.2") == 200
        site.clock.now += timedelta(hours=1)
        assert sign_up(31, "192.0.2.1") == 200
        assert {event.ip for event in site.history(1)} == {"192.0.2.1"}

    def test_a_body_larger_than_any_form_is_refused(self, site: Site) -> None:
        assert site.client.post("/subscribe", data={**FORM, "more": "x" * 70_000}).status_code == 413


class TestConfirming:
    def link(self, site: Site) -> str:
        site.client.post("/subscribe", data=FORM)
        (link,) = mailed_links(site)
        return link

    def test_confirming_twice_is_as_good_as_once(self, site: Site) -> None:
        link = self.link(site)
        first, second = site.client.post(link), site.client.post(link)
        assert first.text == second.text == site.client.get(link).text
        assert [event.event for event in site.history()] == ["subscribed", "confirmed"]

    def test_a_link_that_is_too_old_offers_a_new_one_that_works(self, site: Site) -> None:
        link = self.link(site)
        site.clock.now += timedelta(days=8)
        page = site.client.get(link)
        assert (heading(page.text), button(page.text)) == ("This link is too old", "Send me a new link")
        assert heading(site.client.post(link).text) == "Look into your mailbox"
        assert site.subscription().state is PENDING
        (newer,) = mailed_links(site)
        assert newer != link
        site.client.post(newer)
        assert site.subscription().state is ACTIVE

    def test_an_old_link_of_somebody_who_confirmed_just_says_so(self, site: Site) -> None:
        link = self.link(site)
        site.client.post(link)
        site.clock.now += timedelta(days=8)
        assert heading(site.client.get(link).text) == "You are subscribed"
        assert heading(site.client.post(link).text) == "You are subscribed"

    def test_a_link_of_before_unsubscribing_brings_nobody_back(self, site: Site) -> None:
        link = self.link(site)
        site.client.post(link)
        site.client.post(f"/u/{token('unsubscribe', 1, site.keys)}")
        assert heading(site.client.get(link).text) == "You have unsubscribed since"
        assert heading(site.client.post(link).text) == "You have unsubscribed since"
        assert site.subscription().state is LEFT

    def test_a_damaged_link_changes_nothing(self, site: Site) -> None:
        link = self.link(site)
        for wrong in (link[:-1], f"{link}aa", "/confirm/x", f"/confirm/{token('unsubscribe', 1, site.keys)}"):
            assert site.client.get(wrong).status_code == site.client.post(wrong).status_code == 404
        assert site.subscription().state is PENDING


class TestUnsubscribing:
    @pytest.mark.parametrize(
        "body",
        [
            {"data": {"List-Unsubscribe": "One-Click"}},
            {"files": {"List-Unsubscribe": (None, "One-Click")}},
        ],
    )
    def test_one_click_needs_one_request_without_cookie_or_redirect(self, site: Site, body: Any) -> None:
        site.reader()
        answer = site.client.post(f"/u/{token('unsubscribe', 1, site.keys)}", **body)
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        assert site.subscription().state is LEFT
        event = site.history()[-1]
        assert (event.event, event.source, event.ip) == ("unsubscribed", "one-click", "127.0.0.1")

    def test_the_page_asks_and_its_button_unsubscribes(self, site: Site) -> None:
        site.reader()
        link = f"/u/{token('unsubscribe', 1, site.keys)}"
        page = site.client.get(link)
        assert (heading(page.text), button(page.text)) == ("Unsubscribe?", "Unsubscribe")
        assert site.subscription().state is ACTIVE
        action = re.findall(r'action="([^"]*)"', page.text)
        assert [str(page.url.join(target).path) for target in action] == [link]
        assert heading(site.client.post(link).text) == "You are unsubscribed"
        assert site.history()[-1].source == "page"
        assert heading(site.client.get(link).text) == "You are unsubscribed"

    def test_it_can_be_repeated_and_a_token_of_an_older_key_or_of_nobody_works(self, site: Site) -> None:
        site.reader()
        for link in (token("unsubscribe", 1, site.keys[1:]), token("unsubscribe", 1, site.keys)):
            assert site.client.post(f"/u/{link}").status_code == 200
        assert site.client.post(f"/u/{token('unsubscribe', 999, site.keys)}").status_code == 200
        assert [event.event for event in site.history()] == ["added", "unsubscribed"]

    def test_a_token_in_capitals_works_and_a_wrong_one_does_not(self, site: Site) -> None:
        site.reader()
        assert site.client.post(f"/u/{token('preferences', 1, site.keys)}").status_code == 404
        assert site.subscription().state is ACTIVE
        assert site.client.post(f"/u/{token('unsubscribe', 1, site.keys).upper()}").status_code == 200
        assert site.subscription().state is LEFT

    def test_a_newsletter_that_is_no_more_can_still_be_left(self, site_of: SiteMaker, publication: Any) -> None:
        site_of().reader()
        without = site_of(replace(publication, feeds=()))
        assert without.client.post(f"/u/{token('unsubscribe', 1, without.keys)}").status_code == 200
        assert without.subscription().state is LEFT


def test_get_and_head_change_nothing_anywhere(site: Site) -> None:
    site.reader()
    site.client.post("/subscribe", data={**FORM, "address": "bo@example.com"})
    links = [
        "/subscribe?address=ci@example.com&newsletter=world",
        f"/u/{token('unsubscribe', 1, site.keys)}",
        f"/u/{token('unsubscribe', 1, site.keys)}?List-Unsubscribe=One-Click",
        f"/preferences/{token('preferences', 1, site.keys)}?cadence=weekly",
        f"/confirm/{confirmation_token(2, site.keys, ends=site.clock.now)}",
    ]
    before = everything(site)
    for link in links:
        for method in ("GET", "HEAD", "OPTIONS"):
            site.client.request(method, link)
    assert everything(site) == before


def test_pages_are_kept_by_nobody_and_leak_no_token(site: Site) -> None:
    page = site.client.get(f"/u/{token('unsubscribe', 1, site.keys)}")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-robots-tag"] == "noindex"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "<script" not in page.text


def test_without_endpoints_there_are_only_files(site_of: SiteMaker, publication: Any) -> None:
    site = site_of(replace(publication, web=Web(endpoints=False)))
    site.reader()
    link = f"/u/{token('unsubscribe', 1, site.keys)}"
    assert (site.client.get(link).status_code, site.client.post(link).status_code) == (404, 405)
    assert site.client.post("/subscribe", data=FORM).status_code == 405
    assert site.subscription().state is ACTIVE


def test_a_publication_below_a_hosts_root_answers_with_and_without_its_path(
    site_of: SiteMaker, publication: Any
) -> None:
    site = site_of(replace(publication, url="https://example.org/news"))
    site.reader()
    link = f"/u/{token('unsubscribe', 1, site.keys)}"
    assert "/news/style.css" in site.client.get(link).text
    assert site.client.post(f"/news{link}").status_code == 200
    assert site.subscription().state is LEFT


def test_a_database_that_refuses_is_a_page_that_asks_to_try_again_and_one_line_in_the_log(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    site.reader()
    with closing(sqlite3.connect(site.publication.root / "publisher.db")) as other:
        other.execute("DROP TABLE consents")
    answer = site.client.post(f"/u/{token('unsubscribe', 1, site.keys)}")
    assert (answer.status_code, heading(answer.text)) == (503, "Please try again in a minute")
    assert site.subscription().state is ACTIVE
    (line,) = [record.getMessage() for record in caplog.records if record.name == "publisher.web"]
    assert line.startswith("publisher.db: no such table: consents")
    assert "Traceback" not in caplog.text


def test_unsubscribing_while_an_edition_goes_out_withdraws_what_is_not_claimed(site: Site) -> None:
    from tests.store import readers as r

    with site.store.writing() as connection:
        r.number_articles(connection, 2)
        r.add_reader(connection, 1)
        r.open_edition(connection)
    site.client.post(f"/u/{token('unsubscribe', 1, site.keys)}")
    with site.store.reading() as connection:
        assert r.states(connection) == {1: "withdrawn"}
        assert connection.execute(select(deliveries.c.reply)).scalar() == "unsubscribed"
        assert connection.execute(select(func.count()).select_from(consents)).scalar() == 1


def test_a_newsletter_in_arabic_asks_and_answers_in_arabic(site_of: SiteMaker, publication: Any) -> None:
    feed = publication.feed("world")
    arabic = replace(feed, newsletter=replace(feed.newsletter, language="ar"))
    site = site_of(replace(publication, feeds=(arabic,)))
    answer = site.client.post("/subscribe", data={**FORM, "cadence": ""})
    assert '<html lang="ar" dir="rtl">' in answer.text
    assert heading(answer.text) == "انظر في بريدك"
    asked = site.history()[-1].wording
    assert asked.startswith("الاشتراك في World (يوميًا).")


def test_whoever_signs_up_on_a_page_in_another_language_is_answered_and_written_to_in_that(site: Site) -> None:
    answer = site.client.post("/subscribe", data={**FORM, "language": "de"})
    assert '<html lang="de">' in answer.text
    assert site.subscription().language == "de"
    assert "wöchentlich" in site.history()[0].wording
    with site.store.reading() as connection:
        assert notices.get(connection, 1).digest.subject == "Bitte bestätigen: World"
    for number, language in enumerate(("en", "xx", "<script>"), start=2):
        form = {**FORM, "address": f"r{number}@example.com", "language": language}
        assert site.client.post("/subscribe", data=form).status_code == 200
        assert site.subscription(number).language == ""
