"""Writing public/: only what differs, each file whole or not at all, and nothing removed that is not ours.

Guarantees: a file is replaced by a rename, so a reader sees the old bytes or the new ones; files of an
earlier build that are no longer made are removed, and no others; one sync at the end. A file that is put back
with the content it had gets back its time, too: it is when the content last changed, whatever became of public/.
Compressed copies stand beside what is text, and never beside a text that they do not match. Two runs at once take
turns, and where locks do not work (some network file systems) they still never share a temporary file.
Fails with OutputError, which names the folder; what was written up to then stays and is remembered.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from publisher.model.errors import OutputError
from publisher.model.publication import Publication
from publisher.publication.freshness import look_of
from publisher.syndication.compressing import SUFFIXES, compressed, is_copy
from publisher.syndication.documents import Document, Later
from publisher.syndication.headers import HTML, is_text, media_type
from publisher.syndication.placing import TEMPORARY, holds, is_same, place, replacing, sweep, sync

__all__ = ["MANIFEST", "Build", "Known", "Written", "others_in_public", "write_public"]

MANIFEST = "public.json"
_VERSION = 2
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# One name is at fault, not the folder: it is too long, or a file where another document needs a folder.
_NO_PLACE = {errno.ENAMETOOLONG, errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ELOOP}


@dataclass(frozen=True, slots=True)
class Written:
    """What a build did, as paths relative to public/; compressed copies are not counted apart.

    ``clashes``  what found no place: an earlier one of the build has the path, it leads out of public/, or no file
                 can have that name
    ``missing``  media that should be copied and cannot be read
    ``look``     how public/ looked from outside when the build left it (`publisher.publication.freshness`)
    """

    changed: tuple[str, ...]
    unchanged: int
    removed: tuple[str, ...]
    clashes: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    look: str = ""


class Known(NamedTuple):
    """A file as a build left it: what it was ``made`` of, its size and time since, and a digest of its ``content``.

    What a document is made of may change and its content stay; then its time and its copies do, too.
    """

    made: str
    size: int
    modified: int
    content: str


def write_public(
    publication: Publication,
    documents: Iterable[Document | Later],
    media: Iterable[tuple[Path, str]],
    *,
    keep_others: bool = False,
    compress: bool = False,
    verify: bool = False,
    share: Callable[[Build, Iterable[Document | Later]], Iterable[Document | Later]] = lambda _build, all: all,
) -> Written:
    """Make public/ consist of ``documents``, ``media`` (source, path under public/), and what is not ours.

    ``keep_others``: files of an earlier build that are not made now stay (an article could not be read: the
    page that would go may be its). ``compress``: pages get compressed copies, too, all of them as small as it gets;
    without it feeds and other texts do, and pages and archive pages keep those that are right. ``verify``: what is in
    files counts, not only their sizes and times, and what killed builds left half written goes. Media are written
    first, documents in their order: give pages before the feeds that link to them. Sources may be relative to the
    publication. ``share`` may have the first of the documents written by others, and gives back the rest.
    Raises OutputError.
    """
    with _turn(publication.state):
        build = Build(publication.public, _remembered(publication.state), compress=compress, verify=verify)
        try:
            publication.public.mkdir(parents=True, exist_ok=True)
            build.touched = verify and sweep(publication.public)
            for source, path in media:
                build.copy(publication.root / source, path)
            for document in share(build, documents):
                build.write(document)
            if keep_others:
                build.keep_the_rest()
            else:
                build.remove_the_rest()
            if build.touched:
                sync(publication.public)
        except OSError as error:
            # If this fails too, the cause is told already, and the next build compares files instead.
            with contextlib.suppress(OSError):
                _remember(publication.state, {**build.before, **build.now})
            raise _refused(publication, error) from error
        try:
            if build.now != build.before:
                _remember(publication.state, build.now)
        except OSError as error:
            raise _refused(publication, error) from error
        left = look_of(publication.public, publication.state / MANIFEST)
    return Written(
        tuple(build.changed),
        build.unchanged,
        tuple(build.removed),
        tuple(build.clashes),
        tuple(build.missing),
        left,
    )


def others_in_public(publication: Publication) -> frozenset[str]:
    """The files of public/ that no build of ours has written, as paths relative to it."""
    ours = _remembered(publication.state)
    found = (path for path in publication.public.rglob("*") if path.is_file())
    return frozenset(path.relative_to(publication.public).as_posix() for path in found) - ours.keys()


class Build:
    """One build of public/: what was there before, what is there now."""

    def __init__(self, public: Path, before: dict[str, Known], *, compress: bool = False, verify: bool = False) -> None:
        self.public = public
        self._public = str(public)
        self.before = before
        self.compress = compress
        self.verify = verify
        self.touched = False
        self._claims: dict[str, Known] = {}
        copies = tuple(SUFFIXES.values())
        self._copied = {path.rpartition(".")[0] for path in before if path.endswith(copies)}
        self.now: dict[str, Known] = {}
        self.changed: list[str] = []
        self.removed: list[str] = []
        self.clashes: list[str] = []
        self.missing: list[str] = []
        self.unchanged = 0

    def write(self, document: Document | Later) -> None:
        """Put the document in its place if other bytes are there."""
        if not self._claim(document.path):
            return
        made = document.made if isinstance(document, Later) else _digest(document.content)
        simple = isinstance(document, Later) and document.page is not None and self.may_be_shared(document.path)
        if simple and self._is_as_left(document.path, made):  # most often
            self.unchanged += 1
            return
        content = cache(lambda: document.content)  # of a later document, only if somebody needs it
        target = f"{self._public}/{document.path}"
        as_left = self._is_as_left(document.path, made) and (not self.verify or holds(target, content()))
        alone = False
        if as_left:
            self.unchanged += 1
        else:
            with self._placing(document.path):
                data = content()  # before the folder is made: it may not render
                alone = document.path not in self.before and self._make_folder(document.path)
                if not alone and holds(target, data):
                    self._settle(document.path, made, _digest(data), changed=False)
                else:
                    self._settle(document.path, made, _digest(data), changed=True, status=place(target, data))
        if is_text(document.path) and document.path in self.now:
            seldom = media_type(document.path) == HTML or (isinstance(document, Later) and document.seldom)
            wanted = self.compress or not seldom
            if wanted or not alone:
                self._write_copies(document.path, content, as_left=as_left, wanted=wanted)

    def _write_copies(self, path: str, content: Callable[[], bytes], *, as_left: bool, wanted: bool) -> None:
        """Put compressed copies beside a document, of the same age; copies of what it was go."""
        if as_left and not wanted and not any(f"{path}{suffix}" in self.before for suffix in SUFFIXES.values()):
            return
        made = self.now[path].content
        for coding, suffix in SUFFIXES.items():
            copy, copied = f"{path}{suffix}", f"{made}{suffix}"
            target = self.public / copy
            if self._is_as_left(copy, copied) and (not self.verify or is_copy(target.read_bytes(), coding, content())):
                continue
            if wanted:
                with self._placing(copy):
                    size = place(str(target), compressed(content(), coding, best=self.compress)).st_size
                    age = self.now[path].modified
                    os.utime(target, ns=(age, age))
                    self.now[copy] = Known(copied, size, age, copied)
                    self.touched = True
            elif copy in self.before or not as_left:
                target.unlink(missing_ok=True)
                self.before.pop(copy, None)

    def copy(self, source: Path, path: str) -> None:
        """Put a copy of ``source`` in its place if another file is there."""
        try:
            status = source.stat()
        except OSError:
            self.missing.append(path)
            return
        made = f"{status.st_size}:{status.st_mtime_ns}:{status.st_ino}"
        if path in self.now and self.now[path].made == made:  # two articles show the same picture
            return
        if not self._claim(path):
            return
        if self._is_as_left(path, made) and (not self.verify or is_same(self.public / path, source)):
            self.unchanged += 1
            return
        try:
            content = source.open("rb")
        except OSError:
            self.missing.append(path)
            return
        with content, self._placing(path):
            with replacing(self.public / path) as file:
                shutil.copyfileobj(content, file, 1 << 20)
            self._settle(path, made, made, changed=True)

    def keep_the_rest(self) -> None:
        """Go on remembering what an earlier build wrote: a later one may remove it."""
        self.now = {**self.before, **self.now}

    def remove_the_rest(self) -> None:
        """Remove what an earlier build wrote and this one did not, and folders that are empty then."""
        for path in self.before.keys() - self.now.keys():
            target = self.public / path
            if not _is_inside(path) or not target.is_file():
                continue
            target.unlink(missing_ok=True)
            self.touched = True
            if not self.before[path].made.endswith(tuple(SUFFIXES.values())):
                self.removed.append(path)
            for folder in target.relative_to(self.public).parents[:-1]:
                try:
                    (self.public / folder).rmdir()
                except OSError:  # not empty, or not there: both are fine
                    break
        self.removed.sort()

    def _make_folder(self, path: str) -> bool:
        """Makes the folder that ``path`` is in, if it is not there; whether it was made, and so has nothing in it."""
        folder, _, _ = path.rpartition("/")
        try:
            os.mkdir(f"{self._public}/{folder}")
        except FileExistsError:
            return False
        except FileNotFoundError:
            os.makedirs(f"{self._public}/{folder}", exist_ok=True)
        return True

    def may_be_shared(self, path: str) -> bool:
        """Whether another process could write it: nothing has to be known of its compressed copies."""
        return not (self.compress or self.verify or path in self._copied)

    def claim(self, document: Later) -> bool:
        """Keeps its place for a document that another process is to write; not if it is there already."""
        path, made = document.path, document.made
        if not self._claim(path):
            return False
        if self._is_as_left(path, made):
            self.unchanged += 1
            return False
        self.now[path] = self._claims[path] = Known(made, -1, -1, "")
        return True

    def take(self, now: Mapping[str, Known], changed: Iterable[str], clashes: Iterable[str], unchanged: int) -> None:
        """What another process wrote, in places that were kept."""
        self.now.update(now)
        self.changed += changed
        self.clashes += clashes
        self.unchanged += unchanged
        self.touched = self.touched or bool(self.changed)

    def drop_claims(self) -> None:
        """Gives up the places that were kept and not taken."""
        for path, kept in self._claims.items():
            if self.now.get(path) is kept:
                del self.now[path]
        self._claims.clear()

    def _claim(self, path: str) -> bool:
        """Whether ``path`` may be written in this build: it lies inside public/ and nobody has it yet."""
        if not _is_inside(path) or path in self.now:
            self.clashes.append(path)
            return False
        return True

    @contextlib.contextmanager
    def _placing(self, path: str) -> Iterator[None]:
        """A name that no file can have is this document's misfortune; the others go on."""
        try:
            yield
        except OSError as error:
            if error.errno not in _NO_PLACE:
                raise
            self.clashes.append(path)

    def _is_as_left(self, path: str, made: str) -> bool:
        known = self.before.get(path)
        if known is None or known.made != made:
            return False
        try:
            status = os.stat(f"{self._public}/{path}")
        except OSError:
            return False
        if (status.st_size, status.st_mtime_ns) != (known.size, known.modified):
            return False
        self.now[path] = known
        return True

    def _settle(
        self, path: str, made: str, content: str, *, changed: bool, status: os.stat_result | None = None
    ) -> None:
        target = f"{self._public}/{path}"
        before = self.before.get(path)
        if before is not None and before.content == content:
            os.utime(target, ns=(before.modified, before.modified))
            status = None
        status = status or os.stat(target)
        self.now[path] = Known(made, status.st_size, status.st_mtime_ns, content)
        if changed:
            self.touched = True
            self.changed.append(path)
        else:
            self.unchanged += 1


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _is_inside(path: str) -> bool:
    parts = path.split("/")
    return bool(path) and "\x00" not in path and not any(part in ("", ".", "..") for part in parts)


