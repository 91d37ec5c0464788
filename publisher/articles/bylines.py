"""Who wrote a text and when, as its lines say it: "By Ana Example", a day, and the author box at the end.

Guarantees: what is not clearly a byline, a day or an author box is left where it is. Everything here is pure.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from publisher.articles.plaintext import Block, is_prose
from publisher.articles.slugs import slugify
from publisher.model.article import Author

__all__ = ["author_key", "byline", "day_in", "is_day", "merged", "without_author_boxes"]

_BY = re.compile(
    r"(?:(?:(?:written|reported|words|story|text|posted)\s+)?by|von|par|por|di|door|av|af|text\s*:|بقلم"
    r"|(?:autor(?:in)?|author|auteur|作者|記者|记者)\s*[:：])\s*[:：]?\s*(?=\S)",
    re.I,
)
_AND = re.compile(r"\s*(?:,\s*(?:and|und)\s|,|;|&|、|\s(?:and|und|et|y|e|och|og|en|و)\s)\s*", re.I)
_ROLE = re.compile(
    r"staff|writer|reporter|correspondent|editor|contributor|journalist|columnist|redakt|korrespondent", re.I
)
_PARTICLE = re.compile(r"van|von|der|den|de|del|della|da|dos|do|di|du|la|le|el|al|bin|ibn|ter|ten|zum?|y|e|of", re.I)

_MONTH = (
    r"(?:jan(?:uary|uar|vier)?|feb(?:ruary|ruar)?|f[ée]v(?:rier)?|mar(?:ch|s|zo)?|m[äa]rz|apr(?:il)?|avr(?:il)?"
    r"|may|mai|mayo|june?|juni|juin|july?|juli|juillet|aug(?:ust)?|ao[uû]t|sep(?:t(?:ember|embre)?)?"
    r"|o[ck]t(?:ober|obre)?|nov(?:ember|embre)?|d[eé][cz](?:ember|embre)?"
    r"|enero|febrero|abril|junio|julio|agosto|septiembre|octubre|noviembre|diciembre)\b\.?"
)
_DAY = re.compile(
    rf"\b{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? \d{{4}}\b)?"
    rf"|\b\d{{1,2}}(?:st|nd|rd|th|\.)? (?:de )?{_MONTH}(?:,?(?: de)? \d{{4}}\b)?"
    r"|\b\d{4}-\d{2}-\d{2}(?=\b|T)|\b\d{1,2}[./]\d{1,2}[./](?:\d{4}|\d{2})\b|\d{4}年\d{1,2}月\d{1,2}日",
    re.I,
)
_CLOCK = re.compile(
    r"\bT?\d{1,2}[:.]\d{2}(?::\d{2})?(?: ?[ap]\.?m\b\.?| ?[Uu]hr\b)?(?: ?(?:[A-Z]{1,5}|[+-]\d{2}:?\d{2})\b)?"
    r"|\b\d{1,2} ?[ap]\.?m\b\.?(?: [A-Z]{2,5}\b)?"
)
_AROUND_DAY = re.compile(
    r"\b(?:published|posted|updated|last|first|on|at|date|am|um|vom|veröffentlicht|aktualisiert|stand|publié"
    r"|mis à jour|le|à|(?:mon|tues|wednes|thurs|fri|satur|sun)day|mon|tue|wed|thu|fri|sat|sun"
    r"|montag|dienstag|mittwoch|donnerstag|freitag|samstag|sonntag|\d+ min(?:ute)?s?(?: read)?)\b"
    r"|[\s:,.|·•/()–—-]",
    re.I,
)

_BOX = re.compile(
    r"(?:(?:about|meet) the authors?|authors?|author bio|autor|autorin|autoren|zum autor|zur autorin"
    r"|über (?:den autor|die autorin|die autoren)|auteurs?|à propos de l[’']auteur|autores?"
    r"|sobre el autor|автор|об авторе|الكاتب|المؤلف|作者|关于作者|著者)\s*(?:[:：]\s*(?P<name>\S.*)?)?",
    re.I,
)
# A head that nothing but a biography can follow.
_SURELY_BOX = re.compile(r"(?:about|meet|zu[mr]|über|à propos|sobre|об|关于)\b.*", re.I)
_LARGEST_BOX = 20
_ALL_POSTS = re.compile(
    r"(?:(?:view|see|read|show) (?:all|more)(?: of)?(?: (?:posts|articles|stories|entries))?|all posts"
    r"|more (?:posts|articles|stories))(?: (?:by|from|of) .{1,60})?"
    r"|alle beiträge(?: .{1,60})?|voir tous (?:les|ses) articles|ver todas las entradas",
    re.I,
)


def author_key(name: str) -> str:
    """An author's key ("ana-example"): ASCII, and always the same for a name. Pure.

    A name in another script has a number in its key, from the name.
    """
    slug = slugify(name, fallback="")
    if slug and slug.isascii():
        return slug
    ascii_part = re.sub(r"[^a-z0-9]+", "-", slug).strip("-")
    folded = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    digest = hashlib.sha256(folded.encode("utf-8", "replace")).hexdigest()[:8]
    return f"{ascii_part or 'author'}-{digest}"


def byline(text: str) -> tuple[tuple[Author, ...], str]:
    """The authors of "By Ana Example and Ben Example | 20 January 2026", and the day; or nobody. Pure."""
    found = _BY.match(text)
    if found is None:
        return (), ""
    names, day = text[found.end() :], ""
    if at := _DAY.search(names):
        if not is_day(names[at.start() :]):
            return (), ""
        day, names = (
            at[0],
            re.sub(r"[\s,|·•–—(-]+(?:published|updated|on)?[:\s]*$", "", names[: at.start()], flags=re.I),
        )
    parts = [part for part in _AND.split(re.split(r"\s[|·•–—-]\s", names)[0].rstrip(".")) if part]
    people: list[Author] = []
    for part in parts:
        if people and _ROLE.search(part):
            people[-1] = replace(people[-1], bio=people[-1].bio or part)
        elif _is_name(part):
            people.append(_author(part))
        else:
            return (), ""
    return tuple(people), day if people else ""


def is_day(text: str) -> bool:
    """Whether a line says a day and nothing else ("Published: Monday, 20 January 2026, 10:15"). Pure."""
    rest, found = _DAY.subn(" ", text, count=2)
    return found > 0 and not _AROUND_DAY.sub("", _CLOCK.sub(" ", rest))


def day_in(text: str) -> str:
    """The first day that a text names, as it is written there; "" where there is none. Pure."""
    found = _DAY.search(text)
    return found[0] if found else ""


def without_author_boxes(found: Sequence[Block]) -> tuple[list[Block], tuple[Author, ...]]:
    """The blocks outside author boxes, and the authors in them with their biographies. Pure."""
    kept: list[Block] = []
    people: tuple[Author, ...] = ()
    at = 0
    while at < len(found):
        end, inside = _box(found, at)
        if inside:
            people = merged(people, inside)
            at = end
        else:
            kept.append(found[at])
            at += 1
    while len(kept) > 1 and _ALL_POSTS.fullmatch(kept[-1].text):
        kept.pop()
    return kept, people


def merged(first: Sequence[Author], second: Sequence[Author]) -> tuple[Author, ...]:
    """Both lists' authors, each once; the first biography that is not empty stays. Pure."""
    known = {author.key: author for author in first}
    for author in second:
        before = known.get(author.key)
        known[author.key] = replace(before, bio=before.bio or author.bio) if before else author
    return tuple(known.values())


