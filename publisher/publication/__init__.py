"""publication.toml, feeds/*.toml and secrets.toml become frozen, validated values.

Guarantees: what `load` returns is complete and consistent. Fails with a ConfigurationError that names file,
line and key; further faults of the same files stand in its ``also``.
"""

from publisher.publication.loading import find_root, load
from publisher.publication.secrets import load_secrets

__all__ = ["find_root", "load", "load_secrets"]
