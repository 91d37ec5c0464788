"""Pictures that travel inside messages, each once, however many variants show it: named by their content.

They stay while a digest in the database shows them: a message that is sent again next week is the one that was sent.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from sqlalchemy import Connection, delete, exists, select

from publisher.model.edition import Embedded
from publisher.store.inserting import insert_missing
from publisher.store.schema import pictures, variants

__all__ = ["cids", "keep", "let_go", "shown_in", "to_file"]

_CID = re.compile(r'\ssrc="cid:([^"]+)"')


def keep(connection: Connection, embedded: Sequence[Embedded]) -> None:
    """Stores those that are not there yet."""
    rows = [{"cid": one.cid, "media_type": one.media_type, "content": one.content} for one in embedded]
    insert_missing(connection, pictures, rows, "cid")


def shown_in(connection: Connection, html: str) -> tuple[Embedded, ...]:
    """The pictures that a digest's HTML shows as ``cid:…``, in their order."""
    wanted = cids(html)
    if not wanted:
        return ()
    rows = connection.execute(select(pictures).where(pictures.c.cid.in_(wanted)))
    found = {row.cid: Embedded(cid=row.cid, media_type=row.media_type, content=row.content) for row in rows}
    return tuple(found[cid] for cid in wanted if cid in found)


def cids(html: str) -> list[str]:
    """The Content-IDs that a digest's HTML shows, in their order. Pure."""
    return list(dict.fromkeys(_CID.findall(html)))


def let_go(connection: Connection, gone: Iterable[str]) -> None:
    """Deletes those of these pictures that no digest in the database shows."""
    for cid in sorted(gone):
        shown = exists().where(variants.c.html.contains(f'"cid:{cid}"', autoescape=True))
        connection.execute(delete(pictures).where(pictures.c.cid == cid, ~shown))


def to_file(picture: Embedded, folder: Path) -> dict[str, str]:
    """Writes the picture into ``folder``, once however often it is asked for, and says where. Raises OSError."""
    name = f"{hashlib.sha256(picture.content).hexdigest()[:32]}.{picture.media_type.rpartition('/')[2]}"
    target = folder / name
    if not target.exists() or target.read_bytes() != picture.content:
        folder.mkdir(exist_ok=True)
        temporary = folder / f".{name}.{os.getpid()}"
        with temporary.open("wb") as file:
            file.write(picture.content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    return {"cid": picture.cid, "media_type": picture.media_type, "file": f"{folder.name}/{name}"}
