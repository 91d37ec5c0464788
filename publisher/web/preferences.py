"""The page that every digest links to: how often, and which topics.

Digests are forwarded, so it shows nothing else of the reader, not even the address. Guarantees: only POST changes
anything, and every POST can be repeated. Fails with pages in plain words.
"""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from publisher.audience.offers import Offer, offers_of
from publisher.audience.preferring import choosable, choose
from publisher.audience.tokens import read_token, token
from publisher.audience.topics import wishes_of
from publisher.model.feed import Newsletter
from publisher.model.subscriber import Subscription, SubscriptionState
from publisher.web.pages import Choice, Form, Pages
from publisher.web.visits import Visits, button

__all__ = ["Preferences", "topic_choices"]

_QUESTIONS = {"section": "sections", "tag": "tags", "author": "authors", "language": "languages"}


class Preferences:
    """The preferences page of one publication."""

    def __init__(self, visits: Visits) -> None:
        self._visits = visits

    def page(self, request: Request) -> Response:
        """GET: how often and which topics, and a button to unsubscribe."""
        subscription, newsletter, pages = self._asked(request)
        if subscription is None or newsletter is None:
            return pages.page("invalid", status=404)
        values = pages.names(newsletter)
        if subscription.state is SubscriptionState.UNSUBSCRIBED:
            return pages.page("not_subscribed", "left_text", values=values)
        with self._visits.store.reading() as connection:
            offers = choosable(offers_of(connection, newsletter.name), subscription.topics)
        leave = f"../u/{token('unsubscribe', subscription.id, self._visits.keys)}"
        return pages.page(
            "preferences",
            values=values,
            form=button(request, pages, "preferences_button"),
            choices=[
                pages.cadences(newsletter, subscription.cadence),
                *topic_choices(pages, offers, subscription),
            ],
            also=Form(leave, pages.text("unsubscribe_button")),
            more=[
                Form(
                    f"{request.path_params['token']}/more",
                    pages.text("more_button"),
                    heading=pages.text("more_heading"),
                    text=pages.text("more_text"),
                )
            ],
        )

    async def change(self, request: Request) -> Response:
        """POST: another cadence, other topics."""
        async with request.form(max_files=0, max_fields=500) as form:
            cadence = str(form.get("cadence", ""))
            topics = [str(value) for value in form.getlist("topic")] if "topics" in form else None
        return await run_in_threadpool(self._change, request, cadence, topics)

    def _change(self, request: Request, cadence: str, topics: list[str] | None) -> Response:
        subscription, newsletter, pages = self._asked(request)
        if subscription is None or newsletter is None or newsletter.cadence(cadence) is None:
            return pages.page("invalid", status=404)
        values = pages.names(newsletter, cadence)
        if subscription.state is SubscriptionState.UNSUBSCRIBED:
            return pages.page("not_subscribed", "left_text", values=values)
        with self._visits.store.writing() as connection:
            choose(
                connection,
                subscription,
                newsletter,
                cadence=cadence,
                topics=topics,
                now=self._visits.clock(),
                ip=self._visits.client(request),
                source="preferences",
            )
        return pages.page("saved", values=values)

    def _asked(self, request: Request) -> tuple[Subscription | None, Newsletter | None, Pages]:
        number = read_token("preferences", request.path_params["token"], self._visits.keys)
        subscription, newsletter = self._visits.subscription(number)
        return subscription, newsletter, self._visits.pages(newsletter, subscription)


def topic_choices(pages: Pages, offers: tuple[Offer, ...], subscription: Subscription) -> list[Choice]:
    """A group of boxes a kind; none ticked means everything."""
    chosen = set(wishes_of(subscription.topics))
    groups: list[Choice] = []
    for kind, name in _QUESTIONS.items():
        own = [offer for offer in offers if offer.kind == kind]
        if not own:
            continue
        options = [
            (
                f"{kind}:{offer.value}",
                pages.language(offer.value) if kind == "language" else offer.label,
                (kind, offer.value) in chosen,
            )
            for offer in own
        ]
        groups.append(Choice(pages.text(f"topics_{name}"), "topic", options, kind="checkbox"))
    if groups:
        groups[0] = Choice(
            groups[0].legend,
            groups[0].name,
            groups[0].options,
            kind="checkbox",
            heading=pages.text("topics_question"),
            hint=pages.text("topics_hint"),
        )
    return groups
