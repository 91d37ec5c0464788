"""`publisher build --watch`: a build after every change, until Ctrl-C.

A fault of what is being written is a line, and the watching goes on; only a fault of ours ends it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import click

from publisher.cli.session import Session
from publisher.model.errors import PublisherError
from publisher.model.publication import Publication

__all__ = ["watch"]

EVERY = 0.5
"""Seconds between two looks at the files."""


def watch(
    session: Session,
    *,
    build: Callable[[Publication], bool],
    port: int | None,
    every: float = EVERY,
    folder: Path | None = None,
    failed: Callable[[PublisherError], object] | None = None,
    serving: Callable[[str], object] = lambda _url: None,
) -> None:
    """Calls ``build`` at once and after each change, until Ctrl-C; it answers whether it wrote anything.

    ``port``: ``folder`` (None: public/) is served there as well, with pages that load again; ``serving`` is told the
    address after the first build. ``failed``: is told of faults, and has written pages about them. Raises
    PublisherError where the port is taken, UsageError where there is no publication.
    """
    from publisher.publication.watching import snapshot
    from publisher.web.live import serve_live

    root = session.root
    articles: Path | None = None
    seen = None
    told = False
    try:
        with nullcontext() if port is None else serve_live(folder or root / "public", port) as live:
            if live is not None:
                session.say(f"serving {live.url}")
            session.say("watching (stop with Ctrl-C)")
            while True:
                started = time.monotonic()
                now = snapshot(root, articles)
                if now == seen:
                    # Looking through very many files may take longer: most of the time is for others.
                    time.sleep(max(every, 4 * (time.monotonic() - started)))
                    continue
                seen = now  # of before the build: what is written while it builds is seen at the next look
                try:
                    publication = session.reload()
                    if publication.articles_folder != articles:
                        articles = publication.articles_folder
                        seen = snapshot(root, articles)
                    if build(publication) and live is not None:
                        live.built()
                except PublisherError as error:
                    if failed is not None:
                        failed(error)
                        if live is not None:
                            live.built()
                    for one in (error, *error.also):
                        click.echo(f"publisher: {one}", err=True)
                if live is not None and not told:
                    told = True
                    serving(live.url)
    except KeyboardInterrupt:
        session.say("stopped")
