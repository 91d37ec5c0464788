"""A news page copied as plain text, and what an imported article shows."""

from __future__ import annotations

import html
import re

import pyromark

from publisher.articles.copied_text import recognise
from publisher.articles.imported import ImportedArticle

OPTIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_FOOTNOTES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_HEADING_ATTRIBUTES
)

TITLE = "Drawbridge Opens After a Long Winter"
CAPTION = "Canal bridge repairs"
LEAD = (
    "The old drawbridge over the Example canal opened to traffic again on Monday, eleven months after a "
    "barge had struck its northern pier. Mayor Ana Example cut a ribbon, and the first bus crossed a minute later."
)
QUOTE = "“We’ve waited a long time,” she said. “Nobody on the island will forget this winter—or the ferry.”"
COSTS = "Repairs cost 4.2 million, twice what the council had set aside, and the ferry ran at night as well."
BIO = "Ana Example writes about bridges for The Example. In ten years, Ana has crossed all of them."
PAGE = [
    TITLE,
    CAPTION,
    LEAD,
    "What the Repairs Cost",
    QUOTE,
    COSTS,
    "The Ferry Stays Until June",
    COSTS,
    QUOTE,
]
BOX = ["Author", f"  • Ana Example\n\n    {BIO}\n\n    View all posts"]


def imported(*blocks: str, between: str = "\n\n") -> ImportedArticle:
    return recognise(between.join(blocks), source="page.txt")


def shown(markdown: str) -> list[tuple[str, str]]:
    """(tag, text) of the blocks that a body renders to; an item is an ``li``."""
    rendered = pyromark.html(markdown, options=OPTIONS)
    blocks = re.findall(r"<(p|h2|li)>(.*?)</\1>", rendered, re.S)
    assert set(re.findall(r"<(\w+)", rendered)) <= {"p", "h2", "ul", "ol", "li"}
    return [(tag, html.unescape(text)) for tag, text in blocks]


def headings(article: ImportedArticle) -> list[str]:
    return [text for tag, text in shown(article.body) if tag == "h2"]


def paragraphs(article: ImportedArticle) -> list[str]:
    return [text for tag, text in shown(article.body) if tag == "p"]
