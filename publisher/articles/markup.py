"""Markdown to clean HTML: nothing that runs, everything balanced, every URL absolute, pictures with their size.

Three steps: CommonMark (pyromark), cleaning (nh3, before anything else touches the HTML), and one walk over the
tree that resolves URLs, makes figures of pictures that stand alone and replaces embeds by links. HTML in which
the walk would find nothing but links needs no tree: a test holds the two ways to the same bytes.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import nh3
import pyromark

from publisher.articles.urls import absolute

if TYPE_CHECKING:
    from lxml.html import HtmlElement

__all__ = ["OPTIONS", "Picture", "Rendered", "render"]

OPTIONS = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_FOOTNOTES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_HEADING_ATTRIBUTES
)
_MARKDOWN = pyromark.Markdown(options=OPTIONS)

_EMBEDS = {"iframe", "video", "audio", "embed", "object"}
_RECORDINGS = (".mp3", ".m4a", ".ogg", ".opus", ".wav", ".flac", ".mp4", ".m4v", ".mov", ".webm")
_TAGS = (nh3.ALLOWED_TAGS | _EMBEDS | {"source", "picture", "tfoot", "track"}) - {
    "area",
    "map",
    "center",
    "nav",
    "header",
    "footer",
}
_ATTRIBUTES = {
    "*": {"id", "lang", "dir", "title", "class"},
    "a": {"href", "hreflang"},
    "img": {"src", "srcset", "sizes", "alt", "width", "height"},
    "source": {"src", "srcset", "sizes", "media", "type"},
    "iframe": {"src"},
    "embed": {"src"},
    "object": {"data"},
    "video": {"src", "poster"},
    "audio": {"src"},
    "ol": {"start", "reversed", "type"},
    "td": {"colspan", "rowspan", "headers", "style"},
    "th": {"colspan", "rowspan", "headers", "scope", "style"},
    "col": {"span"},
    "colgroup": {"span"},
    "time": {"datetime"},
    "del": {"cite", "datetime"},
    "ins": {"cite", "datetime"},
    "q": {"cite"},
    "blockquote": {"cite"},
    "data": {"value"},
    "bdo": {"dir"},
}
# What may not stand in XML 1.0 (section 2.2) may not stand in an article: one such character would end a feed.
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32), 127])
_CLEANER = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={"script", "style", "form", "svg", "math", "template", "noscript"},
    attributes=_ATTRIBUTES,
    filter_style_properties={"text-align"},
    link_rel=None,
    url_schemes={"http", "https", "mailto", "tel", "xmpp", "geo", "sms"},
)
# HTML in an article may be nested in ways that libxml2 mends; what Markdown makes never is.
_MARKUP = re.compile(r"<[A-Za-z/!?]")
# Of these the walk changes nothing but links.
_PLAIN = {
    *("abbr", "b", "blockquote", "br", "code", "dd", "del", "dl", "dt", "em", "h2", "h3", "h4", "h5", "h6", "hr"),
    *("i", "kbd", "li", "mark", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "sup"),
    *("table", "tbody", "td", "th", "thead", "tr", "u", "ul"),
}
_OPENED = re.compile(r"<([a-z][^>]*)")
_LINK = re.compile(r'a href="([^"]*)"')
_TAG = re.compile(r"((?!a )[a-z][a-z0-9]*)(.*)", re.S)
_LANGUAGES = re.compile(r'(?: (?!class=)[\w-]+="[^"]*"| class="language-[\w+#.-]+")*')
_HREF = re.compile(r'<a href="([^"]*)"')
_PARAGRAPH = re.compile(r'<p(?:\s[\w-]+="[^"]*")*>(.*?)</p>', re.S)
_ANY_TAG = re.compile(r'<[^>"]*(?:"[^"]*"[^>"]*)*>')
# libxml2 knows HTML 4, and ends what has no end since (https://html.spec.whatwg.org/#void-elements): a parse error.
_NO_END = re.compile("</(?:source|track|wbr)>")
_CLASSES = re.compile(r"^(language-[\w+#.-]+|footnote-(reference|definition|definition-label))$")


@dataclass(frozen=True, slots=True)
class Picture:
    """What is known of a picture of the publication's own: its public URL and its size in pixels (0: unknown)."""

    url: str
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Rendered:
    """``html`` is clean; ``first_paragraph`` is its plain text, on one line."""

    html: str
    first_paragraph: str


