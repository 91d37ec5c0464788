"""Visits: what all endpoints have in common: who asks, about which subscription, in which language.

Nothing here changes anything but the count of forms from one address.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from threading import Lock

from starlette.requests import Request

from publisher.editions.notices import Kind, render_notice
from publisher.model.edition import Digest
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication, Secrets
from publisher.model.subscriber import Subscription
from publisher.store import Store, subscriptions
from publisher.theme.environment import environment_of
from publisher.theme.translations import available
from publisher.web.clients import Limit, Proxies
from publisher.web.pages import Form, Pages

__all__ = ["Visits", "button"]


class Visits:
    """One publication's. Raises ConfigurationError (trusted_proxies)."""

    def __init__(
        self,
        publication: Publication,
        secrets: Secrets,
        store: Store,
        *,
        clock: Callable[[], datetime],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        """``wake`` is called when a notice was put into the outbox, which is to leave at once."""
        self.wake = wake
        self.publication = publication
        self.keys = secrets.signing
        self.store = store
        self.clock = clock
        self._proxies = Proxies(publication.web.trusted_proxies)
        self._limit = Limit(each=20, all_together=2000, within=timedelta(hours=1))
        self.environment = environment_of(publication)
        self._rendering = Lock()
        self.digest = lru_cache(maxsize=256)(self._render)

    def subscription(self, number: int | None) -> tuple[Subscription | None, Newsletter | None]:
        """The subscription of that number, and its newsletter, if there still is one."""
        if number is None:
            return None, None
        with self.store.reading() as connection:
            subscription = subscriptions.get(connection, number)
        newsletter = self.publication.newsletter(subscription.newsletter) if subscription else None
        return subscription, newsletter

    def known_language(self, tag: str) -> str:
        """The language that a form says, if there are texts in it; else none."""
        return tag if tag in (*available(self.publication.templates / "catalogues"), self.publication.language) else ""

    def pages(
        self, newsletter: Newsletter | None = None, subscription: Subscription | None = None, *, language: str = ""
    ) -> Pages:
        """Pages in ``language``, else the reader's, else the newsletter's, else the publication's."""
        chosen = language or (subscription and subscription.language) or (newsletter and newsletter.language)
        return Pages(self.environment, chosen or self.publication.language)

    def client(self, request: Request) -> str:
        """Whose request it is, behind proxies of ours too."""
        peer = request.client.host if request.client else ""
        return self._proxies.client(peer, request.headers.getlist("x-forwarded-for"))

    def allows(self, client: str, now: datetime) -> bool:
        """Whether one more form that mails something may come from there now."""
        return self._limit.allows(client, now)

    def _render(self, newsletter: str, kind: Kind, language: str) -> Digest:
        found = self.publication.newsletter(newsletter)
        assert found is not None
        with self._rendering:
            return render_notice(self.environment, self.publication, found, kind, language=language or found.language)


def button(request: Request, pages: Pages, text: str) -> Form:
    """A form of one button for the page's own address."""
    return Form(request.path_params["token"], pages.text(text))
