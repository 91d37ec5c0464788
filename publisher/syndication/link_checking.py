"""Links to our own pages, pictures and feeds: whether there is something at the other end.

What there is comes from the documents themselves, as a build makes them: nothing has to be built or written first.
Deciding only: pure, but for `addresses_of`, which renders.
"""

from __future__ import annotations

import difflib
import html
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from urllib.parse import unquote, urlsplit

from publisher.articles.inspecting import Inspected, own_picture
from publisher.articles.urls import absolute
from publisher.model.article import Article
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.syndication.addresses import file_of
from publisher.syndication.documents import Document, Later
from publisher.syndication.near_addresses import NearAddresses

__all__ = ["Addresses", "addresses_of", "check_links"]

_ID = re.compile(rb"""\s(?:id|name)=["']([^"']+)["']""")
_EDITIONS = re.compile(r"editions/([^/]+)/(?:\d+/)?index\.html")
_ENDPOINTS = re.compile(r"(?:subscribe|(?:confirm|u|preferences|private)/[^/]+)/index\.html")


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """What answers below the publication's address.

    ``pages`` are the files of public/ as a build makes them, each with the places in it; ``others`` what somebody
    else has put there; ``hidden`` the pages of articles that are not public, with why.
    """

    publication: Publication
    pages: dict[str, frozenset[str]]
    others: frozenset[str] = frozenset()
    hidden: dict[str, str]

    def fault(self, url: str) -> tuple[str, str] | None:
        """Why an absolute address leads nowhere, and what to do; None if it does not, or is not ours. Pure."""
        path = file_of(self.publication, url)
        if path is None or path in self.others:
            return None
        if path in self.hidden and path not in self.pages:
            return self.hidden[path], "link to it once it is public, or take the link out"
        if path not in self.pages:
            return self._missing(path)
        fragment = unquote(urlsplit(url).fragment).split(":~:")[0]
        if fragment and fragment != "top" and path.endswith(".html") and fragment not in self.pages[path]:
            near = difflib.get_close_matches(fragment, self.pages[path], n=1, cutoff=0.7)
            return f'there is no place "#{fragment}" on that page', _meant(f"#{near[0]}" if near else None)
        return None

    def hides(self, article: Article) -> bool:
        """Whether the article's own page is not there, because it is not public."""
        path = file_of(self.publication, article.url)
        return path in self.hidden and path not in self.pages

    def _missing(self, path: str) -> tuple[str, str] | None:
        web = self.publication.web
        if web.endpoints and _ENDPOINTS.fullmatch(path):
            return None
        edition = _EDITIONS.fullmatch(path)
        if web.pages and edition and self.publication.newsletter(edition[1]) is not None:
            return None  # which editions there are, the database knows
        if not web.pages and not path.startswith(("feeds/", "media/")):
            return None  # the pages are somebody else's, and we do not know which there are
        return "there is nothing at that address", _meant(self._near.to(_shown(path)))

    @cached_property
    def _near(self) -> NearAddresses:
        return NearAddresses([_shown(path) for path in self.pages])


def addresses_of(
    publication: Publication,
    articles: Sequence[Article],
    documents: Iterable[Document | Later],
    media: Iterable[str],
    others: Iterable[str],
    *,
    now: datetime,
) -> tuple[Addresses, dict[str, int]]:
    """What a build of ``documents`` and ``media`` (paths under public/) answers; how often each path is claimed."""
    pages: dict[str, frozenset[str]] = dict.fromkeys(media, frozenset())
    claims: dict[str, int] = {}
    for document in documents:
        claims[document.path] = claims.get(document.path, 0) + 1
        pages.setdefault(document.path, _places(document))
    hidden = {
        path: _why_hidden(article)
        for article in articles
        if not article.is_public(now) and (path := file_of(publication, article.url)) is not None
    }
    if not publication.web.pages:  # another program makes the articles' pages
        for article in articles:
            if article.is_public(now) and (path := file_of(publication, article.url)) is not None:
                pages.setdefault(path, _places(Document(path, article.html.encode("utf-8", "replace"))))
    known = frozenset(others) - pages.keys()
    return Addresses(publication=publication, pages=pages, others=known, hidden=hidden), claims


def check_links(articles: Iterable[Inspected], addresses: Addresses) -> Iterator[Finding]:
    """All findings about links and web addresses of pictures in the articles. Pure."""
    for one in articles:
        if one.article is not None:
            for finding in broken_link(one, one.article, addresses):
                is_seen = one.is_public_soon()
                yield finding if is_seen else replace(finding, severity=Severity.WARNING)


def broken_link(one: Inspected, article: Article, addresses: Addresses) -> Iterator[Finding]:
    """A link or picture of this publication's own address that leads nowhere."""
    for reference in one.body.references:
        if reference.kind == "picture" and own_picture(reference.address):
            continue
        if addresses.publication.web.pages is False and reference.address.startswith("#"):
            continue  # another program gives the headings their ids
        target = absolute(reference.address, article.url)
        fault = addresses.fault(target) if target else _unsafe(reference.address)
        if fault is None and not reference.address.strip("# "):
            fault = "it leads to its own page", "write where it should lead"
        # A footnote's link in a draft: the page is not there yet, and nor is the text that links.
        is_own = target is not None and target.partition("#")[0] == article.url
        if fault is not None and not (is_own and addresses.hides(article) and len(reference.address) > 1):
            yield Finding(
                severity=Severity.ERROR,
                rule="broken-link",
                file=one.path,
                line=one.line_in_body(reference.line),
                what=f'broken {reference.kind} "{reference.address}": {fault[0]}',
                remedy=fault[1],
            )


def _unsafe(address: str) -> tuple[str, str] | None:
    return "readers could not follow it safely, and it is left out", "write an https: or mailto: address"


def _why_hidden(article: Article) -> str:
    if article.draft or article.kind != "article":
        return f"{article.path} is a {'draft' if article.draft else article.kind}"
    return f"{article.path} is not public before {article.published:%Y-%m-%d}"


def _places(document: Document | Later) -> frozenset[str]:
    if not document.path.endswith(".html"):
        return frozenset()
    return frozenset(html.unescape(found.decode("utf-8", "replace")) for found in _ID.findall(document.content))


def _shown(path: str) -> str:
    return f"/{path.removesuffix('index.html')}"


def _meant(near: str | None) -> str:
    return f"did you mean {near}?" if near else "mend the link, or take it out"
