"""The scheduler: it only wakes up the pass."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

from publisher.web.scheduler import scheduler


def test_it_calls_at_once_and_then_again_never_two_at_a_time() -> None:
    running, most, calls = 0, 0, []
    lock = threading.Lock()

    def tick() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        calls.append(time.monotonic())
        time.sleep(0.25)
        with lock:
            running -= 1

    start = time.monotonic()
    waking = scheduler(tick, every=0.1, now=datetime.now(UTC))
    waking.start()
    time.sleep(1)
    waking.shutdown(wait=True)
    assert calls[0] - start < 0.5
    assert len(calls) >= 2
    assert (most, running) == (1, 0)


def test_a_call_that_fails_does_not_stop_the_next() -> None:
    calls = []
    twice = threading.Event()

    def tick() -> None:
        calls.append(1)
        if len(calls) == 2:
            twice.set()
        raise RuntimeError("not today")

    waking = scheduler(tick, every=0.1, now=datetime.now(UTC))
    waking.start()
    assert twice.wait(10)
    waking.shutdown(wait=True)


def test_it_keeps_its_job_in_memory_and_decides_no_slot() -> None:
    waking = scheduler(lambda: None, every=60, now=datetime.now(UTC))
    waking.start(paused=True)
    (job,) = waking.get_jobs()
    assert (job.coalesce, job.misfire_grace_time, job.max_instances) == (True, None, 1)
    assert str(waking.timezone) == "UTC"
    waking.shutdown()