def _box(found: Sequence[Block], start: int) -> tuple[int, tuple[Author, ...]]:
    """The author box that begins at ``start``: where it ends, and who is in it (nobody: it is no box)."""
    head = None if found[start].marker else _BOX.fullmatch(found[start].text)
    if head is None or (head["name"] and not _person(head["name"])):
        return start, ()
    people = [person] if head["name"] and (person := _person(head["name"])) else []
    told: set[int] = set()
    ended = closed = False
    at = start + 1
    if not people and at < len(found) and (told_of := _told_of(head[0], found[at])) is not None:
        people, told, at = [told_of], {0}, at + 1
    while at < len(found) and len(people) <= _LARGEST_BOX and not _BOX.fullmatch(found[at].text):
        block = found[at]
        if _ALL_POSTS.fullmatch(block.text):
            ended = closed = True
        elif (person := _person(block.text)) and (block.marker or not people or _introduced(found, at, person)):
            people.append(person)
            closed = False
        elif people and not block.marker and not closed and (owner := _owner(found, at, people)) is not None:
            # What stands beside a name is a biography for want of another.
            before = people[owner].bio if owner in told else ""
            people[owner] = replace(people[owner], bio=f"{before} {block.text}".strip())
            told.add(owner)
        else:
            break
        at += 1
    # Names alone, in the middle of an article, are a list of names.
    return (at, tuple(people)) if told or ended or at == len(found) else (start, ())


