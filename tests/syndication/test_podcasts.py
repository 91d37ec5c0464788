"""Recordings: one enclosure with its true length and type, and what directories of podcasts ask for (PSP-1)."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import podcastparser
import pytest

from publisher.model.article import Article, Audio
from publisher.model.feed import Podcast, Selection
from publisher.model.publication import Publication
from publisher.pipeline import Published, publish
from publisher.publication.loading import load
from publisher.syndication.documents import feed_documents
from publisher.theme.environment import environment_of
from tests.syndication.walking import head

Maker = Callable[..., Any]

ITUNES = "{http://www.itunes.com/dtds/podcast-1.0.dtd}"
PODCAST = "{https://podcastindex.org/namespace/1.0}"
AUDIO = Audio(
    url="https://news.example.org/media/one.mp3",
    length=1_234_567,
    media_type="audio/mpeg",
    duration=1865,
    episode=3,
    season=1,
    transcript="https://news.example.org/media/one.vtt",
    transcript_type="text/vtt",
    chapters="https://news.example.org/media/one.json",
    chapters_type="application/json+chapters",
)
SHOW = Podcast(
    author="Ana & Bo",
    image="images/art.png",
    categories=(("Society & Culture", "Documentary"), ("News", "")),
    owner_name="Ana",
    owner_address="ana@example.org",
)


def documents(publication: Any, articles: list[Article]) -> dict[str, bytes]:
    return {document.path: document.content for document in feed_documents(publication, articles)}


@pytest.fixture
def podcast(make_publication: Maker) -> Publication:
    publication = make_publication()
    feed = replace(publication.feeds[0], podcast=SHOW, selection=Selection(audio=True))
    return replace(publication, feeds=(feed,))  # type: ignore[no-any-return]


def test_20_rss_has_one_enclosure_with_true_length_and_type(make_publication: Maker, make_article: Maker) -> None:
    made = documents(make_publication(), [make_article(audio=AUDIO)])
    (enclosure,) = head(made["feeds/all.rss"]).findall("item/enclosure")
    assert dict(enclosure.attrib) == {"url": AUDIO.url, "length": "1234567", "type": "audio/mpeg"}
    assert b"itunes" not in made["feeds/all.rss"], "an article with a recording makes no podcast"
    namespace = {"a": "http://www.w3.org/2005/Atom"}
    links = head(made["feeds/all.atom"]).findall("a:entry/a:link", namespace)
    assert [(link.get("rel"), link.get("type"), link.get("length")) for link in links] == [
        ("alternate", "text/html", None),
        ("enclosure", "audio/mpeg", "1234567"),
    ]
    assert json.loads(made["feeds/all.json"])["items"][0]["attachments"] == [
        {"url": AUDIO.url, "mime_type": "audio/mpeg", "size_in_bytes": 1234567, "duration_in_seconds": 1865}
    ]


def test_22_a_podcast_has_what_directories_require(podcast: Publication, make_article: Maker) -> None:
    made = documents(podcast, [make_article("one", audio=AUDIO), make_article("two", age=1)])
    channel = head(made["feeds/all.rss"])
    (item,) = channel.findall("item")
    assert channel.findtext(f"{ITUNES}explicit") == item.findtext(f"{ITUNES}explicit") == "false"
    assert channel.find(f"{ITUNES}image").get("href") == "https://news.example.org/media/images/art.png"
    categories = channel.findall(f"{ITUNES}category")
    assert [(one.get("text"), [inner.get("text") for inner in one]) for one in categories] == [
        ("Society & Culture", ["Documentary"]),
        ("News", []),
    ]
    assert channel.findtext(f"{ITUNES}author") == "Ana & Bo"
    assert channel.findtext(f"{ITUNES}type") == "episodic"
    assert channel.findtext(f"{ITUNES}owner/{ITUNES}email") == "ana@example.org"
    locked = channel.find(f"{PODCAST}locked")
    assert (locked.text, locked.get("owner")) == ("yes", "ana@example.org")
    assert item.findtext(f"{ITUNES}duration") == "1865"
    assert (item.findtext(f"{ITUNES}season"), item.findtext(f"{ITUNES}episode")) == ("1", "3")
    assert item.findtext(f"{ITUNES}episodeType") == "full"
    transcript, chapters = item.find(f"{PODCAST}transcript"), item.find(f"{PODCAST}chapters")
    assert dict(transcript.attrib) == {"url": AUDIO.transcript, "type": "text/vtt", "language": "en"}
    assert dict(chapters.attrib) == {"url": AUDIO.chapters, "type": "application/json+chapters"}


def test_22_the_guid_is_the_one_that_everybody_computes_and_can_be_kept(
    podcast: Publication, make_publication: Maker
) -> None:
    """The namespace's own example: podnews.net/rss."""
    feed = replace(podcast.feeds[0], name="x")
    named = replace(podcast, url="https://podnews.net", feeds=(feed,))
    guids = {
        url: head(documents(replace(named, url=url), [])["feeds/x.rss"]).findtext(f"{PODCAST}guid")
        for url in ("https://podnews.net", "http://podnews.net", "https://elsewhere.example.org")
    }
    assert guids["https://podnews.net"] == guids["http://podnews.net"] != guids["https://elsewhere.example.org"]
    kept = replace(feed, podcast=replace(SHOW, guid="9b024349-ccf0-5f69-a609-6b82873eab3c"))
    made = documents(replace(named, feeds=(kept,)), [])
    assert head(made["feeds/x.rss"]).findtext(f"{PODCAST}guid") == "9b024349-ccf0-5f69-a609-6b82873eab3c"


