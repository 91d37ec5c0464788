"""Digests are byte for byte what they were: in another process, on another day, elsewhere, in another locale."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.editions.golden.__main__ import COMMAND, EXPECTED, golden

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return golden(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", sorted(file.name for file in EXPECTED.iterdir()))
def test_a_digest_is_what_it_was(made: dict[str, bytes], name: str) -> None:
    expected = (EXPECTED / name).read_bytes()
    assert made[name].decode() == expected.decode(), f"if that is meant: {COMMAND}"
    assert made[name] == expected


def test_every_golden_file_is_there_and_no_other(made: dict[str, bytes]) -> None:
    assert sorted(made) == sorted(file.name for file in EXPECTED.iterdir()), COMMAND


@pytest.mark.parametrize(
    ("zone", "language", "seed", "day"),
    [
        ("Pacific/Kiritimati", "C", "0", "2026-03-03T23:59Z"),
        ("America/Lima", "tr_TR.UTF-8", "4242", "2031-07-04T12:00Z"),
    ],
)
def test_another_process_day_zone_language_hash_seed_and_folder_make_the_same_bytes(
    made: dict[str, bytes], tmp_path: Path, zone: str, language: str, seed: str, day: str
) -> None:
    elsewhere = tmp_path / "another folder, with ü"
    elsewhere.mkdir()
    subprocess.run(
        [sys.executable, "-m", "tests.editions.golden", str(elsewhere / "out"), day],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "PYTHONHASHSEED": seed,
            "TZ": zone,
            "LANG": language,
            "LC_ALL": language,
            "LANGUAGE": language,
            "TMPDIR": str(elsewhere),
        },
        cwd=elsewhere,
        check=True,
        timeout=60,
    )
    assert {file.name: file.read_bytes() for file in (elsewhere / "out").iterdir()} == made
