"""What all commands have in common: four options, before or after the command, and errors on one line.

The options do not become arguments of the command: they are written into the `Session`, which is `ctx.obj`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from publisher.cli.session import Session

__all__ = ["COMMON", "CommonOptions", "Verb", "VerbGroup", "complaint"]


def _keep(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    """Only what was given is kept: an option before the command is not undone by its absence after it."""
    session = ctx.obj
    if value and isinstance(session, Session):
        setattr(
            session,
            {"publication": "folder", "json": "as_json"}.get(param.name or "", param.name or ""),
            value,
        )


def _common() -> list[click.Parameter]:
    shared: dict[str, Any] = {"expose_value": False, "is_eager": True, "callback": _keep}
    return [
        click.Option(
            ["--publication"],
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="The publication's folder; otherwise it is looked for from here upwards.",
            **shared,
        ),
        click.Option(["--json"], is_flag=True, help="Answer in JSON.", **shared),
        click.Option(["--debug"], is_flag=True, help="Show the traceback of an error.", **shared),
        click.Option(["--quiet"], is_flag=True, help="Say nothing about steps.", **shared),
    ]


COMMON = ("--publication", "--json", "--debug", "--quiet")


class CommonOptions(click.Command):
    """A command with the common options after its own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params = [*self.params, *_common()]


class Verb(CommonOptions):
    """A command."""


class VerbGroup(CommonOptions, click.Group):
    """A command that has commands."""

    command_class = Verb
    group_class = type


def complaint(error: click.ClickException) -> str:
    """What click has to say, on one line, with where to read on. Pure."""
    text = " ".join(error.format_message().split()).rstrip(".")
    ctx = getattr(error, "ctx", None)
    if ctx is None:
        return text
    return f"{text}{'' if text.endswith('?') else ';'} see: {ctx.command_path} --help"
