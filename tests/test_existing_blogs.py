"""Blogs of Hugo, Jekyll and Pelican, published from their own folders without a page of ours."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from publisher.articles.identity import identify
from publisher.articles.inspecting import inspect_articles
from publisher.articles.sources import read_sources
from publisher.model.article import Article
from publisher.model.publication import Publication
from publisher.pipeline import Published, publish
from publisher.publication.loading import load
from publisher.store import open_store
from publisher.theme.environment import environment_of

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x02\x00\x00\x00\x03\x08\x02\x00\x00\x00\x00\x00\x00\x00"
    b"\x00\x00\x00\x00IEND\xaeB`\x82"
)

HUGO = {
    "content/posts/first-boat.md": """\
+++
title = "The first boat"
date = 2026-01-20T07:30:00+01:00
lastmod = 2026-02-01
tags = ["boats"]
categories = ["Harbour", "Mornings"]
description = "It came alone."
aliases = ["/old/first-boat/"]
weight = 3
[cover]
image = "https://images.example.org/boat.jpg"
alt = "A boat"
caption = "It came alone"
[params]
toc = true
+++
It came alone. {{< youtube abc123 >}}

{{< figure src="/images/boat.png" alt="A boat at dawn" caption="Before anybody was up" >}}

{{< highlight python >}}
print("{{ not a shortcode }}")
{{< /highlight >}}

See [the second]({{< ref "second-boat.md#rope" >}}). {{% aside %}}Quietly.{{% /aside %}}
""",
    "content/posts/second-boat/index.md": """\
---
Title: "The second boat: late"
publishDate: 2026-01-21
author: {name: Ana Example, email: ana@example.org}
---
![Rope](rope.png)
""",
    "content/posts/second-boat/rope.png": PNG,
    "content/posts/_index.md": "---\ntitle: All posts\n---\n",
    "content/posts/not-yet.md": "---\ntitle: Not yet\ndate: 2026-01-22\ndraft: true\n---\nNo.\n",
    "content/about.md": "---\ntitle: About\n---\nNot a post.\n",
}
JEKYLL = {
    "_posts/2026-01-20-first-boat.md": """\
---
layout: post
title:  "The first boat"
date:   2026-01-20 10:00:00 +0100
categories: harbour mornings
tags: boats rope
image: {path: /assets/boat.png, alt: A boat}
redirect_from:
  - /old/boat.html
last_modified_at: 2026-02-01
---
{% include toc.html %}
* TOC
{:toc}

It came alone.{: .lead}

{% highlight ruby %}
puts "{{ a }}"
{% endhighlight %}

See [the second]({% post_url 2026-01-21-Second_boat %}) and [home]({{ site.baseurl }}/) or
[about]({{ "/about/" | relative_url }}). {% raw %}{{ kept }}{% endraw %}
""",
    "_posts/2026-01-21-Second_boat.markdown": "---\nauthor: Ana Example\n---\n![Rope](rope.png) at the quay.\n",
    "_posts/2026-01-22-hidden.md": "---\ntitle: Hidden\npublished: false\n---\nNo.\n",
    "_posts/2026-01-23-elsewhere.md": "---\ntitle: Elsewhere\npermalink: /:year/special/:title/\n---\nText.\n",
}
PELICAN = {
    "content/first boat.md": """\
Title: The first boat: it's "alone"
Date: 2026-01-20 10:20
Modified: 2026-02-01 08:00
Category: Harbour
Tags: boats, long ropes
Authors: Ana Example, Tomás Muster
Summary: It came alone,
    and early.

