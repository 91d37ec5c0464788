"""Topics: what of a newsletter a reader wants, as values and as the one canonical string that is stored.

``*`` is everything from the start; ``section:world@12,tag:trade@40`` are two wishes, each matching only
articles later than the sequence behind its ``@``. ``%``, ``,``, ``;`` and ``@`` in a value are
percent-encoded. Pure.
Fails with PublisherError that names the wish.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from publisher.model.article import Article
from publisher.model.errors import PublisherError
from publisher.model.subscriber import EVERYTHING, Topic

__all__ = ["change_topics", "change_wishes", "choose_topics", "format_topics", "parse_topics", "wants", "wishes_of"]

_KINDS = ("section", "tag", "author", "language")
_REMEDY = f'write for example "section:world;tag:trade" (kinds: {", ".join(_KINDS)}), or * for everything'
_ENCODED = re.compile(r"[%,;@\x00-\x1f\x7f]")
_DECODED = re.compile(r"%([0-9A-F]{2})")


@lru_cache(maxsize=4096)
def parse_topics(text: str) -> tuple[Topic, ...]:
    """The topics of a stored string, in canonical order. Raises PublisherError."""
    return _canonical(_parse(wish) for wish in text.split(","))


def format_topics(topics: Iterable[Topic]) -> str:
    """The canonical string: sorted, each wish once (with its earliest sequence), and none that "everything"
    covers already. Raises PublisherError for no topic at all.
    """
    ordered = _canonical(topics)
    if not ordered:
        raise PublisherError("no topic is chosen", remedy=_REMEDY)
    return ",".join(map(_format, ordered))


def choose_topics(written: str, since: int) -> str:
    """What a person or a file wrote (``section:science;tag:trade``), as chosen at the sequence ``since``.

    Commas do as well as semicolons. Empty or ``*`` is everything. Raises PublisherError.
    """
    wishes = [wish.strip() for wish in re.split("[;,]", written) if wish.strip()]
    if not wishes or EVERYTHING in wishes:
        return EVERYTHING
    topics = []
    for wish in wishes:
        kind, colon, value = wish.partition(":")
        kind, value = kind.strip().lower(), value.strip()
        if not colon or kind not in _KINDS or not value:
            raise PublisherError(f'"{wish}" is not a topic', remedy=_REMEDY)
        topics.append(Topic(kind, value, since))
    return format_topics(topics)


def change_topics(chosen: str, written: str, newest: int) -> str:
    """The topics after a change from the stored ``chosen`` to what was ``written``, at the sequence ``newest``.

    A new topic matches only later articles; one that is kept keeps its sequence; narrowing from everything
    inherits the older one, so that nothing that was waiting is lost. Raises PublisherError.
    """
    wanted = choose_topics(written, newest)
    wishes = [] if wanted == EVERYTHING else [(topic.kind, topic.value) for topic in parse_topics(wanted)]
    return change_wishes(chosen, wishes, newest)


def change_wishes(chosen: str, wishes: Sequence[tuple[str, str]], newest: int) -> str:
    """`change_topics` for wishes that are (kind, value) already; none of them: everything."""
    before = {(topic.kind, topic.value): topic.since for topic in parse_topics(chosen)}
    everything = before.get((EVERYTHING, ""))
    topics = [Topic(kind, value, newest) for kind, value in wishes] or [Topic(EVERYTHING, "", newest)]
    kept = [
        Topic(topic.kind, topic.value, since)
        for topic in topics
        if (since := before.get((topic.kind, topic.value), everything)) is not None
    ]
    # "Everything" chosen later does not bring back what the narrower topics waited for; those stay beside it.
    narrower = [] if wishes else [Topic(kind, value, since) for (kind, value), since in before.items()]
    return format_topics([*topics, *kept, *narrower])


def wishes_of(chosen: str) -> tuple[tuple[str, str], ...]:
    """What a reader wants as (kind, value); empty: everything, whatever stands beside it. Raises PublisherError."""
    topics = parse_topics(chosen)
    if any(topic.kind == EVERYTHING for topic in topics):
        return ()
    return tuple((topic.kind, topic.value) for topic in topics)


def wants(topics: Sequence[Topic], article: Article) -> bool:
    """Whether a reader with these topics wants a numbered article."""
    sequence = article.sequence
    return sequence is not None and any(sequence > topic.since and _matches(topic, article) for topic in topics)


def _matches(topic: Topic, article: Article) -> bool:
    if topic.kind == EVERYTHING:
        return True
    if topic.kind == "section":
        return article.section == topic.value
    if topic.kind == "tag":
        return topic.value in article.tags
    if topic.kind == "author":
        return any(author.key == topic.value for author in article.authors)
    # A language matches its regions: "en" takes "en-GB".
    return topic.value in (article.language, article.language.split("-")[0])


def _parse(wish: str) -> Topic:
    if wish == EVERYTHING:
        return Topic(EVERYTHING, "", 0)
    name, at, since = wish.rpartition("@")
    kind, colon, value = name.partition(":")
    if not at or not re.fullmatch(r"[0-9]{1,18}", since):
        raise PublisherError(f'"{wish}" is not a stored topic')
    if name == EVERYTHING:
        return Topic(EVERYTHING, "", int(since))
    if not colon or kind not in _KINDS or not value:
        raise PublisherError(f'"{wish}" is not a stored topic')
    return Topic(kind, _DECODED.sub(lambda found: chr(int(found[1], 16)), value), int(since))


def _format(topic: Topic) -> str:
    if topic.kind == EVERYTHING:
        return f"{EVERYTHING}@{topic.since}" if topic.since else EVERYTHING
    value = _ENCODED.sub(lambda found: f"%{ord(found[0]):02X}", topic.value)
    return f"{topic.kind}:{value}@{topic.since}"


def _canonical(topics: Iterable[Topic]) -> tuple[Topic, ...]:
    earliest: dict[tuple[str, str], int] = {}
    for topic in topics:
        key = (topic.kind, topic.value)
        earliest[key] = min(topic.since, earliest.get(key, topic.since))
    everything = earliest.get((EVERYTHING, ""))
    return tuple(
        Topic(kind, value, since)
        for (kind, value), since in sorted(earliest.items())
        if kind == EVERYTHING or everything is None or since < everything
    )
