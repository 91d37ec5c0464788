"""The pages of our own server, from ``web/message.html`` and the texts in ``publisher.web.texts``.

Guarantees: nothing is kept by browsers or proxies, and no address of a link leaves in a referrer: a token stands in it.
Fails with TemplateError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from starlette.responses import HTMLResponse, Response

from publisher.model.feed import Newsletter
from publisher.theme.environment import Environment, render
from publisher.theme.words import capital
from publisher.web.texts import TEXTS

__all__ = ["HEADERS", "Choice", "Form", "Input", "Pages"]

HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-robots-tag": "noindex",
}


@dataclass(frozen=True, slots=True)
class Input:
    """One line to type in, or a list to pick from (``options``: value, label). ``kind`` is HTML's type of an input;
    ``least`` and ``most`` are dates. A box (checkbox) has to be ticked.
    """

    name: str
    label: str
    kind: Literal["date", "email", "select", "checkbox"]
    value: str = ""
    hint: str = ""
    least: str = ""
    most: str = ""
    options: Sequence[tuple[str, str]] = ()
    required: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """One button. ``action`` is relative to the page's address, so that it is right behind any proxy.

    ``heading`` and ``text`` stand before it. ``reads``: it changes nothing, so it is a link and no POST.
    """

    action: str
    button: str
    fields: Sequence[tuple[str, str]] = ()
    inputs: Sequence[Input] = ()
    heading: str = ""
    text: str = ""
    reads: bool = False


@dataclass(frozen=True, slots=True)
class Choice:
    """A question with radio buttons or boxes: value, label, chosen. ``heading`` and ``hint`` stand before it."""

    legend: str
    name: str
    options: Sequence[tuple[str, str, bool]]
    kind: Literal["radio", "checkbox"] = "radio"
    heading: str = ""
    hint: str = ""


class Pages:
    """Makes pages in one language. Safe to share between threads."""

    def __init__(self, environment: Environment, language: str) -> None:
        self._environment = environment
        self._words = environment.words(language)

    def text(self, name: str, values: Mapping[str, str] | None = None) -> str:
        """One of the fixed texts."""
        return self._words.say(TEXTS[name], **(values or {}))

    def names(self, newsletter: Newsletter | None, cadence: str = "") -> dict[str, str]:
        """What most texts ask for: the newsletter (None: one that is gone), and how often."""
        title = newsletter.title if newsletter else self.text("the_newsletter")
        return {"newsletter": title, "cadence": self._words.cadence(cadence)}

    def cadences(self, newsletter: Newsletter, chosen: str) -> Choice:
        """How often?"""
        options = [
            (one.name, capital(self._words.cadence(one.name)), one.name == chosen) for one in newsletter.cadences
        ]
        return Choice(self.text("preferences_question"), "cadence", options)

    def language(self, tag: str) -> str:
        """A language's name in the reader's own."""
        return capital(self._words.language_name(tag))

    def page(
        self,
        name: str,
        *texts: str,
        values: Mapping[str, str] | None = None,
        form: Form | None = None,
        choices: Sequence[Choice] = (),
        also: Form | None = None,
        more: Sequence[Form] = (),
        status: int = 200,
    ) -> Response:
        """The page with the heading ``NAME_title`` and the paragraphs ``texts`` (by default ``NAME_text``).

        Raises TemplateError.
        """
        content: dict[str, Any] = {
            **self._words.values,
            "heading": self.text(f"{name}_title", values),
            "paragraphs": [self.text(text, values) for text in texts or (f"{name}_text",)],
            "form": form,
            "choices": choices,
            "also": also,
            "more": more,
        }
        return HTMLResponse(render(self._environment, "web/message.html", content), status, headers=HEADERS)
