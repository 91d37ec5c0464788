"""An article out of a news page that somebody copied as plain text.

Guarantees: paragraphs and quotes come out letter for letter; title, caption, headings, lists, byline and
author box are recognised from the text alone; what is doubtful stays a paragraph. Fails with ImportRefused.
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from publisher.articles import literal
from publisher.articles.bylines import byline, day_in, is_day, merged, without_author_boxes
from publisher.articles.columns import width_of
from publisher.articles.decoding import check_is_text
from publisher.articles.imported import ImportedArticle
from publisher.articles.plaintext import Block, blocks, dateline, heading_places, is_line, is_prose
from publisher.articles.summaries import summary_of
from publisher.model.article import Author

__all__ = ["recognise"]

# A first paragraph begins within so many blocks.
_NEAR = 8
# A longer first line is a paragraph, and the title its beginning.
_LONGEST_TITLE = 200
_CREDIT = re.compile(
    r"(?:photo(?:graph)?|image|picture|illustration|credit|foto|bild|crédit)(?:\s+(?:by|credit|von))?\s*[:：/©]"
    r"|©|\bgetty images\b|\bphoto(?:graph)? by\b|\bfile photo\b",
    re.I,
)
_DAY_LABEL = re.compile(r"(?:published|posted|date|veröffentlicht|publié)(?:\s+(?:on|am|le))?\s*:?\s+", re.I)
_READING_TIME = re.compile(r"\d{1,3}[ -]min(?:ute)?s?(?: read)?", re.I)
# A line with one of the short verbs is a sentence, not a caption. Left out are those that English, German and
# French share with a noun ("war", "hat", "son").
_VERB = re.compile(
    r"is|are|was|were|be|been|am|has|have|had|would|could|shall|should|may|might|must|can|will|does|did|says|said|say"
    r"|ist|sind|waren|wird|werden|wurden?|haben|hatte|kann|können|soll|sollen|muss|müssen|sagt"
    r"|sont|étaient|était|ont|sera|seront|peut|doit|fue|eran|han|será|puede"
)
_NAMES_TOO = {"May", "Will", "Can", "Must"}
_HEADING_WORD = re.compile(r"introduction|background|overview|summary|analysis|einleitung|hintergrund|überblick", re.I)


def recognise(text: str, *, source: str) -> ImportedArticle:
    """The article in a plain text. Pure. Raises ImportRefused for a binary text, or one without words."""
    check_is_text(text, source=source)
    first, *others = blocks(text)
    title = first.whole
    if len(title) > _LONGEST_TITLE:
        others.insert(0, first)
        title = summary_of(title, longest=_LONGEST_TITLE)
    rest, boxed = without_author_boxes(others)
    at, caption, authors, date_text = _head(rest)
    found = rest[at:]
    headings = heading_places(found)
    prose = _first_paragraph(found, headings)
    if not date_text and (placed := dateline(prose)):
        date_text = day_in(placed[0])
    return ImportedArticle(
        title=title,
        caption=caption,
        body=_markdown(found, headings),
        summary=summary_of(prose),
        authors=merged(authors, boxed),
        date_text=date_text,
        source=source,
    )


def _head(found: Sequence[Block]) -> tuple[int, str, tuple[Author, ...], str]:
    """What stands between title and first paragraph: where that begins, the caption, the authors, the day."""
    caption, date_text = "", ""
    authors: tuple[Author, ...] = ()
    for at, block in enumerate(found):
        text = block.whole
        more = found[at + 1 : at + 1 + _NEAR]
        if block.marker or not more:
            return at, caption, authors, date_text
        people, day = byline(text) if width_of(text) <= 160 else ((), "")
        if people:
            authors, date_text = merged(authors, people), date_text or day
        elif width_of(text) <= 100 and is_day(text):
            date_text = date_text or _DAY_LABEL.sub("", text)
        elif _READING_TIME.fullmatch(text):
            continue
        elif not caption and _is_caption(block, more):
            caption = text
        else:
            return at, caption, authors, date_text
    return len(found), caption, authors, date_text


def _is_caption(block: Block, more: Sequence[Block]) -> bool:
    """A line without a verb, or one that names a photographer, before the first paragraph."""
    text = block.whole
    if not any(is_prose(other) and not other.marker for other in more):
        return False
    if _CREDIT.search(text) and width_of(text) <= 200:
        return True
    words = re.findall(r"[^\W\d_]+", text)
    return (
        is_line(block)
        and len(words) <= 12
        and not more[0].marker
        and text[-1] not in "?？؟!！"
        and not re.match(r"[0-9]{1,3}[.)]\s", text)
        and not _HEADING_WORD.fullmatch(text)
        and not any(_VERB.fullmatch(word if word in _NAMES_TOO else word.lower()) for word in words)
    )


def _markdown(found: Sequence[Block], headings: Set[int]) -> str:
    parts: list[str] = []
    at, other, last = 0, False, ""
    while at < len(found):
        block = found[at]
        if not block.marker:
            parts.append((literal.heading if at in headings else literal.paragraph)(block.text))
            at, last = at + 1, ""
            continue
        end = at + 1
        while end < len(found) and _goes_on(found[end - 1], found[end]):
            end += 1
        kind = "number" if block.number else "bullet"
        other = kind == last and not other
        parts.append(literal.items((item.text for item in found[at:end]), start=block.number or None, other=other))
        at, last = end, kind
    return "\n\n".join(parts) + "\n" if parts else ""


def _goes_on(before: Block, block: Block) -> bool:
    return block.marker == before.marker and (not block.number or block.number == before.number + 1)


def _first_paragraph(found: Sequence[Block], headings: Set[int]) -> str:
    """The first paragraph; of a text that is nothing but a list, its first item."""
    paragraph = next((block for at, block in enumerate(found) if not block.marker and at not in headings), None)
    paragraph = paragraph or next((block for block in found if block.marker), None)
    return paragraph.text if paragraph else ""
