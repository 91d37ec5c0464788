"""``python -m tests.syndication.crewed FOLDER MANY``: a build in a process of its own, which may fork; its report."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

from publisher.model.errors import PublisherError
from publisher.publication import load
from publisher.store import open_store
from publisher.syndication.publishing import publish
from publisher.theme.environment import environment_of

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)


def main(folder: Path, many: int) -> None:
    """Builds it; prints what was done, or the error."""
    publication = load(folder)
    store = open_store(publication.database, folder)
    try:
        published = publish(
            publication, store, environment=environment_of(publication), now=NOW, mailing=False, many=many
        )
        written = published.written
        print(
            json.dumps(
                {
                    "articles": [article.path for article in published.articles],
                    "changed": written.changed,
                    "unchanged": written.unchanged,
                    "removed": written.removed,
                    "clashes": written.clashes,
                    "errors": [str(error) for error in published.errors],
                }
            )
        )
    except PublisherError as error:
        print(json.dumps({"error": str(error)}))
    finally:
        store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
