"""What readers do on our server: subscribe, confirm, unsubscribe. Preferences: `publisher.web.preferences`.

Guarantees: only POST changes anything, and every POST can be repeated; no cookie, no login, no redirect; one-click
unsubscribing as RFC 8058 has it, by every token that was ever mailed; a sign-up is answered alike, and after the
same time, whether the address is new, known or suppressed. Fails with pages in plain words.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from publisher.audience import joining
from publisher.audience.addresses import parse_address
from publisher.audience.joining import Confirmed
from publisher.audience.links import confirm_url
from publisher.audience.tokens import Confirmation, read_confirmation, read_token
from publisher.model.errors import AddressError, StoreError
from publisher.model.feed import Newsletter
from publisher.model.subscriber import Subscription, SubscriptionState
from publisher.syndication.headers import HTML, PAGE_POLICY
from publisher.theme.words import without_isolates
from publisher.web.pages import Form
from publisher.web.stamps import read_stamp, stamp
from publisher.web.visits import Visits, button

__all__ = ["FORMS", "Endpoints"]

FORMS = "/follow/"
"""Where the forms to subscribe are."""

_LOG = logging.getLogger("publisher.web")
_TRAP = "website"  # a field that people do not see; programs fill it in


@dataclass(frozen=True, slots=True)
class _Wish:
    """A sign-up's form. ``language`` is that of the page that it stands on."""

    address: str
    newsletter: str
    cadence: str
    language: str


