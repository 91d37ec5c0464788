"""Links from one page of ours to others: relative, so that the archive works under any host and from disk."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from publisher.model.article import Image
from publisher.syndication.addresses import ascii_url

__all__ = ["Links"]

# What stands before is looked at last: the marks in front are found fast, white space is everywhere.
_WITH_URL = re.compile(r'="(?:(?<=\shref=")|(?<=\ssrc=")|(?<=\sposter=")|(?<=\s(srcset)="))([^"]*)"')


@dataclass(frozen=True, slots=True)
class Links:
    """The links of one page. ``home`` is the front page's address; ``root`` the way there: ``../../``.

    ``page`` is the page's own address, if it has one: a link to a place on it is the bare fragment.
    """

    home: str
    root: str
    page: str = ""

    @classmethod
    def of(cls, home: str, path: str, page: str = "") -> Links:
        """The links of the page in the file ``path`` under public/."""
        return cls(home, "../" * path.count("/"), page)

    def to(self, url: str) -> str:
        """The link to an absolute address: relative if it is one of ours. Pure."""
        address = ascii_url(url)
        if not address.startswith(self.home):
            return address
        return f"{self.root}{address[len(self.home) :]}" or "./"

    def image(self, image: Image | None) -> Image | None:
        """The same picture by its link from this page."""
        return None if image is None else replace(image, url=self.to(image.url))

    def text(self, html: str, *, table: str) -> str:
        """Sanitised HTML for this page: our links relative, tables and code in boxes that scroll. Pure.

        ``table``: what a table is called, escaped.
        """
        if self.home in html:
            html = _WITH_URL.sub(self._relative, html)
        if "<table" not in html and "<pre" not in html:
            return html
        html = html.replace("<table", f'<div class="scroll" role="group" aria-label="{table}" tabindex="0"><table')
        return html.replace("</table>", "</table></div>").replace("<pre", '<pre tabindex="0"')

    def _relative(self, found: re.Match[str]) -> str:
        value = found[2]
        if self.home not in value:
            return found[0]
        if found[1]:
            value = re.sub(rf"(^|[\s,]){re.escape(self.home)}", rf"\g<1>{self.root or './'}", value)
        elif self.page and value.startswith(f"{self.page}#"):
            value = value[len(self.page) :]
        elif value.startswith(self.home):
            value = f"{self.root}{value[len(self.home) :]}" or "./"
        return f'="{value}"'
