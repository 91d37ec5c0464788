"""The inspection behind `publisher check`: every rule of every room, on one reading of the publication.

Guarantees: saves nothing and writes nothing; the same publication at the same moment gives the same findings, by
file and line. Templates are rendered, so a broken override is a finding; what hangs on its pages is then not judged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from itertools import chain
from pathlib import Path
from urllib.parse import quote

from publisher.articles.checking import check_articles
from publisher.articles.inspecting import Inspected
from publisher.editions.checking import check_sample
from publisher.editions.mailing_checking import articles_not_mailed, check_newsletter
from publisher.editions.sampling import sample_editions, sample_notices
from publisher.editions.spam import spam_verdict
from publisher.model.article import Article, Record
from publisher.model.errors import ArticleError, TemplateError
from publisher.model.feed import Feed, Newsletter
from publisher.model.finding import Finding, findings_of
from publisher.model.publication import Publication
from publisher.publication.checking import check_readers, check_settings
from publisher.publication.positions import Positions
from publisher.syndication.documents import feed_documents
from publisher.syndication.feed_checking import check_aliases, check_feeds
from publisher.syndication.link_checking import Addresses, addresses_of, check_links
from publisher.syndication.pages import page_documents
from publisher.syndication.public import others_in_public
from publisher.theme.environment import Environment
from publisher.theme.media import theme_media
from publisher.theme.overrides import Overrides

__all__ = ["Inspection"]


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """One reading of a publication.

    ``articles``  numbered as a run at ``now`` would, newest first; ``decided``: the records that it would change
    ``errors``    of articles that cannot be used
    ``readers``   how many subscriptions each (newsletter, cadence) has; ``cursors``: where a new one begins
    ``own_fields``: the publisher's own columns that readers have values of
    """

    publication: Publication
    environment: Environment
    inspected: Sequence[Inspected]
    articles: Sequence[Article]
    records: Mapping[str, Record]
    decided: Sequence[Record]
    errors: Sequence[ArticleError]
    readers: Mapping[tuple[str, str], int]
    cursors: Mapping[tuple[str, str], int]
    own_fields: Collection[str] = ()
    now: datetime

    def findings(self) -> list[Finding]:
        """Everything there is to say, by file and line, each thing once."""
        found = dict.fromkeys((*self._of_articles(), *self._of_settings(), *self._of_pages(), *self._of_digests()))
        return sorted(found, key=lambda finding: (finding.file, finding.line or 0))

    @cached_property
    def _positions(self) -> Positions:
        return Positions(self.publication.root)

    @cached_property
    def _public(self) -> list[Article]:
        return [article for article in self.articles if article.is_public(self.now)]

    @cached_property
    def _media(self) -> dict[str, Path]:
        """Path under public/ → file, of everything that pages and digests show."""
        files = {target: file for file, target in theme_media(self.publication)}
        return files | {target: Path(file) for article in self._public for file, target in article.media}

    def _of_articles(self) -> Iterator[Finding]:
        publication = self.publication
        found = check_articles(self.inspected, publication=publication, records=self.records, now=self.now)
        yield from found
        told = {finding.file for finding in found if finding.rule == "missing-picture"}
        for error in self.errors:
            # The rule names every picture that is missing, with its line; the error only the first.
            if not (error.where in told and error.cause.startswith("there is no picture")):
                yield from findings_of(error)
        left_out = {record.id: record.left_out for record in (*self.records.values(), *self.decided)}
        yield from articles_not_mailed(publication, self.articles, self.records, left_out, now=self.now)

    def _of_settings(self) -> Iterator[Finding]:
        folder = self.publication.articles_folder
        missing = [
            file.relative_to(folder).as_posix()
            for file, _ in theme_media(self.publication)
            if file.is_relative_to(folder) and not file.is_file()
        ]
        yield from check_settings(self.publication, self._positions, missing_pictures=missing)
        yield from check_readers(self.publication, self.readers, self._positions)
        soon = [article for article in self.articles if not article.draft and article.kind == "article"]
        yield from check_feeds(self.publication, soon, self._positions)
        for feed, newsletter in self._newsletters():
            yield from check_newsletter(feed, newsletter, self.articles, self._positions, now=self.now)

    def _of_pages(self) -> Iterator[Finding]:
        made = self._addresses
        if isinstance(made, TemplateError):
            yield from findings_of(made)
            return
        addresses, claims = made
        yield from check_links(self.inspected, addresses)
        yield from check_aliases(self.inspected, self.publication, claims, self._positions)

    @cached_property
    def _addresses(self) -> tuple[Addresses, dict[str, int]] | TemplateError:
        publication = self.publication
        documents = chain(
            page_documents(publication, self._public, self.environment),
            feed_documents(publication, self._public),
        )
        try:
            return addresses_of(
                publication,
                self.articles,
                documents,
                self._media,
                others_in_public(publication),
                now=self.now,
            )
        except TemplateError as error:
            return error

    def _of_digests(self) -> Iterator[Finding]:
        for feed, newsletter in self._newsletters():
            try:
                sample_notices(self.environment, self.publication, newsletter)
                yield from self._of_newsletter(feed, newsletter)
            except TemplateError as error:
                yield from findings_of(error)

    def _of_newsletter(self, feed: Feed, newsletter: Newsletter) -> Iterator[Finding]:
        cursors = {
            cadence.name: self.cursors.get((newsletter.name, cadence.name), 0) for cadence in newsletter.cadences
        }
        made = self._addresses
        for sample in sample_editions(
            self.environment, self.publication, feed, newsletter, self.articles, cursors=cursors, now=self.now
        ):
            yield from check_sample(
                sample,
                overrides=self._overrides,
                own_fields=self.own_fields,
                verdict=spam_verdict(sample, self.publication) if sample.waiting else None,
                positions=self._positions,
                publication=self.publication,
                weights=self._weights,
                fault=(lambda _url: None) if isinstance(made, TemplateError) else made[0].fault,
            )

    @cached_property
    def _overrides(self) -> Overrides:
        return Overrides(self.publication.templates)

    @cached_property
    def _weights(self) -> dict[str, int]:
        """Bytes of our own pictures, by address."""
        home = self.publication.url
        return {
            f"{home}/{quote(target)}": file.stat().st_size for target, file in self._media.items() if file.is_file()
        }

    def _newsletters(self) -> list[tuple[Feed, Newsletter]]:
        return [(feed, feed.newsletter) for feed in self.publication.feeds if feed.newsletter is not None]