def render(markdown: str, *, url: str, picture: Callable[[str], Picture | None]) -> Rendered:
    """The HTML of an article whose page is ``url``.

    ``picture`` is asked for each picture with a relative address; it answers what it knows, or None for one
    that is not the publication's own. It may raise ArticleError.
    """
    cleaned = _CLEANER.clean(_MARKDOWN.html(_without_controls(markdown)))
    if not cleaned.strip():
        return Rendered("", "")
    plain = _without_tree(cleaned, url) if _MARKUP.search(markdown) is None else None
    return plain or _walked(cleaned, url=url, picture=picture)


def _without_controls(text: str) -> str:
    try:
        data = text.encode()
    except UnicodeEncodeError:
        return _NOT_XML.sub("", text)
    clean = len(data.translate(None, _CONTROLS)) == len(data) and "\ufffe" not in text and "\uffff" not in text
    return text if clean else _NOT_XML.sub("", text)  # to look first is three times as fast


def _without_tree(cleaned: str, url: str) -> Rendered | None:
    """HTML made of Markdown alone, in which the walk would change nothing but links; None for any other. Pure."""
    # nh3 writes one space before an attribute and escapes quotation marks in its value.
    links = []
    for tag in set(_OPENED.findall(cleaned)):
        if tag in _PLAIN:
            continue
        if link := _LINK.fullmatch(tag):
            links.append(link[1])
        elif not ((named := _TAG.fullmatch(tag)) and named[1] in _PLAIN and _LANGUAGES.fullmatch(named[2])):
            return None
    if "&quot;" in cleaned:
        return None
    found = _PARAGRAPH.search(cleaned)
    first = " ".join(html.unescape(_ANY_TAG.sub("", found[1])).split()) if found else ""
    if not first:
        return None
    addresses: dict[str, str] = {}
    for written in links:
        target = absolute(html.unescape(written), url) if written else None
        if target is None:
            return None
        addresses[written] = html.escape(target, quote=False)  # quotation marks are percent-encoded
    if addresses:
        cleaned = _HREF.sub(lambda link: f'<a href="{addresses[link[1]]}"', cleaned)
    return Rendered(cleaned.replace("&nbsp;", "\xa0").strip() + "\n", first)


def _walked(cleaned: str, *, url: str, picture: Callable[[str], Picture | None]) -> Rendered:
    import lxml.html  # most articles have no picture, and a build of one article no time

    root = lxml.html.fragment_fromstring(cleaned, create_parent="div")
    shift = 1 if root.find(".//h1") is not None else 0
    for element in list(root.iter()):
        if isinstance(element.tag, str):
            _visit(element, url=url, picture=picture, shift=shift)
    return Rendered(_inner_html(root), _first_paragraph(root))


def _visit(element: HtmlElement, *, url: str, picture: Callable[[str], Picture | None], shift: int) -> None:
    tag = str(element.tag)
    if tag in _EMBEDS:
        _replace_embed(element, url)
        return
    if tag == "a":
        _resolve_link(element, url)
    elif tag in ("img", "source"):
        _resolve_image(element, url, picture)
    elif shift and len(tag) == 2 and tag[0] == "h" and tag[1].isdigit():
        element.tag = f"h{min(6, int(tag[1]) + shift)}"
    for attribute in ("cite",):
        if attribute in element.attrib:
            _set(element, attribute, absolute(element.attrib[attribute], url))
    if "class" in element.attrib:
        kept = " ".join(name for name in element.attrib["class"].split() if _CLASSES.match(name))
        _set(element, "class", kept or None)
        if kept == "footnote-definition":
            element.attrib["id"] = f"fn-{element.attrib.get('id', '')}"


