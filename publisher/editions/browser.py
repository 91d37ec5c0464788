"""Editions in the browser: what everybody may read of an edition, made of the digest that its readers got.

Guarantees: nothing personal is in it: readers' own fields have their defaults, and links that act for a reader lead to
the page where anybody can subscribe. What is kept is a part of a page in plain HTML, without the digest's
masthead, footer, tables for layout and styles. What is frozen does not change any more; an edition that is
rendered anew before it goes on is read anew. Fails with StoreError.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence

import lxml.html
import nh3
from lxml.html import HtmlElement

from publisher.articles.urls import absolute
from publisher.model.edition import Edition, EditionPage, EditionState
from publisher.model.publication import Publication
from publisher.store import Connection, Store, edition_pages
from publisher.store.edition_pages import Choice
from publisher.theme.fields import fill

__all__ = ["browser_url", "chosen", "follow_url", "public_text", "refresh_pages"]

_ATTRIBUTES = {
    "*": {"lang", "dir", "class"},
    "a": {"href"},
    "img": {"src", "alt", "width", "height"},
    "table": {"role"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
    "ol": {"start", "reversed", "type"},
    "li": {"value"},
}
_TAGS = (nh3.ALLOWED_TAGS | {"body"}) - {"area", "map", "center", "nav", "header", "footer"}
_SCHEMES = {"http", "https", "mailto", "tel", "cid"}
_LEFT_OUT = {"masthead", "contents", "footer", "hidden"}
_CLASSES = {"article", "byline", "caption", "footnote", "headline", "more", "note", "section"}
_LARGEST = 300_000  # octets of a picture that a digest embeds
_BODY = re.compile(r"<body\b.*</body>", re.DOTALL | re.IGNORECASE)


def browser_url(publication: Publication, newsletter: str, number: int) -> str:
    """The address of an edition's page; ``""`` where there are no pages. Pure."""
    return _page(publication, f"editions/{newsletter}/{number}/") if publication.web.pages else ""


def follow_url(publication: Publication) -> str:
    """The address of the page where anybody can subscribe. Pure."""
    return _page(publication, "follow/")


def refresh_pages(publication: Publication, store: Store, number: int | None = None) -> None:
    """Remembers the page of each edition that goes out, and of ``number``, whatever its state. Raises StoreError."""
    with store.reading() as connection:
        editions = edition_pages.unsettled(connection, number)
        known = {page.number: page for page in edition_pages.shown(connection, number)} if editions else {}
        pages = [
            (page, edition.state is EditionState.FINISHED)
            for edition in editions
            if (page := _page_of(publication, edition, _source(connection, edition))) is not None
        ]
    changed = [(page, final) for page, final in pages if final or known.get(page.number) != page]
    if changed:
        with store.writing() as connection:
            for page, final in changed:
                edition_pages.save(connection, page, final=final)


def chosen(choices: Sequence[Choice], *, before: int) -> Choice | None:
    """The variant that stands for the edition. Pure.

    In the newsletter's own language, for readers of everything who have read what came ``before``, and nothing that was
    wrong; where there is none such, the one that comes nearest and has the most articles.
    """
    return max(
        choices,
        key=lambda one: (
            one.language == "",
            not one.corrected,
            one.topics == "*" and not one.snoozed,
            one.start == before,
            one.articles,
            -one.variant,
        ),
        default=None,
    )


def public_text(html: str, *, follow: str, picture: Callable[[str], str | None] = lambda _cid: None) -> str:
    """A frozen digest's HTML as a part of a page. Pure, but for ``picture``.

    ``follow``: where links that act for a reader lead; ``picture`` gives the address of a picture that travelled
    inside the message, by its Content-ID.
    """
    filled = fill(html, dict.fromkeys(("unsubscribe_url", "preferences_url", "confirm_url"), follow), escaped=True)
    inside = _BODY.search(filled)
    clean = nh3.clean(
        inside[0] if inside else filled,
        tags=_TAGS,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel=None,
        strip_comments=True,
    )
    root = lxml.html.fragment_fromstring(clean, create_parent="div")
    for element in list(root.iter()):
        if isinstance(element, HtmlElement) and element is not root:
            _settle(element, picture)
    _unwrap(root)
    text = (root.text or "") + "".join(str(lxml.html.tostring(child, encoding="unicode")) for child in root)
    return text.strip()


def _settle(element: HtmlElement, picture: Callable[[str], str | None]) -> None:
    classes = set(element.get("class", "").split())
    if classes & _LEFT_OUT:
        element.drop_tree()
        return
    if kept := " ".join(sorted(classes & _CLASSES)):
        element.set("class", kept)
    else:
        element.attrib.pop("class", None)
    if element.tag == "h1":  # the page has its own
        element.tag = "h2"
    elif element.tag == "img" and element.get("src", "").startswith("cid:"):
        address = picture(element.get("src", "").removeprefix("cid:"))
        if address is None:
            element.drop_tree()
        else:
            element.set("src", address)


def _unwrap(root: HtmlElement) -> None:
    """Tables that are there for the layout become what is in them."""
    for table in root.xpath(".//table[@role='presentation']"):
        for inner in table.xpath("./tbody | ./tr | ./tbody/tr | ./tr/td | ./tbody/tr/td"):
            if inner.tag == "td":
                inner.tag = "div"
                for name in set(inner.attrib) - {"class", "lang", "dir"}:
                    del inner.attrib[name]
        for inner in table.xpath("./tbody | ./tr | ./tbody/tr"):
            inner.drop_tag()
        table.drop_tag()
    for box in root.xpath(".//div[not(@class)]"):
        if len(box) and not any(text.strip() for text in (box.text or "", *(child.tail or "" for child in box))):
            box.drop_tag()


def _source(connection: Connection, edition: Edition) -> tuple[str, tuple[str, str, str]] | None:
    """Language and digest of the variant that stands for the edition; None where none is in the database."""
    before = edition_pages.cutoff_before(connection, edition)
    choice = chosen(edition_pages.wanted(connection, edition.id), before=before)
    return None if choice is None else (choice.language, edition_pages.digest(connection, choice.variant))


def _page_of(
    publication: Publication, edition: Edition, source: tuple[str, tuple[str, str, str]] | None
) -> EditionPage | None:
    if source is None:
        return None
    language, (subject, preheader, html) = source
    return EditionPage(
        number=edition.id,
        newsletter=edition.newsletter,
        cadence=edition.cadence,
        slot=edition.slot,
        opened_at=edition.opened_at,
        language=language,
        subject=" ".join(fill(subject, {}).split()) or edition.newsletter,
        preheader=" ".join(fill(preheader, {}).split()),
        html=public_text(
            html, follow=follow_url(publication), picture=lambda cid: _published_picture(publication, cid)
        ),
    )


def _published_picture(publication: Publication, cid: str) -> str | None:
    """The address of the picture among those of public/ that a digest embedded: a Content-ID begins with its hash."""
    wanted = cid.partition("@")[0]
    for file in sorted((publication.public / "media").rglob("*")):
        if file.is_file() and file.stat().st_size <= _LARGEST:
            content = file.read_bytes()
            if hashlib.sha256(content).hexdigest().startswith(wanted):
                return _page(publication, file.relative_to(publication.public).as_posix())
    return None


def _page(publication: Publication, path: str) -> str:
    return absolute(path, f"{publication.url}/") or ""