@contextlib.contextmanager
def _turn(state: Path) -> Iterator[None]:
    """One build at a time on this machine."""
    try:
        state.mkdir(parents=True, exist_ok=True)
        lock = (state / "public.lock").open("ab")
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror})",
            where=str(state),
            remedy="make the publication's folder writable",
        ) from error
    with lock:
        with contextlib.suppress(OSError):  # no locks here: see the module's guarantees
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _remembered(state: Path) -> dict[str, Known]:
    """The manifest; empty if there is none that can be read: then files are compared byte by byte."""
    try:
        saved = json.loads((state / MANIFEST).read_bytes())
        if saved["version"] == 1:  # which had no digests of its own: documents were made of their content
            return {path: Known(known[0], known[1], known[2], known[0]) for path, known in saved["files"].items()}
        if saved["version"] != _VERSION:
            return {}
        return {path: Known._make(known) for path, known in saved["files"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def _remember(state: Path, files: dict[str, Known]) -> None:
    content = {
        "version": _VERSION,
        "files": dict(sorted(files.items())),
    }
    with replacing(state / MANIFEST) as file:
        file.write(json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def _refused(publication: Publication, error: OSError) -> OutputError:
    place = Path(os.fsdecode(error.filename)) if error.filename else publication.public
    folder = place.parent if place.name.startswith(TEMPORARY) else place
    try:
        where = str(folder.relative_to(publication.root))
    except ValueError:
        where = str(folder)
    remedy = "free some space" if error.errno in _FULL else "make the folder writable, and run again"
    return OutputError(f"cannot be written ({error.strerror})", where=where, remedy=remedy)
