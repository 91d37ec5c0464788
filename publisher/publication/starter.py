"""Where the built-in templates and the demo publication are: in the installed wheel, or in a checkout's root."""

from __future__ import annotations

from pathlib import Path

__all__ = ["starter"]

_PACKAGE = Path(__file__).resolve().parent.parent


def starter() -> Path:
    """The folder that has the demo's publication.toml, feeds/, articles/ and the built-in templates/."""
    installed = _PACKAGE / "_starter"
    return installed if (installed / "templates").is_dir() else _PACKAGE.parent
