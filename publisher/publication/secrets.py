"""secrets.toml: the signing keys and the relay's password, mode 0600; PUBLISHER_* variables win.

The first command that needs a signing key makes one. It is written once, with exclusive creation, so two
processes at once agree on it.
"""

from __future__ import annotations

import os
import secrets as randomness
import tomllib
from pathlib import Path

import tomlkit

from publisher.model.errors import ConfigurationError, OutputError
from publisher.model.publication import Secrets
from publisher.publication.editing import replace_file

__all__ = ["keep_relay_password", "load_secrets"]

FILE = "secrets.toml"
_KNOWN = {"signing", "relay_password", "relay_passwords", "alerts_password", "dkim"}
_VARIABLE = "PUBLISHER_RELAY_PASSWORD"


def load_secrets(root: Path) -> Secrets:
    """The publication's secrets; makes secrets.toml if there is none and PUBLISHER_SIGNING is not set.

    Raises ConfigurationError (unreadable, unknown key), OutputError (cannot be written).
    """
    path = root / FILE
    signing = os.environ.get("PUBLISHER_SIGNING", "")
    if not signing and not path.exists():
        _create(path)
    values = _read(path) if path.exists() else {}
    keys = [signing] if signing else values.get("signing", [])
    if isinstance(keys, str):
        keys = [keys]
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and len(key) >= 32 for key in keys):
        raise ConfigurationError(
            '"signing" must be a list of keys of 32 characters or more',
            where=FILE,
            remedy="restore it from a backup: without it, links in mail already sent stop working",
        )
    password, alerts = _password(values, "relay_password"), _password(values, "alerts_password")
    dkim = values.get("dkim", {})
    if not isinstance(dkim, dict) or not all(isinstance(key, str) for key in dkim.values()):
        raise ConfigurationError(
            '"dkim" must be a table of private keys', where=FILE, remedy='write under [dkim]: SELECTOR = """PEM"""'
        )
    return Secrets(
        signing=tuple(key.encode() for key in keys),
        alerts_password=alerts,
        relay_passwords=_relay_passwords(values.get("relay_passwords", {}))
        | ({} if password is None else {"": password}),
        dkim=dkim,
    )


def _password(values: dict[str, object], key: str) -> str | None:
    password = os.environ.get(f"PUBLISHER_{key.upper()}", values.get(key))
    if password is not None and not isinstance(password, str):
        raise ConfigurationError(f'"{key}" must be text in quotes', where=FILE)
    return password


def keep_relay_password(root: Path, password: str) -> None:
    """Writes the relay's password into secrets.toml, which stays readable for its owner only. Raises OutputError."""
    load_secrets(root)
    path = root / FILE
    document = tomlkit.parse(path.read_text("utf-8"))
    document["relay_password"] = password
    replace_file(path, tomlkit.dumps(document))


def _relay_passwords(table: object) -> dict[str, str]:
    if not isinstance(table, dict) or not all(isinstance(password, str) for password in table.values()):
        raise ConfigurationError(
            '"relay_passwords" must be a table of passwords', where=FILE, remedy='write under it: NAME = "…"'
        )
    set_outside = {
        name.removeprefix(f"{_VARIABLE}_").lower(): password
        for name, password in os.environ.items()
        if name.startswith(f"{_VARIABLE}_")
    }
    return table | set_outside


def _read(path: Path) -> dict[str, object]:
    try:
        values = tomllib.loads(path.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"not TOML: {error}", where=FILE) from error
    except OSError as error:
        raise ConfigurationError(f"cannot be read ({error.strerror})", where=FILE) from error
    if unknown := set(values) - _KNOWN:
        raise ConfigurationError(
            f'unknown key "{min(unknown)}"', where=FILE, remedy=f"known here: {', '.join(sorted(_KNOWN))}"
        )
    return values


def _create(path: Path) -> None:
    text = (
        "# Keep this file: links in mail already sent are signed with it.\n"
        f'signing = ["{randomness.token_urlsafe(32)}"]\n'
        '# relay_password = "…"\n'
    )
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, text.encode())
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(temporary, path)  # never over another's
        except FileExistsError:
            return
        finally:
            os.unlink(temporary)
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})",
            where=FILE,
            remedy="make the publication's folder writable",
        ) from error
