"""Every error a person can meet, each one line that says where, what and what to do.

The tree::

    PublisherError                exit status 1
    ├── UsageError                2: the command's words are off
    ├── ConfigurationError        2: publication.toml, feeds/*.toml, secrets.toml
    ├── ArticleError              one article cannot be used; the others go on
    ├── ImportRefused             what was given to `import` is not an article
    ├── TemplateError             a template is broken or asks for what is not there
    ├── AddressError              not an e-mail address
    ├── AlertError                somebody could not be told
    ├── OutputError               a file or folder cannot be written
    ├── HubError                  the WebSub hub cannot be told
    ├── StoreError                the database
    │   ├── StoreLocked           another process holds it for too long
    │   │   └── StoreDeadlock     two waited for each other, and this one was rolled back
    │   └── StoreUnreachable      it cannot be opened
    └── TransportError            the relay or the Maildir
        └── RelayUnreachable      it is away, or refuses us before any message

Errors of third parties are wrapped once, where they enter, into one of these.
"""

from __future__ import annotations

__all__ = [
    "AddressError",
    "AlertError",
    "ArticleError",
    "ConfigurationError",
    "HubError",
    "ImportRefused",
    "OutputError",
    "PublisherError",
    "RelayUnreachable",
    "StoreDeadlock",
    "StoreError",
    "StoreLocked",
    "StoreUnreachable",
    "TemplateError",
    "TransportError",
    "UsageError",
]


class PublisherError(Exception):
    """The root. ``str(error)`` is one line: ``where:line: cause; remedy``.

    ``where`` is a file's path as the person knows it (relative to the publication) or an address,
    ``line`` is 1-based, ``remedy`` says what to do. Line ends in any of them are folded away.
    ``also`` has further errors of the same kind found in the same go, so that a person can mend them together.
    """

    exit_status = 1

    def __init__(
        self, cause: str, *, where: str | None = None, line: int | None = None, remedy: str | None = None
    ) -> None:
        super().__init__(cause)
        self.cause = cause
        self.where = where
        self.line = line
        self.remedy = remedy
        self.also: tuple[PublisherError, ...] = ()

    def __str__(self) -> str:
        place = "" if self.where is None else f"{self.where}:{self.line}: " if self.line else f"{self.where}: "
        advice = f"; {self.remedy}" if self.remedy else ""
        return " ".join(f"{place}{self.cause}{advice}".split())


class UsageError(PublisherError):
    """The command cannot do what these words ask."""

    exit_status = 2


class ConfigurationError(PublisherError):
    """A setting is missing, unknown or impossible."""

    exit_status = 2


class ArticleError(PublisherError):
    """One article cannot be used. It is reported; the others go out."""


class ImportRefused(PublisherError):
    """The source is not an article (empty, binary, too large); nothing was written."""


class TemplateError(PublisherError):
    """A template does not parse or does not render."""


class AddressError(PublisherError):
    """Not an e-mail address."""


class AlertError(PublisherError):
    """An alert did not reach somebody."""


class OutputError(PublisherError):
    """A file or folder of the publication cannot be written."""


class HubError(PublisherError):
    """The WebSub hub has not taken note for long."""


class StoreError(PublisherError):
    """The database refused."""


class StoreLocked(StoreError):
    """Another process holds the database's write lock for longer than we wait."""


class StoreDeadlock(StoreLocked):
    """PostgreSQL has rolled this transaction back, because it and another one waited for each other."""


class StoreUnreachable(StoreError):
    """The database cannot be opened or reached."""


class TransportError(PublisherError):
    """Messages cannot be handed over now."""


class RelayUnreachable(TransportError):
    """The relay does not answer, or refuses the session (greeting, TLS, login)."""
