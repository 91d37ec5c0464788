"""Explaining: where an article was mailed, and why one reader did or did not get it, in sentences.

Deciding only, on values that were loaded: the article as the next run would see it, and the records of the reader.
The first reason that holds is the answer: what was delivered, then what keeps the article from everybody, then what
keeps it from this reader, and at last what it waits for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from publisher.audience.topics import parse_topics, wants
from publisher.editions.slots import slots_after
from publisher.model.article import AWAY, TOO_OLD, Article, Record
from publisher.model.delivery import DeliveryState
from publisher.model.edition import Edition, EditionState
from publisher.model.feed import Feed, Newsletter, Selection
from publisher.model.subscriber import EVERYTHING, SubscriptionState, Suppression, Topic
from publisher.store.histories import Attempt, Carried, Reading, Traced

__all__ = ["Answer", "Asked", "edition_sentence", "explain_reader", "told", "unmailed", "unpublished"]

_ENDS = (DeliveryState.FAILED, DeliveryState.WITHDRAWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The article in question. ``article`` None: its file is gone or cannot be used (``fault`` says why).

    ``mail``: what its front matter says. ``next_run``: the next run will number it.
    """

    record: Record
    article: Article | None
    fault: str = ""
    next_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What holds for a reader of a newsletter: ``state`` is one word or two for programs, ``sentence`` for people."""

    newsletter: str
    state: str
    sentence: str
    edition: int | None = None
    delivery: int | None = None
    attempts: tuple[Attempt, ...] = field(default=())


def told(moment: datetime, zone: str) -> str:
    """``Fri 20 Nov 2026 08:00`` on the wall clock of ``zone``. Pure."""
    return moment.astimezone(ZoneInfo(zone)).strftime("%a %d %b %Y %H:%M")


def unpublished(asked: Asked, *, zone: str, now: datetime) -> tuple[str, str] | None:
    """Why nobody can read the article at all (state, sentence), or None. Pure."""
    record, article = asked.record, asked.article
    if record.gone_at is not None:
        return "gone", f"Its file is gone since {told(record.gone_at, zone)}."
    if article is None:
        return "unreadable", f"Its file cannot be used now: {asked.fault or 'see publisher check'}."
    if article.kind != "article":
        return article.kind, f"It is a {article.kind}, which is not published by itself."
    if article.draft:
        return "draft", "It is a draft."
    if article.published > now:
        return "future", f"It is dated {told(article.published, zone)}, and waits for that time."
    return None


def unmailed(asked: Asked, *, zone: str) -> tuple[str, str] | None:
    """Why the article, though public, is in no mail at all (state, sentence), or None. Pure."""
    record, article = asked.record, asked.article
    if article is not None and article.mail is False:
        return "mail = false", "It says mail = false: it is in feeds and pages only."
    if record.sequence is not None or asked.next_run:
        return None
    if record.left_out == TOO_OLD:
        seen = record.public_since or record.first_seen
        return "old news", (
            f"It was old news when it was first seen public: dated {told(record.published, zone)}, seen "
            f"{told(seen, zone)}. mail = true in its front matter mails it all the same."
        )
    if record.left_out and record.left_out != AWAY:
        return record.left_out, f"It was left out of the mail when it was first seen: {record.left_out}."
    return "not numbered", "No run has numbered it for the mail."


def edition_sentence(carried: Carried, zone: str) -> str:
    """``In edition 214 (world daily of …), finished: 1,204 accepted, 3 failed.`` Pure."""
    counts = ", ".join(f"{number:,} {state}" for state, number in sorted(carried.deliveries.items())) or "nobody yet"
    linked = f"; for {carried.linked:,} readers behind the link to the rest" if carried.linked else ""
    reason = f" ({carried.edition.reason})" if carried.edition.reason else ""
    return f"In {_named(carried.edition, zone)}, {carried.edition.state}{reason}: {counts}{linked}."


def explain_reader(
    asked: Asked,
    feed: Feed,
    newsletter: Newsletter,
    reading: Reading | None,
    *,
    suppression: Suppression | None,
    erased: bool,
    unfinished: Sequence[Edition],
    mailable: Sequence[Article],
    records: Sequence[Record],
    now: datetime,
) -> list[Answer]:
    """Why a reader of ``newsletter`` did or did not get the article: the answer, or what happened before it. Pure.

    ``mailable`` are the newsletter's candidates; ``unfinished`` its editions that nothing has left of yet.
    ``reading`` None: the reader does not subscribe to it.
    """
    zone = newsletter.timezone

    def answer(state: str, sentence: str, edition: Edition | None = None) -> Answer:
        return Answer(
            newsletter=newsletter.name, state=state, sentence=sentence, edition=edition.id if edition else None
        )

    if reading is None:
        return [answer("not subscribed", f"This reader has never subscribed to {newsletter.name}.")]
    # What ended without being accepted is told, and then what became of the article.
    deliveries = [_delivered(traced, newsletter) for traced in reading.deliveries if traced.state not in _ENDS]
    if deliveries:
        return [*deliveries, *(answer(*told) for told in _told_of_corrections(asked, reading))]
    before = [_delivered(traced, newsletter) for traced in reading.deliveries]
    if reading.missed is not None:
        where = f" with edition {reading.missed.edition}" if reading.missed.edition else ""
        told_at = told(reading.missed.at, zone)
        return [*before, answer("missed", f"It was recorded as missed{where}, {told_at}: {reading.missed.reason}.")]
    for reason in (
        unpublished(asked, zone=zone, now=now),
        unmailed(asked, zone=zone),
        _beside(asked.article, feed, newsletter, asked.record),
        _left(reading, zone),
        _topics(asked, reading, records, zone),
        _cursor(asked, reading, zone),
    ):
        if reason is not None:
            return [*before, answer(*reason)]
    if erased:
        return [*before, answer("erased", "This reader was erased and is mailed nothing.")]
    if suppression is not None:
        source = f" ({suppression.source})" if suppression.source else ""
        since = f"since {told(suppression.at, zone)}, {suppression.reason}{source}"
        return [*before, answer("suppressed", f"The address is suppressed {since}; it waits for this reader.")]
    return [*before, answer(*_waits(asked, newsletter, reading, unfinished, mailable, now))]


def _named(edition: Edition, zone: str) -> str:
    return f"edition {edition.id} ({edition.newsletter} {edition.cadence} of {told(edition.slot, zone)})"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _delivered(traced: Traced, newsletter: Newsletter) -> Answer:
    """A delivery in one sentence: its state, when, by which server and with which reply. Pure."""
    zone = newsletter.timezone
    edition = _named(traced.edition, zone)
    link = ", behind the link to the rest" if traced.linked else ""
    last = traced.attempts[-1] if traced.attempts else None
    said = f" by {last.relay or 'the transport'}: {_reply(last)}" if last else ""
    tries = f" after {len(traced.attempts)} attempts" if len(traced.attempts) > 1 else ""
    ended = told(traced.ended_at or (last.at if last else traced.try_at), zone)
    state: str = traced.state
    if traced.state is DeliveryState.ACCEPTED:
        doubt = " An earlier attempt had no reply, so it may have come twice." if traced.was_unknown else ""
        sentence = f"Included in {edition}{link}: accepted {ended}{tries}{said}.{doubt}"
    elif traced.state is DeliveryState.FAILED:
        sentence = f"Included in {edition}{link}, which failed {ended}{tries}{said or f': {traced.reply}'}."
    elif traced.state is DeliveryState.WITHDRAWN:
        sentence = f"Included in {edition}{link}, withdrawn {ended}: {traced.reply or 'no reason recorded'}."
    elif last is not None and last.result == "unknown":
        state = "unknown"
        sentence = f"Included in {edition}{link}: unknown, the message left {told(last.at, zone)} and no reply came."
        sentence += f" It is tried again {told(traced.try_at, zone)}."
    elif traced.state is DeliveryState.DEFERRED:
        sentence = f"Included in {edition}{link}: deferred{tries}, last {told(last.at, zone) if last else ended}{said}."
        sentence += f" It is tried again {told(traced.try_at, zone)}."
    elif traced.edition.state in (EditionState.HELD, EditionState.AWAITING_APPROVAL, EditionState.PAUSED):
        state = traced.edition.state
        reason = f" ({traced.edition.reason})" if traced.edition.reason else ""
        sentence = f"Included in {edition}{link}, which is {state}{reason}: nothing leaves until it goes on."
    else:
        sentence = f"Included in {edition}{link}: {state}, due {told(traced.try_at, zone)}."
    return Answer(
        newsletter=newsletter.name,
        state=state,
        sentence=sentence,
        edition=traced.edition.id,
        delivery=traced.id,
        attempts=traced.attempts,
    )


def _told_of_corrections(asked: Asked, reading: Reading) -> list[tuple[str, str]]:
    """Of each correction that is still said, whether this reader, who has the version before it, knows. Pure."""
    cutoff = max(traced.edition.cutoff for traced in reading.deliveries if traced.state not in _ENDS)
    said = asked.article.correction if asked.article else ""
    found = []
    for one in reading.corrections:
        if one.sequence < cutoff or one.text != said:
            continue
        where = f"edition {one.edition}" if one.edition else "a message of its own"
        if one.state is None or one.state in _ENDS:
            told = "stands at the head of this reader's next digest"
        else:
            told = f"was told with {where}: {one.state}"
        found.append(("correction", f'That was before the correction "{one.text}", which {told}.'))
    return found


def _reply(attempt: Attempt) -> str:
    text = (
        attempt.reply
        if not attempt.code or attempt.reply.startswith(str(attempt.code))
        else (f"{attempt.code} {attempt.reply}")
    )
    return f'"{text.strip()}"'


def _beside(article: Article | None, feed: Feed, newsletter: Newsletter, record: Record) -> tuple[str, str] | None:
    """The newsletter does not take the article."""
    if article is None:
        return None
    if not feed.selection.matches(article):
        return "not selected", f"{newsletter.name} does not take it: {_refused(feed.selection, article)}."
    day = record.published.astimezone(ZoneInfo(newsletter.timezone)).date()
    if newsletter.since is not None and article.mail is not True and day < newsletter.since:
        return "before since", f"It is dated {day}, and {newsletter.name} begins on {newsletter.since} (since)."
    return None


def _refused(selection: Selection, article: Article) -> str:
    authors = tuple(author.key for author in article.authors)
    for kind, wanted, own in (
        ("sections", selection.sections, (article.section,) if article.section else ()),
        ("tags", selection.tags, article.tags),
        ("authors", selection.authors, authors),
        ("languages", selection.languages, (article.language, article.language.split("-")[0])),
    ):
        if wanted and not set(wanted) & set(own):
            return f"its feed selects the {kind} {', '.join(wanted)}, and the article has {own[0] if own else 'none'}"
    return "its feed selects recordings, and the article has none"


def _left(reading: Reading, zone: str) -> tuple[str, str] | None:
    """The subscription is not active."""
    state = reading.subscription.state
    if state is SubscriptionState.PENDING:
        return "pending", f"This reader signed up {told(reading.created_at, zone)} and has not confirmed."
    if state is SubscriptionState.UNSUBSCRIBED:
        ended = reading.subscription.ended_at
        how = next((event.source for event in reversed(reading.events) if event.event == "unsubscribed"), "")
        when = f" {told(ended, zone)}" if ended else ""
        return "unsubscribed", f"This reader unsubscribed{when}{f' ({how})' if how else ''}."
    return None


def _topics(asked: Asked, reading: Reading, records: Sequence[Record], zone: str) -> tuple[str, str] | None:
    """The reader's topics do not have the article, or were chosen after it."""
    topics = parse_topics(reading.subscription.topics)
    article = asked.article
    if article is None or asked.record.sequence is None or wants(topics, article):
        return None
    late = [topic for topic in topics if wants([Topic(topic.kind, topic.value, -1)], article)]
    named = ", ".join("everything" if topic.kind == EVERYTHING else f"{topic.kind} {topic.value}" for topic in topics)
    if not late:
        return "topic", f"It is in none of this reader's topics: {named}{_chosen(reading, zone)}."
    newest = next((record.numbered_at for record in records if record.sequence == late[0].since), None)
    after = f" (behind what was numbered {told(newest, zone)})" if newest else ""
    name = "everything" if late[0].kind == EVERYTHING else f"{late[0].kind} {late[0].value}"
    return "topic chosen later", (
        f"This reader chose {name} after the article was numbered{after}{_chosen(reading, zone)}; topics chosen "
        "later bring nothing old."
    )


