"""What `publisher import` reads from files, and the file it writes."""

from __future__ import annotations

import codecs
import threading
import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest

from publisher.articles.front_matter import split
from publisher.articles.importing import author_key, front_matter, read_source, recognise, write_article
from publisher.model.errors import ImportRefused, OutputError

TEXT = """Brücke öffnet – “at last”

Canal bridge

The bridge over the Example canal opened on Monday, said mayor Änne Groß. “Très bien,” she added.

What It Cost

Repairs cost 4.2 million, twice what the council had set aside.
"""
WHEN = datetime(2026, 1, 20, 7, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        TEXT.replace("\n", "\r\n").encode("utf-8-sig"),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        TEXT.encode("cp1252"),
    ],
    ids=["UTF-8", "with mark", "CRLF", "UTF-16 LE", "UTF-16 BE", "UTF-32", "Windows-1252"],
)
def test_a_text_is_the_same_article_in_every_encoding(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "page.txt"
    path.write_bytes(data)
    assert read_source(path) == recognise(TEXT, source=str(path))


def test_latin_1_keeps_its_letters(tmp_path: Path) -> None:
    path = tmp_path / "page.txt"
    path.write_bytes("Café\n\nLe café de la Place est ouvert à midi, dit Zoé.\n".encode("latin-1"))
    article = read_source(path)
    assert (article.title, article.body) == ("Café", "Le café de la Place est ouvert à midi, dit Zoé.\n")


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"", "empty"),
        (b" \r\n\t \n", "empty"),
        (codecs.BOM_UTF8, "no words"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * 100, "PNG picture"),
        (b"%PDF-1.7\nabc", "PDF document"),
        (b"PK\x03\x04abc", "ZIP archive"),
        (b"{\\rtf1 abc}", "RTF document"),
        (b"text \x00 text", "binary"),
        (bytes(range(1, 32)) * 10, "binary"),
        (b"\xf3\x17\x9c\x00\xff\xe1abc", "binary"),
        ("Мост снова открыт для движения".encode("cp1251"), "encoding"),
        ("Brücke für Fußgänger geöffnet".encode() + b"\xff", "not UTF-8"),
        (codecs.BOM_UTF16_LE + b"abc", "not UTF-16"),
    ],
)
def test_what_is_not_an_article_is_refused_in_one_line(tmp_path: Path, data: bytes, cause: str) -> None:
    path = tmp_path / "page.txt"
    path.write_bytes(data)
    with pytest.raises(ImportRefused, match=cause) as caught:
        read_source(path)
    assert str(caught.value).startswith(f"{path}:")
    assert "\n" not in str(caught.value)


def test_a_file_of_50_megabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(50_000_000)
    with pytest.raises(ImportRefused, match="larger than 5 MB"):
        read_source(path)


def test_an_endless_device_is_read_no_further_than_the_limit() -> None:
    with pytest.raises(ImportRefused, match="larger than 5 MB"):
        read_source(Path("/dev/zero"))


def test_folders_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefused, match="is a folder"):
        read_source(tmp_path)
    with pytest.raises(ImportRefused, match="no such file"):
        read_source(tmp_path / "missing.txt")
    with pytest.raises(ImportRefused, match="cannot be read"):
        read_source(tmp_path / ("x" * 300))


def test_the_front_matter_says_what_was_recognised() -> None:
    text = front_matter(
        recognise(TEXT, source="page.txt"),
        article_id="tag:news.example.org,2026-01-20:/bridge",
        date=WHEN,
        section="world",
        language="en",
        authors=["ana", "ben"],
        mail=False,
    )
    head, body = text.split("+++\n")[1:]
    assert tomllib.loads(head) == {
        "id": "tag:news.example.org,2026-01-20:/bridge",
        "title": "Brücke öffnet – “at last”",
        "date": WHEN,
        "section": "world",
        "authors": ["ana", "ben"],
        "summary": "The bridge over the Example canal opened on Monday, said mayor Änne Groß. “Très bien,” she added.",
        "language": "en",
        "caption": "Canal bridge",
        "mail": False,
    }
    assert body == "\n" + recognise(TEXT, source="").body


