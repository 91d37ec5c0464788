"""A form that is sent too fast, or was never fetched, is asked once more; a person can go on."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from publisher.audience.tokens import token
from publisher.model.publication import Web
from publisher.store import subscribers
from publisher.web.stamps import read_stamp, stamp
from tests.web.conftest import Site, SiteMaker
from tests.web.test_endpoints import button, heading

FORM = {"address": "ana@example.com", "newsletter": "world", "cadence": "weekly", "website": ""}
PAGE = '<form><input type="hidden" name="stamp" value=""></form><form><input name="stamp" value=""></form>'


def people(site: Site) -> int:
    with site.store.reading() as connection:
        return len(subscribers.listing(connection))


@pytest.fixture
def forms(publication: Any) -> None:
    folder = publication.public / "follow"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text(PAGE, "utf-8")


def fetched(site: Site) -> str:
    first, second = re.findall(r'name="stamp" value="([^"]+)"', site.client.get("/follow/").text)
    assert first == second
    return str(first)


def test_the_page_with_the_forms_says_when_it_was_fetched_and_is_kept_by_nobody(site: Site, forms: None) -> None:
    page = site.client.get("/follow/")
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"]
    assert site.client.head("/follow/").status_code == 200
    earlier = fetched(site)
    site.clock.now += timedelta(seconds=1)
    assert fetched(site) != earlier


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "One more time, please"), (1.9, "One more time, please"), (2, "Look into your mailbox"),
     (86_000, "Look into your mailbox"), (90_000, "One more time, please")],
)  # fmt: skip
def test_a_form_sent_within_two_seconds_or_after_a_day_is_asked_again(
    site: Site, forms: None, seconds: float, said: str
) -> None:
    form = {**FORM, "stamp": fetched(site)}
    site.clock.now += timedelta(seconds=seconds)
    assert heading(site.client.post("/subscribe", data=form).text) == said
    assert people(site) == (said == "Look into your mailbox")


def test_whoever_is_asked_again_goes_on_by_the_button_but_not_at_once(site: Site) -> None:
    asked = site.client.post("/subscribe", data=FORM)
    assert button(asked.text) == "Subscribe me"
    fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', asked.text))
    assert heading(site.client.post("/subscribe", data=fields).text) == "One more time, please"
    site.clock.now += timedelta(seconds=3)
    assert heading(site.client.post("/subscribe", data=fields).text) == "Look into your mailbox"


def test_a_stamp_cannot_be_made_up(site: Site, keys: Any) -> None:
    now = site.clock.now
    assert read_stamp(stamp(keys, now=now - timedelta(seconds=5)), keys, now=now)
    other = (b"a key that somebody made up, long enough",)
    for wrong in (
        "",
        "x",
        stamp(other, now=now - timedelta(seconds=5)),
        stamp(keys, now=now + timedelta(days=1)),
        token("preferences", round(now.timestamp() * 1000) - 5000, keys),
        token("form", 2**69, keys),
    ):
        assert not read_stamp(wrong, keys, now=now)


def test_without_pages_of_ours_there_is_none_with_forms(site_of: SiteMaker, publication: Any) -> None:
    assert site_of(replace(publication, web=Web(pages=False))).client.get("/follow/").status_code == 404
    assert site_of().client.get("/follow/").status_code == 404
