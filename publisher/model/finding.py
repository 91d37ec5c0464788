"""Findings: what `check` has to say about a file of the publication, and what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from publisher.model.errors import PublisherError

__all__ = ["Finding", "Severity", "findings_of"]


class Severity(StrEnum):
    """``error``: readers meet something broken; ``warning``: probably not meant; ``hint``: true, and harmless."""

    ERROR = "error"
    WARNING = "warning"
    HINT = "hint"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """``rule`` is the name of what was broken; ``file`` is relative to the publication, ``line`` 1-based or None."""

    severity: Severity
    rule: str
    file: str
    line: int | None = None
    what: str
    remedy: str = ""


def findings_of(error: PublisherError) -> Iterator[Finding]:
    """An error that stops a file from being used, and those found with it, as findings. Pure."""
    for one in (error, *error.also):
        yield Finding(
            severity=Severity.ERROR,
            rule=_RULES.get(type(one).__name__, "error"),
            file=one.where or "publication.toml",
            line=one.line,
            what=one.cause,
            remedy=one.remedy or "",
        )


_RULES = {"ArticleError": "unusable-article", "ConfigurationError": "settings", "TemplateError": "template"}
