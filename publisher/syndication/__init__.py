"""Articles become feeds, web pages and files: RSS, Atom, JSON Feed, OPML, the web archive, public/.

Guarantees: the same articles and settings give the same bytes; whatever stands in an article, every document
is well-formed. Fails with OutputError (public/ cannot be written) and TemplateError (a page's template).
"""

from publisher.syndication.documents import Document, feed_documents, feed_selections
from publisher.syndication.pages import page_documents
from publisher.syndication.public import Written, write_public
from publisher.theme.media import theme_media

__all__ = [
    "Document",
    "Written",
    "feed_documents",
    "feed_selections",
    "page_documents",
    "theme_media",
    "write_public",
]
