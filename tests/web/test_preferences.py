"""The page that every digest links to: how often, and which topics."""

from __future__ import annotations

import re
from typing import Any

from publisher.audience.offers import remember_offers
from publisher.audience.tokens import token
from publisher.model.subscriber import SubscriptionState
from tests.audience.test_preferring import ARTICLES
from tests.web.conftest import Site
from tests.web.test_endpoints import heading

LEFT = SubscriptionState.UNSUBSCRIBED


def link(site: Site) -> str:
    return f"/preferences/{token('preferences', 1, site.keys)}"


def boxes(page: str) -> list[tuple[str, bool]]:
    """Value and tick of each box."""
    found = re.findall(r'type="checkbox" name="topic" value="([^"]*)"( checked)?>', page)
    return [(value, bool(ticked)) for value, ticked in found]


def test_the_reader_chooses_how_often_and_sees_no_address(site: Site) -> None:
    site.reader()
    page = site.client.get(link(site))
    assert "ana@example.com" not in page.text
    assert re.findall(r'value="(\w+)"( checked)?>', page.text) == [("daily", " checked"), ("weekly", "")]
    answer = site.client.post(link(site), data={"cadence": "weekly"})
    assert heading(answer.text) == "Saved"
    assert site.subscription().cadence == "weekly"
    assert (site.history()[-1].event, site.history()[-1].wording) == ("changed", "cadence: weekly")


def test_its_second_button_unsubscribes(site: Site) -> None:
    site.reader()
    page = site.client.get(link(site))
    leave = page.url.join(re.findall(r'action="([^"]*)"', page.text)[1])
    assert site.client.post(leave).status_code == 200
    assert site.subscription().state is LEFT
    page = site.client.get(link(site))
    assert heading(page.text) == "You do not subscribe to World"


def test_a_reader_is_answered_in_the_readers_own_language(site: Site) -> None:
    site.reader(language="de")
    page = site.client.get(link(site))
    assert '<html lang="de">' in page.text
    assert "Sie haben World abonniert." in page.text
    assert re.findall(r"> (\w+)</label>", page.text) == ["Täglich", "Wöchentlich"]
    assert heading(site.client.post(f"/u/{token('unsubscribe', 1, site.keys)}").text) == "Sie sind abgemeldet"


def test_an_unknown_cadence_changes_nothing(site: Site) -> None:
    site.reader()
    assert site.client.post(link(site), data={"cadence": "hourly"}).status_code == 404
    assert site.subscription().cadence == "daily"


def test_the_reader_chooses_topics_of_what_the_newsletter_has(site: Site) -> None:
    site.reader()
    remember_offers(site.publication, site.store, ARTICLES)
    page = site.client.get(link(site)).text
    assert [value for value, ticked in boxes(page) if not ticked] == [
        *("section:science", "section:world", "tag:sea", "tag:weather"),
        *("author:ana", "language:de", "language:en"),
    ]
    assert [name.strip() for name in re.findall(r"> ([^<>]+)</label>", page)] == [
        *("Daily", "Weekly", "Science", "World", "sea", "weather", "Ana Example", "German", "English"),
    ]
    form: dict[str, Any] = {"cadence": "daily", "topics": "1", "topic": ["section:world", "tag:sea"]}
    assert heading(site.client.post(link(site), data=form).text) == "Saved"
    assert site.subscription().topics == "section:world@0,tag:sea@0"
    ticked = [value for value, ticked in boxes(site.client.get(link(site)).text) if ticked]
    assert ticked == ["section:world", "tag:sea"]
    site.client.post(link(site), data={"cadence": "daily", "topics": "1"})
    assert site.subscription().topics == "*"
    assert [event.event for event in site.history()] == ["added", "changed", "changed"]


def test_a_form_without_the_question_leaves_the_topics_alone(site: Site) -> None:
    site.reader()
    remember_offers(site.publication, site.store, ARTICLES)
    site.client.post(link(site), data={"cadence": "daily", "topics": "1", "topic": "section:world"})
    site.client.post(link(site), data={"cadence": "weekly"})
    assert (site.subscription().topics, site.subscription().cadence) == ("section:world@0", "weekly")


def test_languages_have_their_names_in_the_readers_own(site: Site) -> None:
    site.reader(language="de")
    remember_offers(site.publication, site.store, ARTICLES)
    page = site.client.get(link(site)).text
    assert "Worüber?" in page
    assert "> Englisch</label>" in page
