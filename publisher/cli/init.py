"""`publisher init`: a new publication, by questions on a terminal or by options; all of it or nothing."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from publisher.cli.session import Session, count
from publisher.cli.verb import Verb
from publisher.model.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from publisher.publication.blank import Answers

__all__ = ["DEMO_COMMANDS", "init"]

DEMO_COMMANDS = (
    "publisher subscribers import subscribers.csv",
    "publisher run --now 2026-11-20T08:10",
    "publisher serve",
)

FIRST_COMMANDS = (
    'publisher new "The first article"   # a draft: write, and take its draft line out',
    "publisher preview all",
    "publisher subscribers add ADDRESS   # yours, for a beginning",
    "publisher run",
)

# answer → (question, whether it must be given where nobody can be asked)
QUESTIONS = {
    "title": ("Title", True),
    "url": ("Address on the web, such as https://news.example.org", True),
    "timezone": ("Time zone", False),
    "sender": ("Sender of the newsletter, such as World Desk <world@example.org>", True),
    "postal_address": ("Postal address, for the foot of every digest (empty: later)", True),
    "hour": ("Hour of the daily edition", False),
    "relay": ("Mail relay, such as smtp://user@relay.example.org:587 (empty: into a folder)", False),
}


@click.command(cls=Verb)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--demo", is_flag=True, help="A copy of the sample publication, to look around in.")
@click.option("--title", help="The publication's name.")
@click.option("--url", help="Its address on the web.")
@click.option("--timezone", metavar="ZONE", help="Such as Europe/Berlin; otherwise this machine's.")
@click.option("--sender", metavar="MAILBOX", help='Such as "World Desk <world@example.org>".')
@click.option("--postal-address", metavar="TEXT", help="Stands at the foot of every digest.")
@click.option(
    "--hour", metavar="TIME", help='When the daily edition opens: 7, 07:30, "mon-fri 07:00". Otherwise 07:00.'
)
@click.option("--relay", metavar="URL", help="Where mail goes: smtp://user@host:587. Otherwise into the folder mail.")
@click.option("--test-message", metavar="ADDRESS", help="Send a test message there through the relay.")
@click.pass_obj
def init(session: Session, /, folder: Path, demo: bool, test_message: str | None, **given: str | None) -> None:
    """A new publication, by questions or options.

    Asks on a terminal for what no option says.
    """
    from publisher.publication.founding import found, refuse_occupied

    refuse_occupied(folder)
    if demo:
        if extra := [_option(name) for name, value in given.items() if value is not None]:
            raise UsageError(f"--demo makes a sample with its own settings; it takes no {extra[0]}")
        files = found(folder, _fill_demo)
        _report(session, folder, files, DEMO_COMMANDS)
        return
    answers = _answers(session, given)
    files = found(folder, _filler(answers, session.now().date()))
    if answers.relay:
        _prepare_relay(session, folder, answers.relay, test_message)
    _report(
        session,
        folder,
        files,
        FIRST_COMMANDS,
    )
    if not session.as_json:
        line = f"*/5 * * * * {_program()} run --quiet --publication {shlex.quote(str(folder.absolute()))}"
        session.say(f"Cron's line, once you like what you see: {line}")


def _prepare_relay(session: Session, folder: Path, relay: str, test_message: str | None) -> None:
    """The relay's password, if it wants one and somebody can be asked, and the offer of a test message."""
    from publisher.publication.secrets import keep_relay_password, load_secrets

    if "@" in relay:
        password = ""
        if session.answers:
            password = click.prompt(
                "The relay's password (empty: later)", default="", hide_input=True, show_default=False
            )
        if password:
            keep_relay_password(folder, password)
        elif "PUBLISHER_RELAY_PASSWORD" not in os.environ:
            load_secrets(folder)
            session.say(f"The relay's password goes into {folder / 'secrets.toml'}, as relay_password.")
            return
    if test_message is None and session.answers:
        test_message = click.prompt("Send a test message to (empty: no)", default="", show_default=False)
    if test_message:
        _send_test_message(session, folder, test_message)


def _send_test_message(session: Session, folder: Path, address: str) -> None:
    """The publication is made whatever becomes of the message: a failure is told, and is the exit status."""
    from publisher.delivery.trial import send_trial
    from publisher.model.errors import PublisherError
    from publisher.pipeline import ready_transport
    from publisher.publication import load, load_secrets

    try:
        publication, secrets = load(folder), load_secrets(folder)
        transport = ready_transport(publication, secrets, fixed_time=False)
        outcome = send_trial(publication, transport, address, secrets=secrets, now=session.now())
    except PublisherError as error:
        session.failed(error)
    else:
        session.say(f"Sent a test message to {address}: {outcome.code} {outcome.reply}")