class Endpoints:
    """Signing up, confirming, leaving."""

    def __init__(self, visits: Visits, *, answer_after: float) -> None:
        self._visits = visits
        self._answer_after = answer_after
        self._forms = visits.publication.public / FORMS.strip("/") / "index.html"

    async def subscribe(self, request: Request) -> Response:
        """POST: a sign-up's form, with ``address``, ``newsletter`` and ``cadence``."""
        answer_at = asyncio.get_running_loop().time() + self._answer_after
        async with request.form(max_files=0, max_fields=20) as form:
            values = {name: value for name, value in form.items() if isinstance(value, str)}
        wish = _Wish(*(values.get(name, "").strip() for name in ("address", "newsletter", "cadence", "language")))
        if values.get(_TRAP) or not read_stamp(values.get("stamp", ""), self._visits.keys, now=self._visits.clock()):
            return self._ask_again(wish)
        response = await run_in_threadpool(self._sign_up, wish, self._visits.client(request))
        await asyncio.sleep(max(0.0, answer_at - asyncio.get_running_loop().time()))
        return response

    async def forms(self, request: Request) -> Response:
        """GET: the page with the forms as it was built, and in each form the time at which it was fetched."""
        try:
            page = await run_in_threadpool(self._forms.read_bytes)
        except OSError:
            return Response("There is no such page.", 404, media_type="text/plain")
        stamped = b'name="stamp" value="%s"' % stamp(self._visits.keys, now=self._visits.clock()).encode()
        page = page.replace(b'name="stamp" value=""', stamped)
        headers = {"content-type": HTML, "cache-control": "no-store", "content-security-policy": PAGE_POLICY}
        return Response(page, headers=headers)

    def confirmation_page(self, request: Request) -> Response:
        """GET: asks; the button confirms."""
        read, subscription, newsletter = self._confirmation(request)
        pages = self._visits.pages(newsletter, subscription)
        if read is None or subscription is None or newsletter is None:
            return pages.page("invalid", status=404)
        values = pages.names(newsletter, subscription.cadence)
        if subscription.state is SubscriptionState.ACTIVE:
            return pages.page("confirmed", values=values)
        if subscription.state is SubscriptionState.UNSUBSCRIBED:
            return pages.page("left", values=values)
        if read.expired:
            return pages.page("expired", form=button(request, pages, "expired_button"))
        return pages.page("confirm", values=values, form=button(request, pages, "confirm_button"))

    def confirm(self, request: Request) -> Response:
        """POST: confirms; with a link that has expired, it mails a new one."""
        read, subscription, newsletter = self._confirmation(request)
        pages = self._visits.pages(newsletter, subscription)
        if read is None or subscription is None or newsletter is None:
            return pages.page("invalid", status=404)
        client, now = self._visits.client(request), self._visits.clock()
        if read.expired and subscription.state is SubscriptionState.PENDING:
            return self._send_again(subscription, newsletter, client, now)
        values = pages.names(newsletter, subscription.cadence)
        welcome = self._visits.digest(newsletter.name, "welcome", subscription.language)
        with self._visits.store.writing() as connection:
            result = joining.confirm(
                connection,
                subscription,
                welcome=welcome,
                ip=client,
                source="link in the confirmation",
                wording=without_isolates(pages.text("confirm_text", values)),
                now=now,
                latest=newsletter.welcome == "latest",
            )
        self._visits.wake()
        if result is Confirmed.LEFT:
            return pages.page("left", values=values)
        if result is Confirmed.SUPPRESSED:
            return pages.page("refused", values={"sender": newsletter.sender_address})
        return pages.page("confirmed", values=values)

    def unsubscribe_page(self, request: Request) -> Response:
        """GET: asks; the button unsubscribes."""
        number = read_token("unsubscribe", request.path_params["token"], self._visits.keys)
        subscription, newsletter = self._visits.subscription(number)
        pages = self._visits.pages(newsletter, subscription)
        if number is None:
            return pages.page("invalid", status=404)
        values = pages.names(newsletter)
        if subscription is None or subscription.state is SubscriptionState.UNSUBSCRIBED:
            return pages.page("unsubscribed", values=values)
        return pages.page("unsubscribe", values=values, form=button(request, pages, "unsubscribe_button"))

    async def unsubscribe(self, request: Request) -> Response:
        """POST: unsubscribes, whatever the body says. RFC 8058's is ``List-Unsubscribe=One-Click``, in
        either encoding; a button of ours sends none.
        """
        one_click = b"one-click" in (await request.body()).lower()
        return await run_in_threadpool(self._unsubscribe, request, "one-click" if one_click else "page")

    def refuse(self, _request: Request, error: Exception) -> Response:
        """The page for an error of ours; the log has it in one line."""
        _LOG.error("%s", error)
        if isinstance(error, StoreError):
            page = self._visits.pages().page("busy", status=503)
            page.headers["retry-after"] = "60"
            return page
        return Response("Something is wrong here. Nothing was changed.", 500, media_type="text/plain")

    def _sign_up(self, wish: _Wish, client: str) -> Response:
        newsletter = self._visits.publication.newsletter(wish.newsletter)
        language = self._visits.known_language(wish.language)
        pages = self._visits.pages(newsletter, language=language)
        if newsletter is None:
            return pages.page("newsletter", "go_back", status=404)
        try:
            address = parse_address(wish.address)
        except AddressError:
            return pages.page("address", "go_back", status=400)
        now = self._visits.clock()
        if not self._visits.allows(client, now):
            return pages.page("too_many", status=429)
        cadence = wish.cadence if newsletter.cadence(wish.cadence) else newsletter.default_cadence
        digest = self._visits.digest(newsletter.name, "confirmation", language)
        with self._visits.store.writing() as connection:
            joining.sign_up(
                connection,
                address,
                newsletter,
                cadence=cadence,
                keys=self._visits.keys,
                digest=digest,
                link=self._confirm_url,
                ip=client,
                source="form on the website",
                wording=without_isolates(pages.text("subscribe_wording", pages.names(newsletter, cadence))),
                now=now,
                language=language,
            )
        self._visits.wake()
        return pages.page("asked", "asked_text", "asked_late")

    def _send_again(self, subscription: Subscription, newsletter: Newsletter, client: str, now: datetime) -> Response:
        pages = self._visits.pages(newsletter, subscription)
        if not self._visits.allows(client, now):
            return pages.page("too_many", status=429)
        digest = self._visits.digest(newsletter.name, "confirmation", subscription.language)
        with self._visits.store.writing() as connection:
            joining.send_confirmation(connection, subscription, digest=digest, link=self._confirm_url, now=now)
        self._visits.wake()
        return pages.page("asked", "asked_text", "asked_late")

    def _unsubscribe(self, request: Request, source: str) -> Response:
        number = read_token("unsubscribe", request.path_params["token"], self._visits.keys)
        subscription, newsletter = self._visits.subscription(number)
        pages = self._visits.pages(newsletter, subscription)
        if number is None:
            return pages.page("invalid", status=404)
        with self._visits.store.writing() as connection:
            joining.unsubscribe(
                connection, number, now=self._visits.clock(), ip=self._visits.client(request), source=source
            )
        return pages.page("unsubscribed", values=pages.names(newsletter))

    def _confirmation(self, request: Request) -> tuple[Confirmation | None, Subscription | None, Newsletter | None]:
        read = read_confirmation(request.path_params["token"], self._visits.keys, now=self._visits.clock())
        return (read, *self._visits.subscription(read.number if read else None))

    def _confirm_url(self, subscription: int, ends: datetime) -> str:
        return confirm_url(self._visits.publication, subscription, self._visits.keys, ends=ends)

    def _ask_again(self, wish: _Wish) -> Response:
        language = self._visits.known_language(wish.language)
        pages = self._visits.pages(self._visits.publication.newsletter(wish.newsletter), language=language)
        fields = [("address", wish.address), ("newsletter", wish.newsletter), ("cadence", wish.cadence)]
        fields.append(("language", wish.language))
        fields.append(("stamp", stamp(self._visits.keys, now=self._visits.clock())))
        return pages.page("again", form=Form("subscribe", pages.text("again_button"), fields))
