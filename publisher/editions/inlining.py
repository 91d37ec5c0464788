"""Inlining: style rules become style attributes, once a variant, because mail programs drop stylesheets.

What it does: every ``<style>`` block is applied to the elements it selects. A block marked
``data-premailer="ignore"`` is left letter for letter (responsive and dark rules: the inliner would break
them); one marked ``data-inlined`` is only applied, and leaves the document, so that no rule is carried twice.

Guarantees: nothing is fetched, neither ``<link>`` nor ``@import`` nor files; ``!important`` and classes stay
(the rules that are left select by class); no presentational attributes are added (they are errors in HTML);
tokens in attributes come through unchanged. Fails with TemplateError if there is nothing to inline or a
selector is beyond the inliner.
"""

from __future__ import annotations

import logging
import re
from functools import lru_cache
from typing import Any

import cssutils
import premailer

from publisher.model.errors import TemplateError

__all__ = ["inline", "inline_fragment"]

_APPLIED = re.compile(r"<style[^>]*\sdata-inlined[^>]*>.*?</style>\s*", re.DOTALL)
_FRAGMENT = re.compile(r"<!--begin-->(.*)<!--end-->", re.DOTALL)
_PRESENTATIONAL = ["align", "valign", "bgcolor", "width", "height"]


def inline(html: str) -> str:
    """A whole HTML document with its styles inlined. Raises TemplateError."""
    if not html.strip():
        raise TemplateError("the template renders to nothing", where="templates/email")
    inliner = _Inliner(
        html,
        strip_important=False,
        keep_style_tags=True,
        remove_classes=False,
        allow_network=False,
        disable_validation=True,
        disable_basic_attributes=_PRESENTATIONAL,
        align_floating_images=False,
        cssutils_logging_level=logging.CRITICAL,
    )
    try:
        inlined: str = inliner.transform(pretty_print=False)
    # cssselect and lxml raise SyntaxError and ValueError families; premailer itself trips over odd CSS
    except (SyntaxError, ValueError, LookupError, TypeError, AttributeError, AssertionError) as error:
        raise TemplateError(
            f"its style cannot be inlined: {error}",
            where="templates/email",
            remedy="use plain selectors and values: no var(), calc(), @import or escaped class names",
        ) from error
    return _APPLIED.sub("", inlined)


def inline_fragment(html: str, css: str, *, within: str) -> str:
    """``html`` as it comes out inside ``<div class="within">`` with ``css`` inlined. Raises TemplateError."""
    if not html.strip():
        return ""
    document = (
        f"<!DOCTYPE html><html><head><style data-inlined>{css}</style></head>"
        f'<body><div class="{within}"><!--begin-->{html}<!--end--></div></body></html>'
    )
    found = _FRAGMENT.search(inline(document))
    return found.group(1) if found else ""


class _Inliner(premailer.Premailer):  # type: ignore[misc]
    """premailer with a CSS parser that fetches nothing: its own would follow ``@import``, even to files."""

    def _parse_css_string(self, css_body: str, validate: bool = True) -> Any:
        return _stylesheet(css_body)


@lru_cache(maxsize=32)
def _stylesheet(css: str) -> Any:
    cssutils.ser.prefs.minimizeColorHash = False  # some mail programs misread #fff
    return cssutils.CSSParser(fetcher=_fetch_nothing, validate=False).parseString(css)


def _fetch_nothing(url: str) -> tuple[str, bytes]:
    return "utf-8", b""
