"""The program, called in this process, and a publication of its own for each test."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from publisher.cli import call


@dataclass(frozen=True)
class Answer:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Program = Callable[..., Answer]


@pytest.fixture
def program(capsys: pytest.CaptureFixture[str]) -> Program:
    """Calls the program with these words."""

    def called(*words: str) -> Answer:
        capsys.readouterr()
        status = call(words)
        printed = capsys.readouterr()
        return Answer(status, printed.out, printed.err)

    return called


@pytest.fixture
def publication(tmp_path: Path, program: Program, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new, empty publication, with this process inside it."""
    folder = tmp_path / "news"
    made = program(
        *("init", str(folder), "--title", "The Test Gazette", "--url", "https://news.example.org"),
        *("--sender", "Desk <desk@example.org>", "--postal-address", "1 Example Quay"),
        *("--timezone", "Europe/Berlin"),
    )
    assert made.status == 0, made.err
    monkeypatch.chdir(folder)
    return folder
