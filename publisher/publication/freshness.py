"""Whether there is anything to build: decided from the outside of files, before anything else is imported.

.publisher/fresh.json is written by a build that came to its end without a fault. As long as the articles' folder, the
settings, templates and program look the same, the database is the same file, public/ is as it was left, and no article
has become due, a build would write what is there. Not seen are changes inside the files of public/ (`build --verify`
looks at them) and a database whose content was replaced in place. Fails never: in doubt nothing is fresh. Standard
library only.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from publisher import __version__
from publisher.publication.finding import FILE
from publisher.publication.scanning import Scan, contents, scan, stamp
from publisher.publication.starter import starter

if TYPE_CHECKING:  # a third of all that a build with nothing to do would import
    from publisher.model.publication import Publication

__all__ = ["Fresh", "Looked", "examined", "forget", "frame_of", "fresh", "look", "look_of", "program", "remember"]

_NAME = "fresh.json"
_VERSION = 1
_PACKAGE = str(Path(__file__).resolve().parent.parent)


class Fresh(NamedTuple):
    """What a build left.

    ``scan``      a digest of how everything looked that a build reads
    ``recent``    files touched just before, with a digest of what was in each
    ``beside``    other files it depends on, each with its stamp, or None
    ``public``    how public/ looked from outside (`look_of`)
    ``database``  its file, as device and inode; ``""`` for another kind
    ``since``, ``until``  the same articles are public between these moments (ISO 8601; ``""``: for ever)
    ``hub``       whether there is a WebSub hub
    ``numbered``  whether every article that is to be mailed has had its turn
    ``seen``      the newest sequence number that was read
    ``articles``, ``drafts``, ``files``  how many were read, and files of public/
    """

    scan: str
    recent: dict[str, str]
    beside: dict[str, list[int] | None]
    public: str
    database: str
    since: str
    until: str
    hub: bool
    numbered: bool
    seen: int
    articles: int
    drafts: int
    files: int

    @property
    def told(self) -> str:
        """What a build says that has nothing to do."""
        articles = f"{self.articles:,} article{'' if self.articles == 1 else 's'}"
        return f"{articles} read; 0 files written, {self.files:,} unchanged"


class Looked(NamedTuple):
    """A look at everything that a build reads, taken before it reads. ``scan`` is of the folder ``articles`` alone."""

    scan: Scan
    digest: str
    recent: dict[str, str]
    articles: Path


def look(root: Path, articles: Path) -> Looked:
    """How everything looks now that a build of the publication in ``root`` reads."""
    started = time.time_ns()
    found = _scan(root, articles)
    around = scan(_around(root))
    return _looked(found, around, started, articles)


def _looked(found: Scan, around: Scan, started: int, articles: Path) -> Looked:
    recent = contents((*found.recent(started), *around.recent(started)))
    return Looked(found, _digest(found, around), recent, articles)


def fresh(root: Path, now: datetime) -> Fresh | None:
    """What the last build left, if one at ``now`` would leave the same."""
    found = examined(root, now)
    return found if isinstance(found, Fresh) else None


def examined(root: Path, now: datetime) -> Fresh | Looked | None:
    """What the last build left, if one at ``now`` would leave the same; else how everything looks, or None where there
    was a reason not to look.
    """
    try:
        kept = json.loads((root / ".publisher" / _NAME).read_bytes())
        if kept.pop("version") != _VERSION:
            return None
        folder = kept.pop("folder")
        articles, last = (root / folder).resolve(), Fresh(**kept)
        if now < datetime.fromisoformat(last.since) or (last.until and now >= datetime.fromisoformat(last.until)):
            return None
        if (
            not last.public
            or last.public != look_of(root / "public", root / ".publisher" / "public.json")
            or last.database != _identity(root, last.database)
        ):
            return None
        if any(kept != _listed(stamp(path)) for path, kept in last.beside.items()):
            return None
        started = time.time_ns()
        found, around = _scan(root, articles), scan(_around(root))
        if _digest(found, around) != last.scan or contents(last.recent) != last.recent:
            return _looked(found, around, started, articles)
        if last.recent:
            still = {*found.recent(started), *around.recent(started)}
            if last.recent.keys() - still:  # those need not be read again next time
                last = last._replace(recent={path: kept for path, kept in last.recent.items() if path in still})
                _write(root, folder, last)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return last


def remember(
    publication: Publication,
    looked: Looked,
    *,
    public: str,
    media: Iterable[str],
    now: datetime,
    until: datetime | None,
    numbered: bool,
    seen: int,
    articles: int,
    drafts: int,
    files: int,
) -> None:
    """Keeps what a build left. That it cannot be written costs the next build time, no more.

    ``media``: absolute paths of the pictures and other files that pages show; the scan does not reach all of them.
    """
    outside = {path for path in dict.fromkeys(media) if path.rpartition("/")[0] not in looked.scan.folders}
    beside = {*outside, *(str(publication.state / name) for name in ("nginx.conf", "Caddyfile"))}
    database = publication.database.removeprefix("sqlite:").removeprefix("//")
    kept = Fresh(
        scan=looked.digest,
        recent=looked.recent,
        beside={path: _listed(stamp(path)) for path in sorted(beside)},
        public=public,
        database=_file(publication.root, database) if publication.database.startswith("sqlite:") else "",
        since=now.astimezone(UTC).isoformat(),
        until=until.astimezone(UTC).isoformat() if until else "",
        hub=bool(publication.web.hub),
        numbered=numbered,
        seen=seen,
        articles=articles,
        drafts=drafts,
        files=files,
    )
    with contextlib.suppress(OSError):
        _write(publication.root, publication.articles, kept)


def forget(publication: Publication) -> None:
    """From now on nothing is fresh, until a build has come to its end. To be called wherever something changes that
    pages or feeds show and no file of the publication says: an edition, the database's content.
    """
    with contextlib.suppress(OSError):
        (publication.state / _NAME).unlink(missing_ok=True)


def look_of(public: Path, manifest: Path) -> str:
    """How public/ looks from outside: the folder and those in it, and when something was put in or taken out; and the
    manifest of what is in it, which another build may have written since.
    """
    try:
        with os.scandir(public) as entries:
            inner = sorted((entry.name, entry.stat().st_mtime_ns) for entry in entries if entry.is_dir())
        status = os.stat(public)
    except OSError:
        return ""
    return json.dumps([status.st_dev, status.st_ino, status.st_mtime_ns, inner, stamp(str(manifest))])


def _scan(root: Path, articles: Path) -> Scan:
    names = ("public", "mail", "preview", "publisher.db", "publisher.db-wal", "publisher.db-shm")
    return scan([str(articles)], skip={str(root.resolve() / name) for name in names})


def program() -> str:
    """Changes with the program. What was read by another one is read again."""
    return hashlib.sha256(_program().encode()).hexdigest()


def frame_of(publication: Publication) -> str:
    """Changes with the program, the settings and the templates: with whatever all pages depend on."""
    folders = [str(publication.templates), str(starter() / "templates")]
    templates = contents(path for path, _ in scan(folders).stamps())
    return hashlib.sha256(repr((_program(), publication, sorted(templates.items()))).encode()).hexdigest()


def _around(root: Path) -> list[str]:
    """Settings and templates."""
    return [str(root / FILE), str(root / "feeds"), str(root / "templates"), str(starter() / "templates")]


def _digest(found: Scan, around: Scan) -> str:
    return f"{_program()} {found.digest()} {around.digest()}"


@cache
def _program() -> str:
    """This process's code, as it looked when it was first asked for: another may be installed while `serve` runs."""
    # Installing or removing a package changes the folder that it is in.
    packages = [(path, stamp(path)) for path in sys.path if path.endswith("-packages")]
    return f"{__version__} {sys.version_info[:3]} {scan([_PACKAGE]).digest()} {packages}"


def _file(root: Path, database: str) -> str:
    return f"{database} {_inode(root / database)}"


def _identity(root: Path, database: str) -> str:
    name = database.rpartition(" ")[0]
    return _file(root, name) if name else ""


def _inode(path: Path) -> str:
    try:
        status = os.stat(path)
    except OSError:
        return "none"
    return f"{status.st_dev}:{status.st_ino}"


def _listed(found: tuple[int, int, int] | None) -> list[int] | None:
    return None if found is None else list(found)


def _write(root: Path, folder: str, kept: Fresh) -> None:
    file = root / ".publisher" / _NAME
    temporary = file.with_name(f"{_NAME}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps({"version": _VERSION, "folder": folder, **kept._asdict()}), "utf-8")
    temporary.replace(file)
