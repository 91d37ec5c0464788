"""Plain text: an article's HTML as somebody on a terminal would like to read it.

Guarantees: every word and every link of the HTML is there, in the same order; lines are at most 72 columns
wide, but for URLs and rows of tables; tables stay tables, lists stay lists. Links become numbers in
brackets, and :class:`Links` gathers their addresses, to be printed at the end of a section. Never fails on
HTML, however odd: what it does not know is text. No token (``publisher.theme.fields``) comes through.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

import lxml.html
from lxml.html import HtmlElement

from publisher.editions.article_mail import is_shown_in_mail
from publisher.editions.tables import table_lines
from publisher.editions.wrapping import wrap, wrap_code
from publisher.theme.fields import strip

__all__ = ["WIDTH", "Links", "plain_text"]

WIDTH = 72

_SPACES = re.compile(r"[ \t\r\n\f\v]+")
# What XML 1.0 section 2.2 forbids cannot be in a tree; soft hyphens and zero-width spaces help nobody here.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b\ud800-\udfff\ufffe\uffff]")
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# fmt: off
_BLOCKS = {
    *_HEADINGS, "address", "article", "aside", "blockquote", "center", "dd", "details", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "header", "hgroup", "hr", "legend", "li",
    "main", "nav", "ol", "p", "pre", "section", "summary", "table", "ul",
}
# fmt: on
_SILENT = {
    "script",
    "style",
    "template",
    "noscript",
    "head",
    "title",
    "svg",
    "math",
    "source",
    "track",
    "col",
}
_MARKS = {"em": "_", "i": "_", "strong": "*", "b": "*", "code": "`", "kbd": "", "tt": "`"}
_BACK = re.compile("^[↩↑↵⏎^\ufe0e\ufe0f]+$")


@dataclass(slots=True)
class Links:
    """The addresses met so far, numbered from 1; ``gathered`` is how many of them have been printed."""

    addresses: list[str] = field(default_factory=list)
    gathered: int = 0

    def number(self, address: str) -> int:
        """The number of ``address``: the one it already has in this section, or a new one."""
        address = strip(address)
        if address not in self.addresses[self.gathered :]:
            self.addresses.append(address)
        return self.addresses.index(address, self.gathered) + 1

    def gather(self) -> list[str]:
        """``[1] https://…`` for every link since the last call."""
        lines = [
            f"[{number}] {address}" for number, address in enumerate(self.addresses[self.gathered :], self.gathered + 1)
        ]
        self.gathered = len(self.addresses)
        return lines


def plain_text(html: str, links: Links | None = None, *, width: int = WIDTH) -> str:
    """The text of ``html``, without a line end at its end; ``""`` where there is none.

    The addresses of links go into ``links``; where it is None they are listed at the end of the text.
    """
    html = _UNPRINTABLE.sub("", html)
    if not html.strip():
        return ""
    own = Links() if links is None else links
    lines = _Walk(own).flow(lxml.html.fragment_fromstring(html, create_parent="div"), width)
    if links is None and (gathered := own.gather()):
        lines += ["", *gathered]
    return strip("\n".join(lines).strip("\n"))


