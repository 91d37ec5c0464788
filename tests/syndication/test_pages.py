"""The web archive: pages as they are written, read back with a parser."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from lxml import etree
from lxml import html as parser

from publisher.model.article import Article, Author
from publisher.model.errors import TemplateError
from publisher.model.publication import Publication, Theme, Web
from publisher.syndication.documents import feed_documents
from publisher.syndication.links import Links
from publisher.syndication.opml import opml_document
from publisher.syndication.pages import page_documents
from publisher.syndication.palette import contrast, palettes
from publisher.syndication.sitemap import sitemap_documents
from publisher.theme.environment import environment_of, render

Maker = Callable[..., Any]

URL = "https://news.example.org/"
SITEMAP = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}


def pages(publication: Publication, articles: list[Article]) -> dict[str, bytes]:
    return {
        document.path: document.content
        for document in page_documents(publication, articles, environment_of(publication))
    }


def parsed(content: bytes) -> Any:
    return parser.fromstring(content.decode())


def test_two_builds_are_byte_identical(make_publication: Maker, hostile: list[Article]) -> None:
    assert pages(make_publication(), hostile) == pages(make_publication(), hostile)


def test_every_page_has_one_h1_landmarks_a_language_and_a_way_past_the_menu(
    make_publication: Maker, plain: list[Article], hostile: list[Article]
) -> None:
    made = pages(make_publication(), [*plain, *hostile])
    for path, content in made.items():
        if path.endswith(".html"):
            page = parsed(content)
            assert len(page.cssselect("h1")) == 1, path
            assert page.get("lang"), path
            assert [len(page.cssselect(f"body > {name}")) for name in ("header", "main", "footer")] == [1, 1, 1]
            assert page.cssselect("a.skip")[0].get("href") == "#main"
            assert not page.cssselect("script"), path
            assert "\ufffd" not in content.decode()


def test_every_link_between_our_pages_leads_somewhere_and_works_under_any_host(
    make_publication: Maker, plain: list[Article], hostile: list[Article]
) -> None:
    publication = make_publication()
    articles = [article for article in [*plain, *hostile] if article.url.startswith(URL)]
    made = pages(publication, articles)
    there = {*made, *(document.path for document in feed_documents(publication, articles))}
    checked = 0
    for path, content in made.items():
        if not path.endswith("index.html"):
            continue
        at = f"http://localhost:8000/{path.removesuffix('index.html')}"
        for link in parsed(content).cssselect("body a[href], link[rel=stylesheet]"):
            target = urlsplit(urljoin(at, link.get("href")))
            file = unquote(target.path).lstrip("/")
            if target.netloc != "localhost:8000" or file in ("2026/harbour/", "2026/ferry/"):
                continue
            assert (f"{file}index.html" if file.endswith("/") or not file else file) in there, (path, file)
            checked += 1
    assert checked > 500


def test_an_articles_page_says_what_it_is(make_publication: Maker, make_article: Maker) -> None:
    made = pages(make_publication(), [make_article(updated=make_article().published + timedelta(days=3))])
    page = parsed(made["2026/ferry/index.html"])
    assert page.cssselect("title")[0].text == "The ferry leaves at dawn · The Example & Daughters"
    assert page.cssselect("link[rel=canonical]")[0].get("href") == f"{URL}2026/ferry/"
    og = {meta.get("property"): meta.get("content") for meta in page.cssselect("meta[property]")}
    assert og["og:type"] == "article"
    assert og["og:title"] == "The ferry leaves at dawn"
    assert og["og:image"] == f"{URL}media/ferry.jpg"
    assert og["og:description"] == "Nobody aboard knew its new name."
    assert [time.text for time in page.cssselect(".byline time")] == ["2 March 2026", "5 March 2026"]
    assert [name.text for name in page.cssselect("aside.person h2 a")] == ["Ana Pereira", "Bo Łęcki"]
    assert [tag.text for tag in page.cssselect(".tags a")] == ["Sea & sky", "C++"]


def test_the_lead_image_is_not_shown_twice(make_publication: Maker, make_article: Maker) -> None:
    inside = parsed(pages(make_publication(), [make_article()])["2026/ferry/index.html"])
    assert not inside.cssselect("figure.lead")
    outside = parsed(pages(make_publication(), [make_article(html="<p>Words.</p>")])["2026/ferry/index.html"])
    (image,) = outside.cssselect("figure.lead img")
    assert dict(image.attrib) | {"src": "../../media/ferry.jpg", "width": "640", "height": "480", "alt": "A ferry"} == (
        dict(image.attrib)
    )


def test_a_summary_that_is_the_beginning_of_the_text_is_not_repeated(
    make_publication: Maker, make_article: Maker
) -> None:
    article = make_article(summary="The ferry left at dawn, and nobody…")
    page = parsed(pages(make_publication(), [article])["2026/ferry/index.html"])
    assert not page.cssselect(".standfirst")


def test_an_untitled_article_has_a_hidden_heading(make_publication: Maker, make_article: Maker) -> None:
    made = pages(make_publication(), [make_article(title="")])
    assert parsed(made["2026/ferry/index.html"]).cssselect("h1.unseen")[0].text == "Nobody aboard knew its new name."
    assert "Nobody aboard" in parsed(made["index.html"]).cssselect(".card .untitled")[0].text_content()


def test_an_author_s_own_address_is_written_as_an_address_has_to_be(
    make_publication: Maker, make_article: Maker
) -> None:
    ana = Author("ana", "Ana", "Writes.", "https://bücher.example/ä b", "")
    made = pages(make_publication(authors={"ana": ana}), [make_article(authors=(ana,))])
    for path in ("2026/ferry/index.html", "author/ana/index.html"):
        (link,) = parsed(made[path]).cssselect("a[rel=me]")
        assert link.get("href") == "https://xn--bcher-kva.example/%C3%A4%20b"
        assert link.text == "bücher.example/ä b"


def test_an_article_in_another_language_says_so(make_publication: Maker, make_article: Maker) -> None:
    made = pages(make_publication(), [make_article(language="ar", title="ميناء قديم")])
    page = parsed(made["2026/ferry/index.html"])
    assert (page.get("lang"), page.get("dir")) == ("en", None)
    piece = page.cssselect("main > article")[0]
    assert (piece.get("lang"), piece.get("dir")) == ("ar", "rtl")
    assert piece.cssselect(".byline")[0].get("lang") == "en"
    assert parsed(made["index.html"]).cssselect("article.card")[0].get("lang") == "ar"


def test_no_style_is_bound_to_one_side_so_that_pages_can_be_mirrored(make_publication: Maker) -> None:
    made = pages(make_publication(), [])
    for sheet in ("style.css", "feed.css"):
        assert (
            re.findall(r"(?<![\w])(?:left|right|(?:padding|margin|border)-(?:left|right))\s*:", made[sheet].decode())
            == []
        )


@pytest.mark.parametrize(
    ("language", "direction", "said"),
    [
        (
            "de",
            None,
            ("Zum Text springen", "Alle Artikel", "Von Ana Pereira", "28. Februar 2026", "Dies ist ein Feed."),
        ),
        ("fr-CA", None, ("Aller au texte", "Par Ana Pereira", "28 février 2026", "Février 2026", "Ceci est un flux")),
        ("es", None, ("Todos los artículos", "Por Ana Pereira", "28 de febrero de 2026", "Esa página no existe")),
        ("ar", "rtl", ("كل المقالات", "بقلم", "28 فبراير 2026", "اشترك", "لا توجد صفحة بهذا العنوان")),
    ],
)
def test_the_pages_speak_the_publications_language(
    make_publication: Maker, make_article: Maker, language: str, direction: str | None, said: tuple[str, ...]
) -> None:
    article = make_article(language=language, published=datetime(2026, 2, 28, 9, tzinfo=UTC))
    made = pages(make_publication(language=language), [article])
    for path, content in made.items():
        if path.endswith(".html"):
            page = parsed(content)
            assert (page.get("lang"), page.get("dir")) == (language, direction), path
            for english in ("Skip to", "All articles", "Subscribe", "By <", "How often"):
                assert english not in content.decode(), path
    shown = [parsed(content).text_content() for path, content in made.items() if path.endswith(".html")]
    together = " ".join(" ".join([*shown, made["feed.css"].decode()]).split())
    for words in said:
        assert words in together


def test_links_in_a_text_are_relative_and_wide_things_scroll() -> None:
    links = Links.of(URL, "2026/ferry/index.html", f"{URL}2026/ferry/")
    text = partial(links.text, table="Tabelle")
    assert text(f'<a href="{URL}2026/ferry/#fn1">1</a>') == '<a href="#fn1">1</a>'
    assert text(f'<a href="{URL}">home</a>') == '<a href="../../">home</a>'
    assert text(f'<img srcset="{URL}a.jpg 1x, {URL}b.jpg 2x">') == ('<img srcset="../../a.jpg 1x, ../../b.jpg 2x">')
    assert text(f"<code>{URL}</code>") == f"<code>{URL}</code>"
    assert 'aria-label="Tabelle" tabindex="0"' in text("<table></table>")
    assert Links.of(URL, "index.html").to(URL) == "./"


def test_the_front_page_leads_with_what_is_pinned(make_publication: Maker, plain: list[Article]) -> None:
    pinned = [*plain[:4], replace(plain[4], pin=True), *plain[5:]]
    links = parsed(pages(make_publication(), pinned)["index.html"]).cssselect(".card h2 a")
    assert [link.get("href") for link in links][:2] == ["2026/ferry-4/", "2026/ferry-0/"]


def test_feeds_are_discovered_most_relevant_first_with_distinct_titles(
    make_publication: Maker, plain: list[Article]
) -> None:
    made = pages(make_publication(), plain)

    def discovered(path: str) -> list[tuple[str, str]]:
        links = parsed(made[path]).cssselect("head link[rel=alternate]")
        return [(link.get("title"), link.get("href")) for link in links]

    assert discovered("index.html")[0] == ("The Example (RSS)", f"{URL}feeds/all.rss")
    assert discovered("section/world/index.html")[0] == ("World (RSS)", f"{URL}feeds/world.rss")
    assert discovered("2026/ferry-1/index.html")[0] == ("World (RSS)", f"{URL}feeds/world.rss")
    for path in ("index.html", "section/world/index.html", "2026/ferry-0/index.html"):
        assert len(discovered(path)) == len(set(discovered(path))) == 12


def test_two_feeds_of_one_title_are_told_apart(make_publication: Maker, plain: list[Article]) -> None:
    publication = make_publication()
    publication = replace(publication, feeds=tuple(replace(feed, title="News") for feed in publication.feeds[:2]))
    titles = [
        link.get("title") for link in parsed(pages(publication, plain)["index.html"]).cssselect("link[rel=alternate]")
    ]
    assert titles[0] == "News, all (RSS)"
    assert len(set(titles)) == 6


def test_the_pages_that_feeds_link_to_exist(make_publication: Maker, plain: list[Article]) -> None:
    made = pages(make_publication(), plain)
    assert "section/science/index.html" in made, "even with nothing in it"
    assert parsed(made["follow/index.html"]).cssselect("#brief")


def test_the_subscribe_form_has_what_the_server_expects(make_publication: Maker, plain: list[Article]) -> None:
    page = parsed(pages(make_publication(), plain)["follow/index.html"])
    (form,) = page.cssselect("form")
    assert (form.get("method"), urljoin(f"{URL}follow/", form.get("action"))) == ("post", f"{URL}subscribe")
    fields = {field.get("name"): field for field in form.cssselect("input")}
    assert list(fields) == ["newsletter", "stamp", "language", "cadence", "website", "address"]
    assert fields["stamp"].get("value") == "", "a file has none: our server puts it in"
    assert fields["address"].get("required") is not None
    assert [field.get("value") for field in form.cssselect("input[type=radio]")] == ["daily", "weekly"]
    assert form.cssselect("input[checked]")[0].get("value") == "daily"
    trap = fields["website"]
    assert (trap.get("tabindex"), trap.get("autocomplete")) == ("-1", "off")
    assert form.cssselect("[aria-hidden=true] input") == [trap]


def test_without_a_server_subscribing_is_a_message(make_publication: Maker, plain: list[Article]) -> None:
    page = parsed(pages(make_publication(web=Web(endpoints=False)), plain)["follow/index.html"])
    assert not page.cssselect("form")
    assert page.cssselect("a.button")[0].get("href") == "mailto:world%40example.org?subject=subscribe%20world"


def test_without_pages_only_what_belongs_to_the_feeds_is_made(make_publication: Maker, plain: list[Article]) -> None:
    nothing = Web(pages=False, endpoints=False)
    assert set(pages(make_publication(web=nothing), plain)) == {"feed.css", "feeds.opml"}


def test_without_pages_our_servers_own_pages_keep_their_style(make_publication: Maker, plain: list[Article]) -> None:
    assert set(pages(make_publication(web=Web(pages=False)), plain)) == {"feed.css", "feeds.opml", "style.css"}


def test_a_long_section_shows_titles_after_the_cards(make_publication: Maker, make_article: Maker) -> None:
    many = [make_article(f"a{number}", age=number) for number in range(40)]
    page = parsed(pages(make_publication(), many)["section/world/index.html"])
    assert len(page.cssselect(".card")) == 24
    assert len(page.cssselect(".titles li")) == 16


def test_the_archive_has_every_article_by_year(make_publication: Maker, make_article: Maker) -> None:
    many = [make_article(f"a{number}", age=number * 24 * 30) for number in range(20)]
    made = pages(make_publication(), many)
    assert [link.text for link in parsed(made["archive/index.html"]).cssselect(".years a")] == ["2026", "2025", "2024"]
    found = [
        link.get("href")
        for year in (2026, 2025, 2024)
        for link in parsed(made[f"archive/{year}/index.html"]).cssselect(".titles a")
    ]
    assert found == [f"../../2026/a{number}/" for number in range(20)]


def test_an_old_address_leads_to_the_new_one(make_publication: Maker, make_article: Maker) -> None:
    made = pages(make_publication(), [make_article(aliases=("/old/ferry.html", "/older/"))])
    assert b'url=../2026/ferry/"' in made["old/ferry.html"]
    assert b'url=../2026/ferry/"' in made["older/index.html"]


def test_a_publication_with_nothing_in_it_has_its_pages(make_publication: Maker) -> None:
    made = pages(make_publication(feeds=(), sections={}, authors={}), [])
    assert "Nothing has been published yet." in parsed(made["index.html"]).text_content()
    assert "feeds.opml" not in made


def test_a_publication_below_a_path_works(make_publication: Maker, make_article: Maker) -> None:
    url = "https://example.org/news"
    made = pages(make_publication(url=url), [make_article(url=f"{url}/2026/ferry/")])
    assert parsed(made["2026/ferry/index.html"]).cssselect("link[rel=canonical]")[0].get("href") == f"{url}/2026/ferry/"
    assert parsed(made["404.html"]).cssselect("link[rel=stylesheet]")[0].get("href") == "/news/style.css"


def test_the_sitemap_has_every_page_with_its_true_date(make_publication: Maker, plain: list[Article]) -> None:
    made = pages(make_publication(), plain)
    rows = etree.fromstring(made["sitemap.xml"]).findall("s:url", SITEMAP)
    dates = {row.findtext("s:loc", namespaces=SITEMAP): row.findtext("s:lastmod", namespaces=SITEMAP) for row in rows}
    assert dates[f"{URL}2026/ferry-3/"] == "2026-02-27T08:30:00Z"
    assert dates[URL] == "2026-03-02T08:30:00Z"
    assert len(dates) == len([path for path in made if path.endswith("index.html")])


def test_a_sitemap_of_too_many_pages_is_an_index() -> None:
    made = dict(sitemap_documents(URL, [(f"{URL}{number}/", None) for number in range(90_000)]))
    assert sorted(made) == ["sitemap-1.xml", "sitemap-2.xml", "sitemap-3.xml", "sitemap.xml"]
    index = etree.fromstring(made["sitemap.xml"]).findall("s:sitemap/s:loc", SITEMAP)
    assert index[2].text == f"{URL}sitemap-3.xml"


def test_opml_lists_the_feeds_that_readers_can_import(make_publication: Maker, plain: list[Article]) -> None:
    publication = make_publication()
    feeds = [replace(publication.feeds[0], title="R&D <b>"), replace(publication.feeds[1], formats=("json",))]
    content = opml_document(publication, feeds, plain[0].updated)
    assert content is not None
    root = etree.fromstring(content)
    assert root.findtext("head/dateModified") == "Mon, 02 Mar 2026 08:30:00 GMT"
    (outline,) = root.findall("body/outline")
    assert dict(outline.attrib) == {
        "type": "rss",
        "text": "R&amp;D &lt;b&gt;",
        "title": "R&amp;D &lt;b&gt;",
        "xmlUrl": f"{URL}feeds/all.rss",
        "htmlUrl": URL,
    }


def test_34_a_feed_opened_in_a_browser_shows_what_is_named_and_nothing_else(
    make_publication: Maker, plain: list[Article]
) -> None:
    made = pages(make_publication(), plain)
    sheet = made["feed.css"].decode()
    assert "channel > *, feed > *, item > *, entry > *, head > * { display: none; }" in sheet
    assert "item > title, item > description, entry > title, entry > summary { display: block; }" in sheet
    instruction = etree.fromstring(made["feeds.opml"]).getprevious()
    assert instruction is not None
    assert instruction.text == 'type="text/css" href="feed.css"'


@pytest.mark.parametrize("accent", ["#9a3412", "#ffff00", "#000000", "#ffffff", "#0f5c6e", "#808080"])
@pytest.mark.parametrize("background", ["#ffffff", "#fdf6e3", "#101010"])
def test_every_colour_of_text_can_be_read(accent: str, background: str) -> None:
    for palette in palettes(Theme(accent=accent, background=background)):
        for colour in (palette.ink, palette.accent, palette.muted):
            for ground in (palette.paper, palette.wash):
                assert contrast(colour, ground) >= 4.5, (palette, colour, ground)


def test_a_message_page_needs_no_articles(make_publication: Maker) -> None:
    form = {"action": "/unsubscribe", "button": "Unsubscribe", "fields": [("token", 'a"b')]}
    values = {"heading": "Unsubscribe?", "paragraphs": ["One <b>click</b>."], "form": form}
    content = render(environment_of(make_publication()), "web/message.html", values)
    page = parser.fromstring(content)
    assert [heading.text for heading in page.cssselect("h1")] == ["Unsubscribe?"]
    assert page.cssselect("main p")[0].text == "One <b>click</b>."
    assert page.cssselect("form input")[0].get("value") == 'a"b'
    assert page.cssselect("link[rel=stylesheet]")[0].get("href") == "/style.css"
    render(environment_of(make_publication()), "web/message.html", {"heading": "Done", "paragraphs": [], "form": None})


def test_a_template_of_the_publication_takes_the_place_of_ours(make_publication: Maker, plain: list[Article]) -> None:
    publication = make_publication()
    (publication.templates / "web").mkdir(parents=True)
    (publication.templates / "web" / "tag.html").write_text("<h1>{{ title }}: {{ items|length }}</h1>")
    assert pages(publication, plain)["tag/sea-sky/index.html"] == b"<h1>Sea &amp; sky: 12</h1>"


def test_a_broken_template_is_told_with_file_and_line(make_publication: Maker, plain: list[Article]) -> None:
    publication = make_publication()
    (publication.templates / "web").mkdir(parents=True)
    (publication.templates / "web" / "tag.html").write_text("<h1>\n{{ titel }}</h1>")
    with pytest.raises(TemplateError, match=r"^templates/web/tag.html:2: does not render: 'titel' is undefined"):
        pages(publication, plain)
