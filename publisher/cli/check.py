"""`publisher check`: everything wrong or doubtful, by file, with its line and what to do."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import click

from publisher.cli.session import Session, count
from publisher.cli.verb import Verb
from publisher.model.errors import ConfigurationError
from publisher.model.finding import Finding, Severity, findings_of

if TYPE_CHECKING:
    from publisher.model.publication import Publication

__all__ = ["check", "told"]

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.HINT: "cyan"}


@click.command(cls=Verb)
@click.option("--fix", is_flag=True, help="Write ids into articles that have none; change nothing else.")
@click.pass_obj
def check(session: Session, fix: bool) -> None:
    """Everything wrong or doubtful in what you wrote.

    Reads settings, articles, feeds and newsletters, and renders the next digest of each newsletter, as a run would. An
    error is what readers would meet broken; a warning is probably not meant; a hint is harmless. Exit status 1 on
    errors only. Saves nothing and asks no network.
    """
    try:
        publication = session.publication
    except ConfigurationError as error:
        if session.as_json:
            session.answer(list(findings_of(error)))
        session.failed(error)
        return
    from publisher import pipeline
    from publisher.theme.environment import environment_of

    findings = pipeline.check(
        publication,
        session.store(),
        environment=environment_of(publication),
        fix=fix,
        now=session.now(),
    )
    if session.as_json:
        session.answer(findings)
    else:
        _show(session, findings, publication)
    if any(finding.severity is Severity.ERROR for finding in findings):
        session.status = 1


def _show(session: Session, findings: Sequence[Finding], publication: Publication) -> None:
    for line in told(findings):
        session.show(line)
    if findings:
        session.show(_sum(findings))
    else:
        feeds, letters = count(len(publication.feeds), "feed"), count(len(publication.newsletters), "newsletter")
        session.show(f"Nothing is wrong or doubtful: settings, articles, {feeds}, {letters}.")


def told(findings: Iterable[Finding]) -> Iterator[str]:
    """The findings for people: a file's name, then a line each, and its remedy under it. Pure."""
    for file, of_file in groupby(findings, key=lambda finding: finding.file):
        yield click.style(_printable(file), bold=True)
        for finding in of_file:
            place = "" if finding.line is None else str(finding.line)
            severity = click.style(f"{finding.severity:<7}", fg=_COLOURS[finding.severity])
            yield f"{place:>5}  {severity}  {_printable(finding.what)}  [{finding.rule}]"
            if finding.remedy:
                yield f"{'':16}{_printable(finding.remedy)}"
        yield ""


def _sum(findings: Sequence[Finding]) -> str:
    numbers = {one: sum(finding.severity is one for finding in findings) for one in Severity}
    return ", ".join(count(number, str(one)) for one, number in numbers.items())


def _printable(text: str) -> str:
    """Titles and addresses are other people's text: one line, no control characters."""
    return "".join(character if character.isprintable() else " " for character in text)
