"""The pages of our own server, from ``web/message.html`` and the words in ``web/words.txt``.

Guarantees: nothing is kept by browsers or proxies, and no address of a link leaves in a referrer: a token stands in it.
Fails with TemplateError.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jinja2.exceptions import TemplateError as JinjaError
from starlette.responses import HTMLResponse, Response

from publisher.model.errors import TemplateError
from publisher.theme.environment import Environment, render

__all__ = ["Choice", "Form", "Pages"]

_WORDS = "web/words.txt"
_HEADERS = {
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
class Form:
    """One button. ``action`` is relative to the page's address, so that it is right behind any proxy."""

    action: str
    button: str
    fields: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """A question with radio buttons: value, label, chosen."""

    legend: str
    name: str
    options: Sequence[tuple[str, str, bool]]


class Pages:
    """Makes the pages of one publication. Safe to share between threads."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def word(self, name: str, values: Mapping[str, str] | None = None) -> str:
        """One of the fixed texts. Raises TemplateError."""
        try:
            text = str(getattr(self._environment.get_template(_WORDS).module, name))
            return text % values if values else text
        except (JinjaError, AttributeError, LookupError, TypeError, ValueError) as error:
            render(self._environment, _WORDS, {})  # says which line, if the file itself is broken
            raise TemplateError(
                f'its text "{name}" is missing or cannot be filled in', where=f"templates/{_WORDS}"
            ) from error

    def page(
        self,
        name: str,
        *texts: str,
        values: Mapping[str, str] | None = None,
        form: Form | None = None,
        choices: Sequence[Choice] = (),
        also: Form | None = None,
        status: int = 200,
    ) -> Response:
        """The page with the heading ``NAME_title`` and the paragraphs ``texts`` (by default ``NAME_text``).

        Raises TemplateError.
        """
        content: dict[str, Any] = {
            "heading": self.word(f"{name}_title", values),
            "paragraphs": [self.word(text, values) for text in texts or (f"{name}_text",)],
            "form": form,
            "choices": choices,
            "also": also,
        }
        return HTMLResponse(render(self._environment, "web/message.html", content), status, headers=_HEADERS)
