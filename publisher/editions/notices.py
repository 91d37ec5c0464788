"""Notices: the messages to one person outside any edition: "please confirm", "welcome", and links to settings.

Guarantees: a confirmation has nothing in it that its sender could have typed, neither a name nor a field, so
that the form cannot be used to mail words to strangers (listmonk #308); its one token is ``confirm_url``. A
welcome has ``unsubscribe_url``. Fails with TemplateError.
"""

from __future__ import annotations

from typing import Literal

from publisher.editions.inlining import inline
from publisher.editions.mail_values import READER, FooterLink, NoticeReader, mail_values, tidy_text
from publisher.model.edition import Digest
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.theme.environment import Environment, render
from publisher.theme.words import marked, without_isolates

__all__ = ["Kind", "check_notices", "render_notice"]

Kind = Literal["confirmation", "welcome", "settings", "address"]

_TEXTS: dict[Kind, dict[str, str]] = {
    "confirmation": {
        "subject": marked("Please confirm: %(newsletter)s"),
        "preheader": marked("One click, and it comes to you. If you did not ask for it, do nothing."),
        "title": marked("One more step"),
        "why": marked("You get this message once, because your address was entered at %(publication)s."),
    },
    "welcome": {
        "subject": marked("Welcome to %(newsletter)s"),
        "preheader": marked("Your subscription is confirmed. The next edition comes to you by itself."),
        "title": marked("Welcome to %(newsletter)s"),
        "why": marked("You get this message because you confirmed your subscription to %(newsletter)s."),
    },
    "settings": {
        "subject": marked("Your link to the settings of %(newsletter)s"),
        "preheader": marked("It is good for one day. If you did not ask for it, do nothing."),
        "title": marked("Your settings"),
        "why": marked("You get this message once, because a link to your settings was asked for."),
    },
    "address": {
        "subject": marked("Please confirm your new address: %(newsletter)s"),
        "preheader": marked("One click, and it comes to this address. If you did not ask for it, do nothing."),
        "title": marked("Your new address"),
        "why": marked("You get this message once, because a reader named this address as the new one."),
    },
}


def render_notice(
    environment: Environment,
    publication: Publication,
    newsletter: Newsletter,
    kind: Kind,
    *,
    language: str,
) -> Digest:
    """The notice of that kind for a newsletter, with tokens for the links. Raises TemplateError."""
    words = environment.words(language)
    names = {"newsletter": newsletter.title, "publication": publication.title}
    texts = {name: words.say(text, **names) for name, text in _TEXTS[kind].items()}
    subject, preheader = without_isolates(texts["subject"]), texts["preheader"]
    unsubscribe = FooterLink(words.say("Unsubscribe from %(newsletter)s", **names), READER["unsubscribe_url"])
    values = mail_values(publication, newsletter, words) | {
        "heading": texts["title"],
        "document_title": subject,
        "preheader": preheader,
        "why": texts["why"],
        "footer_links": [unsubscribe] if kind == "welcome" else [],
        "reader": NoticeReader("confirm_url", "unsubscribe_url"),
    }
    return Digest(
        subject=" ".join(subject.split()),
        preheader=preheader,
        html=inline(render(environment, f"email/{kind}.html", values)),
        text=tidy_text(render(environment, f"email/{kind}.txt", values)),
    )


def check_notices(environment: Environment, publication: Publication) -> None:
    """Renders every newsletter's notices, if the publication has mail templates of its own. Raises TemplateError."""
    if (publication.templates / "email").is_dir():
        for newsletter in publication.newsletters:
            for kind in _TEXTS:
                render_notice(environment, publication, newsletter, kind, language=newsletter.language)