def test_the_front_matter_is_read_back_letter_for_letter() -> None:
    title = 'A "quoted" \\ title with \x85 \U0001f600 +++ ” = # [x]'
    text = front_matter(
        recognise(f"{title.replace(chr(0x85), '')}\n\nA paragraph of it.", source=""),
        article_id="x", date=WHEN, section="", language="", authors=[], mail=True,
    )  # fmt: skip
    front, body = split(text, path="x.md")
    assert front.line("title") == " ".join(title.replace("\x85", "").split())
    assert (front.flag("mail"), front.words("authors"), front.line("section")) == (True, (), "")
    assert body == "A paragraph of it.\n"


def test_a_markdown_file_keeps_its_body_and_its_front_matter(tmp_path: Path) -> None:
    path = tmp_path / "post.md"
    body = "A *paragraph* with [a link](https://example.org).\n\n## And a heading\n"
    path.write_text(
        f"---\ntitle: Old\ndate: 2020-02-03\nauthor: Ana Example\ntags: [a, b]\nslug: old-one\n---\n\n{body}"
    )
    article = read_source(path)
    assert (article.title, article.body, article.date_text) == ("Old", body, "2020-02-03")
    assert [author.key for author in article.authors] == ["ana-example"]
    text = front_matter(
        article, article_id="i", date=WHEN, section="", language="", authors=["ana-example"], mail=False
    )
    front, _ = split(text, path="old.md")
    assert (front.words("tags"), front.line("slug"), front.line("date")) == (("a", "b"), "old-one", str(WHEN))


def test_a_markdown_file_without_front_matter_has_its_title_in_its_heading(tmp_path: Path) -> None:
    path = tmp_path / "post.md"
    path.write_bytes(b"# The title\r\n\r\nA paragraph.\r\n")
    assert (read_source(path).title, read_source(path).body) == ("The title", "A paragraph.\n")


def test_front_matter_that_cannot_be_read_is_refused_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "post.md"
    path.write_text("+++\ntitle = Old\n+++\n\nText.\n")
    with pytest.raises(ImportRefused, match=r"post\.md:2: "):
        read_source(path)


def test_no_article_is_written_over_another(tmp_path: Path) -> None:
    folder = tmp_path / "articles"
    paths = [write_article(folder, f"text {number}\n", "bridge") for number in (1, 2, 3)]
    assert [path.name for path in paths] == ["bridge.md", "bridge-2.md", "bridge-3.md"]
    assert [path.read_text() for path in paths] == ["text 1\n", "text 2\n", "text 3\n"]
    assert sorted(folder.iterdir()) == sorted(paths)


def test_articles_written_at_once_all_get_a_name(tmp_path: Path) -> None:
    written: list[Path] = []
    threads = [
        threading.Thread(target=lambda n=n: written.append(write_article(tmp_path, f"{n}", "bridge"))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {path.read_text() for path in written} == set("01234567")
    assert len(list(tmp_path.iterdir())) == 8


def test_a_folder_that_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "articles").write_text("a file where the folder should be")
    with pytest.raises(OutputError, match=r"articles: cannot be written \([^\n]+; make the folder writable$"):
        write_article(tmp_path / "articles", "text", "bridge")
    assert [path.name for path in tmp_path.iterdir()] == ["articles"]


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("Ana Example", "ana-example"),
        ("Jörg Müller-Groß", "jorg-muller-gross"),
        ("Seán O’Casey", "sean-ocasey"),
    ],
)
def test_an_authors_key_is_a_slug(name: str, key: str) -> None:
    assert author_key(name) == key


def test_an_authors_key_is_ascii_and_stable_in_every_script() -> None:
    keys = [author_key(name) for name in ("张三", "李四", "آنا مثال", "Ana 张")]
    assert all(key.isascii() for key in keys)
    assert len(set(keys)) == 4
    assert author_key("张三") == "author-1d841bc0"
