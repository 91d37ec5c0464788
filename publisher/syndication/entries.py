"""What the formats of a feed have in common: its head, and its articles as entries. Pure."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import escape
from urllib.parse import quote

from publisher.model.article import Article, Audio, Author, Image
from publisher.model.feed import Feed
from publisher.model.publication import Publication
from publisher.syndication.addresses import ascii_url, feed_page, feed_url, home, listing_url, slug
from publisher.syndication.characters import clean, excerpt, one_line, text_of
from publisher.theme.media import theme_url
from publisher.theme.words import Words

__all__ = ["NEVER", "Category", "Entry", "Head", "History", "Show", "entry_of", "head_of", "rfc3339"]

NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # an empty feed's date: never the clock, and not so old that a judge doubts it

_GENERATOR = "publisher"
_WIDEST, _HIGHEST = 144, 400  # pixels of the picture of an RSS channel
_PODCASTS = uuid.UUID("ead4c236-bf58-58c6-a2c6-a6b28d128cb6")  # the namespace of podcasts' guids
# What Atom takes as an id (RFC 4287 section 4.2.6): an absolute URI, as in RFC 3986, RFC 4151 and RFC 8141.
_URI = re.compile(
    r"(?:tag:(?:[a-z0-9._-]+@)?[a-z0-9.-]+,\d{4}(?:-\d\d(?:-\d\d)?)?:[\w;/?:@&=+$.!~*'()%,#-]*"
    r"|urn:(?!uuid:)[a-z0-9][a-z0-9-]{1,31}:(?:[\w()+,.:=@;$!*'-]|%[0-9a-f]{2})+"
    r"|urn:uuid:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|https?://(?:[\w;/?:@&=+$.!~*'(),#-]|%[0-9a-f]{2})+)",
    re.ASCII | re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Category:
    """``term`` is the slug, ``scheme`` the URI of its kind, ``url`` the two together."""

    term: str
    label: str
    scheme: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An article as every format takes it: clean text, ASCII addresses, ``published`` in whole seconds.

    ``updated``  with its place in the order of publication as a fraction, so that no two entries are alike
    ``uri``        the id where a URI is needed: the id itself if it is one, else a UUID made from it
    ``title``    ``""`` for an untitled article; ``heading`` never is
    ``summary``  plain text, never ``""``
    """

    id: str
    uri: str
    url: str
    title: str
    heading: str
    summary: str
    html: str
    published: datetime
    updated: datetime
    language: str
    authors: tuple[Author, ...]
    categories: tuple[Category, ...]
    image: Image | None
    audio: Audio | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """A podcast as its document says it: https://github.com/Podcast-Standards-Project/PSP-1-Podcast-RSS-Specification.

    Everything is clean; ``image`` is an address, ``guid`` a UUID.
    """

    author: str
    image: str
    categories: tuple[tuple[str, str], ...]
    explicit: bool
    kind: str
    locked: bool
    owner_name: str
    owner_address: str
    guid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """A document's place in its feed's history: addresses, ``""`` for none.

    ``current`` is the feed's own document, set on archive pages only; ``closed``: the page does not change any more.
    """

    previous: str = ""
    following: str = ""
    current: str = ""
    closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What a feed says of itself. ``page`` is its HTML page, ``updated`` its newest entry's.

    ``logo_size``: in pixels, made to fit what RSS allows; zeros where it is not known.
    """

    uri: str
    title: str
    description: str
    page: str
    language: str
    rights: str
    updated: datetime
    generator: str
    author: str
    home: str
    logo: str
    logo_size: tuple[int, int] = (0, 0)
    hub: str = ""
    show: Show | None = None


def rfc3339(moment: datetime) -> str:
    """``2026-11-20T09:30:00Z``; a fraction, where there is one, has six digits."""
    return moment.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"


def head_of(
    publication: Publication, feed: Feed, entries: Sequence[Entry], *, logo_size: tuple[int, int] = (0, 0)
) -> Head:
    """The head of a feed that carries ``entries``. ``logo_size``: the logo's width and height, if they are known."""
    title = one_line(feed.title) or one_line(publication.title) or feed.name
    return Head(
        uri=uuid.uuid5(uuid.NAMESPACE_URL, f"//{publication.host}/feeds/{feed.name}").urn,
        title=title,
        description=one_line(feed.description) or title,
        page=feed_page(publication, feed),
        language=feed.language or publication.language,
        rights=one_line(publication.rights),
        updated=max((entry.updated for entry in entries), default=NEVER),
        generator=_GENERATOR,
        author=one_line(publication.title) or title,
        home=home(publication),
        logo=theme_url(publication, publication.theme.logo),
        logo_size=_fitting(*logo_size),
        hub=ascii_url(publication.web.hub) if publication.web.hub else "",
        show=_show(publication, feed),
    )


