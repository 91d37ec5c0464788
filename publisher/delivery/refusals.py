"""What a refusal does to its delivery and its edition.

The relay's code alone says too little: "552 mailbox full" passes, "550 daily limit exceeded" is no reader's fault.
`publisher.audience.bounces` gives the reason, and this module draws the consequence. Touches nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from publisher.audience.bounces import Kind, Verdict, classify
from publisher.model.delivery import Outcome, Result

__all__ = ["Pause", "again_at", "judge", "pauses"]

# A relay's limit a second passes in minutes, a daily one in hours: asking every quarter of an hour harms neither.
_AGAIN = timedelta(minutes=15)
# So many refusals of mail like ours, and a tenth of all: then it is no single server's opinion any more.
_POLICY_MOST = 10
_POLICY_SHARE = 10


@dataclass(frozen=True, slots=True)
class Pause:
    """Why an edition stops. ``until``: it goes on by itself then; None: the operator resumes it."""

    reason: str
    until: datetime | None


def judge(outcome: Outcome) -> tuple[Outcome, Verdict | None]:
    """The outcome as its reply's reason makes it, and the verdict; None where nothing was refused. Pure."""
    if outcome.code < 400 or outcome.result not in (Result.FAILED, Result.DEFERRED):
        return outcome, None
    verdict = classify(outcome.code, outcome.reply)
    results = {
        Kind.HARD: Result.FAILED,
        Kind.SOFT: Result.DEFERRED,
        Kind.LIMIT: Result.REFUSED,
        Kind.ACCOUNT: Result.REFUSED,
        Kind.POLICY: Result.REFUSED,
    }
    return outcome._replace(result=results.get(verdict.kind, outcome.result)), verdict


def pauses(verdict: Verdict, outcome: Outcome, *, now: datetime, accepted: int, policy: int) -> Pause | None:
    """Whether this refusal stops its edition. ``accepted`` and ``policy``: what the pass has seen so far. Pure.

    A limit or a fault of our account stops it at once. One server that dislikes our mail must not stop it for all
    readers: that takes ten such refusals and a tenth of everything, or nothing accepted at all.
    """
    said = f"{outcome.relay} said '{outcome.code} {outcome.reply}'"
    if verdict.kind is Kind.LIMIT:
        return Pause(f"{verdict.reason}: {said}", now + _AGAIN)
    many = accepted == 0 or (policy >= _POLICY_MOST and policy * _POLICY_SHARE >= accepted)
    if verdict.kind is Kind.ACCOUNT or (verdict.kind is Kind.POLICY and many):
        return Pause(f"{verdict.reason}: {said}", None)
    return None


def again_at(now: datetime) -> datetime:
    """When a refused delivery may be tried again. Pure."""
    return now + _AGAIN
