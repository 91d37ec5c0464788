"""`publisher preview NEWSLETTER --subjects`: what the template makes of the last ten editions."""

from __future__ import annotations

from publisher.cli.session import Session

__all__ = ["show_subjects"]


def show_subjects(session: Session, name: str) -> None:
    """A line an edition, newest first. Raises UsageError, TemplateError."""
    from publisher import pipeline
    from publisher.cli.sentences import local
    from publisher.editions.subjects import subjects
    from publisher.theme.environment import environment_of

    publication = session.publication
    newsletter = session.newsletter(name)
    articles, errors = pipeline.look(publication, session.store(), now=session.now())
    for error in errors:
        session.failed(error)
    with session.store().reading() as connection:
        found = subjects(connection, environment_of(publication), publication, newsletter, articles)
    if session.as_json:
        session.answer(
            [
                {"edition": one.edition.id, "slot": one.edition.slot, "subject": one.now, "sent": one.then}
                for one in found
            ]
        )
        return
    if not found:
        session.show(f"{name} has no edition yet: publisher preview {name} shows the first one.")
        return
    session.table(
        ("edition", "slot", "subject now", "as it was sent"),
        [
            (
                one.edition.id,
                local(one.edition.slot, newsletter.timezone),
                one.now or "(its articles are gone)",
                "the same" if one.then == one.now else one.then,
            )
            for one in found
        ],
    )
