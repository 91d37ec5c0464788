"""The golden files: what a small publication's digests are, byte for byte, beside what they are made of.

python -m tests.editions.golden             renews expected/; look at the differences before you commit them
python -m tests.editions.golden FOLDER      writes them there; with a time behind it, as if it were then
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import time_machine

from publisher.articles.intake import look_at
from publisher.editions.preview import Reader, preview_edition
from publisher.model.publication import Secrets
from publisher.publication.loading import load
from publisher.store import open_store
from publisher.theme.environment import environment_of

HERE = Path(__file__).parent
EXPECTED = HERE / "expected"
NOW = datetime(2026, 3, 2, 5, tzinfo=UTC)
COMMAND = "python -m tests.editions.golden"
READERS = {
    "digest": Reader(address="zoe@example.com", name="Zoë Réader", subscription=7),
    "letter": Reader(address="ben@example.com", subscription=8),
    "arabic": Reader(address="layla@example.com", name="ليلى", subscription=9),
}


def golden(folder: Path) -> dict[str, bytes]:
    """The files by name. ``folder``: an empty one, where the publication is copied to."""
    root = folder / "publication"
    shutil.copytree(HERE / "source", root)
    publication = load(root)
    store = open_store(publication.database, root)
    try:
        articles = look_at(publication, store, now=NOW).articles
    finally:
        store.close()
    files: dict[str, bytes] = {}
    for feed in publication.feeds:
        assert feed.newsletter is not None
        seen = preview_edition(
            publication,
            Secrets(signing=(b"the signing key of the golden files",)),
            environment_of(publication),
            feed,
            feed.newsletter,
            feed.newsletter.default_cadence,
            READERS[feed.name],
            articles,
            number=12,
            now=NOW,
        )
        files[f"{feed.name}.html"] = seen.html.encode()
        files[f"{feed.name}.txt"] = seen.text.encode()
        if feed.name == "digest":
            files[f"{feed.name}.eml"] = seen.message
    return files


def main(words: list[str]) -> None:
    """Writes the files."""
    target = Path(words[0]) if words else EXPECTED
    target.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        time_machine.travel(words[1]) if len(words) > 1 else nullcontext(),
    ):
        for name, content in golden(Path(folder)).items():
            (target / name).write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1:])
