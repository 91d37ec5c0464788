"""What a digest shows: its subject, its articles in their styles, its theme, and nothing of the reader."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import lxml.html
import pytest

from publisher.model.article import Article, Author, Image
from publisher.model.edition import Digest
from publisher.model.errors import TemplateError
from publisher.model.publication import Publication, Theme
from publisher.theme.environment import check_overrides, environment_of
from publisher.theme.fields import names, token

Compose = Callable[..., Digest]
Articles = tuple[Article, ...]
STYLES = ("full", "summary", "headlines")


def page(digest: Digest) -> Any:
    return lxml.html.document_fromstring(digest.html)


def seen(digest: Digest) -> str:
    """The text that a reader of the HTML sees: without the hidden preheader."""
    body = page(digest).find("body")
    for hidden in body.xpath(".//*[contains(@style, 'display:none')]"):
        hidden.drop_tree()
    return " ".join(body.text_content().split())


def declarations(style: str) -> list[tuple[str, str]]:
    return [(name.strip(), value.strip()) for name, _, value in (part.partition(":") for part in style.split(";"))]


# the subject


def test_the_subject_is_the_newsletters_template(compose: Compose, articles: Articles) -> None:
    assert compose(articles).subject == "The ice leaves early and 4 more"
    local = compose(articles, subject="{{ slot.strftime('%H:%M') }} for {{ reader.name }}, no. {{ edition_number }}")
    assert local.subject == f"07:00 for {token('name')}, no. 12"


def test_an_untitled_article_lends_the_subject_its_first_words(compose: Compose, article: Any) -> None:
    note = article(0, summary="The library opens on Sundays from now on, and nobody knows for how long it will.")
    assert compose([note]).subject == "The library opens on Sundays from now on, and nobody knows…"


@pytest.mark.parametrize("empty", ["{# nothing #}", "{{ ' ' }}", "{{ '\x00' }}"])
def test_an_empty_subject_becomes_the_newsletters_title(compose: Compose, articles: Articles, empty: str) -> None:
    assert compose(articles, subject=empty).subject == "The Morning Letter"


@pytest.mark.parametrize("title", ["One\r\nBcc: all@example.org", "One\x0bBcc: x", "One\u2028Bcc: x", "One\x85Bcc: x"])
def test_no_title_breaks_out_of_the_subject_line(compose: Compose, article: Any, title: str) -> None:
    digest = compose([article(0, title, summary=title)])
    for line in (digest.subject, digest.preheader):
        assert len(line.splitlines()) == 1
        assert line.startswith("One Bcc") or line.startswith("OneBcc")


def test_a_subject_that_asks_for_what_is_not_there_names_the_setting(compose: Compose, articles: Articles) -> None:
    with pytest.raises(TemplateError, match=r"^feeds/letter\.toml: newsletter\.subject: .*nobody"):
        compose(articles, subject="{{ nobody.name }}")


# what authors write


def test_titles_and_names_are_text_not_markup(compose: Compose, article: Any) -> None:
    author = Author("x", "<b>Bold</b> & Co", bio="<i>bio</i>")
    digest = compose([article(0, "1 < 2 & <script>alert(1)</script>", summary='"&lt;', authors=(author,))])
    assert "<script" not in digest.html
    assert "<b>Bold" not in digest.html
    assert "1 < 2 & <script>alert(1)</script>" in seen(digest)
    assert "By <b>Bold</b> & Co" in digest.text
    assert digest.preheader == '"&lt;'


def test_no_article_can_carry_a_readers_link_off(compose: Compose, article: Any) -> None:
    stolen = token("unsubscribe_url")
    pieces = "zqf&#117;nsubscribe_urlqfz zqf<span>unsubscribe_url</span>qfz"
    evil = article(
        0,
        f"T {stolen}",
        f'<p>{pieces}<a href="https://evil.example.org/?{stolen}" title="{stolen}">x</a></p>',
        summary=f"S {stolen}",
        correction=stolen,
        authors=(Author("e", f"E {stolen}", bio=stolen, url=f"https://evil.example.org/{stolen}"),),
        image=Image("https://evil.example.org/a.png", alt=stolen, caption=stolen, credit=stolen),
    )
    for style in STYLES:
        digest = compose([evil, replace(evil, id="tag:2")], [evil], style=style)
        assert names(digest.subject) == names(digest.preheader) == set()
        assert digest.html.count(stolen) == 1
        assert digest.text.count(stolen) == 1


def test_control_characters_do_not_cut_the_page_short(compose: Compose, article: Any) -> None:
    bad = "\x00\x01\x1b\ud800\ufffe"
    digest = compose([article(0, f"Ti{bad}tle", f"<p>Bo{bad}dy</p>", summary=f"Sum{bad}mary")])
    assert "Title" in seen(digest)
    assert "Body" in seen(digest)
    assert token("unsubscribe_url") in digest.html
    digest.html.encode()
    digest.text.encode()


# the edition


def test_sections_have_headings_only_where_there_are_several(compose: Compose, article: Any) -> None:
    assert "The World" not in compose([article(0, "One", section="world"), article(1, "Two", section="world")]).html
    mixed = compose([article(0, "One", section="world"), article(1, "Two")])
    assert [h.text for h in page(mixed).iter("h2")] == ["The World", "Also in this edition", "Who wrote this"]


def test_the_date_is_the_newsletters_not_the_publications(compose: Compose, articles: Articles) -> None:
    late = compose(articles, slot=datetime(2025, 1, 19, 23, 30, tzinfo=UTC))
    assert "Monday, 20 January 2025 · No. 12" in late.text
    assert "Monday, 20 January 2025 · No. 12" in seen(late)


def test_a_list_of_contents_comes_with_four_articles_to_read(compose: Compose, articles: Articles) -> None:
    assert "In this edition" in compose(articles).text
    assert "In this edition" not in compose(articles[:3]).text
    assert "In this edition" not in compose(articles, style="headlines").html


def test_each_style_shows_what_it_says(compose: Compose, articles: Articles) -> None:
    full, summary, headlines = (seen(compose(articles, style=style)) for style in STYLES)
    assert "What the numbers say" in full
    assert "What the numbers say" not in summary
    assert "In short, what article 0 says." in summary
    assert "In short, what article 0 says." not in headlines
    assert "The ice leaves early" in headlines


def test_another_language_is_marked_where_it_stands(compose: Compose, articles: Articles) -> None:
    root = page(compose(articles))
    assert root.xpath("//h3[@lang='de']/text()") == ["Die Brücke bleibt"]
    assert root.xpath("//h3[@lang='ar' and @dir='rtl']/text()") == ["مرفأ"]
    assert root.xpath("//div[@class='body' and @lang='ar' and @dir='rtl']")


def test_an_article_of_the_other_direction_has_its_margins_on_its_own_side(compose: Compose, article: Any) -> None:
    html = "<ul><li>a</li></ul>"
    digest = compose([article(0, "English", html), article(1, "مرفأ", html, language="ar")])
    assert [style.rpartition(";")[2].strip() for style in page(digest).xpath("//ul/@style")] == [
        "padding-left:24px",
        "padding-right:24px",
    ]


def test_a_digest_in_a_language_from_right_to_left_is_laid_out_so(compose: Compose, articles: Articles) -> None:
    html = compose(articles, language="ar").html
    assert '<html lang="ar" dir="rtl">' in html
    assert "padding-right:24px" in html


def test_authors_and_corrections_are_named(compose: Compose, articles: Articles) -> None:
    digest = compose([replace(articles[0], correction="The pier is the north one.")])
    for part in (seen(digest), " ".join(digest.text.split())):
        assert "By Ana Example and Ben Sample" in part
        assert "Correction: The pier is the north one." in part
        assert part.count("Writes about harbours.") == 1


def test_a_logo_stands_on_a_ground_of_its_own(compose: Compose, articles: Articles) -> None:
    logo = Image("https://news.example.org/logo.png", width=1200, height=300)
    image = page(compose(articles, logo=logo)).xpath("//img[@class='logo']")[0]
    assert image.attrib["alt"] == "The Example"
    assert (image.attrib["width"], image.attrib["height"]) == ("288", "72")
    style = dict(declarations(image.attrib["style"]))
    assert style["background-color"] == "#ffffff"
    assert style["padding"] == "8px"


def test_the_theme_reaches_every_part(compose: Compose, articles: Articles, publication: Publication) -> None:
    theme = Theme(accent="#004488", font="Verdana</style>, 'My Font', 'Source Sans 3'", width=480)
    html = compose(articles, publication=replace(publication, theme=theme)).html
    assert "color:#004488" in html
    assert """font-family:Verdanastyle, My Font, "Source Sans 3";""" in html
    assert "max-width:480px" in html
    assert 'width="440"' in html


def test_a_template_can_be_overridden_on_its_own(
    compose: Compose, articles: Articles, publication: Publication, newsletter: Any
) -> None:
    folder = publication.templates / "email"
    folder.mkdir(parents=True)
    (folder / "footer.html").write_text('<tr><td><a href="{{ reader.unsubscribe_url }}">Enough</a></td></tr>')
    assert "Enough" in compose(articles).html


def test_a_broken_override_is_named_with_its_line(
    compose: Compose, articles: Articles, publication: Publication
) -> None:
    folder = publication.templates / "email"
    folder.mkdir(parents=True)
    (folder / "article.html").write_text("<p>\n{{ nonsense }}\n</p>")
    with pytest.raises(TemplateError, match=r"^templates/email/article\.html:2: .*nonsense"):
        compose(articles)


def test_a_text_that_asks_for_what_it_is_not_given_is_named_with_its_line(
    compose: Compose, articles: Articles, publication: Publication
) -> None:
    folder = publication.templates / "email"
    folder.mkdir(parents=True)
    (folder / "footer.html").write_text('<tr><td>\n{{ _("Said by %(nobody)s", name="Ana") }}</td></tr>')
    with pytest.raises(TemplateError, match=r"^templates/email/footer\.html:2: .*nobody"):
        compose(articles)


@pytest.mark.parametrize(
    ("language", "said"),
    [
        ("de", ("In dieser Ausgabe", "„Council agrees to meet“ im Web lesen", "(täglich)", "Von Ana Example und Ben")),
        ("fr", ("Dans cette édition", "Lire « Council", "(chaque jour)", "n° 12", "Lundi 20 janvier 2025")),
        ("es-AR", ("En esta edición", "Leer «Council", "(a diario)", "Lunes, 20 de enero de 2025")),
        ("ar", ("في هذا العدد", "اقرأ «\u2068Council", "(يوميًا)", "العدد 12", "الاثنين، 20 يناير 2025")),
    ],
)
def test_a_digest_speaks_its_readers_language(
    compose: Compose, articles: Articles, language: str, said: tuple[str, ...]
) -> None:
    digest = compose(articles, language=language)
    for words in said:
        assert words in seen(digest)
    for english in ("In this edition", "Read “", "You get this", "January", "Unsubscribe", "Also in"):
        assert english not in digest.html
        assert english not in digest.text


def test_the_subject_counts_in_the_readers_language(compose: Compose, articles: Articles) -> None:
    assert compose(articles, language="de").subject == "The ice leaves early und 4 weitere Artikel"
    assert compose(articles[:2], language="fr").subject == "The ice leaves early et 1 autre article"
    assert compose(articles[:1], language="ar").subject == "The ice leaves early"


def test_the_same_edition_gives_the_same_bytes_in_another_process(compose: Compose, articles: Articles) -> None:
    script = (
        "import hashlib, runpy, sys, pathlib\n"
        "samples = runpy.run_path(sys.argv[1])\n"
        "from publisher.editions.article_mail import article_mail\n"
        "from publisher.editions.inlining import inline_fragment\n"
        "body = article_mail(samples['RICH'], url='https://news.example.org/2025/a0/', top=3, column=560)\n"
        "inlined = inline_fragment(body, 'p, .data td { margin: 0; color: red }', within='body')\n"
        "print(hashlib.sha256(inlined.encode()).hexdigest())\n"
    )
    here = Path(__file__).parent
    results = {
        subprocess.run(
            [sys.executable, "-c", script, str(here / "conftest.py")],
            cwd=here.parent.parent,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(results) == 1
    assert compose(articles) == compose(articles)


TEMPLATES = sorted(file.name for file in (Path(__file__).parents[2] / "templates" / "email").iterdir())


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_mail_template_can_be_overridden_alone_and_is_named_when_it_is_broken(
    publication: Publication, name: str
) -> None:
    built_in = (Path(__file__).parents[2] / "templates" / "email" / name).read_text("utf-8")
    file = publication.templates / "email" / name
    file.parent.mkdir(parents=True)
    file.write_text(built_in, "utf-8")
    check_overrides(environment_of(publication), publication)
    lines = built_in.count("\n")
    file.write_text(built_in + "{% nonsense %}\n", "utf-8")
    with pytest.raises(TemplateError, match=rf"^templates/email/{re.escape(name)}:{lines + 1}: "):
        check_overrides(environment_of(publication), publication)
