"""An article's HTML as mail programs can show it.

What it does: keeps the elements that every mail program knows and turns the others into simple blocks; gives
pictures a width no wider than the column and links those in formats that mail programs do not show; lets
code and tables wrap; moves headings below the article's own, without skipping a level; takes away ids,
classes, styles and whatever points at a place inside the article, since another article of the digest may
use the same names.

Guarantees: balanced HTML without scripts, forms, frames, ids, ``style`` other than a picture's width and how a
cell is aligned; no link without a text; no token (``publisher.theme.fields``). Pure. Expects HTML that was
sanitised, with absolute URLs; never fails on any other, but does not make it safe.
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

import lxml.html
from lxml.html import HtmlElement

from publisher.theme.fields import strip

__all__ = ["article_mail", "is_shown_in_mail", "without_controls"]

# fmt: off
_KEPT = {
    "a", "abbr", "b", "bdi", "bdo", "blockquote", "br", "caption", "cite", "code", "col", "colgroup",
    "dd", "del", "dfn", "div", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img",
    "ins", "kbd", "li", "mark", "ol", "p", "pre", "q", "s", "samp", "small", "span", "strong", "sub",
    "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul", "var",
}
_BECOME = {
    "address": "div", "article": "div", "aside": "div", "center": "div", "details": "div", "fieldset":
    "div", "figcaption": "div", "figure": "div", "footer": "div", "header": "div", "hgroup": "div",
    "legend": "div", "main": "div", "nav": "div", "section": "div", "strike": "s", "summary": "div",
    "tt": "code",
}
_GONE = {
    "button", "embed", "form", "head", "iframe", "math", "noscript", "object", "script", "select",
    "style", "svg", "template", "textarea", "title",
}
# fmt: on
_ATTRIBUTES = {
    "a": ("href",),
    "abbr": ("title",),
    "col": ("span",),
    "colgroup": ("span",),
    "img": ("src", "alt"),
    "li": ("value",),
    "ol": ("start", "reversed", "type"),
    "td": ("colspan", "rowspan"),
    "th": ("colspan", "rowspan", "scope"),
}
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_ALIGNED = re.compile(r"text-align\s*:\s*(left|right|center)", re.IGNORECASE)
_BACK = re.compile("^[↩↑↵⏎^\ufe0e\ufe0f]+$")
# What XML 1.0 section 2.2 forbids can neither be in a tree nor in a message.
_CONTROLS = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_WIDE_TABLE = 5
# So many letters stand side by side on a phone 375 pixels wide; two go between columns.
_PHONE = 36
_SHORT_CELL = 8


def without_controls(text: str) -> str:
    """``text`` without the characters that no document may have."""
    return _CONTROLS.sub("", text)


def is_shown_in_mail(url: str) -> bool:
    """Whether mail programs show a picture in this format: PNG, JPEG, GIF; not SVG, WebP or newer ones."""
    return not urlsplit(url).path.lower().endswith((".svg", ".svgz", ".webp", ".avif", ".jxl", ".heic"))


@lru_cache(maxsize=256)
def article_mail(html: str, *, url: str, top: int, column: int) -> str:
    """The body of the article at ``url``. ``top`` is its highest heading's level, ``column`` in pixels."""
    html = without_controls(html)
    if not html.strip():
        return ""
    root = lxml.html.fragment_fromstring(html, create_parent="div")
    page = url.partition("#")[0]
    for element in list(root.iterdescendants()):
        _visit(element, page=page, column=column)
    _demote(root, top)
    for element in root.iter():
        element.text = strip(element.text) if element.text else element.text
        element.tail = strip(element.tail) if element.tail else element.tail
        for name, value in element.attrib.items():
            element.attrib[name] = strip(value)
    parts = [lxml.html.tostring(child, encoding="unicode") for child in root]
    return (_escaped(root.text or "") + "".join(parts)).strip()


def _visit(element: HtmlElement, *, page: str, column: int) -> None:
    if element.getparent() is None:
        return  # went away with the element around it
    tag = element.tag
    if not isinstance(tag, str) or tag in _GONE:
        _remove(element)
        return
    if tag == "input":
        _replace_by_text(element, "☑ " if "checked" in element.attrib else "☐ ")
        return
    if tag not in _KEPT and tag not in _BECOME:
        element.drop_tag()
        return
    given = dict(element.attrib)
    _clear(element)
    for name in ("lang", "dir"):
        if given.get(name):
            element.attrib[name] = given[name]
    for name in _ATTRIBUTES.get(tag, ()):
        if name in given:
            element.attrib[name] = given[name]
    element.tag = _BECOME.get(tag, tag)
    if tag == "a":
        _link(element, page)
    elif tag == "img":
        _picture(element, given, column)
    elif tag in ("td", "th"):
        _cell(element, given)
    elif tag == "table":
        _table(element)
    elif tag in ("figure", "figcaption"):
        element.attrib["class"] = "figure" if tag == "figure" else "caption"
    elif tag == "summary":
        element.attrib["class"] = "strong"
    elif given.get("class") == "footnote-definition":
        _footnote(element)


