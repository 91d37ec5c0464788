"""The digest keeps the rules of HTML for mail, and its text part those of a good plain text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import lxml.html
import pytest

from publisher.editions.wrapping import columns
from publisher.model.article import Article, Image
from publisher.model.edition import Digest
from publisher.model.publication import Publication, Web
from publisher.theme.fields import names, token

Compose = Callable[..., Digest]
Articles = tuple[Article, ...]
STYLES = ("full", "summary", "headlines")


@pytest.fixture(params=STYLES)
def digest(request: pytest.FixtureRequest, compose: Compose, articles: Articles, article: Any) -> Digest:
    rest = [article(number, f"Linked headline {number}") for number in (10, 11)]
    return compose(articles, rest, style=request.param, browser_url="https://news.example.org/e/12/")


def page(digest: Digest) -> Any:
    return lxml.html.document_fromstring(digest.html)


def seen(digest: Digest) -> str:
    """The text that a reader of the HTML sees: without the hidden preheader."""
    body = page(digest).find("body")
    for hidden in body.xpath(".//*[contains(@style, 'display:none')]"):
        hidden.drop_tree()
    return " ".join(body.text_content().split())


# requirement 2


def test_styles_stand_in_the_head_only_in_blocks_that_can_fail_one_by_one(digest: Digest) -> None:
    blocks = page(digest).xpath("//style")
    assert len(blocks) >= 3
    assert all(block.getparent().tag == "head" for block in blocks)
    assert sum(len(block.text) for block in blocks) < 16 * 1024
    outlooks = [block.text for block in blocks if "data-ogsc" in block.text]
    assert len(outlooks) == 1
    assert "@media" not in outlooks[0]


def test_every_block_of_style_has_balanced_braces(digest: Digest) -> None:
    for block in page(digest).xpath("//style"):
        assert block.text.count("{") == block.text.count("}") > 0


# requirement 3


def test_colours_fonts_and_widths_are_inline_so_that_the_page_holds_without_its_stylesheet(
    digest: Digest,
) -> None:
    cells = page(digest).xpath("//td[contains(@class, 'cell')]")
    assert cells
    for cell in cells:
        for needed in ("padding", "font-family", "font-size:17px", "color:", "line-height:28px"):
            assert needed in cell.attrib["style"]
    for link in page(digest).xpath("//a"):
        assert "text-decoration:underline" in link.attrib["style"]


# requirement 4


def test_nothing_is_used_that_mail_programs_do_not_know(digest: Digest) -> None:
    html = digest.html.lower()
    for tag in (
        "link",
        "script",
        "form",
        "svg",
        "video",
        "audio",
        "iframe",
        "picture",
        "object",
        "input",
        "figure",
    ):
        assert f"<{tag}" not in html, tag
    inline = " ".join(page(digest).xpath("//@style")).lower()
    for word in ("flex", "grid", "position:", "var(", "calc(", "@import", "url("):
        assert word not in inline, word
    assert "data:" not in html
    assert all(not source.endswith((".svg", ".webp")) for source in page(digest).xpath("//img/@src"))


# requirement 5


def test_layout_tables_say_that_they_are_no_tables(digest: Digest) -> None:
    for table in page(digest).xpath("//table"):
        is_data = "data" in table.attrib.get("class", "").split()
        assert is_data != (table.attrib.get("role") == "presentation")


def test_the_column_is_held_in_every_mail_program(digest: Digest, publication: Publication) -> None:
    assert "max-width:600px" in digest.html
    assert '<!--[if mso]><table role="presentation" align="center" width="600">' in digest.html
    assert "<o:PixelsPerInch>96</o:PixelsPerInch>" in digest.html


def test_line_heights_are_in_pixels(digest: Digest) -> None:
    for style in page(digest).xpath("//@style"):
        assert re.fullmatch(r"\d+px", value := dict(declarations(style)).get("line-height", "1px")), value


def declarations(style: str) -> list[tuple[str, str]]:
    return [(name.strip(), value.strip()) for name, _, value in (part.partition(":") for part in style.split(";"))]


# requirement 6


def test_the_document_says_what_it_is(digest: Digest) -> None:
    assert digest.html.startswith('<!DOCTYPE html>\n<html lang="en" dir="ltr">')
    root = page(digest)
    assert root.xpath("//meta/@charset") == ["utf-8"]
    assert root.xpath("//meta[@name='viewport']")
    assert root.findtext(".//title") == digest.subject
    assert root.xpath("//div[@role='article']/@lang") == ["en"]


def test_there_is_one_main_heading_and_no_level_is_skipped(digest: Digest) -> None:
    levels = [int(heading.tag[1]) for heading in page(digest).iter("h1", "h2", "h3", "h4", "h5", "h6")]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels)), levels


def test_an_untitled_article_has_no_heading_of_its_own_and_its_headings_take_that_place(
    compose: Compose, article: Any
) -> None:
    note = article(0, html="<p>First.</p><h4>Deep</h4><p>Second.</p>", summary="First.", authors=())
    root = page(compose([note]))
    assert [heading.text_content() for heading in root.iter("h2", "h3", "h4")] == ["Deep"]
    assert root.find(".//h2") is not None


# requirement 7


def test_every_picture_has_a_text_a_width_and_stands_on_its_own(digest: Digest) -> None:
    pictures = page(digest).xpath("//img")
    for picture in pictures:
        assert picture.attrib["alt"]
        assert 0 < int(picture.attrib["width"]) <= 560
        assert "display:block" in picture.attrib["style"]
        assert "max-width" in picture.attrib["style"]
        assert "height:auto" in picture.attrib["style"]


def test_a_picture_keeps_its_proportions_in_the_column(compose: Compose, articles: Articles) -> None:
    boat = page(compose(articles)).xpath("//img[contains(@src, 'boat')]")[0]
    assert (boat.attrib["width"], boat.attrib["height"]) == ("560", "327")


def test_the_lead_picture_is_shown_once_even_if_the_text_has_it_too(compose: Compose, articles: Articles) -> None:
    image = Image("https://news.example.org/pics/boat.png", alt="A red boat", width=1200, height=700)
    html = compose([replace(articles[0], image=image)]).html
    assert html.count("boat.png") == 1


# requirement 8


def test_dark_mode_is_announced_and_wins_over_inline_styles(digest: Digest) -> None:
    root = page(digest)
    assert root.xpath("//meta[@name='color-scheme']/@content") == ["light dark"]
    assert root.xpath("//meta[@name='supported-color-schemes']/@content") == ["light dark"]
    dark = next(block.text for block in root.xpath("//style") if "prefers-color-scheme: dark" in block.text)
    inside = dark[dark.index("@media") :]
    declared = re.findall(r"[{;]\s*[\w-]+: [^;}]+", inside.partition("{")[2])
    assert declared
    assert all("!important" in declaration for declaration in declared)


# requirement 9


def test_body_text_has_16_pixels_or_more_and_small_print_14(digest: Digest) -> None:
    hidden = page(digest).xpath("//*[contains(@class, 'hidden')]")
    for element in page(digest).xpath("//*[@style]"):
        size = dict(declarations(element.attrib["style"])).get("font-size")
        if size and element.attrib.get("class") != "hidden":
            assert int(size.removesuffix("px")) >= 14
    assert len(hidden) == 2


def test_links_that_stand_alone_are_44_pixels_high(digest: Digest) -> None:
    for link in page(digest).xpath("//a[contains(@class, 'alone')]"):
        style = dict(declarations(link.attrib["style"]))
        padding = int(style["padding"].split()[0].removesuffix("px"))
        assert 2 * padding + int(style["line-height"].removesuffix("px")) >= 44
        assert style["display"] == "inline-block"


def test_no_two_links_with_the_same_text_go_to_different_places(digest: Digest) -> None:
    places: dict[str, set[str]] = {}
    for link in page(digest).xpath("//a"):
        places.setdefault(" ".join(link.text_content().split()), set()).add(link.attrib["href"])
    assert "" not in places
    assert [text for text, targets in places.items() if len(targets) > 1] == []


# requirement 10


def test_the_preheader_is_hidden_padded_and_not_in_the_text_part(compose: Compose, article: Any) -> None:
    digest = compose([article(0, "A title", "<p>Something else.</p>", summary="Only the preheader says this.")])
    preheader, filler = page(digest).xpath("//div[contains(@style, 'display:none')]")
    assert preheader.text == digest.preheader == "Only the preheader says this."
    assert filler.attrib["aria-hidden"] == "true"
    assert len(filler.text) > 150
    assert digest.preheader not in digest.text


def test_each_edition_has_a_preheader_of_its_own(compose: Compose, article: Any) -> None:
    one, other = compose([article(0, "One")]), compose([article(1, "Other")])
    assert one.preheader != other.preheader
    note = compose([article(2, summary="A note."), article(3, "A title")])
    assert note.preheader == "Also: A title"
    long = compose([article(4, "Long", summary="word " * 100)]).preheader
    assert len(long) <= 120
    assert long.endswith("…")


# requirement 11


def test_the_footer_says_why_how_to_leave_and_who_we_are(digest: Digest) -> None:
    for part in (seen(digest), " ".join(digest.text.split())):
        assert "You get this because you subscribed to The Morning Letter (daily)." in part
        assert "1 Example Street, 10115 Berlin" in part
    for link in (token("unsubscribe_url"), token("preferences_url"), "https://news.example.org/e/12/"):
        assert f'href="{link}"' in digest.html
        assert f"\n{link}\n" in digest.text


def test_without_a_server_of_ours_only_unsubscribing_is_offered(
    compose: Compose, articles: Articles, publication: Publication
) -> None:
    digest = compose(articles, publication=replace(publication, web=Web(endpoints=False, pages=False)))
    assert names(digest.html) == names(digest.text) == {"unsubscribe_url"}
    assert "browser" not in digest.html.replace("browser_url", "")


# requirement 12


def test_no_placeholder_is_left_and_no_link_is_empty(digest: Digest) -> None:
    for part in (digest.subject, digest.preheader, digest.html, digest.text):
        assert "{{" not in part
        assert "{%" not in part
        assert "<!--body" not in part
    for href in page(digest).xpath("//@href"):
        assert href.startswith(("https://", "mailto:", "zqf"))
        assert "%7B" not in href


# requirement 13


def test_the_text_part_keeps_to_72_columns_but_for_urls(digest: Digest) -> None:
    for line in digest.text.splitlines():
        assert columns(line) <= 72 or "://" in line, line
        assert line == line.rstrip()


def test_the_text_part_has_most_words_and_every_link_of_the_html(digest: Digest) -> None:
    html_words = re.findall(r"\w+", seen(digest))
    text_words = set(re.findall(r"\w+", digest.text))
    assert sum(word in text_words for word in html_words) >= 0.9 * len(html_words)
    assert len(re.findall(r"\w+", digest.text)) >= 0.7 * len(html_words)
    for href in page(digest).xpath("//@href"):
        # pictures are linked only because mail programs cannot show them; their text is in the text part
        assert href.removeprefix("mailto:") in digest.text or href.endswith(".svg")


def test_both_parts_have_the_same_articles_in_the_same_order(digest: Digest, articles: Articles) -> None:
    titles = [each.title for each in articles if each.title] + ["Linked headline 10", "Linked headline 11"]

    def order(text: str) -> list[str]:
        # the list of contents comes first: what counts is where a title comes up last
        return sorted(titles, key=text.rindex)

    assert order(" ".join(digest.text.split())) == order(seen(digest).replace("on the web", ""))


def test_links_are_numbered_through_and_gathered_at_the_end_of_their_section(compose: Compose, article: Any) -> None:
    link = '<p>See <a href="https://example.org/{0}">this</a> and <a href="https://example.org/{0}">that</a>.</p>'
    text = compose(
        [
            article(0, "One", link.format("one"), section="world"),
            article(1, "Two", link.format("two"), section="city"),
        ]
    ).text
    world, city = text.index("=== The World ==="), text.index("=== City ===")
    assert world < text.index("this [1] and that [1]") < text.index("[1] https://example.org/one") < city
    assert city < text.index("this [2] and that [2]") < text.index("[2] https://example.org/two")


@pytest.mark.parametrize("ending", ["webp", "svg", "avif"])
def test_a_lead_picture_that_mail_programs_do_not_show_is_linked(compose: Compose, article: Any, ending: str) -> None:
    image = Image(f"https://news.example.org/pics/map.{ending}", alt="A map of the piers", width=900, height=600)
    made = compose([article(0, "Piers", image=image)])
    assert "<img" not in made.html
    assert f'href="{image.url}"' in made.html
    assert ">A map of the piers</a>" in made.html
    assert f"    A map of the piers\n    {image.url}\n" in made.text
    shown = compose([article(0, "Piers", f'<p><img src="{image.url}" alt="A map"></p>', image=image)])
    assert shown.html.count(image.url) == 1


def test_a_picture_has_its_caption_and_its_credit(compose: Compose, article: Any) -> None:
    image = Image("https://news.example.org/a.jpg", alt="", caption="The pier.", credit="Ana", width=900, height=600)
    made = compose([article(0, "Piers", image=image)])
    assert "The pier. Picture: Ana" in made.html
    assert "    The pier. Picture: Ana" in made.text
