"""Feeds for each section, tag, author and language; old addresses of feeds; the hub that they name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import listparser
import pytest
from lxml import html

from publisher.model.article import Article
from publisher.model.errors import ConfigurationError
from publisher.model.feed import Selection
from publisher.publication.loading import load
from publisher.syndication.documents import feed_documents
from publisher.syndication.moves import former_addresses
from publisher.syndication.pages import page_documents
from publisher.syndication.selecting import selected
from publisher.theme.environment import environment_of
from tests.syndication.walking import URL, head, ids, links

Maker = Callable[..., Any]
KINDS = ("section", "tag", "author", "language")


def documents(publication: Any, articles: list[Article]) -> dict[str, bytes]:
    return {document.path: document.content for document in feed_documents(publication, articles)}


def pages(publication: Any, articles: list[Article]) -> dict[str, bytes]:
    made = page_documents(publication, articles, environment_of(publication))
    return {document.path: document.content for document in made}


@pytest.fixture
def each(make_publication: Maker) -> Any:
    """A publication with one definition, which makes a feed for each of everything."""
    publication = make_publication()
    return replace(publication, feeds=(replace(publication.feeds[0], each=KINDS),))


def test_23_each_value_has_a_feed_in_all_formats_and_an_empty_one_is_valid(each: Any, plain: list[Article]) -> None:
    made = documents(each, plain)
    names = {path.removeprefix("feeds/").rpartition(".")[0] for path in made}
    assert names == {"all", "all-science", "all-world", "all-c++", "all-sea-sky", "all-ana", "all-bo", "all-en"}
    assert len(made) == 3 * len(names)
    assert ids(made["feeds/all-world.rss"]) == [article.id for article in plain if article.section == "world"]
    assert ids(made["feeds/all-science.rss"]) == [], "a section of the settings has a feed before its first article"


def test_23_values_that_share_an_address_share_a_feed(each: Any, make_article: Maker) -> None:
    articles = [make_article("a", tags=("Rust", "RUST")), make_article("b", age=1, tags=("rust",))]
    made = {feed.name: (feed, own) for feed, own in selected(each, articles)}
    assert [article.slug for article in made["all-rust"][1]] == ["a", "b"]
    assert made["all-rust"][0].selection == Selection(tags=("Rust", "RUST", "rust"))
    assert head(documents(each, articles)["feeds/all-rust.rss"]).findtext("link") == f"{URL}tag/rust/"


def test_23_a_feed_of_one_language_is_in_that_language(each: Any, make_article: Maker) -> None:
    made = documents(each, [make_article(language="pt-BR"), make_article("b", age=1, language="de")])
    feed = json.loads(made["feeds/all-pt-br.json"])
    assert (feed["title"], feed["language"]) == ("The Example: Português (pt-BR)", "pt-BR")
    assert head(made["feeds/all-de.rss"]).findtext("title") == "The Example: Deutsch"


def test_24_pages_name_the_feeds_that_were_made_for_them(each: Any, plain: list[Article]) -> None:
    made = pages(each, plain)

    def named(path: str) -> list[str]:
        found = html.fromstring(made[path]).cssselect("link[rel=alternate]")
        titles = [link.get("title") for link in found]
        assert len(titles) == len(set(titles))
        return [link.get("href").removeprefix(f"{URL}feeds/") for link in found if link.get("href").endswith(".rss")]

    assert named("index.html") == ["all.rss", "all-science.rss", "all-world.rss", "all-en.rss"]
    assert named("tag/c++/index.html") == ["all-c%2B%2B.rss", "all.rss"]
    assert named("author/ana/index.html") == ["all-ana.rss", "all.rss"]
    assert named("section/world/index.html")[0] == "all-world.rss"
    assert named("2026/ferry-1/index.html") == ["all.rss", "all-world.rss", "all-en.rss"]


def test_24_the_page_for_people_lists_the_made_feeds_under_theirs(each: Any, plain: list[Article]) -> None:
    page = html.fromstring(pages(each, plain)["follow/index.html"])
    assert [item.text for item in page.cssselect("section.offer h3")][-1] == "The Example"
    summaries = [item.text for item in page.cssselect("details summary")]
    assert summaries == [
        "One for each section (2)",
        "One for each tag (2)",
        "One for each author (2)",
        "One for each language (1)",
    ]
    assert [" ".join(item.text_content().split()) for item in page.cssselect("details li")][:2] == [
        "Science: RSS, Atom, JSON Feed",
        "World: RSS, Atom, JSON Feed",
    ]
    assert len(page.cssselect("#all-ana a")) == 3, "where the feed's own page is the list"


def test_24_opml_has_the_made_feeds_in_folders(each: Any, plain: list[Article]) -> None:
    read = listparser.parse(pages(each, plain)["feeds.opml"].decode())
    assert not read.bozo
    assert {feed.url.removeprefix(f"{URL}feeds/"): feed.categories for feed in read.feeds} == {
        "all.rss": [],
        "all-science.rss": [["The Example, by section"]],
        "all-world.rss": [["The Example, by section"]],
        "all-c%2B%2B.rss": [["The Example, by tag"]],
        "all-sea-sky.rss": [["The Example, by tag"]],
        "all-ana.rss": [["The Example, by author"]],
        "all-bo.rss": [["The Example, by author"]],
        "all-en.rss": [["The Example, by language"]],
    }


@pytest.mark.parametrize(
    ("alias", "file", "format"),
    [
        ("/index.xml", "index.xml", "rss"),
        ("/feed/", "feed/index.html", "rss"),
        ("/feed", "feed/index.html", "rss"),
        ("/atom.xml", "atom.xml", "atom"),
        ("/feeds/all.atom.xml", "feeds/all.atom.xml", "atom"),
        ("/feed.json", "feed.json", "json"),
        ("/blog/ü/rss", "blog/ü/rss/index.html", "rss"),
    ],
)
def test_30_an_old_address_has_the_same_bytes(
    make_publication: Maker, plain: list[Article], alias: str, file: str, format: str
) -> None:
    publication = make_publication()
    publication = replace(publication, feeds=(replace(publication.feeds[0], aliases=(alias,)),))
    made = documents(publication, plain)
    assert made[file] == made[f"feeds/all.{format}"]
    assert links(made["feeds/all.rss"])["self"] == f"{URL}feeds/all.rss"


def test_30_an_old_address_with_and_without_its_slash_is_one_file(make_publication: Maker) -> None:
    publication = make_publication()
    feed = replace(publication.feeds[0], aliases=("/feed", "/feed/", "/feeds/all.rss"))
    made = [document.path for document in feed_documents(replace(publication, feeds=(feed,)), [])]
    assert sorted(made) == ["feed/index.html", "feeds/all.atom", "feeds/all.json", "feeds/all.rss"]


def test_30_an_old_address_of_a_format_that_is_not_made_has_another(make_publication: Maker) -> None:
    publication = make_publication()
    feed = replace(publication.feeds[0], aliases=("/feed/",), formats=("json",))
    assert documents(replace(publication, feeds=(feed,)), [])["feed/index.html"].startswith(b"{")
    mail_only = replace(publication, feeds=(replace(feed, formats=()),))
    assert documents(mail_only, []) == {}
    assert former_addresses(mail_only) == {}


def test_30_feeds_name_their_hub_and_closed_pages_do_not(make_publication: Maker, make_article: Maker) -> None:
    publication = make_publication()
    publication = replace(
        publication,
        feeds=(replace(publication.feeds[0], limit=2),),
        web=replace(publication.web, hub="https://hub.example.org/"),
    )
    made = documents(publication, [make_article(f"f{number}", age=number) for number in range(150)])
    for format in ("rss", "atom"):
        assert links(made[f"feeds/all.{format}"])["hub"] == "https://hub.example.org/"
        assert "hub" not in links(made[f"feeds/all/1.{format}"])
    assert json.loads(made["feeds/all.json"])["hubs"] == [{"type": "WebSub", "url": "https://hub.example.org/"}]
    assert "hubs" not in json.loads(made["feeds/all/1.json"])


FEED = 'title = "All"\n'


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('each = ["sektion"]', "feeds/all.toml:2: "),
        ('aliases = ["index.xml"]', '"index.xml" is not a path below the url'),
        ('aliases = ["/?feed=rss2"]', '"/?feed=rss2" is not a path below the url'),
        ('aliases = ["/"]', '"/" is not a path below the url'),
        ('aliases = ["/../etc/passwd"]', "is not a plain path"),
        ("max_size = 5", "feeds/all.toml:2: "),
        ('[podcast]\nimage = "art.png"', '"podcast.categories" is missing'),
        ('[podcast]\nimage = "a.png"\ncategories = ["A > B > C"]', '"A > B > C" is not a category'),
        ('[podcast]\nimage = "a.png"\ncategories = ["News"]\nowner = "Ana"', '5: "podcast.owner": "Ana" has no e-mail'),
        ('[podcast]\nimage = "a.png"\ncategories = ["News"]\nguid = "x"', '"x" is not a UUID'),
    ],
)
def test_a_fault_in_a_feeds_definition_is_told_where_it_stands(folder: Path, line: str, says: str) -> None:
    (folder / "feeds" / "all.toml").write_text(f"{FEED}{line}\n")
    with pytest.raises(ConfigurationError) as caught:
        load(folder)
    assert says in str(caught.value)


def test_an_old_address_belongs_to_one_feed(folder: Path) -> None:
    (folder / "feeds" / "all.toml").write_text(f'{FEED}aliases = ["/feed/"]\n')
    (folder / "feeds" / "best.toml").write_text(f'{FEED}aliases = ["/feed"]\n')
    with pytest.raises(ConfigurationError, match=r"^feeds/best.toml:2: .*/feed is an old address of feeds/all.toml"):
        load(folder)


def test_the_definition_says_it_all(folder: Path) -> None:
    (folder / "feeds" / "all.toml").write_text(
        f'{FEED}each = ["tag", "tag"]\naliases = ["/index.xml"]\nmax_size = 500\nformats = []\n'
    )
    feed = load(folder).feed("all")
    assert feed is not None
    assert (feed.each, feed.aliases, feed.max_size, feed.formats) == (("tag",), ("/index.xml",), 500_000, ())
