"""The scheduler of `serve`: it wakes up and calls one function, the same pass that cron calls.

It decides nothing: which slots are due is read from the clock and the database by the pass itself. Guarantees: one
call at a time; calls that were missed become one; a failing call does not stop the next. Fails never by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.jobstores.memory import MemoryJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger

__all__ = ["scheduler"]


def scheduler(
    tick: Callable[[], None], *, every: float, now: datetime, minutely: Callable[[], None] | None = None
) -> BackgroundScheduler:
    """A scheduler, not started yet, that calls ``tick`` at ``now`` and then ``every`` so many seconds.

    ``minutely`` is called once a minute, also while a tick takes long. Stop it with ``shutdown(wait=True)``, which
    waits for a call that is running.
    """
    # A pass that takes longer than the interval is no news worth a line a minute.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)
    waking = BackgroundScheduler(
        jobstores={"default": MemoryJobStore()},
        executors={"default": ThreadPoolExecutor(2)},
        job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
        timezone="UTC",
    )
    waking.add_job(tick, IntervalTrigger(seconds=every, timezone="UTC"), next_run_time=now)
    if minutely is not None:
        waking.add_job(minutely, IntervalTrigger(seconds=60, timezone="UTC"))
    return waking
