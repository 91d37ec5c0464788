"""Help is quick, because it imports nothing that a command needs only when it runs."""

from __future__ import annotations

import json
import subprocess
import sys

import click
import pytest

from publisher.cli import COMMANDS, publisher
from tests.cli.conftest import Program

HEAVY = (
    *("alembic", "apscheduler", "feedgen", "jinja2", "lxml", "nh3", "premailer", "pydantic", "rich"),
    *("sqlalchemy", "starlette", "tomlkit", "trafilatura", "uvicorn", "yaml"),
)
SCRIPT = f"""
import sys, json
from publisher.cli import call
status = call(sys.argv[1:])
print(json.dumps([status, [name for name in {HEAVY!r} if name in sys.modules]]))
"""


def words_of_every_command() -> list[tuple[str, ...]]:
    with click.Context(publisher) as ctx:
        found: list[tuple[str, ...]] = [()]
        for name in COMMANDS:
            command = publisher.get_command(ctx, name)
            found.append((name,))
            if isinstance(command, click.Group):
                found += [(name, inner) for inner in command.commands]
        return found


@pytest.mark.parametrize("words", words_of_every_command(), ids=" ".join)
def test_help_imports_nothing_heavy(words: tuple[str, ...]) -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT, *words, "--help"], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == [0, []]


@pytest.mark.parametrize("name", COMMANDS)
def test_the_line_in_the_list_of_commands_is_the_first_of_its_own_help(name: str, program: Program) -> None:
    with click.Context(publisher) as ctx:
        command = publisher.get_command(ctx, name)
    assert command is not None
    assert command.help
    assert command.help.partition("\n")[0] == COMMANDS[name][1]
    assert COMMANDS[name][1] in " ".join(program("--help").out.split())


def test_a_mistyped_command_is_answered_with_the_nearest(program: Program) -> None:
    answer = program("biuld")
    assert answer.status == 2
    assert answer.err == "publisher: No such command 'biuld'. Did you mean 'build'? see: publisher --help\n"


def test_a_mistyped_option_says_where_to_read_on(program: Program) -> None:
    answer = program("new", "--sektion", "world", "x")
    assert answer.status == 2
    assert answer.err.count("\n") == 1
    assert "see: publisher new --help" in answer.err
