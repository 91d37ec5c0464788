"""What a refusal means: of a relay while we talk to it, and in a report later. One function for both.

The reason decides before the status (RFC 3463), and the status before the code: of 398 soft bounces in a public
collection 314 carry a 5.x status, so "5xx is hard" would remove good subscribers. Unknown words never suppress
anybody. Touches nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

__all__ = ["Kind", "Verdict", "classify"]


class Kind(StrEnum):
    """What follows from a refusal.

    ``hard``     the address is no more: suppress it at once
    ``soft``     the reader's mailbox, or something that passes: try again, count it against the address
    ``limit``    our account with the relay has had enough for now: pause, try again later; nobody's fault
    ``account``  the relay does not let us send: pause until the operator has mended it; the reader is blameless
    ``policy``   the receiving side does not want mail like ours (block lists, DMARC, content): the operator's matter
    ``unknown``  nothing can be made of it: the code decides about this delivery, and it counts against nobody
    """

    HARD = "hard"
    SOFT = "soft"
    LIMIT = "limit"
    ACCOUNT = "account"
    POLICY = "policy"
    UNKNOWN = "unknown"

    @property
    def blames_reader(self) -> bool:
        """Whether it may be held against the address."""
        return self in (Kind.HARD, Kind.SOFT)


@dataclass(frozen=True, slots=True)
class Verdict:
    """``reason`` is a few words for the ledger and for people; ``status`` the enhanced status code, or empty."""

    kind: Kind
    reason: str
    status: str = ""


_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_ADDRESS = r"(?:user|account|mailbox|mail ?box|recipient|addressee|address|alias|customer|person|inbox)"

_BOX = "(?:mail ?box|mail ?folder|inbox|account|user|recipient)"
_OFF = "(?:disabled|suspended|inactive|deactivated|locked|not active|is expired|discontinued|frozen)"
_MISSING = (
    "(?:unknown|does ?n[o']t exist|did not exist|not exist|no longer (?:exists|valid|available|in use|active)|"
    "not (?:found|known|listed|valid|recogni[sz]ed|our customer)|is invalid|is not a valid|could(?: not|n't) be found|"
    "isn't (?:listed|valid))"
)
_NO_SUCH = "(?:unknown|no such|invalid|nonexistent|non-existent|not a valid|not a known|undeliverable|incorrect)"
_NO_ADDRESS = "there is no such address"

# In this order: the first that is found decides. Limits come before full mailboxes (both say "quota"), full mailboxes
# and sleeping accounts before unknown users (some servers say 5.1.1 for all three).
_REASONS: tuple[tuple[Kind, str, tuple[str, ...]], ...] = (
    (
        Kind.LIMIT,
        "the relay's limit is reached",
        (
            "throttling failure",
            "maximum sending rate",
            "sending (?:quota|limit|rate)",
            r"(?:daily|hourly|monthly|peak)[\w -]{0,30}(?:quota|limit|allowance)",
            "smtp relay (?:recipient )?limit",
            "(?:message|mail|email|e-mail) (?:sending )?(?:quota|allowance) (?:has been )?exceeded",
            "(?:maximum|out of) credits",
            r"exceeded[\w ]{0,20}messages? per (?:second|hour|day|minute)",
            r"\byou(?:r account)? ha(?:ve|s) exceeded",
        ),
    ),
    (
        Kind.ACCOUNT,
        "the relay does not let us send",
        (
            "relay(?:ing)? (?:access )?(?:is )?(?:denied|not (?:allowed|permitted))",
            r"(?:not permitted|unable|cannot|refus\w+) to relay",
            "we do not relay",
            "relaying prohibited",
            "authentication (?:is )?required",
            "must (?:be authenticated|authenticate)",
            "authentication (?:credentials )?(?:failed|invalid)",
            "must issue a starttls",
            "(?:email address|sender|domain|identity) is not verified",
            "not owned by user",
            "not (?:authori[sz]ed|allowed) to send (?:as|from|mail)",
        ),
    ),
    (
        Kind.SOFT,
        "greylisted",
        ("gr[ae]y-?list",),
    ),
    (
        Kind.SOFT,
        "the mailbox is full",
        (
            rf"{_BOX}[^.;]{{0,50}}(?:\bfull\b|over (?:its )?(?:quota|limit))",
            rf"{_BOX}[^.;]{{0,50}}exceed\w* (?:\w+ ){{0,4}}(?:quota|storage|limit|space|size)",
            "over ?quota",
            "(?:disk )?quota (?:is )?(?:exceed|full)",
            r"exceed\w*[\w ]{0,20}quota",
            "out of (?:storage|space|quota)",
            r"insufficient (?:\w+ )?(?:storage|space)",
            "(?:not enough|no) (?:disk |storage )?space",
            "storage (?:limit|quota)",
            "too many messages (?:in|on)",
            r"\boverquota\b",
            "mailbox full",
        ),
    ),
    (
        Kind.SOFT,
        "the message is too large",
        (
            r"(?:message|mail|size)[\w ]{0,20}(?:too (?:big|large|long)|exceeds)",
            r"(?:exceed|larger|bigger)\w*[\w ]{0,30}(?:size|maximum)",
            "size limit",
        ),
    ),
    (
        Kind.SOFT,
        "the account is switched off",
        (
            rf"{_ADDRESS}[^.;]{{0,40}}{_OFF}",
            rf"(?:disabled|suspended|inactive|deactivated|locked|expired) {_ADDRESS}",
        ),
    ),
    (
        Kind.SOFT,
        "the reader's own filter",
        (
            "recipient preferences",
            "(?:user|recipient) (?:has )?(?:blocks|blocked|rejects)",
        ),
    ),
    (
        Kind.SOFT,
        "the receiving side is in trouble",
        ("(?:could ?n[o']t|cannot|can't) (?:create|open|lock)",),
    ),
    (
        Kind.POLICY,
        "the receiving side refuses our sender",
        (r"(?:sender|from)[\w ]{0,20} (?:address )?[^ ]{0,60} ?(?:does not exist|not found|unknown|rejected)",),
    ),
    (
        Kind.HARD,
        _NO_ADDRESS,
        (
            rf"{_NO_SUCH} (?:\w+ )?(?:{_ADDRESS}|local.?part|name)\b",
            rf"{_ADDRESS}\b[^;]{{0,70}}?{_MISSING}",
            "(?:user|recipient|address|mailbox|account) unknown",
            "no (?:mailbox|account|user|recipient) (?:here|by that|with that|named|found)",
            r"doesn't have an? \S* ?account",
            "not (?:listed in|our customer)",
            "nosuchuser",
            "no such (?:person|domain)",
            "(?:delivery|message) (?:is )?not allowed to (?:this|the) user",
            r"this (?:user|address)[\w' ]{0,20}(?:have an? \S+ account)",
            r"access denied[^;]{0,20}as\(201806281\)",
            "unrouteable",
            "unroutable",
            "ambiguous (?:user|name)",
            "has (?:moved|left)",
        ),
    ),
    (
        Kind.HARD,
        "there is no such domain",
        (
            r"(?:host|domain|server)[\w .:,'<>-]{0,60}(?:not found|unknown|does ?n[o']t exist|does not exist)",
            r"(?:host|domain|server)[\w .:,'<>-]{0,60}non-?existent",
            "(?:unknown|invalid|no such|illegal) (?:host|domain)",
            "nxdomain",
            "name or service not known",
            "no mail ?(?:hosts?|exchangers?|servers?) (?:for|found)",
            "domain name not found",
            "does not (?:accept|receive) (?:e?-?mail|any mail)",
            "null mx",
            "domain is not reachable",
        ),
    ),
    (
        Kind.POLICY,
        "the receiving side refuses mail like ours",
        (
            r"\bspam",
            "black-?list",
            "block-?list",
            "deny-?list",
            r"\bblocked\b",
            "blocking",
            r"\brbl\b",
            "dnsbl",
            "spamhaus",
            "spamcop",
            "barracuda",
            "reputation",
            r"\bdmarc\b",
            r"\bspf\b",
            r"\bdkim\b",
            "unauthenticated",
            "unsolicited",
            r"\bpolic(?:y|ies)\b",
            r"\bvirus",
            "malware",
            "phish",
            "reverse (?:dns|lookup|record)",
            r"\br?dns ptr\b",
            r"\bptr\b",
            r"\brdns\b",
            "content (?:rejected|filter)",
            "banned",
            "sender (?:address )?(?:rejected|denied)",
            "access denied",
            r"not rfc ?\d* compliant",
            "message (?:was )?rejected",
        ),
    ),
    (
        Kind.SOFT,
        "the receiving side is in trouble",
        (
            "try (?:again|later)",
            "temporar",
            "connection (?:timed out|refused|reset|lost)",
            "timed? ?out",
            "too many (?:connections|concurrent|sessions|recipients)",
            "too (?:busy|fast)",
            "system (?:error|resources|load)",
            "deferred",
            "over ?load",
            "(?:mail )?loop",
            "too many hops",
            "hop count",
            "unable to connect",
            "network (?:is )?unreachable",
            "no route to host",
            "message expired",
            "delivery (?:time )?expired",
            "could not be delivered for",
        ),
    ),
)
_FOUND = tuple((kind, reason, re.compile("|".join(signs), re.IGNORECASE)) for kind, reason, signs in _REASONS)

# Subject and detail of RFC 3463 section 3, where the words say nothing.
_BY_STATUS: tuple[tuple[Kind, str, str], ...] = (
    (Kind.HARD, _NO_ADDRESS, r"5\.1\.(?:1|3|6|0)"),
    (Kind.HARD, "there is no such domain", r"5\.1\.(?:2|10)"),
    (Kind.POLICY, "the receiving side refuses our sender", r"5\.1\.(?:7|8)"),
    (Kind.SOFT, "the account is switched off", r"[45]\.2\.1"),
    (Kind.SOFT, "the mailbox is full", r"[45]\.2\.2"),
    (Kind.SOFT, "the message is too large", r"[45]\.(?:2\.3|3\.4)"),
    (Kind.LIMIT, "the relay's limit is reached", r"[45]\.4\.5"),
    (Kind.SOFT, "the receiving side is in trouble", r"4\.\d+\.\d+|5\.[34]\.\d+"),
    (Kind.POLICY, "the receiving side refuses mail like ours", r"5\.7\.\d+"),
)
_OF_STATUS = tuple((kind, reason, re.compile(pattern)) for kind, reason, pattern in _BY_STATUS)

# The statuses that do not contradict words about a missing address: 5.4.1 is how Microsoft's edge says it.
_OF_ADDRESS = re.compile(r"5\.(?:1\.\d+|4\.1|4\.4|4\.6|4\.14|4\.310|5\.0|2\.1)")
# RFC 4954 section 6: this session has no right to send.
_NO_RIGHT = {530, 534, 535, 538}


def classify(code: int, text: str) -> Verdict:
    """What a refusal means. ``code``: the SMTP reply's, 0 where a report has none; ``text``: its words, with an
    enhanced status code among them or without. Pure.

    Sources: RFC 3463 and 5321; for limits, Google ("550 5.4.5", "550 5.7.1" and "450 4.2.1" of a relay), Amazon SES
    ("454 Throttling failure") and SocketLabs ("421 4.4.5").
    """
    words = " ".join(text.split())
    found = _STATUS.search(words)
    status = found[0] if found else ""
    if code in _NO_RIGHT:
        return Verdict(Kind.ACCOUNT, "the relay does not let us send", status)
    passing = code // 100 == 4 or (code == 0 and status.startswith("4."))
    for kind, reason, pattern in _FOUND:
        if pattern.search(words):
            if reason == _NO_ADDRESS and status and not _OF_ADDRESS.fullmatch(status):
                # Mobile networks say "unknown user" after the message, where a reader's filter refused it.
                kind = Kind.SOFT
            return Verdict(_while_passing(kind) if passing else kind, reason, status)
    for kind, reason, pattern in _OF_STATUS:
        if pattern.fullmatch(status):
            return Verdict(_while_passing(kind) if passing else kind, reason, status)
    if passing:
        return Verdict(Kind.SOFT, "the receiving side is in trouble", status)
    return Verdict(Kind.UNKNOWN, "refused", status)


def _while_passing(kind: Kind) -> Kind:
    """A 4xx says that it passes: today's unknown user may be a directory that is down."""
    return Kind.SOFT if kind in (Kind.HARD, Kind.POLICY) else kind