def _chosen(reading: Reading, zone: str) -> str:
    event = next((event for event in reversed(reading.events) if event.wording.startswith("topics: ")), None)
    return f", chosen {told(event.at, zone)}" if event else ""


def _cursor(asked: Asked, reading: Reading, zone: str) -> tuple[str, str] | None:
    """The reader's cursor has passed the article."""
    record, subscription = asked.record, reading.subscription
    if record.sequence is None or record.sequence > subscription.cursor:
        return None
    since = reading.confirmed_at or reading.created_at
    if reading.passed is not None:
        return "passed by", (
            f"{_sentence(_named(reading.passed, zone))} passed it by, {told(reading.passed.opened_at, zone)}: it was "
            "not in this reader's selection then (edited, withdrawn or unreadable at that time, or other topics)."
        )
    numbered = f", it was numbered {told(record.numbered_at, zone)}" if record.numbered_at else ""
    return "cursor", (
        f"This reader subscribed {told(since, zone)} and begins behind it{numbered}: a first edition has what the "
        "same edition has for everybody else."
    )


def _waits(
    asked: Asked,
    newsletter: Newsletter,
    reading: Reading,
    unfinished: Sequence[Edition],
    mailable: Sequence[Article],
    now: datetime,
) -> tuple[str, str]:
    """What the article, ahead of the reader's cursor, waits for."""
    zone, subscription = newsletter.timezone, reading.subscription
    until = subscription.snoozed_until
    if subscription.by_feed:
        return "by feed", "This reader has chosen a private feed instead of mail: it is there."
    if until is not None and until > now:
        return "snoozed", f"This reader has snoozed until {told(until, zone)}; it comes with the catch-up after that."
    cadence = newsletter.cadence(subscription.cadence)
    if cadence is None:
        return "no cadence", f"{newsletter.name} has no cadence {subscription.cadence} any more: publisher check."
    number = asked.record.sequence
    for edition in unfinished:
        # What awaits approval has no cut-off yet: it takes what there is when it is approved.
        in_reach = number is not None and (number <= edition.cutoff or edition.state is EditionState.AWAITING_APPROVAL)
        if edition.cadence == cadence.name and in_reach:
            reason = f" ({edition.reason})" if edition.reason else ""
            return str(edition.state), f"{_sentence(_named(edition, zone))} is {edition.state}{reason}."
    slot = next(slots_after(cadence, zone, now), None)
    following = f"{cadence.name}, {told(slot, zone)}" if slot else f"{cadence.name}, once it has settled"
    if number is None:
        return "not numbered", f"The next run numbers it, and it comes with the next edition: {following}."
    topics = parse_topics(subscription.topics)
    waiting = [one for one in mailable if (one.sequence or 0) > subscription.cursor and wants(topics, one)]
    if len(waiting) < newsletter.min_items:
        wait = f", or after {newsletter.max_wait.days} days" if newsletter.max_wait else ""
        return "rolled over", (
            f"It waits for more: {len(waiting)} of {newsletter.min_items} articles (min_items){wait}. "
            f"The next slot is {following}."
        )
    return "next edition", f"It comes with the next edition: {following}."