def entry_of(publication: Publication, article: Article, *, people: dict[Author, Author | None] | None = None) -> Entry:
    """An article as an entry. ``people``: authors as entries have them, known from other articles."""
    published, updated = (_whole(moment) for moment in (article.published, article.updated))
    title = one_line(article.title)
    html = _corrected(publication, article) + clean(article.html).strip()
    words = one_line(article.summary) or excerpt(text_of(html), 280)
    heading = title or excerpt(words, 80) or f"{published:%Y-%m-%d}"
    guid = clean(article.id)
    return Entry(
        id=guid,
        uri=guid if _URI.fullmatch(guid) else uuid.uuid5(uuid.NAMESPACE_URL, guid).urn,
        url=ascii_url(article.url),
        title=title,
        heading=heading,
        summary=words or heading,
        html=html,
        published=published,
        updated=max(updated, published) + timedelta(microseconds=(article.place or 0) % 1_000_000),
        language=article.language or publication.language,
        authors=_authors(publication, article, {} if people is None else people),
        categories=_categories(publication, article),
        image=_image(article.image),
        audio=_audio(article.audio),
    )


def _corrected(publication: Publication, article: Article) -> str:
    """The paragraph that says what was wrong, before the article; in the article's language."""
    if not article.correction:
        return ""
    words = Words(article.language or publication.language, publication.templates / "catalogues")
    return f"<p><strong>{escape(words.say('Correction.'))}</strong> {escape(one_line(article.correction))}</p>\n"


def _whole(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(microsecond=0)


def _authors(publication: Publication, article: Article, people: dict[Author, Author | None]) -> tuple[Author, ...]:
    for author in article.authors:
        if author not in people:
            people[author] = _author(publication, author)
    return tuple(known for author in article.authors if (known := people[author]))


def _author(publication: Publication, author: Author) -> Author | None:
    """The author as every format takes one; None without a name."""
    name = one_line(author.name)
    if not name:
        return None
    own = ascii_url(author.url) if author.url else ""
    url = own or (listing_url(publication, "author", author.key) if publication.web.pages else "")
    return Author(author.key, name, one_line(author.bio), url, theme_url(publication, author.picture))


def _categories(publication: Publication, article: Article) -> tuple[Category, ...]:
    named = [("section", article.section, publication.section_label(article.section))] if article.section else []
    named += [("tag", tag, tag) for tag in article.tags]
    front = home(publication)
    found = {
        (kind, slug(name)): Category(slug(name), label, f"{front}{kind}/", f"{front}{kind}/{quote(slug(name))}/")
        for kind, name, written in reversed(named)
        if (label := one_line(written))
    }
    return tuple(reversed(found.values()))


def _image(image: Image | None) -> Image | None:
    if image is None or not image.url.startswith(("http://", "https://")):
        return None
    return Image(
        ascii_url(image.url),
        one_line(image.alt),
        one_line(image.caption),
        one_line(image.credit),
        image.width,
        image.height,
        image.length,
        image.media_type,
    )


def _audio(audio: Audio | None) -> Audio | None:
    if audio is None or not audio.url.startswith(("http://", "https://")):
        return None
    return replace(
        audio,
        url=ascii_url(audio.url),
        title=one_line(audio.title),
        image=ascii_url(audio.image) if audio.image else "",
        transcript=ascii_url(audio.transcript) if audio.transcript else "",
        chapters=ascii_url(audio.chapters) if audio.chapters else "",
    )


def _fitting(width: int, height: int) -> tuple[int, int]:
    """What a picture is shown as: https://www.rssboard.org/rss-specification#ltimagegtSubelementOfLtchannelgt."""
    if not (width and height):
        return 0, 0
    scale = min(1, _WIDEST / width, _HIGHEST / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _show(publication: Publication, feed: Feed) -> Show | None:
    """The guid is made of the RSS document's address without its scheme, unless it was kept from before.

    https://github.com/Podcastindex-org/podcast-namespace/blob/main/docs/tags/guid.md
    """
    if feed.podcast is None:
        return None
    podcast = feed.podcast
    address = feed_url(publication, feed, "rss").split("//", 1)[1].rstrip("/")
    return Show(
        author=one_line(podcast.author) or one_line(publication.title),
        image=theme_url(publication, podcast.image),
        categories=podcast.categories,
        explicit=podcast.explicit,
        kind=podcast.kind,
        locked=podcast.locked,
        owner_name=one_line(podcast.owner_name),
        owner_address=podcast.owner_address,
        guid=podcast.guid or str(uuid.uuid5(_PODCASTS, address)),
    )