def test_22_an_untitled_episode_has_a_title_and_an_explicit_one_says_so(
    podcast: Publication, make_article: Maker
) -> None:
    made = documents(podcast, [make_article(title="", summary="Fog.", audio=replace(AUDIO, explicit=True))])
    (item,) = head(made["feeds/all.rss"]).findall("item")
    assert (item.findtext("title"), item.findtext(f"{ITUNES}explicit")) == ("Fog.", "true")


def test_22_podcastparser_reads_a_podcast_whole(podcast: Publication, make_article: Maker) -> None:
    made = documents(podcast, [make_article("one", audio=AUDIO)])
    read = podcastparser.parse("https://news.example.org/feeds/all.rss", io.BytesIO(made["feeds/all.rss"]))
    assert read["type"] == "episodic"
    assert read["explicit"] is False
    assert read["cover_url"] == "https://news.example.org/media/images/art.png"
    assert read["itunes_author"] == "Ana & Bo"
    assert read["itunes_owner"] == {"name": "Ana", "email": "ana@example.org"}
    (episode,) = read["episodes"]
    assert episode["enclosures"] == [{"url": AUDIO.url, "file_size": 1234567, "mime_type": "audio/mpeg"}]
    assert (episode["total_time"], episode["number"], episode["guid"]) == (1865, 3, make_article("one").id)
    assert episode["explicit"] is False


def test_22_without_a_podcast_podcastparser_still_finds_the_recording(
    make_publication: Maker, make_article: Maker
) -> None:
    made = documents(make_publication(), [make_article("one", audio=AUDIO), make_article("two")])
    read = podcastparser.parse("https://news.example.org/feeds/all.rss", io.BytesIO(made["feeds/all.rss"]))
    types = [[each["mime_type"] for each in episode["enclosures"]] for episode in read["episodes"]]
    assert types == [["audio/mpeg", "image/jpeg"], ["image/jpeg"]], "to it a picture is an enclosure as well"


# From the front matter on.

HEAD = '+++\ntitle = "One"\ndate = 2026-03-01T08:00:00Z\n'
DEFINITION = """\
title = "Heard in the harbour"

[podcast]
image = "images/art.png"
categories = ["Society & Culture > Documentary"]
"""


@pytest.fixture
def heard(folder: Path, sqlite_store: Any, now: Any) -> Callable[[str], tuple[Published, Publication]]:
    (folder / "feeds" / "heard.toml").write_text(DEFINITION)
    (folder / "articles" / "one.mp3").write_bytes(b"\xff\xfb" * 500)
    (folder / "articles" / "one.vtt").write_text("WEBVTT\n")
    (folder / "articles" / "images").mkdir()
    (folder / "articles" / "images" / "art.png").write_bytes(b"art")

    def built(front: str) -> tuple[Published, Publication]:
        (folder / "articles" / "one.md").write_text(f"{HEAD}{front}\n+++\nListen.\n")
        of = load(folder)
        return publish(of, sqlite_store, environment=environment_of(of), now=now, mailing=False), of

    return built


def test_20_a_recording_beside_the_article_is_published_with_its_own_length(heard: Any) -> None:
    done, of = heard('audio = { file = "one.mp3", duration = "31:05", transcript = "one.vtt" }')
    assert not done.errors
    made = (of.public / "feeds/heard.rss").read_bytes()
    (item,) = head(made).findall("item")
    assert dict(item.find("enclosure").attrib) == {
        "url": "https://news.example.org/media/one.mp3",
        "length": "1000",
        "type": "audio/mpeg",
    }
    assert item.findtext(f"{ITUNES}duration") == "1865"
    assert (of.public / "media/one.mp3").stat().st_size == 1000
    assert (of.public / "media/one.vtt").read_text() == "WEBVTT\n"
    assert (of.public / "media/images/art.png").read_bytes() == b"art"
    page = (of.public / "2026/one/index.html").read_text()
    assert '<audio controls preload="none" src="../../media/one.mp3"></audio>' in page


def test_20_a_recording_elsewhere_says_its_length(heard: Any) -> None:
    done, of = heard('[audio]\nurl = "https://cdn.example.org/one.m4a?x=1"\nlength = 99\nepisode = 2')
    assert not done.errors
    (item,) = head((of.public / "feeds/heard.rss").read_bytes()).findall("item")
    assert dict(item.find("enclosure").attrib) == {
        "url": "https://cdn.example.org/one.m4a?x=1",
        "length": "99",
        "type": "audio/x-m4a",
    }


@pytest.mark.parametrize(
    ("front", "says"),
    [
        ('audio = "two.mp3"', 'articles/one.md: there is no file "two.mp3"; add the file, or take the file out'),
        ('audio = "https://cdn.example.org/one.mp3"', 'articles/one.md:4: "audio": its length in bytes is missing'),
        ('audio = "one.xyz"', 'articles/one.md: there is no file "one.xyz"'),
        ('audio = { url = "one.mp3", lenght = 5 }', '4: "audio": "lenght" is not known; known here: chapters,'),
        ('audio = { url = "one.mp3", duration = "long" }', '4: "audio": the duration "long" is none'),
        ('audio = { url = "one.mp3", transcript = "one.mp3" }', '4: "audio": "one.mp3" is no transcript'),
        ('audio = { url = "../../feeds/heard.toml" }', "lies outside the articles' folder"),
        ("audio = 5", '4: "audio": should be a file or a table'),
        ("audio = { length = 5 }", '4: "audio": has no file'),
        ('audio = { url = "one.mp3", explicit = "no" }', '4: "audio": "explicit" should be true or false'),
    ],
)
def test_a_fault_of_a_recording_is_told_where_it_stands(heard: Any, front: str, says: str) -> None:
    done, _ = heard(front)
    (error,) = done.errors
    assert says in str(error)
