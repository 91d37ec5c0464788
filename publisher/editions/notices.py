"""Notices: the messages to one person outside any edition, so far "please confirm" and "welcome".

Guarantees: a confirmation has nothing in it that its sender could have typed, neither a name nor a field, so
that the form cannot be used to mail words to strangers (listmonk #308); its one token is ``confirm_url``. A
welcome has ``unsubscribe_url``. Fails with TemplateError.
"""

from __future__ import annotations

from typing import Literal

from publisher.editions.inlining import inline
from publisher.editions.mail_values import READER, FooterLink, mail_values, say, tidy_text, words_of
from publisher.model.edition import Digest
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.theme.environment import Environment, render

__all__ = ["render_notice"]


def render_notice(
    environment: Environment,
    publication: Publication,
    newsletter: Newsletter,
    kind: Literal["confirmation", "welcome"],
    *,
    language: str,
) -> Digest:
    """The notice of that kind for a newsletter, with tokens for the links. Raises TemplateError."""
    words = words_of(environment)
    names = {"newsletter": newsletter.title, "publication": publication.title}
    subject = say(words, f"{kind}_subject", **names)
    preheader = say(words, f"{kind}_preheader")
    unsubscribe = FooterLink(say(words, "welcome_unsubscribe", **names), READER["unsubscribe_url"])
    values = mail_values(publication, newsletter, words, language=language) | {
        "heading": say(words, f"{kind}_title", **names),
        "document_title": subject,
        "preheader": preheader,
        "why": say(words, f"{kind}_why", **names),
        "footer_links": [] if kind == "confirmation" else [unsubscribe],
        "reader": {name: READER[name] for name in ("confirm_url", "unsubscribe_url")},
    }
    return Digest(
        subject=" ".join(subject.split()),
        preheader=preheader,
        html=inline(render(environment, f"email/{kind}.html", values)),
        text=tidy_text(render(environment, f"email/{kind}.txt", values)),
    )
