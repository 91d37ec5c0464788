"""A folder of .eml files as transport: each message as it would go over the wire, for any program that opens them.

Guarantees: as a Maildir's (publisher.delivery.maildir), but for the folders: a file is there whole, or not at all;
its name comes from the Message-ID, so a message that is delivered again is not written twice.
"""

from __future__ import annotations

import os
from pathlib import Path

from publisher.delivery.maildir import Maildir, file_name
from publisher.model.delivery import Outgoing

__all__ = ["EmlFolder"]


class EmlFolder(Maildir):
    """The .eml files in ``folder``, made when the first message comes."""

    kind = "folder"

    @property
    def shown(self) -> Path:
        """Where whole messages appear."""
        return self.folder

    def _make(self) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _write_one(self, outgoing: Outgoing) -> str:
        name = file_name(outgoing.message_id).partition(".")[0] + ".eml"
        target = self.folder / name
        if target.exists():
            return f"already there: {name}"
        temporary = self.folder / f".{name}.{os.getpid()}"
        self._place(temporary, target, b"".join(outgoing.buffers))
        return name
