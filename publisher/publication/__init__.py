"""publication.toml, feeds/*.toml and secrets.toml become frozen, validated values.

Guarantees: what `load` returns is complete and consistent. Fails with a ConfigurationError that names file,
line and key; further faults of the same files stand in its ``also``. pydantic is imported with the first use of `load`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from publisher.publication.finding import find_root
    from publisher.publication.loading import load
    from publisher.publication.secrets import load_secrets

__all__ = ["find_root", "load", "load_secrets"]

_HOMES = {"find_root": "finding", "load": "loading", "load_secrets": "secrets"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(name)
    from importlib import import_module

    return getattr(import_module(f"publisher.publication.{_HOMES[name]}"), name)