def _told_of(head: str, block: Block) -> Author | None:
    """The author of a box without a line for the name: "About the author", then "Ana Example writes about …"."""
    if not _SURELY_BOX.fullmatch(head) or block.marker or _person(block.text) or not is_prose(block):
        return None
    words = block.text.split()
    end = next((at for at, word in enumerate(words) if word[0].islower() and not _PARTICLE.fullmatch(word)), 0)
    name = " ".join(words[:end]).rstrip(",")
    return replace(_author(name), bio=block.text) if end > 1 and _is_name(name) else None


def _introduced(found: Sequence[Block], at: int, person: Author) -> bool:
    """Whether a name without a bullet is followed by its biography."""
    return at + 1 < len(found) and found[at + 1].text.startswith(person.name)


def _owner(found: Sequence[Block], at: int, people: Sequence[Author]) -> int | None:
    """Whose biography a block is: of whom it begins with, else of the last one where it goes on."""
    block, last = found[at], len(people) - 1
    first = re.split(r"\W", block.text, maxsplit=1)[0]
    for place, person in reversed(list(enumerate(people))):
        if block.text.startswith(person.name) or (first and first in person.name.split()):
            return place
    goes_on = block.indent >= 2 or first in ("He", "She", "They", "Er", "Sie", "Il", "Elle")
    if goes_on or (not people[last].bio and is_prose(block) and _ends_there(found, at + 1)):
        return last
    return None


def _ends_there(found: Sequence[Block], at: int) -> bool:
    """Whether an author's part of a box is over: the text is, or "View all posts" or the next name stands there."""
    return at == len(found) or bool(found[at].marker) or _ALL_POSTS.fullmatch(found[at].text) is not None


def _person(text: str) -> Author | None:
    """The author that a line of a box names, perhaps with what they are ("Ana Example, reporter")."""
    name, _, role = (part.strip() for part in re.split(r"(\s[|–—-]\s|,\s|\s(?=\())", f"{text}, ", maxsplit=1))
    role = role.rstrip(", ").strip("()")
    return replace(_author(name), bio=role) if _is_name(name) and len(role) <= 60 else None


def _author(name: str) -> Author:
    name = " ".join(name.split())
    return Author(author_key(name), name)


def _is_name(text: str) -> bool:
    """Whether a text can be a person's name: one to six words, each with a capital or of a script without."""
    words = text.split()
    if not 1 <= len(words) <= 6 or len(text) > 60 or re.search(r"[\d:;!?/<>@#()\[\]“”\"…。]", text):
        return False
    if text.endswith(".") and not re.search(r"\b(?:Jr|Sr|[A-Z])\.$", text):
        return False
    if text.isascii() and len(words) == 1 and not text.isalpha():
        return False
    return any(not _PARTICLE.fullmatch(word) for word in words) and all(
        _PARTICLE.fullmatch(word) or (word[0].isalpha() and not word[0].islower()) for word in words
    )
