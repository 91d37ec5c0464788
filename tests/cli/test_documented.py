"""Every command, option and setting stands in docs/, and nothing stands there that is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import pytest

from publisher.articles.sources import Source
from publisher.cli import COMMANDS, publisher
from publisher.cli.verb import COMMON
from publisher.publication.settings import Known, known_settings

DOCS = Path(__file__).parents[2] / "docs"


def sections(text: str) -> dict[str, str]:
    """Heading → what stands under it, up to the next heading."""
    parts = re.split(r"^#{1,3} (.+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


COMMANDS_PAGE = sections((DOCS / "commands.md").read_text())
SETTINGS_PAGE = sections((DOCS / "settings.md").read_text())


def verbs() -> Iterator[tuple[str, click.Command]]:
    with click.Context(publisher) as ctx:
        for name in COMMANDS:
            command = publisher.get_command(ctx, name)
            assert command is not None
            if isinstance(command, click.Group):
                yield from ((f"{name} {inner}", one) for inner, one in command.commands.items())
            else:
                yield name, command


VERBS = dict(verbs())


@pytest.mark.parametrize("name", VERBS)
def test_every_command_and_option_is_documented(name: str) -> None:
    text = COMMANDS_PAGE[name]
    assert f"`publisher {name}" in text
    options = {
        option
        for one in VERBS[name].params
        if isinstance(one, click.Option)
        for option in (*one.opts, *one.secondary_opts)
    }
    own = options - {*COMMON, "--help"}
    listed = set(re.findall(r"--[a-z-]+", " ".join(re.findall(r"^- (`--.+?`):", text, flags=re.MULTILINE))))
    assert listed == own


def test_the_common_options_are_documented() -> None:
    assert all(f"- `{option}" in COMMANDS_PAGE["Commands"] for option in COMMON)


def test_no_command_is_documented_that_is_not_there() -> None:
    assert set(COMMANDS_PAGE) == {"Commands", *COMMANDS, *VERBS}


def rows(section: str) -> dict[str, tuple[str, str]]:
    """Key → default and meaning, from a section's table."""
    found = {}
    for line in SETTINGS_PAGE[section].splitlines():
        if line.startswith("| `"):
            key, default, meaning = re.split(r"(?<!\\) ?\| ?", line.strip("| "), maxsplit=2)
            found[key.strip("` ")] = default.strip("` ").replace("\\|", "|"), meaning
    return found


def written(known: Known) -> str:
    value: Any = known.default
    if known.required:
        return "required"
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, list) else str(value)


@pytest.mark.parametrize("page", ["publication.toml", "feeds/NAME.toml"])
def test_every_setting_is_documented_with_its_default(page: str) -> None:
    known = {".".join(one.path): one for one in known_settings(page)}
    listed = rows(page)
    assert list(listed) == list(known)
    assert {key: default for key, (default, _) in listed.items()} == {key: written(one) for key, one in known.items()}


def test_every_key_of_the_front_matter_is_documented() -> None:
    keys = {field.name for field in fields(Source)} - {"path", "body", "content_hash"}
    assert set(rows("Front matter")) == keys
