"""Killed, stopped, frozen, out of disk, out of its database: nobody is left out, and nobody is told a lie about.

Twenty scenes of `tests.faults`; `make faults` plays hundreds.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import LEASE, SUB_BATCH, Scene, play
from tests.postgresql import Server, programs


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A PostgreSQL that may be restarted."""
    if programs() is None:
        pytest.skip("PostgreSQL's server programs are missing: apt-get install postgresql")
    with Server() as server:
        yield server


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(0, 20, 2))
def test_faults_at_random_points_on_sqlite_lose_nobody(seed: int) -> None:
    play(seed, None)


@pytest.mark.slow
@pytest.mark.postgresql
@pytest.mark.parametrize("seed", range(1, 20, 2))
def test_faults_at_random_points_on_postgresql_lose_nobody(seed: int, server: Server) -> None:
    play(seed, server)


@pytest.mark.slow
@pytest.mark.postgresql
def test_three_machines_of_which_one_is_killed_one_frozen_while_the_server_restarts(
    server: Server, tmp_path: Path
) -> None:
    scene = Scene(1000, tmp_path, server, machines=3)
    scene.readers, scene.lanes = 600, 4
    with scene.opened():
        killed, frozen, third = [scene.start(machine) for machine in scene.machines]
        scene.wait(third)
        scene.send(killed, signal.SIGKILL)
        scene.send(frozen, signal.SIGSTOP)
        scene.wait(third)
        server.restart(at_once=True)
        scene.finish(killed)
        scene.finish(third)
        # The leases of the other two have ended: the third machine takes over what they had.
        scene.at += 2 * LEASE
        scene.finish(scene.start(scene.machines[2]))
        scene.send(frozen, signal.SIGCONT)
        scene.finish(frozen)
        scene.doubtful = 2 * SUB_BATCH + 3 * scene.lanes
        scene.end_in_peace()
