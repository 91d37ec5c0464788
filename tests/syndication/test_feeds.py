"""RSS, Atom and JSON Feed of plain and hostile articles, parsed back by others and looked at by ourselves."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import feedparser
import pytest
from lxml import etree

from publisher.model.article import Article
from publisher.model.feed import Feed, Selection
from publisher.syndication.addresses import ascii_url, slug
from publisher.syndication.documents import feed_documents, feed_selections

Maker = Callable[..., Any]

NAMES = {
    "atom": "http://www.w3.org/2005/Atom",
    "content": "http://purl.org/rss/1.0/modules/content/",
    "dc": "http://purl.org/dc/elements/1.1/",
    "media": "http://search.yahoo.com/mrss/",
}
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"


def documents(publication: Any, articles: list[Article]) -> dict[str, bytes]:
    return {document.path: document.content for document in feed_documents(publication, articles)}


def items(content: bytes) -> list[etree._Element]:
    root = etree.fromstring(content)
    return root.findall("channel/item") or root.findall("atom:entry", NAMES)


def test_each_feed_has_its_three_documents_at_their_addresses(make_publication: Maker, plain: list[Article]) -> None:
    made = documents(make_publication(), plain)
    assert set(made) == {
        f"feeds/{name}.{format}"
        for name in ("all", "world", "brief", "brief/1", "nothing")
        for format in ("rss", "atom", "json")
    }


def test_a_feed_has_only_the_formats_it_names(make_publication: Maker, plain: list[Article]) -> None:
    feeds = (
        Feed(name="a", title="A", description="A", file="feeds/a.toml", language="en", formats=("atom",)),
        Feed(name="mail", title="M", description="M", file="feeds/mail.toml", language="en", formats=()),
    )
    assert set(documents(make_publication(feeds=feeds), plain)) == {"feeds/a.atom"}


def test_hostile_articles_give_well_formed_documents_that_others_read(
    make_publication: Maker, hostile: list[Article]
) -> None:
    for path, content in documents(make_publication(), hostile).items():
        if path.endswith(".json"):
            json.loads(content)
            continue
        assert content.startswith(b"<?xml ")
        etree.fromstring(content)
        assert not feedparser.parse(content).bozo


def test_every_article_is_in_every_format_of_the_feed_of_everything(
    make_publication: Maker, hostile: list[Article]
) -> None:
    made = documents(make_publication(), hostile)
    assert len(hostile) == 20
    whole = {path: content for path, content in made.items() if path.startswith(("feeds/all.", "feeds/all/"))}
    for format in ("rss", "atom"):
        assert sum(len(items(content)) for path, content in whole.items() if path.endswith(format)) == 20
    assert sum(len(json.loads(content)["items"]) for path, content in whole.items() if path.endswith("json")) == 20


def test_two_builds_are_byte_identical(make_publication: Maker, hostile: list[Article]) -> None:
    assert documents(make_publication(), hostile) == documents(make_publication(), hostile)


def test_the_date_of_a_feed_is_its_newest_change_and_not_the_clock(
    make_publication: Maker, plain: list[Article]
) -> None:
    edited = [*plain[:3], replace(plain[3], updated=plain[0].updated + timedelta(days=9)), *plain[4:]]
    made = documents(make_publication(), edited)
    root = etree.fromstring(made["feeds/all.atom"])
    assert root.findtext("atom:updated", namespaces=NAMES) == "2026-03-11T08:30:00Z"
    assert etree.fromstring(made["feeds/all.rss"]).findtext("channel/lastBuildDate") == (
        "Wed, 11 Mar 2026 08:30:00 +0000"
    )


def test_an_empty_feed_has_a_fixed_date_and_no_items(make_publication: Maker, plain: list[Article]) -> None:
    made = documents(make_publication(), plain)
    atom = etree.fromstring(made["feeds/nothing.atom"])
    assert atom.findtext("atom:updated", namespaces=NAMES) == "2000-01-01T00:00:00Z"
    assert items(made["feeds/nothing.rss"]) == []
    assert json.loads(made["feeds/nothing.json"])["items"] == []


def test_articles_are_newest_first_and_no_more_than_the_limit(make_publication: Maker, plain: list[Article]) -> None:
    made = documents(make_publication(), plain)
    found = [item["id"] for item in json.loads(made["feeds/brief.json"])["items"]]
    assert found == [article.id for article in plain if article.section == "world"][:3]
    for format in ("rss", "atom"):
        assert [entry.id for entry in feedparser.parse(made[f"feeds/brief.{format}"]).entries] == found


def test_ids_are_the_same_in_all_formats_and_kept_letter_for_letter(
    make_publication: Maker, hostile: list[Article]
) -> None:
    publication = make_publication()
    publication = replace(publication, feeds=(replace(publication.feeds[0], max_size=1_000_000),))
    made = documents(publication, hostile)
    guids = [item.findtext("guid") for item in items(made["feeds/all.rss"])]
    assert guids == [article.id for article in hostile]
    assert {item.find("guid").get("isPermaLink") for item in items(made["feeds/all.rss"])} == {"false"}  # type: ignore[union-attr]
    assert [item["id"] for item in json.loads(made["feeds/all.json"])["items"]] == guids
    atom = [item.findtext("atom:id", namespaces=NAMES) for item in items(made["feeds/all.atom"])]
    different = {guid: id for guid, id in zip(guids, atom, strict=True) if guid != id}
    assert list(different) == ["post-12345 of the old blog <&>"], "only what is no URI is replaced in Atom"
    assert str(different.popitem()[1]).startswith("urn:uuid:")


def test_a_feeds_id_survives_a_change_of_scheme(make_publication: Maker, plain: list[Article]) -> None:
    ids = {
        etree.fromstring(
            documents(make_publication(url=f"{scheme}://news.example.org"), plain)["feeds/all.atom"]
        ).findtext("atom:id", namespaces=NAMES)
        for scheme in ("http", "https")
    }
    assert len(ids) == 1


@pytest.mark.parametrize(
    ("name", "page"),
    [
        ("all", "https://news.example.org/"),
        ("world", "https://news.example.org/section/world/"),
        ("brief", "https://news.example.org/follow/#brief"),
    ],
)
def test_a_feed_links_to_itself_and_to_its_page(
    make_publication: Maker, plain: list[Article], name: str, page: str
) -> None:
    made = documents(make_publication(), plain)
    rss = etree.fromstring(made[f"feeds/{name}.rss"])
    assert rss.findtext("channel/link") == page
    links = {link.get("rel"): link.get("href") for link in rss.findall("channel/atom:link", NAMES)}
    links.pop("prev-archive", None)
    assert links == {"self": f"https://news.example.org/feeds/{name}.rss"}
    atom = {
        link.get("rel"): link.get("href")
        for link in etree.fromstring(made[f"feeds/{name}.atom"]).findall("atom:link", NAMES)
    }
    atom.pop("prev-archive", None)
    assert atom == {"self": f"https://news.example.org/feeds/{name}.atom", "alternate": page}
    feed = json.loads(made[f"feeds/{name}.json"])
    assert (feed["feed_url"], feed["home_page_url"]) == (f"https://news.example.org/feeds/{name}.json", page)


def test_without_pages_a_feed_links_to_the_publication(make_publication: Maker, plain: list[Article]) -> None:
    publication = make_publication()
    publication = replace(publication, web=replace(publication.web, pages=False))
    rss = etree.fromstring(documents(publication, plain)["feeds/world.rss"])
    assert rss.findtext("channel/link") == "https://news.example.org/"


def test_an_entry_has_one_link_and_it_is_the_article(make_publication: Maker, plain: list[Article]) -> None:
    for entry in items(documents(make_publication(), plain)["feeds/all.atom"]):
        links = entry.findall("atom:link", NAMES)
        assert [(link.get("rel"), link.get("type")) for link in links] == [("alternate", "text/html")]


def test_the_description_is_plain_and_comes_before_the_content(make_publication: Maker, make_article: Maker) -> None:
    made = documents(make_publication(), [make_article(summary="R&D says 1 < 2 </p>")])
    (item,) = items(made["feeds/all.rss"])
    names = [child.tag for child in item]
    assert names.index("description") < names.index(f"{{{NAMES['content']}}}encoded")
    assert html.unescape(item.findtext("description") or "") == "R&D says 1 < 2 </p>"


def test_a_summary_feed_has_no_content(make_publication: Maker, plain: list[Article]) -> None:
    made = documents(make_publication(), plain)
    assert b"content:encoded>" not in made["feeds/brief.rss"]
    assert b"<content" not in made["feeds/brief.atom"]
    assert all("content_html" not in item for item in json.loads(made["feeds/brief.json"])["items"])
    assert json.loads(made["feeds/brief.json"])["items"][0]["content_text"] == "Nobody aboard knew its new name."


def test_content_comes_through_whole(make_publication: Maker, make_article: Maker) -> None:
    article = make_article(html="<p>a ]]&gt; b &nbsp; c &amp;amp; d</p>")
    made = documents(make_publication(), [article])
    assert items(made["feeds/all.rss"])[0].findtext("content:encoded", namespaces=NAMES) == article.html
    assert items(made["feeds/all.atom"])[0].findtext("atom:content", namespaces=NAMES) == article.html
    assert json.loads(made["feeds/all.json"])["items"][0]["content_html"] == article.html


def test_a_cdata_section_cannot_be_ended_from_inside(make_publication: Maker, make_article: Maker) -> None:
    made = documents(make_publication(), [make_article(html='<p title="]]>">x</p>')])
    content = items(made["feeds/all.rss"])[0].findtext("content:encoded", namespaces=NAMES)
    assert content == '<p title="]]&gt;">x</p>'


@pytest.mark.parametrize("title", ["Q&A", "1 < 2", "<b>Bold</b> claims", "&nbsp; is a space", "“Quoted” 🎉"])
def test_titles_are_plain_text_whatever_they_look_like(
    make_publication: Maker, make_article: Maker, title: str
) -> None:
    made = documents(make_publication(), [make_article(title=title)])
    shown = items(made["feeds/all.rss"])[0].findtext("title") or ""
    assert shown.replace("\u2060", "") == title, "nothing but an invisible joiner is put in"
    element = items(made["feeds/all.atom"])[0].find("atom:title", NAMES)
    assert element is not None
    text = element.text or ""
    assert (html.unescape(text) if element.get("type") == "html" else text) == title
    assert json.loads(made["feeds/all.json"])["items"][0]["title"] == title


def test_a_publication_s_own_names_are_plain_text_too(make_publication: Maker, plain: list[Article]) -> None:
    publication = make_publication(title="<b>R&D</b> Gazette")
    feed = replace(publication.feeds[0], title="<i>All</i> &copy;")
    theme = replace(publication.theme, logo="images/logo.png")
    made = documents(replace(publication, feeds=(feed,), theme=theme), plain)
    channel = etree.fromstring(made["feeds/all.rss"]).find("channel")
    assert channel is not None
    assert channel.findtext("title") == channel.findtext("image/title") == "<\u2060i>All<\u2060/i> &\u2060copy;"
    assert made["feeds/all.rss"].count(b"&#x3C;\xe2\x81\xa0i&gt;All&#x3C;") == 2, "as numbers"
    name = etree.fromstring(made["feeds/all.atom"]).findtext("atom:author/atom:name", namespaces=NAMES)
    assert name == "<\u2060b>R&\u2060D<\u2060/b> Gazette", (
        "an author's name is always plain, so it must not look like more"
    )


def test_a_host_in_other_letters_is_ascii_in_ids(make_publication: Maker) -> None:
    assert make_publication(url="https://пример.example.org:8443/новости").host == "xn--e1afmkfd.example.org"
    assert make_publication(url="https://news.example.org").host == "news.example.org"


def test_an_untitled_article_works_in_every_format(make_publication: Maker, make_article: Maker) -> None:
    made = documents(make_publication(), [make_article(title="", summary="A short note about the tide.")])
    (rss,) = items(made["feeds/all.rss"])
    assert rss.find("title") is None
    assert rss.findtext("description") == "A short note about the tide."
    (atom,) = items(made["feeds/all.atom"])
    assert atom.findtext("atom:title", namespaces=NAMES) == "A short note about the tide."
    assert "title" not in json.loads(made["feeds/all.json"])["items"][0]


def test_an_article_with_nothing_in_it_still_has_a_description(make_publication: Maker, make_article: Maker) -> None:
    bare = make_article(title="", html="", summary="", authors=(), tags=(), section="", image=None)
    made = documents(make_publication(), [bare])
    assert items(made["feeds/all.rss"])[0].findtext("description") == "2026-03-02"
    assert json.loads(made["feeds/all.json"])["items"][0]["content_text"] == "2026-03-02"


def test_authors_are_names_without_addresses(make_publication: Maker, plain: list[Article]) -> None:
    made = documents(make_publication(), plain)
    rss = items(made["feeds/all.rss"])[0]
    assert [name.text for name in rss.findall("dc:creator", NAMES)] == ["Ana Pereira", "Bo Łęcki"]
    assert rss.find("author") is None
    atom = items(made["feeds/all.atom"])[0]
    assert [name.text for name in atom.findall("atom:author/atom:name", NAMES)] == ["Ana Pereira", "Bo Łęcki"]
    assert [uri.text for uri in atom.findall("atom:author/atom:uri", NAMES)] == [
        "https://ana.example.org/",
        "https://news.example.org/author/bo/",
    ]
    assert json.loads(made["feeds/all.json"])["items"][0]["authors"][1] == {
        "name": "Bo Łęcki",
        "url": "https://news.example.org/author/bo/",
        "avatar": "https://news.example.org/media/pictures/bo.png",
    }


def test_categories_keep_label_slug_and_scheme(make_publication: Maker, make_article: Maker) -> None:
    made = documents(make_publication(), [make_article()])
    atom = items(made["feeds/all.atom"])[0].findall("atom:category", NAMES)
    assert [(each.get("term"), each.get("label"), each.get("scheme")) for each in atom] == [
        ("world", "World", "https://news.example.org/section/"),
        ("sea-sky", "Sea & sky", "https://news.example.org/tag/"),
        ("c++", "C++", "https://news.example.org/tag/"),
    ]
    rss = items(made["feeds/all.rss"])[0].findall("category")
    assert [(each.text, each.get("domain")) for each in rss][:2] == [
        ("World", "https://news.example.org/section/world/"),
        ("Sea & sky", "https://news.example.org/tag/sea-sky/"),
    ]


def test_the_lead_image_is_bare_media(make_publication: Maker, make_article: Maker) -> None:
    made = documents(make_publication(), [make_article()])
    for format in ("rss", "atom"):
        (item,) = items(made[f"feeds/all.{format}"])
        assert item.find("media:group", NAMES) is None
        content = item.find("media:content", NAMES)
        assert content is not None
        assert dict(content.attrib) == {
            "url": "https://news.example.org/media/ferry.jpg",
            "medium": "image",
            "type": "image/jpeg",
            "fileSize": "48211",
            "width": "640",
            "height": "480",
        }
        assert content.findtext("media:description", namespaces=NAMES) == "A ferry"
        assert content.findtext("media:credit", namespaces=NAMES) == "Bo Łęcki"
        assert item.find("media:thumbnail", NAMES) is not None
    assert json.loads(made["feeds/all.json"])["items"][0]["image"] == "https://news.example.org/media/ferry.jpg"


def test_an_article_in_another_language_says_so(make_publication: Maker, make_article: Maker) -> None:
    made = documents(make_publication(), [make_article(), make_article("balsa", language="pt-BR")])
    assert etree.fromstring(made["feeds/all.atom"]).get(LANGUAGE) == "en"
    assert [item.get(LANGUAGE) for item in items(made["feeds/all.atom"])] == [None, "pt-BR"]
    assert [item.findtext("dc:language", namespaces=NAMES) for item in items(made["feeds/all.rss"])] == [
        None,
        "pt-BR",
    ]
    assert [item.get("language") for item in json.loads(made["feeds/all.json"])["items"]] == [None, "pt-BR"]


def test_dates_have_zones_and_whole_seconds(make_publication: Maker, hostile: list[Article]) -> None:
    made = documents(make_publication(), hostile)
    for item in items(made["feeds/all.atom"]):
        for name in ("published", "updated"):
            assert len(item.findtext(f"atom:{name}", namespaces=NAMES) or "") == len("2026-03-02T07:30:00Z")
    assert items(made["feeds/all.rss"])[0].findtext("pubDate") == "Mon, 02 Mar 2026 07:30:00 +0000"
    assert items(made["feeds/all.rss"])[0].findtext("atom:updated", namespaces=NAMES) == "2026-03-02T08:30:00Z"


def test_a_feed_names_the_style_sheet_that_makes_it_readable(make_publication: Maker, plain: list[Article]) -> None:
    made = documents(make_publication(), plain)
    for format in ("rss", "atom"):
        instruction = etree.fromstring(made[f"feeds/all.{format}"]).getprevious()
        assert instruction is not None
        assert instruction.text == 'type="text/css" href="../feed.css"'


def test_the_logo_is_in_every_format(make_publication: Maker, plain: list[Article]) -> None:
    publication = make_publication()
    publication = replace(publication, theme=replace(publication.theme, logo="images/logo.png"))
    made = documents(publication, plain)
    logo = "https://news.example.org/media/images/logo.png"
    image = etree.fromstring(made["feeds/world.rss"]).find("channel/image")
    assert image is not None
    assert [child.text for child in image] == [logo, "World", "https://news.example.org/section/world/"]
    assert etree.fromstring(made["feeds/world.atom"]).findtext("atom:logo", namespaces=NAMES) == logo
    assert json.loads(made["feeds/world.json"])["icon"] == logo


def test_each_makes_a_feed_a_value(make_publication: Maker, plain: list[Article]) -> None:
    whole = Feed(
        name="all",
        title="All",
        description="All",
        file="feeds/all.toml",
        language="en",
        each=("section", "tag", "author", "language"),
    )
    made = {feed.name: feed for feed in feed_selections(make_publication(feeds=(whole,)), plain)}
    assert list(made) == ["all", "all-science", "all-world", "all-c++", "all-sea-sky", "all-ana", "all-bo", "all-en"]
    assert made["all-ana"].title == "All: Ana Pereira"
    assert made["all-ana"].selection == Selection(authors=("ana",))


@pytest.mark.parametrize(
    ("url", "ascii"),
    [
        ("https://example.org/a", "https://example.org/a"),
        ("https://пример.example.org/я?b=c d", "https://xn--e1afmkfd.example.org/%D1%8F?b=c%20d"),
        ("https://example.org/100%/a%20b", "https://example.org/100%25/a%20b"),
        ("https://example.org:8443/x#ü", "https://example.org:8443/x#%C3%BC"),
        ("not a url", "not%20a%20url"),
    ],
)
def test_addresses_are_ascii(url: str, ascii: str) -> None:
    assert ascii_url(url) == ascii


@pytest.mark.parametrize(
    ("name", "segment"),
    [
        ("Sea & sky", "sea-sky"),
        ("C++", "c++"),
        ("C#", "c-sharp"),
        ("../..", slug("../..")),
        ("Łódź", "łódź"),
        ("हिन्दी", "हिन्दी"),
    ],
)
def test_a_slug_is_one_harmless_path_segment(name: str, segment: str) -> None:
    assert slug(name) == segment
    assert "/" not in slug(name)
    assert slug(name).strip(".")