def _table(element: HtmlElement) -> None:
    """Says how it can be shown: ``wide`` with many columns, ``breaks`` if its words are too long for a phone."""
    rows = [[cell.text_content() for cell in row.iterchildren("td", "th")] for row in element.iter("tr")]
    widest = max(map(len, rows), default=0)
    longest = [0] * widest
    for row in rows:
        for place, text in enumerate(row):
            longest[place] = max(longest[place], *map(len, text.split()), 0)
    names = ("wide", widest >= _WIDE_TABLE), ("breaks", sum(longest) + 2 * widest > _PHONE)
    element.attrib["class"] = " ".join(("data", *(name for name, true in names if true)))


def _link(element: HtmlElement, page: str) -> None:
    href = element.attrib.get("href", "").strip()
    shown = element.text_content().strip()
    if _BACK.match(shown):
        _remove(element)
        return
    address, _, fragment = href.partition("#")
    parent = element.getparent()
    calls_footnote = fragment and address in ("", page) and parent is not None and parent.tag == "sup"
    if not address or calls_footnote:
        element.drop_tag()  # the note stands in this very message
        return
    element.attrib["href"] = href
    pictures = element.findall(".//img")
    if not shown and not any(picture.attrib.get("alt", "").strip() for picture in pictures):
        if not pictures:
            _remove(element)
            return
        pictures[0].attrib["alt"] = urlsplit(href).hostname or href


def _picture(element: HtmlElement, given: dict[str, str], column: int) -> None:
    source = element.attrib.get("src", "").strip()
    if not source.lower().startswith(("https://", "http://", "cid:")):
        _remove(element)
        return
    alt = " ".join(element.attrib.get("alt", "").split())
    element.attrib["alt"] = alt
    if not is_shown_in_mail(source):
        _link_to_picture(element, source, alt)
        return
    width, height = _pixels(given.get("width", "")), _pixels(given.get("height", ""))
    shown = min(width or column, column)
    element.attrib["width"] = str(shown)
    if width and height:
        element.attrib["height"] = str(max(1, round(height * shown / width)))
    element.attrib["style"] = f"max-width:{shown}px"


def _link_to_picture(element: HtmlElement, source: str, alt: str) -> None:
    text = alt or source.rsplit("/", 1)[-1].partition("?")[0] or source
    if any(parent.tag == "a" for parent in element.iterancestors()):
        _replace_by_text(element, text)
        return
    _clear(element)
    element.tag = "a"
    element.attrib["href"] = source
    element.text = text


def _cell(element: HtmlElement, given: dict[str, str]) -> None:
    if element.tag == "th" and not element.text_content().strip() and not len(element):
        element.tag = "td"  # an empty header is announced as one
        element.attrib.pop("scope", None)
    elif element.tag == "th" and element.attrib.get("scope") not in ("row", "col", "rowgroup", "colgroup"):
        row = element.getparent()
        heads_row = row is not None and row[0] is element and any(cell.tag == "td" for cell in row)
        element.attrib["scope"] = "row" if heads_row else "col"
    found = _ALIGNED.search(given.get("style", "")) or _ALIGNED.match("text-align:" + given.get("align", ""))
    if found:
        side = found.group(1).lower()
        # A figure and its unit belong together, and short cells have the room.
        text = element.text_content().strip()
        together = side == "right" and " " in text and len(text) <= _SHORT_CELL
        element.attrib["style"] = f"text-align:{side}" + (";white-space:nowrap" if together else "")


def _footnote(element: HtmlElement) -> None:
    """The number goes into the note's first paragraph, where the eye expects it."""
    element.attrib["class"] = "footnote"
    label, paragraph = element.find("sup"), element.find("p")
    if label is None or paragraph is None or label.getnext() is not paragraph:
        return
    element.remove(label)
    label.tail = f" {(paragraph.text or '').lstrip()}"
    paragraph.text = None
    paragraph.insert(0, label)


def _demote(root: HtmlElement, top: int) -> None:
    """Headings from ``top`` downwards: one inside another goes one level deeper, whatever was skipped."""
    open_levels: list[int] = []
    for element in list(root.iter(*_HEADINGS)):
        if not element.text_content().strip() and element.find(".//img") is None:
            _remove(element)
            continue
        level = _HEADINGS[str(element.tag)]
        while open_levels and open_levels[-1] >= level:
            open_levels.pop()
        open_levels.append(level)
        element.tag = f"h{min(6, top + len(open_levels) - 1)}"


def _remove(element: HtmlElement) -> None:
    """Take an element and what is in it away, if it still is there, but not the text after it."""
    if element.getparent() is None:
        return
    for inner in list(element.iterdescendants()):
        inner.drop_tree()
    element.drop_tree()


def _replace_by_text(element: HtmlElement, text: str) -> None:
    element.tail = text + (element.tail or "")
    element.drop_tree()


def _clear(element: HtmlElement) -> None:
    for name in list(element.attrib):
        del element.attrib[name]


def _pixels(value: str) -> int:
    match = re.match(r"\s*(\d{1,5})(\.\d+)?\s*(px)?\s*$", value)
    return int(match.group(1)) if match else 0


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
