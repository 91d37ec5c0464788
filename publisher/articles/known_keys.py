"""The keys of front matter: ours, and those that other generators read and we pass over."""

from __future__ import annotations

__all__ = ["FOREIGN", "OURS"]

_OURS = """
id title date updated section tags authors author summary description image image_alt caption credit language lang slug
aliases draft mail pin weight minor correction kind categories permalink audio
"""

# https://gohugo.io/content-management/front-matter/
_HUGO = """
build cascade expirydate headless iscjklanguage keywords lastmod layout linktitle markup menu menus modified
outputs params publishdate pubdate published resources series sitemap translationkey type unpublishdate unlisted url
videos images category tag toc math
"""
# https://jekyllrb.com/docs/front-matter/ and the plugins that are in common use
_JEKYLL = """
excerpt excerpt_separator render_with_liquid redirect_from redirect_to sidebar nav_order parent comments share
related header teaser feature featured
"""
# https://docs.getpelican.com/en/latest/content.html
_PELICAN = "status template save_as url_save_as email gravatar"
# https://www.11ty.dev/docs/data-configuration/
_ELEVENTY = """
pagination eleventycomputed eleventynavigation eleventyexcludefromcollections templateengineoverride dynamicpermalink
"""
# Astro, Hexo, Ghost, Zola and what people's own templates often read
_OTHERS = """
pubdatetime moddatetime ogimage hero heroimage cover thumbnail photos subtitle taxonomies extra sort_by page_template
visibility canonical canonical_url canonicalurl name data mailto time state main rate
"""

OURS = frozenset(_OURS.split())
"""Keys that `publisher.articles.sources` reads; a test holds the two together."""

FOREIGN = frozenset(" ".join((_HUGO, _JEKYLL, _PELICAN, _ELEVENTY, _OTHERS)).split())
"""In small letters, since some generators read them in any."""
