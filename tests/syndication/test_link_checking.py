"""Links inside the publication: a hostile example and a clean one of each kind, against what a build makes."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.articles.identity import identify
from publisher.articles.inspecting import inspect_articles
from publisher.articles.rendering import render_articles
from publisher.articles.sources import read_sources
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.publication.loading import load
from publisher.syndication.documents import feed_documents
from publisher.syndication.link_checking import addresses_of, check_links
from publisher.syndication.pages import page_documents
from publisher.theme.environment import environment_of
from tests.conftest import NOW

HEAD = '+++\ntitle = "{}"\ndate = {}\n+++\n'


def check(
    folder: Path, text: str, *, others: tuple[str, ...] = (), publication: Publication | None = None
) -> list[Finding]:
    publication = publication or load(folder)
    articles = folder / "articles"
    (articles / "buoy.md").write_text(
        HEAD.format("The buoy", "2026-02-01") + "## Colours {#colours}\n\nGreen.[^1]\n\n[^1]: Or so."
    )
    (articles / "later.md").write_text(HEAD.format("Later", "2026-05-01") + "Wait.")
    (articles / "draft.md").write_text('+++\ntitle = "Draft"\ndraft = true\ndate = 2026-02-01\n+++\nNot yet.')
    (articles / "one.md").write_text(HEAD.format("One", "2026-02-02") + text)
    sources, _ = read_sources(publication)
    identified, _, _ = identify(sources, {}, publication=publication, now=NOW)
    rendered, _ = render_articles(identified, publication)
    public = [article for article in rendered if article.is_public(NOW)]
    addresses, _ = addresses_of(
        publication,
        rendered,
        [*page_documents(publication, public, environment_of(publication)), *feed_documents(publication, public)],
        ["media/boat.png"],
        others,
        now=NOW,
    )
    return list(check_links(inspect_articles(identified, rendered, publication), addresses))


CLEAN = """\
[page](/2026/buoy/), [without its slash](/2026/buoy), [relative](../buoy/),
[whole](https://news.example.org/2026/buoy/),
[place](/2026/buoy/#colours), [top](/2026/buoy/#top), [quoted text](/2026/buoy/#:~:text=Green),
[section](/section/world/),
[feed](/feeds/world.atom), [front](/), [follow](/follow/#world), [picture](/media/boat.png),
[elsewhere](https://example.com/x),
[mail](mailto:a@example.org), [sign up](/subscribe), `[code](/no/)`, note[^1], [own place](#here)

## Here {#here}

[^1]: The [note](/2026/buoy/).
"""


def test_links_that_lead_somewhere_are_no_finding(folder: Path) -> None:
    assert check(folder, CLEAN) == []


@pytest.mark.parametrize(
    ("text", "cause", "remedy"),
    [
        ("[x](/2026/bouy/)", "there is nothing at that address", "did you mean /2026/buoy/?"),
        ("[x](https://news.example.org/nowhere-at-all.pdf)", "there is nothing at that address", "mend the link"),
        ("[x](/2026/buoy/#coluors)", 'no place "#coluors"', "did you mean #colours?"),
        ("[x](#nowhere)", 'no place "#nowhere"', "mend the link"),
        ("[x](/2026/later/)", "articles/later.md is not public before 2026-0", "once it is public"),
        ("[x](/2026/draft/)", "articles/draft.md is a draft", "once it is public"),
        ("[x]()", "it leads to its own page", "write where"),
        ("[x](#)", "it leads to its own page", "write where"),
        ("[x](javascript:alert(1))", "could not follow it safely", "https:"),
        ('<a href="/2026/bouy/">x</a>', "there is nothing", "buoy"),
        ("[x][r]\n\n[r]: /feeds/wrold.rss", "there is nothing", "did you mean /feeds/world.rss?"),
        ("![A boat](/media/baot.png)", 'broken picture "/media/baot.png"', "did you mean /media/boat.png?"),
    ],
)
def test_a_broken_link_is_an_error_with_its_line(folder: Path, text: str, cause: str, remedy: str) -> None:
    [found] = check(folder, f"One.\n\n{text}")
    assert (found.rule, found.file, found.line, found.severity) == ("broken-link", "articles/one.md", 7, Severity.ERROR)
    assert cause in found.what
    assert remedy in found.remedy


def test_what_somebody_put_into_public_is_there(folder: Path) -> None:
    assert len(check(folder, "[x](/logo.pdf)")) == 1
    assert check(folder, "[x](/logo.pdf)", others=("logo.pdf",)) == []


def test_a_broken_link_in_a_draft_is_a_warning(folder: Path) -> None:
    assert [one.severity for one in check(folder, "[x](/no/)")] == [Severity.ERROR]
    (folder / "articles" / "second.md").write_text('+++\ntitle = "D"\ndraft = true\n+++\n[x](/no/) [own](#place)')
    found = [one for one in check(folder, "Fine.") if one.file == "articles/second.md"]
    assert [one.severity for one in found] == [Severity.WARNING]


def test_beside_another_programs_pages_only_our_own_addresses_are_judged(folder: Path) -> None:
    settings = folder / "publication.toml"
    settings.write_text(settings.read_text() + '\n[web]\npages = false\npermalink = "/posts/{slug}/"\n')
    assert check(folder, "[a](/posts/buoy/) [b](/about/) [c](#made-by-the-other-program)") == []
    assert [one.line for one in check(folder, "[feed](/feeds/wrold.rss)")] == [5]
