"""The road: publish, open, deliver, and run, which walks all of it once, from left to right.

Cron's `run`, the tick of `serve` and every command call these functions; what is decided is decided in the rooms.
A fault of one article or newsletter is collected and reported at the end; the rest goes out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from publisher.articles.id_writing import write_ids
from publisher.articles.inspecting import inspect_articles
from publisher.articles.intake import look_at
from publisher.delivery.delivered import Delivered
from publisher.delivery.delivering import deliver_outbox
from publisher.delivery.transport import Transport, open_transport, parse_transport
from publisher.editions.approving import attend
from publisher.editions.compiling import candidates
from publisher.editions.notices import check_notices
from publisher.editions.opening import Opened, Opener, is_due
from publisher.editions.renderer import DigestRenderer
from publisher.editions.schedule import Upcoming, upcoming
from publisher.editions.slots import slots_after
from publisher.health.afterwards import after_run
from publisher.health.metrics import count_attempts
from publisher.health.outage import tell_outage
from publisher.health.standing import WAITS
from publisher.inspection import Inspection
from publisher.model.article import Article
from publisher.model.edition import Edition
from publisher.model.errors import (
    ArticleError,
    ConfigurationError,
    OutputError,
    PublisherError,
    StoreError,
    TemplateError,
    UsageError,
)
from publisher.model.finding import Finding
from publisher.model.publication import Publication, Secrets
from publisher.store import Store, beginnings, meta, subscriptions
from publisher.store import articles as article_store
from publisher.store import editions as edition_store
from publisher.store import subscribers as subscriber_store
from publisher.store.groups import read_groups
from publisher.syndication.building import build_edition, without_place
from publisher.syndication.publishing import Published, as_before, publish, settle
from publisher.syndication.telling import Telling, Told
from publisher.theme.environment import Environment, check_overrides, environment_of

__all__ = [
    "Passed",
    "Published",
    "as_before",
    "check",
    "deliver",
    "deliver_only",
    "look",
    "open_editions",
    "opener_of",
    "publish",
    "ready_transport",
    "run",
    "schedule",
]

Clock = Callable[[], datetime]


@dataclass(slots=True, kw_only=True)
class Passed:
    """What one pass did. ``errors`` are for the operator: exit status 1.

    ``came_back_from``: the last run's time, if it was later than now and was undone. ``shown``: editions that await
    approval, with a preview on its way. ``folded``: editions that left the database for their file.
    """

    published: Published | None = None
    opened: list[Opened] = field(default_factory=list)
    shown: list[Edition] = field(default_factory=list)
    delivered: Delivered = field(default_factory=Delivered)
    told: Told = field(default_factory=Told)
    folded: list[int] = field(default_factory=list)
    started_afresh: int | None = None
    came_back_from: datetime | None = None
    errors: list[PublisherError] = field(default_factory=list)

    @property
    def did_something(self) -> bool:
        """Whether there is anything to tell."""
        wrote = self.published is not None and bool(self.published.written.changed or self.published.written.removed)
        return bool(
            wrote
            or self.opened
            or self.shown
            or self.delivered.attempts
            or self.told.topics
            or self.started_afresh
            or self.came_back_from
            or self.folded
        )


def ready_transport(publication: Publication, secrets: Secrets, *, fixed_time: bool) -> Transport:
    """The publication's transport. Raises ConfigurationError while examples are left, UsageError with a made-up time,
    where a message could leave this machine.
    """
    settings = publication.delivery
    transport = open_transport(settings.relays, root=publication.root, secrets=secrets.relay_passwords)
    address = ", ".join(str(parse_transport(relay.transport)) for relay in settings.relays)
    if transport.real and fixed_time:
        raise UsageError(
            f"--now works only on a Maildir or a relay on this machine, not with {address}",
            remedy="leave --now out",
        )
    if transport.real and (left := publication.examples_left):
        raise ConfigurationError(
            f"still an example's: {', '.join(left)}; nothing was sent to {address}",
            where="publication.toml",
            remedy="set your own, for example: publisher config set url https://…",
        )
    return transport


def look(publication: Publication, store: Store, *, now: datetime) -> tuple[list[Article], list[ArticleError]]:
    """The articles as a run at ``now`` would number them, newest first, and the faults of others; saves nothing."""
    looked = look_at(publication, store, now=now)
    return list(looked.articles), list(looked.errors)


def check(
    publication: Publication, store: Store, *, environment: Environment, fix: bool, now: datetime
) -> list[Finding]:
    """Everything wrong or doubtful, by file and line. ``fix``: ids are written into articles that have none; nothing
    else is changed, nor anything saved. Raises OutputError.
    """
    looked = look_at(publication, store, now=now)
    written = write_ids(looked.identified, publication) if fix else []
    if any(finding.rule == "id-written" for finding in written):
        looked = look_at(publication, store, now=now)
    with store.reading() as connection:
        readers = subscriptions.readers(connection)
        own_fields = subscriber_store.own_fields(connection)
        cursors = {
            (letter.name, cadence.name): subscriptions.starting_cursor(connection, letter.name, cadence.name)
            for letter in publication.newsletters
            for cadence in letter.cadences
        }
    found = Inspection(
        publication=publication,
        environment=environment,
        inspected=inspect_articles(looked.identified, looked.articles, publication),
        articles=looked.articles,
        records=looked.records,
        decided=looked.decided,
        errors=looked.errors,
        readers=readers,
        cursors=cursors,
        own_fields=own_fields,
        now=now,
    ).findings()
    return [*written, *found]


def schedule(
    publication: Publication, store: Store, name: str, *, count: int, now: datetime
) -> tuple[list[Upcoming], list[ArticleError]]:
    """The next ``count`` slots of each cadence of a newsletter, as of now, by time; saves nothing."""
    articles, errors = look(publication, store, now=now)
    feed = publication.feed(name)
    newsletter = publication.newsletter(name)
    assert feed is not None
    assert newsletter is not None
    mailable = candidates(feed, newsletter, articles, now=now)
    lines: list[Upcoming] = []
    with store.reading() as connection:
        records = article_store.numbers(connection).values()
        ahead = [edition for edition in edition_store.listing(connection, newsletter=name) if edition.slot > now]
    for cadence in newsletter.cadences:
        slot = next(slots_after(cadence, newsletter.timezone, now), now)
        with store.reading() as connection:
            groups = read_groups(connection, newsletter=name, cadence=cadence.name, slot=slot)
        lines += upcoming(
            newsletter,
            cadence,
            count=count,
            groups=groups,
            articles=mailable,
            newest=max((article.sequence or 0 for article in articles), default=0),
            numbered_at={record.id: record.numbered_at for record in records if record.numbered_at},
            ahead=[edition for edition in ahead if edition.cadence == cadence.name],
            now=now,
        )
    return sorted(lines, key=lambda line: (line.slot, line.cadence)), errors


def open_editions(
    publication: Publication,
    store: Store,
    published: Published,
    *,
    environment: Environment,
    keys: Sequence[bytes],
    now: datetime,
) -> tuple[list[Opened], list[Edition], Sequence[PublisherError]]:
    """Opens every edition that is due, but those of newsletters whose templates are broken: their faults.

    Those that are to be approved are composed and shown to their editors: which were. ``keys``: the signing keys.
    """
    opener = opener_of(publication, store, published, environment=environment, now=now)
    try:
        check_overrides(environment, publication)
        check_notices(environment, publication)
    except TemplateError as error:
        return [], [], [error]  # it may be a part of any digest: nothing opens
    opener.preflight()
    opened = opener.open_due()
    unanswered, shown = attend(opener, keys)
    # One broken file of several newsletters is one fault.
    faults = list({str(fault): fault for fault in (*opener.faults.values(), *opener.unwritten)}.values())
    return [*opened, *unanswered], shown, faults


def opener_of(
    publication: Publication, store: Store, published: Published, *, environment: Environment, now: datetime
) -> Opener:
    """What opens editions of these articles at ``now``."""
    return Opener(
        publication=publication,
        store=store,
        articles=published.articles,
        newest=published.seen,
        render=DigestRenderer(publication, environment, published.whole),
        now=now,
        before_leaving=lambda number: _show(publication, store, published, number, environment=environment, now=now),
    )


def _show(
    publication: Publication,
    store: Store,
    published: Published,
    number: int,
    *,
    environment: Environment,
    now: datetime,
) -> list[OutputError]:
    """Writes the page of an edition that is about to go out. A page that cannot be written keeps no mail back."""
    public = [article for article in published.articles if article.is_public(now)]
    try:
        return list(without_place(build_edition(publication, store, public, number, environment=environment)))
    except OutputError as error:
        return [error]


def deliver(
    publication: Publication,
    secrets: Secrets,
    store: Store,
    transport: Transport,
    *,
    clock: Clock,
    stop: threading.Event,
    progress: Callable[[Delivered], None] = lambda _delivered: None,
    only_notices: bool = False,
) -> Delivered:
    """Delivers what the outbox holds, until nothing is due or ``stop`` is set. ``only_notices``: those that somebody
    waits for, such as a confirmation.
    """
    return deliver_outbox(
        publication, secrets, store, transport, clock=clock, stop=stop, progress=progress, only_notices=only_notices
    )


def deliver_only(
    publication: Publication,
    secrets: Secrets,
    store: Store,
    *,
    clock: Clock,
    stop: threading.Event,
    progress: Callable[[Delivered], None] = lambda _delivered: None,
) -> Passed:
    """Only the outbox. Raises ConfigurationError, UsageError and StoreError; everything else is in ``errors``."""
    transport = ready_transport(publication, secrets, fixed_time=False)
    passed = Passed()
    if transport.real:
        passed.started_afresh = beginnings.first_real_run(store, clock())
    passed.delivered = deliver(publication, secrets, store, transport, clock=clock, stop=stop, progress=progress)
    if passed.delivered.error is not None:
        passed.errors.append(passed.delivered.error)
    passed.errors += passed.delivered.complaints
    passed.errors += count_attempts(store, passed.delivered)
    if (broken := _refused_by_database(passed)) is not None:
        passed.errors += tell_outage(publication, secrets, broken, now=clock())
    return passed


def _refused_by_database(passed: Passed) -> StoreError | None:
    return next((error for error in passed.errors if isinstance(error, StoreError)), None)


def run(
    publication: Publication,
    secrets: Secrets,
    store: Store,
    *,
    clock: Clock,
    stop: threading.Event,
    fixed_time: bool = False,
    step: Callable[[Passed], None] = lambda _passed: None,
    progress: Callable[[Delivered], None] = lambda _delivered: None,
) -> Passed:
    """The whole road once. Overlapping runs are harmless.

    ``step`` is told after each stage, ``progress`` while deliveries go out. Raises ConfigurationError, UsageError and
    StoreError, before anything was done; everything else is in ``errors``.
    """
    passed = Passed()
    transport = ready_transport(publication, secrets, fixed_time=fixed_time)
    now = clock()
    if not fixed_time:
        passed.came_back_from = beginnings.come_back(store, now, real=transport.real)
    try:
        environment = environment_of(publication)
        passed.published = as_before(publication, now=now, mailing=True)
        if passed.published is None or is_due(publication, store, now=now):
            passed.published = publish(publication, store, environment=environment, now=now, mailing=True)
        passed.errors += passed.published.errors
    except PublisherError as error:
        passed.errors.append(error)
    # Beside everything that follows: a hub that hangs holds nothing up.
    telling = [Telling(publication, store, clock=clock, pretended=fixed_time)]
    if transport.real:
        passed.started_afresh = beginnings.first_real_run(store, now)
    step(passed)
    if passed.published is not None and not passed.published.as_before and not stop.is_set():
        passed.opened, passed.shown, faults = open_editions(
            publication, store, passed.published, environment=environment, keys=secrets.signing, now=now
        )
        passed.errors += faults
        if not (passed.opened or faults):
            settle(publication, passed.published, now=now, numbered=True)
        if passed.opened:
            telling.append(Telling(publication, store, clock=clock, pretended=fixed_time))
        step(passed)
    passed.delivered = deliver(publication, secrets, store, transport, clock=clock, stop=stop, progress=progress)
    if passed.delivered.error is not None:
        passed.errors.append(passed.delivered.error)
    passed.errors += passed.delivered.complaints
    for one in telling:
        passed.told += one.ended()
    passed.errors += passed.told.errors
    passed.errors += [
        ConfigurationError(
            f"the newsletter was removed while mail of it was still to go out: {waiting:,} to go",
            where=f"feeds/{name}.toml",
            remedy="put it back until its editions are finished, or cancel them",
        )
        for name, waiting in passed.delivered.orphaned.items()
    ]
    if isinstance(passed.delivered.error, StoreError):
        # It would make us wait for it once more.
        if not fixed_time:
            passed.errors += tell_outage(publication, secrets, passed.delivered.error, now=clock())
    else:
        if passed.published is not None:
            with store.writing() as connection:
                last = meta.read_moment(connection, "last_run")
                meta.write_moment(connection, "last_run", max(now, last) if last else now)
                meta.keep_moment(connection, WAITS, passed.delivered.again_at)
        # A time that is pretended can be undone; a folding cannot, and nobody can be told that it was not so.
        if not fixed_time:
            after = after_run(
                publication,
                secrets,
                store,
                passed.delivered,
                passed.errors,
                published=passed.published is not None,
                began=now,
                clock=clock,
                stop=stop,
            )
            passed.folded = after.editions
            passed.errors += after.errors
    step(passed)
    return passed
