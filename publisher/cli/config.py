"""`publisher config`: settings, checked, comments kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from publisher.cli.session import Session, count
from publisher.cli.verb import VerbGroup
from publisher.model.errors import ConfigurationError, PublisherError, UsageError

if TYPE_CHECKING:
    from publisher.publication.settings import Setting

__all__ = ["config"]


@click.group(cls=VerbGroup)
def config() -> None:
    """Settings: get, set, check.

    A setting's KEY is dotted: delivery.transport is in publication.toml, feeds.world.newsletter.min_items in
    feeds/world.toml.
    """


@config.command()
@click.argument("key", required=False)
@click.pass_obj
def get(session: Session, key: str | None) -> None:
    """Shows a setting, the settings of a table, or all, each with its default."""
    from publisher.publication.settings import find_setting, read_settings

    settings = read_settings(session.root)
    if key is not None:
        chosen = [one for one in settings if one.key == key or one.key.startswith(f"{key}.")]
        if not chosen:
            chosen = [find_setting(session.root, key)]
        if len(chosen) == 1 and chosen[0].key == key:
            if session.as_json:
                session.answer(_fields(chosen[0]))
            else:
                session.show(_written(chosen[0].value))
            return
        settings = chosen
    if session.as_json:
        session.answer([_fields(one) for one in settings])
        return
    session.table(
        ("key", "value", "default", "where"),
        [(one.key, _short(_written(one.value)), _short(_default(one)), _where(one)) for one in settings],
    )


@config.command("set")
@click.argument("pairs", metavar="KEY VALUE [KEY VALUE]…", nargs=-1, required=True)
@click.pass_obj
def set_(session: Session, pairs: tuple[str, ...]) -> None:
    """Changes settings; nothing is written unless all of it is right.

    A list is written a,b and a switch true or false; an empty VALUE ("") removes an optional setting. One of several
    relays is named in the key: delivery.relays.main.transport; it is made if it is not there.
    """
    from publisher.delivery.transport import parse_transport
    from publisher.publication.editing import set_settings

    if len(pairs) % 2:
        raise UsageError(
            f'"{pairs[-1]}" has no value',
            remedy="write: publisher config set KEY VALUE, text with spaces in quotes",
        )
    wanted = list(zip(pairs[::2], pairs[1::2], strict=True))
    for key, value in wanted:
        if value and key.startswith("delivery.") and key.endswith(".transport"):
            parse_transport(value)
    changes = set_settings(session.root, wanted)
    if session.as_json:
        session.answer(changes)
    for change in changes:
        if change.before == change.after:
            session.say(f"{change.key} is {_written(change.after) or 'not set'} already.")
        else:
            before, after = (_written(value) or "not set" for value in (change.before, change.after))
            session.say(f"{change.key}: {before} → {after} ({change.file})")


@config.command()
@click.pass_obj
def check(session: Session) -> None:
    """Whether publication.toml, feeds/*.toml and secrets.toml are right."""
    faults: list[PublisherError] = []
    for part in (_transport, _secrets):
        try:
            part(session)
        except ConfigurationError as error:
            faults += [error, *error.also]
            session.failed(error)
    left = () if faults else session.publication.examples_left
    if session.as_json:
        session.answer({"right": not faults, "faults": [_fault(one) for one in faults], "examples": left})
    if faults:
        return
    feeds, newsletters = session.publication.feeds, session.publication.newsletters
    session.say(f"The settings are right: {count(len(feeds), 'feed')}, {count(len(newsletters), 'newsletter')}.")
    if left:
        session.say(
            f"Still an example: {', '.join(left)}. Until they are yours, mail goes into a folder, "
            "or to a relay on this machine."
        )


def _transport(session: Session) -> None:
    """Loads the publication, and reads its transport, which is the delivery room's to understand."""
    from publisher.delivery.transport import parse_transport

    for relay in session.publication.delivery.relays:
        parse_transport(relay.transport)


def _secrets(session: Session) -> None:
    if (session.root / "secrets.toml").exists():
        session.secrets  # noqa: B018 - reading it is the check


def _fault(error: PublisherError) -> dict[str, object]:
    return {"where": error.where, "line": error.line, "cause": error.cause, "remedy": error.remedy}


def _fields(setting: Setting) -> dict[str, object]:
    return {
        "key": setting.key,
        "value": setting.value,
        "default": setting.known.default,
        "file": setting.file,
        "line": setting.line,
    }


def _written(value: Any) -> str:
    """A value as `config set` takes it. Pure."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value)


def _short(text: str) -> str:
    """For a column: `config get KEY` shows all of it. Pure."""
    return text if len(text) <= 50 else f"{text[:49]}…"


def _default(setting: Setting) -> str:
    if setting.known.required:
        return "(required)"
    return _written(setting.known.default)


def _where(setting: Setting) -> str:
    return f"{setting.file}:{setting.line}" if setting.line else ""
