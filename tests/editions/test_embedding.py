"""Pictures inside the message: which, under which name, and that the message is put together right."""

from __future__ import annotations

import email
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from publisher.delivery.composing import edition_envelope
from publisher.delivery.message import compile_message, message_bytes
from publisher.editions.embedding import LARGEST, TOGETHER, embeddable, embedded
from publisher.model.article import Article, Image
from publisher.model.edition import Digest
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication
from publisher.store import pictures as picture_store

URL = "https://news.example.org/media/"


@pytest.fixture
def pictured(tmp_path: Path, article: Any) -> Article:
    """An article that shows five pictures: two of ours that are alike, an SVG, one too large, and somebody else's."""
    contents = {
        "a.png": b"\x89PNG one",
        "b & c.png": b"\x89PNG one",
        "map.svg": b"<svg/>",
        "huge.jpg": b"x" * (LARGEST + 1),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    sources = [f"{URL}a.png", f"{URL}b%20%26%20c.png", f"{URL}map.svg", f"{URL}huge.jpg", "https://example.com/a.png"]
    made: Article = article(
        0,
        "Pictures",
        "".join(f'<p><img src="{source}" alt="One" width="10" height="10"></p>' for source in sources),
        image=Image(f"{URL}a.png", alt="A", width=20, height=10),
        media=tuple((str(tmp_path / name), f"media/{name}") for name in contents),
    )
    return made


def message(publication: Publication, newsletter: Newsletter, digest: Digest) -> tuple[bytes, EmailMessage]:
    at = datetime(2025, 1, 20, 6, tzinfo=UTC)
    envelope = edition_envelope(publication, newsletter, number=12, date=at, language="en")
    buffers = compile_message(digest, envelope).message(
        message_id="<d1@example.org>",
        recipient_address="ana@example.com",
        fields={"unsubscribe_url": "https://x.org/u/1"},
    )
    raw = message_bytes(buffers)
    parsed = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(parsed, EmailMessage)
    return raw, parsed


def test_only_our_own_pictures_that_mail_programs_show_are_embedded(
    publication: Publication, pictured: Article
) -> None:
    found = embeddable(publication, [pictured])
    assert list(found) == [f"{URL}a.png", f"{URL}b%20%26%20c.png"]
    first, second = found.values()
    assert first == second
    assert first.cid.endswith("@news.example.org")
    assert first.media_type == "image/png"


def test_together_they_stay_within_bounds(tmp_path: Path, publication: Publication, article: Any) -> None:
    media = []
    for number in range(8):
        (tmp_path / f"{number}.png").write_bytes(bytes([number]) * LARGEST)
        media.append((str(tmp_path / f"{number}.png"), f"media/{number}.png"))
    assert len(embeddable(publication, [article(0, media=tuple(media))])) == TOGETHER // LARGEST


def test_the_digest_shows_them_by_their_content_id_and_links_the_others(
    compose: Any, publication: Publication, pictured: Article
) -> None:
    found = embeddable(publication, [pictured])
    digest = compose([pictured], pictures=found)
    (cid,) = {picture.cid for picture in digest.pictures}
    assert len(digest.pictures) == 1
    assert digest.html.count(f'src="cid:{cid}"') == 2
    assert f'src="{URL}huge.jpg"' in digest.html
    assert f'href="{URL}map.svg"' in digest.html
    assert 'src="https://example.com/a.png"' in digest.html
    assert compose([pictured]).pictures == ()
    assert "cid:" not in compose([pictured]).html
    assert compose([pictured], style="headlines", pictures=found).pictures == ()


def test_the_html_and_its_pictures_belong_together_beside_the_text(
    compose: Any, publication: Publication, newsletter: Newsletter, pictured: Article
) -> None:
    digest = compose([pictured], pictures=embeddable(publication, [pictured]))
    raw, parsed = message(publication, newsletter, digest)
    assert [part.get_content_type() for part in parsed.walk()] == [
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
    ]
    assert not any(part.defects for part in parsed.walk())
    picture = list(parsed.walk())[-1]
    assert picture.get_content() == b"\x89PNG one"
    assert picture["Content-ID"] == f"<{digest.pictures[0].cid}>"
    assert f'src="cid:{digest.pictures[0].cid}"' in parsed.get_body(("html",)).get_content()
    assert all(len(line) <= 998 and not line.startswith(b".") for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"")


def test_a_message_without_pictures_has_no_part_for_them(
    compose: Any, publication: Publication, newsletter: Newsletter, pictured: Article
) -> None:
    _, parsed = message(publication, newsletter, compose([pictured]))
    types = [part.get_content_type() for part in parsed.walk()]
    assert types == ["multipart/alternative", "text/plain", "text/html"]


def test_an_address_in_the_text_is_left_alone(publication: Publication, pictured: Article) -> None:
    found = embeddable(publication, [pictured])
    assert embedded(f'<a href="{URL}a.png">{URL}a.png</a>', found) == f'<a href="{URL}a.png">{URL}a.png</a>'
    assert embedded("<p></p>", {}) == "<p></p>"


def test_the_database_keeps_each_picture_once_and_gives_it_back(
    compose: Any, publication: Publication, pictured: Article, sqlite_store: Any
) -> None:
    digest = compose([pictured], pictures=embeddable(publication, [pictured]))
    for _ in range(2):
        with sqlite_store.writing() as connection:
            picture_store.keep(connection, digest.pictures)
    with sqlite_store.reading() as connection:
        assert picture_store.shown_in(connection, digest.html) == digest.pictures
        assert picture_store.shown_in(connection, "<p>none</p>") == ()
