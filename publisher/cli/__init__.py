"""The command line: parse what was asked, call a room, show the answer.

Guarantees: a failure is one line on standard error, `publisher: where: cause; remedy`, and an exit status of
0 (done), 1 (something failed) or 2 (wrong usage or configuration); a traceback is shown with --debug only.
Help imports nothing but click: every command is a module that is imported when it is called.
"""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

import click

from publisher import __version__
from publisher.cli.session import Session
from publisher.cli.verb import CommonOptions, complaint
from publisher.model.errors import PublisherError

if TYPE_CHECKING:
    from publisher.publication.freshness import Looked

__all__ = ["COMMANDS", "call", "main", "publisher"]

# name → (module:attribute, its line in the help). The line is also the first of the command's own help.
COMMANDS: dict[str, tuple[str, str]] = {
    "init": ("publisher.cli.init:init", "A new publication, by questions or options."),
    "config": ("publisher.cli.config:config", "Settings: get, set, check."),
    "new": ("publisher.cli.new:new", "An article with its front matter."),
    "import": ("publisher.cli.importing:import_", "Articles from text or HTML files."),
    "build": ("publisher.cli.build:build", "Feeds and web pages, only what changed."),
    "check": ("publisher.cli.check:check", "Everything wrong or doubtful in what you wrote."),
    "preview": ("publisher.cli.preview:preview", "The next edition as .html, .txt and .eml."),
    "schedule": ("publisher.cli.schedule:schedule", "The next slots of a newsletter."),
    "run": ("publisher.cli.run:run", "The whole road once: what cron calls."),
    "deliver": ("publisher.cli.deliver:deliver", "Only the outbox, as one of several workers."),
    "serve": ("publisher.cli.serve:serve", "Web pages and scheduler in one process."),
    "editions": (
        "publisher.cli.approving:editions",
        "Editions: list, show, export, approve, recompose, hold, resume, cancel, retry.",
    ),
    "explain": (
        "publisher.cli.explain:explain",
        "Where an article is, and why a reader got it or not.",
    ),
    "subscribers": (
        "publisher.cli.subscriber:subscribers",
        "Subscribers: add, import, export, list, show, erase …",
    ),
    "dkim": ("publisher.cli.dkim:dkim", "Signatures: a key and its DNS record."),
    "status": ("publisher.cli.status:status", "Today at a glance."),
}


class LazyGroup(CommonOptions, click.Group):
    """A group whose commands are imported when they are called; its help needs the table only."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            raise click.exceptions.NoSuchCommand(args[0], possibilities=list(COMMANDS), ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(cls=LazyGroup, name="publisher", invoke_without_command=True)
@click.version_option(__version__, "--version", message="publisher %(version)s")
@click.pass_context
def publisher(ctx: click.Context) -> None:
    """Articles in a folder become feeds and e-mail digests.

    Without a command: how the publication is, in three lines, and the next step.
    """
    if ctx.invoked_subcommand is None:
        from publisher.cli.status import brief

        session = ctx.obj
        assert isinstance(session, Session)
        brief(session)


def main(looked: Looked | None = None) -> NoReturn:
    """The program. Ends the process with the exit status. ``looked``: how the publication's files looked just now."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that lacks a letter is no reason to fail
    try:
        status = call(sys.argv[1:], looked)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has enough (`| head`): no word about it. What is still buffered must go somewhere, or Python
        # complains while it shuts down. (Inside a command click does the same.)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = 1
    sys.exit(status)


def call(arguments: Sequence[str], looked: Looked | None = None) -> int:
    """One command, in this process; its exit status. Every error ends here."""
    session = Session(looked)
    try:
        publisher.main(list(arguments), prog_name="publisher", standalone_mode=False, obj=session)
        return session.status
    except PublisherError as error:
        _traceback(session)
        session.failed(error)
        return session.status
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return error.exit_code
    except click.ClickException as error:
        click.echo(f"publisher: {complaint(error)}", err=True)
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        _traceback(session)
        click.echo(f"publisher: {_unexpected(error)}", err=True)
        return 1
    finally:
        session.close()


def _unexpected(error: Exception) -> str:
    cause = " ".join(f"{type(error).__name__}: {error}".split())
    return f"unexpected {cause}; this is a fault of ours: run it again with --debug and report what it prints"


def _traceback(session: Session) -> None:
    if session.debug:
        import traceback

        traceback.print_exc()
