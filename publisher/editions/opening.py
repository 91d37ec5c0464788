"""Opening editions, in stages, each of them a short transaction: whatever kills us, the next run goes on.

1. the slot and its cut-off are committed (state ``opening``); the unique slot makes overlapping runs harmless
2. each group of readers is decided; variants are rendered outside any transaction and frozen
3. deliveries are inserted and cursors moved, as many subscriptions a transaction as take a sixth of a second
4. its page for the browser is written, and the edition is ``going out``; nothing of it leaves before that

Where a newsletter's editions are to be approved, stage 1 makes one that awaits approval, before its slot, and the
other stages wait for that (`publisher.editions.approving`).

Two processes may open one edition together: what one has frozen or moved, the other finds done.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from publisher.editions.compiling import candidates, decide
from publisher.editions.noting import freeze_note, note_of
from publisher.editions.passing import note_changes
from publisher.editions.renderer import Renderer
from publisher.editions.slots import Due, due, due_for_approval, due_on_publish, first_moment, local_due
from publisher.model.article import Article
from publisher.model.correction import Corrected, Correction
from publisher.model.edition import Decision, Digest, Edition, EditionState, Variant
from publisher.model.errors import AddressError, PublisherError, StoreDeadlock, TemplateError
from publisher.model.feed import Cadence, Feed, Newsletter
from publisher.model.publication import Publication
from publisher.store import Connection, Store, corrections, groups, openings, returns
from publisher.store import articles as article_store
from publisher.store import editions as edition_store
from publisher.store import pictures as picture_store

__all__ = ["Opened", "Opener", "is_due"]


_TRIES = 3
_UNDECIDED = (EditionState.OPENING, EditionState.AWAITING_APPROVAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An edition that is going out now. ``deliveries`` of them; ``subjects`` of its variants."""

    edition: Edition
    deliveries: int
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opener:
    """Opens what is due at ``now``.

    ``articles`` are the publication's, numbered; nothing up to the number ``newest`` is missing from them; ``known``
    are the same by id.
    ``before_leaving`` is told the number of an edition whose mail may leave next, and gives what went wrong, which is
    in ``unwritten`` and keeps nothing back.
    ``faults``: what is wrong with a newsletter's templates, or its editor's address, by its name. Its editions wait;
    the others open.
    """

    publication: Publication
    store: Store
    articles: Sequence[Article]
    newest: int
    render: Renderer
    now: datetime
    before_leaving: Callable[[int], Sequence[PublisherError]] = lambda _number: ()
    faults: dict[str, PublisherError] = field(default_factory=dict)
    unwritten: list[PublisherError] = field(default_factory=list)
    known: Mapping[str, Article] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # Of very many articles made once, not for each variant.
        object.__setattr__(self, "known", {article.id: article for article in self.articles})

    def preflight(self) -> None:
        """Renders a digest of every newsletter, so that a broken template is in ``faults`` before it opens anything."""
        for feed, newsletter in self._newsletters():
            sample = candidates(feed, newsletter, self.articles, now=self.now)[-3:]
            # One alone may be a letter, which has a template of its own.
            for shown in (sample, sample[:1])[: 2 if newsletter.style == "letter" else 1] if sample else ():
                with self.apart(newsletter.name):
                    self.render(
                        newsletter,
                        articles=shown,
                        rest=sample[:1],
                        number=1,
                        slot=self.now,
                        cadence=newsletter.default_cadence,
                        language="",
                    )

    def open_due(self) -> list[Opened]:
        """Finishes openings that were cut short, then opens every edition whose slot is due."""
        opened: list[Opened | None] = []
        with self.store.reading() as connection:
            begun = edition_store.in_state(connection, EditionState.OPENING)
        for edition in begun:
            with self.apart(edition.newsletter):
                opened.append(self.complete(edition.id))
        self.note_changes()
        for feed, newsletter in self._newsletters():
            for cadence in newsletter.cadences:
                if newsletter.name in self.faults:
                    break
                if (number := self._begin(feed, newsletter, cadence)) is not None:
                    with self.apart(newsletter.name):
                        opened.append(self.complete(number))
        return [edition for edition in opened if edition is not None]

    def note_changes(self) -> None:
        """Records which readers an article has passed by that was edited, or is back, since the last run."""
        note_changes(self.store, self.articles, self._newsletters(), newest=self.newest, now=self.now)

    @contextmanager
    def apart(self, newsletter: str) -> Iterator[None]:
        """A template that fails keeps its own newsletter's editions: they go on when it is mended."""
        try:
            yield
        except (TemplateError, AddressError) as error:
            self.faults.setdefault(newsletter, error)

    def _newsletters(self) -> list[tuple[Feed, Newsletter]]:
        return [(feed, feed.newsletter) for feed in self.publication.feeds if feed.newsletter is not None]

    def _begin(self, feed: Feed, newsletter: Newsletter, cadence: Cadence) -> int | None:
        """Stage 1: the new edition's number if the cadence's slot is due and somebody has something to read."""
        with self.store.reading() as connection:
            last = edition_store.last_slot(connection, newsletter.name, cadence.name) or first_moment(newsletter)
        if last is None:
            # A newsletter without `since` begins when it is first seen: only later slots count.
            with self.store.writing() as connection:
                edition_store.pass_slot(connection, newsletter.name, cadence.name, self.now)
            return None
        with self.store.reading() as connection:
            slot_due = _due(connection, newsletter, cadence, last=last, newest=self.newest, now=self.now)
        if newsletter.approval is not None:
            self._compose(feed, newsletter, cadence, slot_due, last)
            return None
        if slot_due is None:
            return None
        cutoff = self.newest if slot_due.cutoff is None else slot_due.cutoff
        decisions = self.decisions(feed, newsletter, cadence.name, slot_due.slot, cutoff=cutoff, now=self.now)
        with self.store.writing() as connection:
            if not self._pass(connection, newsletter, cadence, slot_due):
                return None
            if not any(decision.is_mailed for decision in decisions):
                return None  # nobody has anything to read: the slot is decided, and there is no empty digest
            return edition_store.insert_edition(
                connection,
                newsletter=newsletter.name,
                cadence=cadence.name,
                slot=slot_due.slot,
                cutoff=cutoff,
                now=self.now,
            )

    def _pass(self, connection: Connection, newsletter: Newsletter, cadence: Cadence, slot_due: Due) -> bool:
        """Marks the slot as decided; False if somebody else was first."""
        if not edition_store.pass_slot(connection, newsletter.name, cadence.name, slot_due.slot):
            return False
        if slot_due.cutoff is None:
            return True
        # Whoever was first may have had an earlier slot for the same articles: the number tells.
        decided = edition_store.decided_number(connection, newsletter.name, cadence.name)
        if decided > slot_due.cutoff:
            return False
        edition_store.decide_number(connection, newsletter.name, cadence.name, slot_due.cutoff)
        return True

    def _compose(
        self, feed: Feed, newsletter: Newsletter, cadence: Cadence, slot_due: Due | None, last: datetime
    ) -> None:
        """Stage 1 of an edition that awaits approval. Of a cadence one waits at a time: the next slot ends it."""
        with self.store.reading() as connection:
            waits = edition_store.awaiting(connection, newsletter.name, cadence.name)
        if slot_due is None and not waits:
            slot_due = due_for_approval(newsletter, cadence, last=last, now=self.now)
        if slot_due is None:
            return
        slot = slot_due.slot
        decisions = self.decisions(feed, newsletter, cadence.name, slot, cutoff=self.newest, now=self.now)
        has_something = any(decision.is_mailed for decision in decisions)
        if not has_something and slot > self.now:
            return  # there is time yet for something to be written
        with self.store.writing() as connection:
            if not self._pass(connection, newsletter, cadence, slot_due):
                return
            for edition in edition_store.awaiting(connection, newsletter.name, cadence.name):
                if edition.state is EditionState.AWAITING_APPROVAL:
                    returns.cancel(connection, edition.id, "nobody approved it before the next slot", self.now)
            if has_something:
                edition_store.insert_edition(
                    connection,
                    newsletter=newsletter.name,
                    cadence=cadence.name,
                    slot=slot,
                    cutoff=edition_store.NOT_APPROVED,
                    now=self.now,
                    state=EditionState.AWAITING_APPROVAL,
                )

    def decisions(
        self,
        feed: Feed,
        newsletter: Newsletter,
        cadence: str,
        slot: datetime,
        *,
        cutoff: int,
        now: datetime,
        after: int = 0,
    ) -> list[Decision]:
        """What each group of the readers behind subscription ``after`` gets."""
        pending = self.pending(newsletter, cutoff=cutoff)
        with self.store.reading() as connection:
            found = groups.read_groups(
                connection, newsletter=newsletter.name, cadence=cadence, slot=slot, after=after, pending=pending
            )
            records = article_store.numbers(connection).values()
        return decide(
            found,
            candidates(feed, newsletter, self.articles, now=now),
            newsletter,
            cutoff=cutoff,
            numbered_at={record.id: record.numbered_at for record in records if record.numbered_at},
            now=now,
            pending=pending,
        )

    def pending(self, newsletter: Newsletter, *, cutoff: int) -> tuple[Correction, ...]:
        """The corrections that readers may be owed; one that is worded anew, or was taken back, is not."""
        said = {article.id: article.correction for article in self.articles if article.is_public(self.now)}
        with self.store.reading() as connection:
            found = corrections.owed(connection, newsletter.name, cutoff=cutoff, now=self.now)
        return tuple(one for one in found if said.get(one.article) == one.text)

    def complete(self, number: int) -> Opened | None:
        """Stages 2 to 4 of one edition; None if another process completed it, or has to."""
        with self.store.reading() as connection:
            edition = edition_store.get(connection, number)
            progress = openings.progress_of(connection, number)
        if edition is None or edition.state is not EditionState.OPENING or edition.cutoff > self.newest:
            return None  # beyond `newest` there may be articles that we have not read
        feed = self.publication.feed(edition.newsletter)
        if feed is None or feed.newsletter is None:
            with self.store.writing() as connection:
                returns.cancel(connection, number, "its newsletter was removed while it opened", self.now)
            return None
        decisions = self.decisions(
            feed,
            feed.newsletter,
            edition.cadence,
            edition.slot,
            cutoff=edition.cutoff,
            now=edition.opened_at,
            after=progress,
        )
        if any(article.kind == "note" for article in self.articles):
            with self.store.writing() as connection:
                freeze_note(connection, feed, edition, self.articles, now=self.now)
        self._freeze(edition, feed.newsletter, decisions)
        due_in = self._due_in(feed.newsletter, edition)
        pending = self.pending(feed.newsletter, cutoff=edition.cutoff)
        more, size, tries = True, openings.CHUNK, _TRIES
        while more:
            try:
                with self.store.writing() as connection:
                    began = time.monotonic()
                    more = openings.open_chunk(connection, edition, due=due_in, pending=pending, size=size)
            except StoreDeadlock:  # it was rolled back whole
                tries -= 1
                if not tries:
                    raise
                continue
            size = openings.next_chunk(size, time.monotonic() - began)
            if more and self.store.dialect == "sqlite":
                time.sleep(openings.PAUSE)
        self.unwritten.extend(self.before_leaving(number))
        with self.store.writing() as connection:
            moved = edition_store.set_state(connection, number, EditionState.GOING_OUT, came_from=EditionState.OPENING)
            deliveries = edition_store.sums(connection, number).outstanding
            variants = edition_store.variants_of(connection, number)
            edition = edition_store.get(connection, number)
        if not moved or edition is None:
            return None
        subjects = tuple(variant.digest.subject for variant in variants)
        return Opened(edition=edition, deliveries=deliveries, subjects=subjects)

    @staticmethod
    def _due_in(newsletter: Newsletter, edition: Edition) -> Callable[[str], datetime] | None:
        """When a reader in a time zone is to be mailed, if that is not the slot for all of them."""
        cadence = newsletter.cadence(edition.cadence)
        if newsletter.deliver == "at once" or cadence is None or cadence.on_publish:
            return None
        return partial(local_due, edition.slot, newsletter.timezone)

    def _freeze(self, edition: Edition, newsletter: Newsletter, decisions: Sequence[Decision]) -> None:
        """Stage 2: one rendering for all groups with the same list and language."""
        frozen: dict[str, int] = {}
        for decision in decisions:
            if decision.is_mailed and decision.key not in frozen:
                frozen[decision.key] = self._variant(edition, newsletter, decision)
            with self.store.writing() as connection:
                groups.decide_group(connection, edition.id, decision, frozen.get(decision.key))

    def digest(self, edition: Edition, newsletter: Newsletter, listed: Decision | Variant, *, language: str) -> Digest:
        """What readers with that list and language get, rendered now. Raises TemplateError."""
        return self.render(
            newsletter,
            articles=[self.known[article] for article in listed.articles],
            rest=[self.known[article] for article in listed.rest],
            number=edition.id,
            slot=edition.slot,
            cadence=edition.cadence,
            language=language,
            corrections=self.corrected(listed.corrections),
            note=self.note(edition),
        )

    def note(self, edition: Edition) -> Article | None:
        """The editor's note of an edition."""
        feed = self.publication.feed(edition.newsletter)
        if feed is None:
            return None
        with self.store.reading() as connection:
            return note_of(connection, feed, edition, self.articles, url=f"{self.publication.url}/", now=self.now)

    def corrected(self, numbers: Sequence[int]) -> list[Corrected]:
        """The corrections of these numbers, as digests show them; not of articles that are gone."""
        if not numbers:
            return []
        with self.store.reading() as connection:
            all_of_them = corrections.every(connection)
        return [
            Corrected(article.title or article.summary, article.url, one.text, article.language)
            for one in all_of_them
            if one.sequence in numbers and (article := self.known.get(one.article)) is not None
        ]

    def _variant(self, edition: Edition, newsletter: Newsletter, decision: Decision) -> int:
        with self.store.reading() as connection:
            frozen = groups.variant_id(connection, edition.id, decision.key)
        if frozen is not None:
            return frozen
        digest = self.digest(edition, newsletter, decision, language=decision.group.language)
        with self.store.writing() as connection:
            picture_store.keep(connection, digest.pictures)
            return groups.freeze_variant(connection, edition.id, decision, digest)


