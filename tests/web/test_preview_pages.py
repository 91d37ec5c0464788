"""The page of `preview --serve`: nothing of it asks anybody else, and no fault hides it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from publisher.articles.intake import look_at
from publisher.editions.mail_programs import lost_features, weigh, without_styles
from publisher.editions.preview import Preview, Reader, preview_edition
from publisher.model.errors import ConfigurationError, TemplateError
from publisher.model.publication import Publication, Secrets
from publisher.theme.environment import environment_of
from publisher.web.preview_pages import show_digest, show_errors

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ARTICLE = """\
+++
title = "Fog <b>"
date = 2026-03-01
section = "world"
+++
Text. ![Elsewhere](https://cdn.example.com/crow.png) ![Here](here.png)
"""


@pytest.fixture
def seen(publication: Publication, sqlite_store: Any, folder: Path) -> Preview:
    (folder / "articles" / "here.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / "articles" / "fog.md").write_text(ARTICLE)
    feed = publication.feed("world")
    assert feed is not None
    assert feed.newsletter is not None
    looked = look_at(publication, sqlite_store, now=NOW)
    return preview_edition(
        publication,
        Secrets(signing=(b"a signing key of enough length..",)),
        environment_of(publication),
        feed,
        feed.newsletter,
        "daily",
        Reader(address="ana@example.com", name="Ana </script>"),
        looked.articles,
        number=7,
        now=NOW,
    )


def shown(folder: Path, publication: Publication, seen: Preview) -> dict[str, str]:
    media = [(Path(file), target) for article in seen.articles for file, target in article.media]
    show_digest(
        folder,
        publication,
        seen,
        weight=weigh(seen.html, seen.text, seen.message, sizes={}),
        lost=lost_features(seen.html),
        sizes={"full": 1000},
        findings=(),
        faults=(),
        media=media,
    )
    return {file.name: file.read_text("utf-8") for file in folder.iterdir() if file.is_file()}


def test_frames_may_show_our_pictures_and_ask_nobody_else(
    tmp_path: Path, publication: Publication, seen: Preview
) -> None:
    files = shown(_folder(tmp_path), publication, seen)
    for name in ("light.htm", "dark.htm", "bare.htm"):
        assert "default-src 'none'" in files[name]
        assert "img-src 'self'" in files[name]
        assert 'src="media/here.png"' in files[name]
    assert "img-src 'none'" in files["blind.htm"]
    page = files["index.html"]
    assert 'sandbox="allow-same-origin allow-popups"' in page
    assert "default-src 'none'" in page
    assert "https://cdn.example.com/crow.png" in page
    assert "is elsewhere on the web, so not shown here" in page


def test_light_and_dark_do_not_hang_on_the_machine(tmp_path: Path, publication: Publication, seen: Preview) -> None:
    files = shown(_folder(tmp_path), publication, seen)
    assert "prefers-color-scheme" not in files["light.htm"] + files["dark.htm"]
    assert "@media (min-width: 0px)" in files["dark.htm"]
    assert "@media (max-width: 0px)" in files["light.htm"]
    assert "<style" not in without_styles(seen.html)


def test_what_readers_and_authors_write_is_text_in_it(tmp_path: Path, publication: Publication, seen: Preview) -> None:
    page = shown(_folder(tmp_path), publication, seen)["index.html"]
    assert "Ana &lt;/script&gt;" in page
    assert "Fog &lt;b&gt;" in page
    assert page.count("</script>") == 1


def test_a_fault_is_shown_with_its_lines_and_files_elsewhere_are_not_read(
    tmp_path: Path, publication: Publication
) -> None:
    folder = _folder(tmp_path)
    root = publication.root
    (root / "templates" / "email").mkdir(parents=True)
    (root / "templates" / "email" / "x.html").write_text("one\ntwo <i>\nthree\n")
    error = TemplateError("does not <parse>", where="templates/email/x.html", line=2, remedy="mend it")
    error.also = (ConfigurationError("no", where="../../../etc/passwd", line=1),)
    show_errors(folder, root, "World", error)
    page = (folder / "index.html").read_text()
    assert "templates/email/x.html:2" in page
    assert "two &lt;i&gt;" in page
    assert "does not &lt;parse&gt;" in page
    assert "root:" not in page


def test_a_digest_takes_the_place_of_a_fault_and_its_pictures_follow(
    tmp_path: Path, publication: Publication, seen: Preview
) -> None:
    folder = _folder(tmp_path)
    show_errors(folder, publication.root, "World", TemplateError("no"))
    assert "Fog" in shown(folder, publication, seen)["index.html"]
    other = tmp_path / "other.png"
    other.write_bytes(b"other")
    article = replace(seen.articles[0], media=((str(other), "media/here.png"),))
    shown(folder, publication, replace(seen, articles=(article, *seen.articles[1:])))
    assert (folder / "media" / "here.png").read_bytes() == b"other"


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "shown"
    folder.mkdir()
    return folder
