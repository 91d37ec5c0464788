"""No digest is clipped: the longest ones give way at their end, and everybody can still leave."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from publisher.editions.digest import CLIPPED_AT
from publisher.model.article import Article
from publisher.model.edition import Digest
from publisher.model.errors import TemplateError
from publisher.theme.fields import TOKEN, token

Compose = Callable[..., Digest]


@pytest.fixture
def long_articles(article: Any) -> list[Article]:
    """Two hundred articles of 20 KB."""
    sentence = "A sentence that is as long as most sentences are in a newspaper of some standing. "
    html = "".join(f"<p>{sentence * 5}</p>" for _ in range(49))
    assert 20_000 < len(html) < 21_000
    return [article(n, f"Title {n:03}", html.replace("long", f"long{n}")) for n in range(200)]


def forms(digest: Digest) -> str:
    """One letter an article, in order: f(ull), e(xcerpt), h(eadline)."""
    found = re.findall(r'class="(body)"|In short, what (article) \d+ says\.</p>|class="(headline)"', digest.html)
    return "".join("feh"[next(index for index, part in enumerate(parts) if part)] for parts in found)


@pytest.mark.parametrize("style", ["full", "summary", "headlines"])
def test_two_hundred_articles_of_20_kb_stay_below_the_limit_with_the_longest_links(
    compose: Compose, long_articles: list[Article], style: str
) -> None:
    digest = compose(long_articles, style=style, browser_url="https://news.example.org/e/12/")
    personal = TOKEN.sub("https://news.example.org/" + "x" * 500, digest.html)
    assert len(personal.encode()) <= CLIPPED_AT
    assert f'href="{token("unsubscribe_url")}"' in digest.html
    assert "1 Example Street" in digest.html
    shown = forms(digest)
    assert re.fullmatch("f*e*h*", shown), shown
    left_out = re.search(r"(\d+) more on The Example", digest.text)
    assert len(shown) + (int(left_out.group(1)) if left_out else 0) == 200


def test_as_much_is_shown_as_fits(compose: Compose, long_articles: list[Article]) -> None:
    for count, expected in ((3, "fff"), (4, "ffff"), (8, "ffffeeee"), (12, "f+e+")):
        digest = compose(long_articles[:count])
        assert re.fullmatch(expected, forms(digest)), (count, forms(digest))
        assert len(digest.html.encode()) <= CLIPPED_AT


def test_text_and_html_give_way_alike(compose: Compose, long_articles: list[Article]) -> None:
    digest = compose(long_articles[:12])
    assert digest.text.count("A sentence that is as long0 as") > 1
    full = forms(digest).count("f")
    assert f"long{full - 1} as" in digest.text
    assert f"long{full} as" not in digest.text
    titles = re.findall(r"Title \d{3}", digest.text[digest.text.index("====") :])
    assert list(dict.fromkeys(titles)) == [f"Title {n:03}" for n in range(12)]


def test_a_single_article_that_is_too_long_is_given_in_short(compose: Compose, article: Any) -> None:
    digest = compose([article(0, "Endless", "<p>" + "word " * 30_000 + "</p>")])
    assert forms(digest) == "e"
    assert "Read “Endless” on the web" in digest.html


def test_headlines_that_do_not_fit_are_left_for_one_link_to_all(compose: Compose, article: Any) -> None:
    articles = [article(n, f"Title {n} " + "long " * 60) for n in range(150)]
    rest = [article(n, f"Title {n} " + "long " * 60) for n in range(150, 300)]
    digest = compose(articles, rest)
    shown = forms(digest).count("h")
    assert re.search(rf"{300 - shown} more on The Example", digest.html)
    assert 'href="https://news.example.org/"' in digest.html
    assert "https://news.example.org/\n" in digest.text
    assert len(digest.html.encode()) <= CLIPPED_AT


def test_a_page_that_cannot_fit_at_all_is_refused(compose: Compose, article: Any) -> None:
    with pytest.raises(TemplateError, match=r"templates/email/digest\.html: the digest of letter has \d+ bytes"):
        compose([article(0, "Title")], limit=4_000)


def test_a_digest_is_composed_in_a_moment(compose: Compose, long_articles: list[Article], articles: Any) -> None:
    compose(articles)
    started = time.process_time()
    compose([*articles, *long_articles[:2]])
    assert time.process_time() - started < 2
