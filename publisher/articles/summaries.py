"""Summaries: the beginning of a paragraph, in whole sentences where they fit."""

from __future__ import annotations

import re

__all__ = ["summary_of"]

_LONGEST = 200
_SENTENCE = re.compile(r"[.!?…؟۔।]+[\"'”’»“›)\]]*(?=\s|$)|[。！？]+[」』）”]*")
_ABBREVIATED = re.compile(
    r"(?:\b(?:Mr|Mrs|Ms|Dr|Prof|Sen|Rep|Gov|Gen|Col|Lt|Sgt|St|Jr|Sr|No|Nr|vs|approx|ca|bzw|usw|Inc|Ltd|Co|Corp|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|Hr|Fr|Mio|Mrd)|\b[^\W\d_]|\b\d{1,2})\.$"
)


def summary_of(paragraph: str, *, longest: int = _LONGEST) -> str:
    """As many whole sentences as ``longest`` characters hold, or some words of the first and "…". Pure."""
    text = " ".join(paragraph.split())
    if len(text) <= longest:
        return text
    head = text[: longest + 1]
    ends = [found.end() for found in _SENTENCE.finditer(head) if found.end() <= longest and _ends(text, found)]
    if ends:
        return text[: ends[-1]]
    cut = head[:longest].rpartition(" ")[0] or head[: longest - 1]
    return f"{cut.rstrip(' ,;:–—-')}…"


def _ends(text: str, found: re.Match[str]) -> bool:
    """Whether a stop ends a sentence: not after an abbreviation or initial, nor before a small letter."""
    if found[0][0] in "。！？":
        return True
    following = text[found.end() :].lstrip()[:1]
    return not following.islower() and not (
        found[0] == "." and _ABBREVIATED.search(text[max(0, found.start() - 20) : found.end()])
    )
