"""Logins: a password, or a token (OAuth 2.0) that is given or that a command prints.

Guarantees: a command is run once for all lanes, and again when the relay no longer takes what it printed. Fails with
RelayUnreachable, which shows neither token nor password.
"""

from __future__ import annotations

import asyncio
import contextlib
import shlex
from collections.abc import Sequence

from publisher.model.errors import ConfigurationError, RelayUnreachable

__all__ = ["Login", "parse_command"]

_SECONDS = 30.0
_LONGEST = 16_384


class Login:
    """How we prove who we are. ``oauth``: the secret is a token."""

    def __init__(
        self, user: str, *, password: str | None = None, token: str | None = None, command: Sequence[str] = ()
    ) -> None:
        self.user = user
        self.oauth = token is not None or bool(command)
        self._secret = token if self.oauth else password
        self._command = tuple(command)
        self._lock: asyncio.Lock | None = None

    @property
    def can_renew(self) -> bool:
        """There is a command that may print another token."""
        return bool(self._command)

    async def secret(self, *, refused: str | None = None) -> str:
        """The password or token; another one than ``refused``, which the relay did not take."""
        if not self._command:
            return self._secret or ""
        # Made here: a lock belongs to the event loop that it is used in.
        if self._lock is None:
            self._lock = asyncio.Lock()
        async with self._lock:
            if self._secret is None or self._secret == refused:
                self._secret = await self._printed()
            return self._secret

    async def _printed(self) -> str:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
        except OSError as error:
            raise _refused(f"cannot be run: {error.strerror}") from error
        try:
            async with asyncio.timeout(_SECONDS):
                printed, said = await process.communicate()
        except TimeoutError as error:
            raise _refused(f"has printed nothing after {_SECONDS:g} s") from error
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
        if process.returncode:
            lines = said.decode("utf-8", "replace").strip().splitlines()
            raise _refused(f"ended with {process.returncode}: {lines[-1][:200] if lines else 'it said nothing'}")
        token = printed.decode("ascii", "replace").strip()
        if not token or not token.isprintable() or " " in token or not token.isascii() or len(token) > _LONGEST:
            raise _refused("did not print a token alone on one line")
        return token


def parse_command(written: str) -> tuple[str, ...]:
    """The words of ``token_command``. Raises ConfigurationError. Touches nothing."""
    try:
        words = tuple(shlex.split(written))
    except ValueError as error:
        raise ConfigurationError(f"the command is odd: {error}", where="token_command") from error
    if "\0" in written:
        raise ConfigurationError("the command has a NUL in it", where="token_command")
    return words


def _refused(cause: str) -> RelayUnreachable:
    return RelayUnreachable(f"the token command {cause}", remedy="run it yourself: it must print one access token")