def is_due(publication: Publication, store: Store, *, now: datetime) -> bool:
    """Whether `Opener` may have something to do at ``now``, though no article has changed since it last had none.

    Asked by every pass, before any article is read: true where in doubt.
    """
    with store.reading() as connection:
        if any(edition_store.in_state(connection, state) for state in _UNDECIDED):
            return True
        for newsletter in publication.newsletters:
            for cadence in newsletter.cadences:
                last = edition_store.last_slot(connection, newsletter.name, cadence.name)
                if last is None or _due(connection, newsletter, cadence, last=last, newest=None, now=now) is not None:
                    return True
                if due_for_approval(newsletter, cadence, last=last, now=now) is not None:
                    return True
    return False


def _due(
    connection: Connection,
    newsletter: Newsletter,
    cadence: Cadence,
    *,
    last: datetime,
    newest: int | None,
    now: datetime,
) -> Due | None:
    """The slot that is due, of the clock's or the articles' making. ``newest``: numbers above it were not read."""
    if not cadence.on_publish:
        return due(newsletter, cadence, last=last, now=now)
    decided = edition_store.decided_number(connection, newsletter.name, cadence.name)
    numbered_at = article_store.numbered_after(connection, decided, newest=newest)
    return due_on_publish(newsletter, cadence, numbered_at=numbered_at, decided=decided, last=last, now=now)
