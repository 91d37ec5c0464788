"""Pictures that travel inside messages, each once, however many variants show it: named by their content.

They stay as long as the database: a message that is sent again next year is the one that was sent.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import Connection, select

from publisher.model.edition import Embedded
from publisher.store.inserting import insert_missing
from publisher.store.schema import pictures

__all__ = ["keep", "shown_in"]

_CID = re.compile(r'\ssrc="cid:([^"]+)"')


def keep(connection: Connection, embedded: Sequence[Embedded]) -> None:
    """Stores those that are not there yet."""
    rows = [{"cid": one.cid, "media_type": one.media_type, "content": one.content} for one in embedded]
    insert_missing(connection, pictures, rows, "cid")


def shown_in(connection: Connection, html: str) -> tuple[Embedded, ...]:
    """The pictures that a digest's HTML shows as ``cid:…``, in their order."""
    cids = list(dict.fromkeys(_CID.findall(html)))
    if not cids:
        return ()
    rows = connection.execute(select(pictures).where(pictures.c.cid.in_(cids)))
    found = {row.cid: Embedded(cid=row.cid, media_type=row.media_type, content=row.content) for row in rows}
    return tuple(found[cid] for cid in cids if cid in found)