It came alone. See ![the boat]({static}/images/boat.png), [the second]({filename}second.md) and `{static}`.
""",
    "content/second.md": "Title: Second\nDate: 2026-01-21\nSlug: the-second\nURL: boats/second.html\n\nText.\n",
    "content/draft.md": "Title: Draft\nDate: 2026-01-22\nStatus: draft\n\nNo.\n",
    "content/note.md": "---\ntitle: Fenced\ndate: 2026-01-23\n---\n\nNote: with a colon\n",
}


def settings(articles: str, permalink: str) -> str:
    return (
        f'title = "Boats"\nurl = "https://boats.example.org"\ntimezone = "Europe/Berlin"\narticles = "{articles}"\n'
        f'[web]\npages = false\npermalink = "{permalink}"\n'
    )


Build = Callable[..., tuple[dict[str, Article], Path, Published]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    def built(blog: dict[str, Any], articles: str, permalink: str) -> tuple[dict[str, Article], Path, Published]:
        for name, content in blog.items():
            file = tmp_path / "blog" / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content if isinstance(content, bytes) else content.encode())
        root = tmp_path / "blog" / "publisher"
        (root / "feeds").mkdir(parents=True)
        (root / "publication.toml").write_text(settings(articles, permalink))
        (root / "feeds" / "all.toml").write_text('title = "Boats"\naliases = ["/index.xml", "/feed.xml"]\n')
        publication = load(root)
        store = open_store(publication.database, root)
        done = publish(publication, store, environment=environment_of(publication), now=NOW, mailing=True)
        store.close()
        assert [str(error) for error in done.errors] == []
        return {article.title: done.whole(article) for article in done.articles}, publication.public, done

    return built


def test_a_hugo_blog_is_published_from_its_own_folder(build: Build) -> None:
    articles, public, _ = build(HUGO, "../content/posts", "/posts/{slug}/")
    assert set(articles) == {"The first boat", "The second boat: late", "Not yet"}
    first, second = articles["The first boat"], articles["The second boat: late"]
    assert first.url == "https://boats.example.org/posts/first-boat/"
    assert second.url == "https://boats.example.org/posts/second-boat/"
    assert articles["Not yet"].draft
    assert (first.published.isoformat(), first.updated.isoformat()) == (
        "2026-01-20T06:30:00+00:00",
        "2026-01-31T23:00:00+00:00",
    )
    assert (first.section, first.tags, first.summary) == ("Harbour", ("boats", "Mornings"), "It came alone.")
    assert first.image is not None
    assert (first.image.url, first.image.alt, first.image.caption) == (
        "https://images.example.org/boat.jpg",
        "A boat",
        "It came alone",
    )
    assert first.aliases == ("/old/first-boat/",)
    assert '<a href="https://www.youtube.com/watch?v=abc123">' in first.html
    assert '<img src="https://boats.example.org/images/boat.png" alt="A boat at dawn">' in first.html
    assert "<figcaption>Before anybody was up</figcaption>" in first.html
    assert "{{ not a shortcode }}" in first.html
    assert '<a href="https://boats.example.org/posts/second-boat/#rope">the second</a>' in first.html
    assert "Quietly." in first.html
    assert "{{%" not in first.html
    assert [author.name for author in second.authors] == ["Ana Example"]
    assert 'src="https://boats.example.org/media/second-boat/rope.png"' in second.html
    assert (public / "media/second-boat/rope.png").read_bytes() == PNG


def test_a_jekyll_blog_is_published_from_its_own_folder(build: Build) -> None:
    articles, _, _ = build(JEKYLL, "../_posts", "/{categories}/{year}/{month}/{day}/{slug}.html")
    assert set(articles) == {"The first boat", "Second_boat", "Hidden", "Elsewhere"}
    first, second = articles["The first boat"], articles["Second_boat"]
    assert first.url == "https://boats.example.org/harbour/mornings/2026/01/20/first-boat.html"
    assert second.url == "https://boats.example.org/2026/01/21/Second_boat.html"
    assert articles["Elsewhere"].url == "https://boats.example.org/2026/special/elsewhere/"
    assert articles["Hidden"].draft
    assert first.published.isoformat() == "2026-01-20T09:00:00+00:00"
    assert second.published.isoformat() == "2026-01-20T23:00:00+00:00", "the day of its file's name, in Berlin"
    assert (first.section, first.tags) == ("harbour", ("boats", "rope", "mornings"))
    assert first.aliases == ("/old/boat.html",)
    assert first.image is not None
    assert (first.image.url, first.image.alt) == ("https://boats.example.org/assets/boat.png", "A boat")
    assert first.html.startswith("<p>It came alone.</p>")
    assert 'class="language-ruby"' in first.html
    assert "{{ a }}" in first.html
    assert '<a href="https://boats.example.org/2026/01/21/Second_boat.html">the second</a>' in first.html
    assert '<a href="https://boats.example.org/">home</a>' in first.html
    assert '<a href="https://boats.example.org/about/">about</a>' in first.html
    assert "{{ kept }}" in first.html
    assert "{%" not in first.html
    assert "{:" not in first.html
    assert [author.name for author in second.authors] == ["Ana Example"]
    assert 'src="https://boats.example.org/2026/01/21/rope.png"' in second.html, "the blog has it, we have not"


def test_a_pelican_blog_is_published_from_its_own_folder(build: Build) -> None:
    articles, _, _ = build(PELICAN, "../content", "/{slug}.html")
    first = articles['The first boat: it\'s "alone"']
    assert set(articles) == {first.title, "Second", "Draft", "Fenced"}
    assert first.url == "https://boats.example.org/the-first-boat-its-alone.html"
    assert articles["Second"].url == "https://boats.example.org/boats/second.html"
    assert articles["Draft"].draft
    assert (first.section, first.tags) == ("Harbour", ("boats", "long ropes"))
    assert [author.name for author in first.authors] == ["Ana Example", "Tomás Muster"]
    assert first.summary == "It came alone, and early."
    assert (first.published.isoformat(), first.updated.isoformat()) == (
        "2026-01-20T09:20:00+00:00",
        "2026-02-01T07:00:00+00:00",
    )
    assert '<img src="https://boats.example.org/images/boat.png" alt="the boat">' in first.html
    assert '<a href="https://boats.example.org/second.html">the second</a>' in first.html
    assert "<code>{static}</code>" in first.html
    assert "Note: with a colon" in articles["Fenced"].html


@pytest.mark.parametrize(
    ("blog", "articles"), [(HUGO, "../content/posts"), (JEKYLL, "../_posts"), (PELICAN, "../content")]
)
def test_without_pages_there_are_feeds_their_old_addresses_and_no_page_of_ours(
    build: Build, blog: dict[str, Any], articles: str
) -> None:
    made, public, done = build(blog, articles, "/{slug}/")
    written = {path.relative_to(public).as_posix() for path in public.rglob("*") if path.is_file()}
    written = {path for path in written if not path.endswith((".gz", ".br"))}
    ours = {f"feeds/all.{format}" for format in ("rss", "atom", "json")} | {"feed.css", "feeds.opml", "style.css"}
    assert {path for path in written if not path.startswith("media/")} == ours | {"index.xml", "feed.xml"}
    shown = [item["url"] for item in json.loads((public / "feeds/all.json").read_bytes())["items"]]
    assert shown == [article.url for article in done.articles if not article.draft]
    assert len(shown) == len(made) - 1
    assert (public / "index.xml").read_bytes() == (public / "feeds/all.rss").read_bytes()
    assert all(record.left_out == "old news" for record in done.left_out), "what is there already is not mailed"


def test_our_own_names_go_before_theirs(build: Build) -> None:
    text = '+++\ntitle = "Ours"\ndate = 2026-01-20\nsection = "World"\nsummary = "Ours."\n'
    text += 'categories = ["Other"]\ndescription = "Theirs."\nimage = "https://example.org/a.png"\n'
    text += 'cover = "b.png"\n+++\nText.\n'
    articles, _, _ = build({"content/ours.md": text}, "../content", "/{path}/")
    ours = articles["Ours"]
    assert (ours.section, ours.tags, ours.summary) == ("World", ("Other",), "Ours.")
    assert ours.image is not None
    assert ours.image.url == "https://example.org/a.png"


def test_files_of_one_name_in_several_folders_are_told_apart_by_their_path(build: Build) -> None:
    blog = {
        f"content/{year}/boat.md": f"---\ntitle: Boat of {year}\ndate: {year}-01-01\n---\nText.\n"
        for year in (2024, 2025)
    }
    articles, _, _ = build(blog, "../content", "/{path}/")
    assert articles["Boat of 2024"].url == "https://boats.example.org/2024/boat/"


def test_check_finds_the_line_of_a_fault_in_a_blogs_article(tmp_path: Path) -> None:
    """Liquid before it becomes Markdown, and Pelican's header has no fences."""
    texts = {
        "_posts/2026-01-20-one.md": "---\ntitle: One\n---\n{% highlight ruby %}\na\n{% endhighlight %}\n\n[x](/no/)\n",
        "_posts/two.md": "Title: Two\nDate: 2026-01-20\n\nText.\n\n[x](/no/)\n",
    }
    for name, text in texts.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    publication = Publication(root=tmp_path, title="Boats", url="https://boats.example.org", articles="_posts")
    sources, _ = read_sources(publication)
    identified, _, _ = identify(sources, {}, publication=publication, now=NOW)
    found = inspect_articles(identified, [], publication)
    lines = [[each.line_in_body(reference.line) for reference in each.body.references] for each in found]
    assert lines == [[8], [6]]
    assert [each.line_of("title") for each in found] == [2, 1]
