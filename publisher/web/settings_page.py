"""The page behind a link that is mailed afresh: all that a reader can change, and what is kept about them.

Digests are forwarded, their links with them; this one is asked for, goes to the address alone, and is good for a day.
Guarantees: GET changes nothing; every POST can be repeated; the address moves only when the new one has confirmed.
Fails with pages in plain words.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from publisher.audience import erasing, joining, moving, preferring
from publisher.audience.addresses import parse_address
from publisher.audience.links import address_url, private_url, settings_url
from publisher.audience.moving import Moved
from publisher.audience.offers import offers_of
from publisher.audience.tokens import read_timed, read_token
from publisher.model.errors import AddressError
from publisher.model.feed import Newsletter
from publisher.model.subscriber import Subscription, SubscriptionState
from publisher.store import private_feeds, subscribers
from publisher.syndication.discovery import LABELS
from publisher.theme.translations import available
from publisher.web.pages import HEADERS, Form, Input, Pages
from publisher.web.preferences import topic_choices
from publisher.web.visits import Visits

__all__ = ["SettingsPage"]

LASTS = timedelta(days=1)
_SOURCE = "settings"


class SettingsPage:
    """The settings page of one publication, and the way to it."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    def ask(self, request: Request) -> Response:
        """POST from the preferences page: mails the link to the reader. The answer tells nothing about them."""
        number = read_token("preferences", request.path_params["token"], self._visits.keys)
        subscription, newsletter = self._visits.subscription(number)
        pages = self._visits.pages(newsletter, subscription)
        if subscription is None or newsletter is None:
            return pages.page("invalid", status=404)
        now = self._visits.clock()
        if not self._visits.allows(self._visits.client(request), now):
            return pages.page("too_many", status=429)
        if subscription.state is SubscriptionState.ACTIVE:
            digest = self._visits.digest(newsletter.name, "settings", subscription.language)
            with self._visits.store.writing() as connection:
                joining.send_confirmation(
                    connection,
                    subscription,
                    digest=digest,
                    link=lambda number, ends: settings_url(
                        self._visits.publication, number, self._visits.keys, ends=ends
                    ),
                    now=now,
                    kind="settings",
                    lasts=LASTS,
                )
            self._visits.wake()
        return pages.page("asked", "settings_asked_text", "asked_late")

    def page(self, request: Request) -> Response:
        """GET: the settings."""
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        subscription, newsletter, pages = asked
        with self._visits.store.reading() as connection:
            person = subscribers.get(connection, subscription.subscriber)
            offers = preferring.choosable(offers_of(connection, newsletter.name), subscription.topics)
            feed = private_feeds.current(connection, subscription.id)
        assert person is not None
        here = request.path_params["token"]
        values = {**pages.names(newsletter), "address": person.address}
        return pages.page(
            "settings",
            values=values,
            choices=[pages.cadences(newsletter, subscription.cadence), *topic_choices(pages, offers, subscription)],
            form=Form(
                here,
                pages.text("settings_button"),
                inputs=self._inputs(pages, newsletter, subscription, person.timezone),
            ),
            more=[
                Form(
                    f"{here}/address",
                    pages.text("address_button"),
                    inputs=[Input("address", pages.text("address_label"), "email", required=True)],
                    heading=pages.text("address_heading"),
                    text=pages.text("address_text"),
                ),
                Form(
                    f"{here}/private",
                    pages.text("private_button"),
                    heading=pages.text("private_heading"),
                    text=pages.text("private_offer"),
                ),
                *(
                    [
                        Form(
                            f"{here}/private/end",
                            pages.text("feed_end_button"),
                            heading=pages.text("feed_end_heading"),
                            text=pages.text("feed_end_text", values),
                        )
                    ]
                    if feed
                    else []
                ),
                Form(
                    f"{here}/data",
                    pages.text("data_button"),
                    heading=pages.text("data_heading"),
                    text=pages.text("data_text"),
                    reads=True,
                ),
                Form(
                    f"{here}/erase",
                    pages.text("erase_button"),
                    inputs=[Input("sure", pages.text("erase_sure"), "checkbox", required=True)],
                    heading=pages.text("erase_heading"),
                    text=pages.text("erase_text"),
                ),
            ],
        )

    async def change(self, request: Request) -> Response:
        """POST: how often, topics, pause, language, time zone."""
        async with request.form(max_files=0, max_fields=500) as form:
            values = {name: value for name, value in form.items() if isinstance(value, str)}
            topics = [str(value) for value in form.getlist("topic")] if "topics" in form else None
        return await run_in_threadpool(self._change, request, values, topics)

    def data(self, request: Request) -> Response:
        """GET: all that is kept about the reader, as JSON."""
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        subscription, _, _ = asked
        with self._visits.store.reading() as connection:
            person = subscribers.get(connection, subscription.subscriber)
            assert person is not None
            kept = erasing.export(connection, person)
        text = json.dumps(kept, ensure_ascii=False, indent=2, default=_as_json)
        headers = {**HEADERS, "content-disposition": 'attachment; filename="my-data.json"'}
        return Response(text, media_type="application/json", headers=headers)

    async def move(self, request: Request) -> Response:
        """POST: mails the new address a link to confirm."""
        async with request.form(max_files=0, max_fields=20) as form:
            address = str(form.get("address", ""))
        return await run_in_threadpool(self._move, request, address)

    async def erase(self, request: Request) -> Response:
        """POST: erases the reader, who has ticked that this is meant."""
        async with request.form(max_files=0, max_fields=20) as form:
            sure = form.get("sure") == "yes"
        return await run_in_threadpool(self._erase, request, sure)

    def private(self, request: Request) -> Response:
        """POST: a new link to the reader's private feed, which ends the one before."""
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        subscription, newsletter, pages = asked
        with self._visits.store.writing() as connection:
            number = private_feeds.renew(connection, subscription.id, self._visits.clock())
        return self._addresses(pages, newsletter, number)

    def end_private(self, request: Request) -> Response:
        """POST: the link to the reader's private feed ends, and the newsletter comes by mail."""
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        subscription, newsletter, pages = asked
        now, ip = self._visits.clock(), self._visits.client(request)
        with self._visits.store.writing() as connection:
            preferring.end_feed(connection, subscription, now=now, ip=ip, source=_SOURCE)
        return pages.page("feed_ended", values=pages.names(newsletter))

    def _addresses(self, pages: Pages, newsletter: Newsletter, number: int) -> Response:
        addresses = {
            label: private_url(self._visits.publication, number, format, self._visits.keys)
            for format, label in LABELS.items()
        }
        return pages.page(
            "private",
            values=pages.names(newsletter),
            more=[Form(url, label, heading=label, text=url, reads=True) for label, url in addresses.items()],
        )

    def address_page(self, request: Request) -> Response:
        """GET, from the new address: asks; the button moves."""
        numbers, pages = self._moving(request)
        if numbers is None:
            return pages.page("invalid", status=404)
        form = Form(request.path_params["token"], pages.text("address_confirm_button"))
        return pages.page("address_confirm", values=pages.names(None), form=form)

    def confirm_address(self, request: Request) -> Response:
        """POST: moves the reader to the new address."""
        numbers, pages = self._moving(request)
        if numbers is None:
            return pages.page("invalid", status=404)
        with self._visits.store.writing() as connection:
            result = moving.move(
                connection,
                *numbers,
                now=self._visits.clock(),
                ip=self._visits.client(request),
                source="link to the new address",
            )
        if result is Moved.READS_ALREADY:
            return pages.page("reads_already")
        return pages.page("moved", values=pages.names(None))

    def _inputs(self, pages: Pages, newsletter: Newsletter, subscription: Subscription, timezone: str) -> list[Input]:
        now = self._visits.clock()
        zone = ZoneInfo(newsletter.timezone)
        until = subscription.snoozed_until
        last = (now + preferring.LONGEST_SNOOZE).astimezone(zone).date()
        inputs = [
            Input(
                "how",
                pages.text("how_label"),
                "select",
                value="feed" if subscription.by_feed else "mail",
                options=[("mail", pages.text("how_mail")), ("feed", pages.text("how_feed"))],
            ),
            Input(
                "snooze",
                pages.text("snooze_label"),
                "date",
                value=str(until.astimezone(zone).date()) if until and until > now and not subscription.by_feed else "",
                hint=pages.text("snooze_hint"),
                least=str(now.astimezone(zone).date() + timedelta(days=1)),
                most=str(last),
            ),
            Input(
                "language",
                pages.text("language_label"),
                "select",
                value=subscription.language or newsletter.language,
                options=[(tag, pages.language(tag)) for tag in self._languages(newsletter, subscription)],
            ),
        ]
        if newsletter.deliver == "reader-local":
            zones = sorted(name for name in available_timezones() if "/" in name and not name.startswith("Etc/"))
            inputs.append(
                Input(
                    "timezone",
                    pages.text("timezone_label"),
                    "select",
                    value=timezone or newsletter.timezone,
                    options=[(name, name.replace("_", " ")) for name in zones],
                )
            )
        return inputs

    def _languages(self, newsletter: Newsletter, subscription: Subscription) -> list[str]:
        own = self._visits.publication.templates / "catalogues"
        return sorted({*available(own), newsletter.language, subscription.language} - {""})

    def _change(self, request: Request, values: Mapping[str, str], topics: list[str] | None) -> Response:
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        subscription, newsletter, pages = asked
        try:
            day = date.fromisoformat(values["snooze"]) if values.get("snooze") else None
        except ValueError:
            return pages.page("settings", "go_back", values=pages.names(newsletter), status=400)
        now, ip = self._visits.clock(), self._visits.client(request)
        with self._visits.store.writing() as connection:
            cadence = values.get("cadence") or subscription.cadence
            preferring.choose(
                connection, subscription, newsletter, cadence=cadence, topics=topics, now=now, ip=ip, source=_SOURCE
            )
            how = values.get("how") or ("feed" if subscription.by_feed else "mail")
            if how == "feed":
                preferring.read_by_feed(connection, subscription, now=now, ip=ip, source=_SOURCE)
            else:
                preferring.read_by_mail(connection, subscription, now=now, ip=ip, source=_SOURCE)
                if "snooze" in values and (day or not subscription.by_feed):
                    preferring.snooze(connection, subscription, newsletter, day, now=now, ip=ip, source=_SOURCE)
            language = values.get("language", "")
            if language in self._languages(newsletter, subscription):
                preferring.change_language(
                    connection, subscription, newsletter, language, now=now, ip=ip, source=_SOURCE
                )
            timezone = values.get("timezone", "")
            if newsletter.deliver == "reader-local" and timezone in available_timezones():
                preferring.change_timezone(connection, subscription, timezone, now=now, ip=ip, source=_SOURCE)
            feed = private_feeds.current(connection, subscription.id)
        if how == "feed" and feed is not None:
            return self._addresses(pages, newsletter, feed[0])
        return pages.page("saved", "settings_saved_text")

    def _move(self, request: Request, text: str) -> Response:
        asked = self._asked(request)
        if isinstance(asked, Response):
            return asked
        subscription, newsletter, pages = asked
        try:
            address = parse_address(text.strip())
        except AddressError:
            return pages.page("address", "go_back", status=400)
        now = self._visits.clock()
        if not self._visits.allows(self._visits.client(request), now):
            return pages.page("too_many", status=429)
        digest = self._visits.digest(newsletter.name, "address", subscription.language)
        with self._visits.store.writing() as connection:
            moving.ask_to_move(
                connection,
                subscription,
                address,
                keys=self._visits.keys,
                digest=digest,
                link=lambda old, new, ends: address_url(
                    self._visits.publication, old, new, self._visits.keys, ends=ends
                ),
                now=now,
            )
        self._visits.wake()
        return pages.page("asked", "asked_text", "asked_late")

    def _erase(self, request: Request, sure: bool) -> Response:
        asked = self._asked(request, also_left=True)
        if isinstance(asked, Response):
            return asked
        subscription, newsletter, pages = asked
        if not sure:
            return pages.page("erase_unsure", "go_back", values=pages.names(newsletter), status=400)
        with self._visits.store.writing() as connection:
            erasing.erase(connection, subscription.subscriber, now=self._visits.clock(), source="erased by the reader")
        return pages.page("erased")

    def _asked(self, request: Request, *, also_left: bool = False) -> tuple[Subscription, Newsletter, Pages] | Response:
        """Whose settings; or the page that says why there are none."""
        read = read_timed("settings", request.path_params["token"], self._visits.keys, now=self._visits.clock())
        subscription, newsletter = self._visits.subscription(read.numbers[0] if read else None)
        pages = self._visits.pages(newsletter, subscription)
        if read is None or subscription is None or newsletter is None:
            return pages.page("invalid", status=404)
        if read.expired:
            return pages.page("settings_expired", status=410)
        if subscription.state is not SubscriptionState.ACTIVE and not also_left:
            return pages.page("not_subscribed", "left_text", values=pages.names(newsletter))
        return subscription, newsletter, pages

    def _moving(self, request: Request) -> tuple[tuple[int, int] | None, Pages]:
        read = read_timed("address", request.path_params["token"], self._visits.keys, now=self._visits.clock())
        pages = self._visits.pages()
        if read is None or read.expired or len(read.numbers) != 2:
            return None, pages
        return (read.numbers[0], read.numbers[1]), pages


def _as_json(value: object) -> str:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else str(value)