def _resolve_link(element: HtmlElement, url: str) -> None:
    href = element.attrib.get("href")
    parent = element.getparent()
    if href and href.startswith("#") and parent is not None and parent.attrib.get("class") == "footnote-reference":
        href = f"#fn-{href[1:]}"
    target = absolute(href, url) if href else None
    if target:
        element.attrib["href"] = target
    else:
        element.drop_tag()  # nh3 leaves <a> without href where it took a javascript: away


def _resolve_image(element: HtmlElement, url: str, picture: Callable[[str], Picture | None]) -> None:
    source = element.attrib.get("src")
    if element.tag == "img":
        if not source or not element.attrib.get("src", "").strip():
            element.drop_tree()
            return
        if "alt" not in element.attrib:
            element.attrib["alt"] = ""
    if source:
        known = picture(source)
        target = known.url if known else absolute(source, url)
        if target is None:
            element.drop_tree()
            return
        element.attrib["src"] = target
        if known and known.width and not {"width", "height"} & set(element.attrib):
            element.attrib["width"], element.attrib["height"] = str(known.width), str(known.height)
    if "srcset" in element.attrib:
        _set(element, "srcset", _srcset(element.attrib["srcset"], url, picture))
    _make_figure(element)


def _srcset(written: str, url: str, picture: Callable[[str], Picture | None]) -> str | None:
    """https://html.spec.whatwg.org/#srcset-attribute, without the descriptors' arithmetic."""
    candidates = []
    for candidate in re.findall(r"\s*([^\s,]\S*[^\s,])(?:\s+([\d.]+[wx]))?\s*(?:,|$)", written):
        known = picture(candidate[0])
        if target := known.url if known else absolute(candidate[0], url):
            candidates.append(f"{target} {candidate[1]}".strip())
    return ", ".join(candidates) or None


def _make_figure(image: HtmlElement) -> None:
    """A picture alone in its paragraph becomes a figure; its title is the caption."""
    paragraph = image.getparent()
    if image.tag != "img" or paragraph is None or paragraph.tag != "p" or len(paragraph) != 1:
        return
    if (paragraph.text or "").strip() or (image.tail or "").strip():
        return
    paragraph.tag = "figure"
    if caption := image.attrib.pop("title", ""):
        element = paragraph.makeelement("figcaption")
        element.text = caption
        image.tail = None
        paragraph.append(element)


def _replace_embed(element: HtmlElement, url: str) -> None:
    """Players and frames do not survive feed readers and mail: a plain link to what they show does."""
    inner = element.find(".//source")
    address = next(
        (value for key in ("src", "data") if (value := element.attrib.get(key))),
        inner.attrib.get("src", "") if inner is not None else "",
    )
    target = absolute(address, url) if address else None
    tail = element.tail
    name = " ".join(element.attrib.get("title", "").split())
    for child in list(element):
        element.remove(child)
    element.attrib.clear()
    if target is None:
        element.tag, element.text = "span", None
    else:
        element.tag = "a"
        element.attrib["href"] = target
        element.text = name or _file_name(target) or urlsplit(target).hostname or target
    element.tail = tail


def _file_name(target: str) -> str:
    """``ice.mp3`` of a recording's address: it says more than the name of the machine that has it."""
    name = unquote(urlsplit(target).path).rpartition("/")[2]
    return name if name.lower().endswith(_RECORDINGS) else ""


def _set(element: HtmlElement, attribute: str, value: str | None) -> None:
    if value is None:
        del element.attrib[attribute]
    else:
        element.attrib[attribute] = value


def _inner_html(root: HtmlElement) -> str:
    import lxml.html

    for item in root.iter("li"):
        if len(item) == 0 and item.text is None:
            item.text = ""  # else it is written without its end
    parts = [lxml.html.tostring(child, encoding="unicode") for child in root]
    return _NO_END.sub("", (root.text or "") + "".join(parts)).strip() + "\n"


def _first_paragraph(root: HtmlElement) -> str:
    for paragraph in root.iter("p"):
        text = " ".join(paragraph.text_content().split())
        if text:
            return text
    return " ".join(root.text_content().split())