class _Walk:
    """One walk over a tree. ``depth`` of headings is counted from the first, whatever its level is."""

    def __init__(self, links: Links) -> None:
        self.links = links
        self.top_heading: int | None = None

    def flow(self, element: HtmlElement, width: int) -> list[str]:
        """The blocks of ``element``, a blank line between any two."""
        blocks: list[list[str]] = []
        loose = [_folded(element.text)]

        def settle() -> None:
            text = _tidy("".join(loose))
            loose.clear()
            if text:
                blocks.append(wrap(text, width))

        for child in element:
            if _is_block(child):
                settle()
                if lines := self.block(child, width):
                    blocks.append(lines)
            else:
                loose.append(self.inline(child))
            loose.append(_folded(child.tail))
        settle()
        return _joined(blocks, [""])

    def block(self, element: HtmlElement, width: int) -> list[str]:
        tag = element.tag
        if tag in _HEADINGS:
            return self.heading(element, width)
        if tag == "pre":
            code = element.text_content().expandtabs(4).strip("\n").split("\n")
            return ["    " + part if part else "" for line in code for part in wrap_code(line, width - 4)]
        if tag == "blockquote":
            return [f"> {line}".rstrip() for line in self.flow(element, width - 2)]
        if tag in ("ul", "ol"):
            return self.items(element, width)
        if tag == "dd":
            return ["    " + line if line else "" for line in self.flow(element, width - 4)]
        if tag == "dl":
            return _joined([self.block(child, width) for child in element if isinstance(child.tag, str)], [])
        if tag == "table":
            return self.table(element, width)
        if tag == "hr":
            return ["* * *"]
        if tag == "figure":
            return [line for line in self.flow(element, width) if line]
        if tag == "a":  # around whole blocks
            number = self.links.number(element.attrib["href"]) if "href" in element.attrib else 0
            return [*self.flow(element, width), *([f"[{number}]"] if number else [])]
        if element.attrib.get("class") == "footnote-definition":
            return self.footnote(element, width)
        return self.flow(element, width)

    def heading(self, element: HtmlElement, width: int) -> list[str]:
        text = _tidy(self.inline_content(element))
        if not text:
            return []
        level = _HEADINGS[str(element.tag)]
        self.top_heading = level if self.top_heading is None else min(self.top_heading, level)
        mark = "#" * (2 + min(2, level - self.top_heading))
        return wrap(text.replace("\n", " "), width, first=f"{mark} ", rest=" " * (len(mark) + 1))

    def items(self, element: HtmlElement, width: int) -> list[str]:
        start = element.attrib.get("start", "1")
        number = int(start) if start.lstrip("-").isdecimal() else 1
        blocks: list[list[str]] = []
        for child in element:
            if not isinstance(child.tag, str):
                continue
            marker = f"{number}. " if element.tag == "ol" else "* "
            indent = " " * len(marker)
            lines = self.flow(child, width - len(marker)) or [""]
            if not any(inner.tag in _BLOCKS - {"ul", "ol"} for inner in child):
                lines = [line for line in lines if line] or [""]  # a list right below its item's one line
            blocks.append([f"{indent if index else marker}{line}".rstrip() for index, line in enumerate(lines)])
            number += 1
        return _joined(blocks, [""] if any("" in lines for lines in blocks) else [])

    def footnote(self, element: HtmlElement, width: int) -> list[str]:
        """``^1 The note``, the mark that stands where the note is called."""
        label = element.find("sup")
        if label is None:
            return self.flow(element, width)
        mark = f"^{_tidy(label.text_content())} "
        element.text = _folded(label.tail)
        element.remove(label)
        lines = self.flow(element, width - len(mark))
        return [(mark if index == 0 else " " * len(mark)) + line if line else "" for index, line in enumerate(lines)]

    def table(self, element: HtmlElement, width: int) -> list[str]:
        rows: list[list[str]] = []
        right: set[int] = set()
        heads = 0
        for row in element.iter("tr"):
            cells = [cell for cell in row if cell.tag in ("td", "th")]
            texts: list[str] = []
            for cell in cells:
                if "right" in cell.attrib.get("style", "") + cell.attrib.get("align", ""):
                    right.add(len(texts))
                texts.append(_tidy(self.inline_content(cell)).replace("\n", " "))
                span = cell.attrib.get("colspan", "1")
                texts += [""] * (min(int(span), 50) - 1 if span.isdecimal() else 0)
            if any(texts):
                heads += not rows and all(cell.tag == "th" for cell in cells)
                rows.append(texts)
        caption = element.find("caption")
        above = wrap(_tidy(self.inline_content(caption)), width) if caption is not None else []
        return [*above, *([""] if above and rows else []), *table_lines(rows, heads, right, width)]

    def inline_content(self, element: HtmlElement) -> str:
        parts = [_folded(element.text)]
        for child in element:
            if _is_block(child):
                parts.append(" ")
            parts.append(self.inline(child))
            if _is_block(child):
                parts.append(" ")
            parts.append(_folded(child.tail))
        return "".join(parts)

    def inline(self, element: HtmlElement) -> str:
        tag = element.tag
        if not isinstance(tag, str) or tag in _SILENT:
            return ""
        if tag == "br":
            return "\n"
        if tag == "img":
            return self.picture(element)
        if tag == "input":
            return "[x] " if "checked" in element.attrib else "[ ] "
        text = self.inline_content(element)
        if tag == "a":
            return self.link(element, text)
        if tag == "sup":
            inner = text.strip()
            return f"^{inner}" if inner else ""
        if tag == "q":
            return f"“{text}”"
        mark = _MARKS.get(tag, "")
        bare = text.strip()
        if not mark or not bare or "\n" in bare or mark in bare:
            return text
        return text.replace(bare, f"{mark}{bare}{mark}", 1)

    def picture(self, element: HtmlElement) -> str:
        """``[what it shows]``; a picture that the HTML part cannot show either is a link in both."""
        alt = " ".join(element.attrib.get("alt", "").split())
        source = element.attrib.get("src", "").strip()
        if not source or is_shown_in_mail(source) or next(element.iterancestors("a"), None) is not None:
            return f"[{alt}]" if alt else ""
        name = alt or source.rsplit("/", 1)[-1].partition("?")[0] or source
        return f"[{name}] [{self.links.number(source)}]"

    def link(self, element: HtmlElement, text: str) -> str:
        address = element.attrib.get("href", "").strip()
        shown = " ".join(text.split())
        if not address or _BACK.match(shown):
            return "" if _BACK.match(shown) else text
        parent = element.getparent()
        if parent is not None and parent.tag == "sup" and "#" in address:
            return text  # a call of a footnote, whose note is in this text
        if shown in (address, unquote(address)) or address == f"mailto:{shown}":
            return address if "://" in address else text
        number = self.links.number(address)
        ending = text[len(text.rstrip()) :]
        return f"{text.rstrip()} [{number}]{ending}" if shown else f"[{number}]"


def _is_block(element: HtmlElement) -> bool:
    if element.tag in _BLOCKS:
        return True
    return isinstance(element.tag, str) and any(inner.tag in _BLOCKS for inner in element.iterdescendants())


def _folded(text: str | None) -> str:
    return _SPACES.sub(" ", text or "")


def _tidy(text: str) -> str:
    """Inline text: runs of spaces folded, no space beside a line end."""
    return "\n".join(" ".join(_SPACES.split(line)).strip(" ") for line in text.split("\n")).strip(" \n")


def _joined(blocks: list[list[str]], between: list[str]) -> list[str]:
    lines: list[str] = []
    for block in blocks:
        lines += [*between, *block] if lines else block
    return lines