def _report(session: Session, folder: Path, files: list[str], commands: tuple[str, ...]) -> None:
    steps = (f"cd {shlex.quote(str(folder))}", *commands)
    if session.as_json:
        session.answer({"folder": folder.absolute(), "files": files, "next": steps})
        return
    articles = sum(name.startswith("articles/") and name.endswith(".md") for name in files)
    written = count(articles, "article") if articles else "no articles yet"
    session.say(f"Made {folder}: settings in publication.toml and feeds/, {written}.")
    session.say("Next:")
    for step in steps:
        session.say(f"  {step}")


def _fill_demo(folder: Path) -> None:
    from publisher.publication.founding import copy_starter
    from publisher.publication.starter import starter

    copy_starter(starter(), folder)


def _filler(answers: Answers, today: date) -> Callable[[Path], None]:
    def fill(folder: Path) -> None:
        from publisher.publication.blank import blank_files, write_files

        write_files(folder, blank_files(answers, today=today))
        for name in ("articles", "templates"):
            (folder / name).mkdir()

    return fill


def _answers(session: Session, given: dict[str, str | None]) -> Answers:
    """From options, or by questions; checked. Raises UsageError, with one line for each fault."""
    from publisher.publication.blank import Answers

    today = session.now().date()
    defaults = {"timezone": _machine_zone(), "hour": "07:00", "relay": "", "postal_address": ""}
    sample = Answers(title="x", url="https://example.org", sender="x@example.org")
    values = {name: value.strip() for name, value in given.items() if value is not None}
    if not session.answers:
        missing = [name for name, (_, needed) in QUESTIONS.items() if needed and name not in values]
        if missing:
            raise UsageError(
                f"nobody can be asked here, and {', '.join(map(_option, missing))} "
                f"{'is' if len(missing) == 1 else 'are'} missing",
                remedy="give them as options, or see: publisher init --help",
            )
    for name, (question, _) in QUESTIONS.items():
        if name not in values and session.answers:
            values[name] = _asked(
                question,
                default=defaults.get(name),
                wrong=partial(_wrong_alone, name, sample, today),
            )
    answers = Answers(**{**defaults, **values})
    # One at a time, each among sound ones: every fault shows, not only those that are found first.
    alone = {name: _wrong_alone(name, sample, today, getattr(answers, name)) for name in QUESTIONS}
    _refuse({name: cause for name, cause in alone.items() if cause is not None})
    return answers


def _wrong(answers: Answers, today: date) -> dict[str, str]:
    """Everything wrong with the answers, by name; the transport is the delivery room's to read."""
    from publisher.delivery.transport import RelayAddress, parse_transport
    from publisher.publication.blank import faults

    found = faults(answers, today=today)
    try:
        address = parse_transport(answers.transport)
        if isinstance(address, RelayAddress) and address.password:
            found["relay"] = "leave the password out: it goes into secrets.toml, as relay_password"
    except ConfigurationError as error:
        found["relay"] = f"{error.cause}; write for example smtp://user@relay.example.org:587"
    return found


def _wrong_alone(name: str, sample: Answers, today: date, text: str) -> str | None:
    """What is wrong with one answer while the others are not known."""
    return _wrong(replace(sample, **{name: text}), today).get(name)


def _refuse(wrong: dict[str, str]) -> None:
    errors = [UsageError(cause, where=_option(name)) for name, cause in wrong.items()]
    if errors:
        errors[0].also = tuple(errors[1:])
        raise errors[0]


def _asked(question: str, *, default: str | None, wrong: Callable[[str], str | None]) -> str:
    def checked(text: str) -> str:
        if (cause := wrong(text.strip())) is not None:
            raise click.UsageError(cause)
        return text.strip()

    answer = click.prompt(question, default=default, value_proc=checked, show_default=bool(default))
    assert isinstance(answer, str)
    return answer


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _program() -> str:
    """How cron finds this program: it has a short PATH."""
    program = Path(sys.argv[0])
    return shlex.quote(str(program.absolute())) if program.name == "publisher" else "publisher"


def _machine_zone() -> str:
    """The IANA name of this machine's zone, as far as /etc tells; UTC otherwise."""
    zone = os.environ.get("TZ", "").lstrip(":")
    if not zone:
        target = os.path.realpath("/etc/localtime")
        zone = target.partition("zoneinfo/")[2]
    return zone if zone and not zone.startswith("/") and zone != "Etc/UTC" else "UTC"
