"""Writing public/ to a real disk."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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


def test_a_file_where_a_folder_should_be_is_told_in_one_line(publication: Publication) -> None:
    publication.public.mkdir()
    (publication.public / "2026").write_text("a file")
    with pytest.raises(OutputError) as refused:
        write_public(publication, [TWO], [])
    assert str(refused.value).startswith("public/2026")
    assert "\n" not in str(refused.value)


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
