"""Writing public/ to a real disk."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import brotli
import pytest

from publisher.model.errors import OutputError
from publisher.model.publication import Publication
from publisher.syndication.documents import Document
from publisher.syndication.public import write_public

Maker = Callable[..., Any]

ONE = Document("feeds/all.rss", b"<rss/>")
TWO = Document("2026/ferry/index.html", b"<p>ferry</p>")


@pytest.fixture
def publication(make_publication: Maker) -> Publication:
    return make_publication()  # type: ignore[no-any-return]


def left_over(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob(".publisher-*"))


def test_documents_are_written_and_a_second_build_changes_nothing(publication: Publication) -> None:
    first = write_public(publication, [ONE, TWO], [])
    assert first.changed == (ONE.path, TWO.path)
    assert (publication.public / TWO.path).read_bytes() == TWO.content
    before = (publication.public / ONE.path).stat()
    second = write_public(publication, [ONE, TWO], [])
    assert (second.changed, second.unchanged, second.removed) == ((), 2, ())
    after = (publication.public / ONE.path).stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_only_what_differs_is_written(publication: Publication) -> None:
    write_public(publication, [ONE, TWO], [])
    written = write_public(publication, [Document(ONE.path, b"<rss> </rss>"), TWO], [])
    assert (written.changed, written.unchanged) == ((ONE.path,), 1)


def test_what_somebody_changed_or_removed_by_hand_is_put_right(publication: Publication) -> None:
    write_public(publication, [ONE, TWO], [])
    (publication.public / ONE.path).write_bytes(b"<rss?>")
    (publication.public / TWO.path).unlink()
    assert write_public(publication, [ONE, TWO], []).changed == (ONE.path, TWO.path)


def test_without_a_manifest_files_are_compared(publication: Publication) -> None:
    write_public(publication, [ONE, TWO], [])
    (publication.state / "public.json").write_text("{ broken")
    written = write_public(publication, [ONE], [])
    assert (written.changed, written.unchanged) == ((), 1)
    assert (publication.public / TWO.path).exists(), "nobody knows any more that it was ours"


def test_pages_of_earlier_builds_disappear_and_their_folders_too(publication: Publication) -> None:
    write_public(publication, [ONE, TWO], [])
    assert write_public(publication, [ONE], []).removed == (TWO.path,)
    assert not (publication.public / "2026").exists()


def test_what_a_killed_build_left_half_written_goes_when_public_is_verified(publication: Publication) -> None:
    write_public(publication, [ONE, TWO], [])
    half = (publication.public / TWO.path).parent / ".publisher-1-abc.tmp"
    half.write_bytes(b"<p>fer")
    write_public(publication, [ONE, TWO], [])
    assert half.exists(), "looking for it costs as much as the whole build"
    write_public(publication, [ONE, TWO], [], verify=True)
    assert left_over(publication.public) == []
    assert (publication.public / TWO.path).read_bytes() == TWO.content


def test_files_of_others_are_never_removed(publication: Publication) -> None:
    write_public(publication, [ONE, TWO], [])
    other = publication.public / "2026" / "ferry" / "notes.txt"
    other.write_text("mine")
    write_public(publication, [ONE], [])
    assert other.read_text() == "mine"


def test_on_request_nothing_is_removed_now_but_later(publication: Publication) -> None:
    write_public(publication, [ONE, TWO], [])
    assert write_public(publication, [ONE], [], keep_others=True).removed == ()
    assert (publication.public / TWO.path).exists()
    assert write_public(publication, [ONE], []).removed == (TWO.path,)


def test_media_are_copied_once_and_again_when_they_change(publication: Publication) -> None:
    source = publication.root / "articles" / "ferry.jpg"
    source.parent.mkdir()
    source.write_bytes(b"jpeg")
    media = [(source, "media/ferry.jpg"), (Path("articles/ferry.jpg"), "media/ferry.jpg")]
    assert write_public(publication, [ONE], media).changed == ("media/ferry.jpg", ONE.path)
    assert write_public(publication, [ONE], media).changed == ()
    source.write_bytes(b"another jpeg")
    assert write_public(publication, [ONE], media).changed == ("media/ferry.jpg",)
    assert (publication.public / "media/ferry.jpg").read_bytes() == b"another jpeg"


def test_a_picture_that_is_gone_is_told_and_keeps_nothing_back(publication: Publication) -> None:
    written = write_public(publication, [ONE], [(publication.root / "no.jpg", "media/no.jpg")])
    assert (written.missing, written.changed) == (("media/no.jpg",), (ONE.path,))


def test_of_two_documents_for_one_path_the_first_stands(publication: Publication) -> None:
    written = write_public(publication, [ONE, Document(ONE.path, b"other")], [])
    assert written.clashes == (ONE.path,)
    assert (publication.public / ONE.path).read_bytes() == ONE.content


@pytest.mark.parametrize("path", ["../evil", "a/../../evil", "/etc/evil", "", "a//b", "a\x00b"])
def test_a_path_that_leads_out_is_not_written(publication: Publication, path: str) -> None:
    written = write_public(publication, [ONE, Document(path, b"evil")], [])
    assert (written.clashes, written.changed) == ((path,), (ONE.path,))


def test_a_file_where_a_folder_should_be_is_told_and_keeps_nothing_else_back(publication: Publication) -> None:
    publication.public.mkdir()
    (publication.public / "2026").write_text("a file")
    written = write_public(publication, [TWO, ONE], [])
    assert (written.clashes, written.changed) == ((TWO.path,), (ONE.path,))
    assert (publication.public / "2026").read_text() == "a file"


@pytest.mark.parametrize("path", ["feeds", f"{'a' * 300}/index.html", "feeds/all.rss/index.html"])
def test_a_name_that_no_file_can_have_is_told_and_keeps_nothing_else_back(publication: Publication, path: str) -> None:
    written = write_public(publication, [ONE, Document(path, b"no place"), TWO], [])
    assert (written.clashes, written.changed) == ((path,), (ONE.path, TWO.path))
    assert left_over(publication.root) == []


def test_an_unwritable_folder_is_told_in_one_line(publication: Publication) -> None:
    if os.geteuid() == 0:  # root may write anywhere: a file in the way does the same
        publication.public.write_text("in the way")
    else:
        publication.public.mkdir(mode=0o500)
    with pytest.raises(OutputError, match=r"^public: cannot be written \(.+\); make the folder writable"):
        write_public(publication, [ONE], [])


def test_a_failure_half_way_leaves_whole_files_and_no_temporary_one(publication: Publication) -> None:
    def documents() -> Iterator[Document]:
        yield TWO
        raise OSError(28, "No space left on device")

    with pytest.raises(OutputError, match=r"^public: cannot be written \(No space left on device\); free some space$"):
        write_public(publication, documents(), [])
    assert (publication.public / TWO.path).read_bytes() == TWO.content
    assert left_over(publication.root) == []
    assert write_public(publication, [ONE], []).removed == (TWO.path,), "what was written then is remembered"


def test_a_full_disk_leaves_no_half_file(publication: Publication) -> None:
    """A limit on the size of files stands in for a full disk: the write itself fails."""
    write_public(publication, [ONE, TWO], [])
    script = textwrap.dedent(
        f"""
        import resource, signal
        from pathlib import Path
        from publisher.model.errors import OutputError
        from publisher.model.publication import Publication
        from publisher.syndication.documents import Document
        from publisher.syndication.public import write_public

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
        publication = Publication(root=Path({str(publication.root)!r}), title="T", url="https://news.example.org")
        try:
            write_public(publication, [Document({ONE.path!r}, b"x" * 8192)], [])
        except OutputError as error:
            print(error)
        """
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "public: cannot be written (File too large); free some space\n", done
    assert (publication.public / ONE.path).read_bytes() == ONE.content
    assert left_over(publication.root) == []


def test_builds_at_once_do_not_harm_each_other(publication: Publication) -> None:
    script = textwrap.dedent(
        f"""
        import sys
        from pathlib import Path
        from publisher.model.publication import Publication
        from publisher.syndication.documents import Document
        from publisher.syndication.public import write_public

        publication = Publication(root=Path({str(publication.root)!r}), title="T", url="https://example.org")
        for turn in range(10):
            content = f"{{sys.argv[1]}} {{turn}} ".encode() * 5000
            write_public(publication, [Document(f"{{number}}/index.html", content) for number in range(10)], [])
        """
    )
    running = [subprocess.Popen([sys.executable, "-c", script, str(number)]) for number in range(3)]
    assert [process.wait(timeout=60) for process in running] == [0, 0, 0]
    contents = {(publication.public / f"{number}/index.html").read_bytes() for number in range(10)}
    assert len(contents) == 1, "the last build is whole"
    assert left_over(publication.root) == []
    assert len(write_public(publication, [], []).removed) == 10


LONG = Document("feeds/all.rss", b"<rss>" + b"A long sentence about the sea. " * 100 + b"</rss>")


def copies(publication: Publication, path: str) -> list[bytes]:
    """What the copies in gzip and brotli beside a file expand to."""
    file = publication.public / path
    found = []
    for suffix, expand in ((".gz", gzip.decompress), (".br", brotli.decompress)):
        copy = file.with_name(file.name + suffix)
        if copy.exists():
            assert copy.stat().st_mtime_ns == file.stat().st_mtime_ns
            found.append(expand(copy.read_bytes()))
    return found


def test_a_feed_has_compressed_copies_that_are_made_once(publication: Publication) -> None:
    written = write_public(publication, [LONG, TWO], [])
    assert written.changed == (LONG.path, TWO.path)
    assert copies(publication, LONG.path) == [LONG.content] * 2
    assert copies(publication, TWO.path) == []
    before = [file.stat().st_ino for file in sorted((publication.public / "feeds").iterdir())]
    assert write_public(publication, [LONG, TWO], []).unchanged == 2
    assert [file.stat().st_ino for file in sorted((publication.public / "feeds").iterdir())] == before
    (publication.public / "feeds" / "all.rss.br").unlink()
    assert write_public(publication, [LONG, TWO], []).changed == ()
    assert copies(publication, LONG.path) == [LONG.content] * 2


def test_two_builds_make_the_same_copies(publication: Publication) -> None:
    def bytes_of_copies() -> list[bytes]:
        write_public(publication, [LONG], [])
        return [(publication.public / f"{LONG.path}{suffix}").read_bytes() for suffix in (".gz", ".br")]

    first = bytes_of_copies()
    shutil.rmtree(publication.root / "public")
    shutil.rmtree(publication.state)
    assert bytes_of_copies() == first


@pytest.mark.parametrize("lost", [False, True], ids=["with the manifest", "without it"])
def test_a_page_keeps_its_copies_until_it_changes(publication: Publication, lost: bool) -> None:
    page = Document(TWO.path, TWO.content * 50)
    write_public(publication, [page], [], compress=True)
    write_public(publication, [page], [])
    assert copies(publication, page.path) == [page.content] * 2
    if lost:
        (publication.state / "public.json").unlink()
    write_public(publication, [Document(page.path, page.content.upper())], [], keep_others=True)
    assert copies(publication, page.path) == [], "a copy of something else is worse than none"


def test_copies_go_with_what_they_are_copies_of(publication: Publication) -> None:
    write_public(publication, [LONG, TWO], [], compress=True)
    assert write_public(publication, [LONG], []).removed == (TWO.path,)
    assert sorted(file.name for file in publication.public.rglob("*.*")) == ["all.rss", "all.rss.br", "all.rss.gz"]


def test_a_file_that_is_put_back_has_the_time_that_it_had(publication: Publication) -> None:
    def times() -> list[int]:
        return [file.stat().st_mtime_ns for file in sorted((publication.public / "feeds").iterdir())]

    write_public(publication, [LONG], [])
    before = times()
    shutil.rmtree(publication.public)
    assert write_public(publication, [LONG], []).changed == (LONG.path,)
    assert times() == before
    os.utime(publication.public / LONG.path)
    write_public(publication, [LONG], [])
    assert times() == before
    write_public(publication, [Document(LONG.path, LONG.content.upper())], [])
    assert times() != before
