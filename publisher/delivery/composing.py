"""From a claimed delivery to a message: templates compiled once a variant, links and ids of each reader.

What is the same on every retry: the digest, the Date (the due time), the Message-ID; a signature's time is not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hashlib import blake2b

from publisher.audience.addresses import needs_smtputf8, wire_address
from publisher.audience.links import links
from publisher.audience.tokens import token
from publisher.delivery.dkim import Signer, signer_of
from publisher.delivery.message import Envelope, Template, compile_message
from publisher.model.delivery import Claimed, Outgoing
from publisher.model.errors import ConfigurationError
from publisher.model.feed import Newsletter
from publisher.model.publication import Publication, Secrets
from publisher.store import Store
from publisher.store import editions as edition_store
from publisher.store import notices as notice_store
from publisher.store.notices import Notice

__all__ = ["Composer", "edition_envelope", "personal_fields", "signed"]


def edition_envelope(
    publication: Publication, newsletter: Newsletter, *, number: int, date: datetime, language: str
) -> Envelope:
    """The headers of an edition. Pure."""
    return Envelope(
        sender_name=newsletter.sender_name,
        sender_address=newsletter.sender_address,
        date=date,
        list_id=f"{newsletter.name}.{publication.host}",
        list_label=newsletter.title,
        language=language or newsletter.language,
        reply_to=newsletter.reply_to,
        feedback_id=f"{number}:{newsletter.name}:edition:{publication.host}",
    )


@dataclass(frozen=True, slots=True)
class _Sender:
    """What is the same for all messages of a newsletter's sender. ``signer``: None where nothing is signed."""

    domain: str
    signer: Signer | None


class Composer:
    """Makes the messages of one delivering pass. It keeps the compiled templates of the last 64 variants."""

    def __init__(
        self, publication: Publication, secrets: Secrets, store: Store, *, clock: Callable[[], datetime]
    ) -> None:
        self._clock = clock
        self._secrets = secrets
        self._sender = lru_cache(maxsize=64)(self._sender_of)
        self._publication = publication
        self._keys = secrets.signing
        self._store = store
        self._identifiers = blake2b(key=self._keys[-1][:64], digest_size=10)
        self._variant = lru_cache(maxsize=64)(self._compile_variant)

    def compose(self, claimed: Claimed) -> Outgoing:
        """The message of a delivery. Raises AddressError for an address that no message can carry."""
        if claimed.variant is not None:
            newsletter, template, sender = self._variant(claimed.variant)
            more: Mapping[str, str] = {}
        else:
            newsletter, template, sender, more = self._compile_notice(claimed)
        fields = personal_fields(self._publication, newsletter, claimed.fields, claimed.subscription, self._keys)
        if more:
            fields.update(more)
        message_id = f"<{claimed.id}.{self._fingerprint(claimed.id)}@{sender.domain}>"
        buffers = template.message(
            message_id=message_id,
            recipient_address=claimed.address,
            recipient_name=claimed.name,
            fields=fields,
            date=claimed.due_at,
        )
        if sender.signer is not None:
            signed(buffers, sender.signer, at=self._clock())
        # By position, as everything is that is made once a message.
        return Outgoing(
            claimed.id,
            claimed.fence,
            message_id,
            f"bounces+{token('verp', claimed.id, self._keys)}@{sender.domain}",
            wire_address(claimed.address),
            buffers,
            needs_smtputf8(claimed.address),
            claimed.edition,
        )

    def _fingerprint(self, delivery: int) -> str:
        """Two publications on one domain, or a new database, must not make the same Message-ID."""
        hashed = self._identifiers.copy()
        hashed.update(b"%d" % delivery)
        return hashed.hexdigest()

    def _sender_of(self, address: str) -> _Sender:
        wire = wire_address(address)
        return _Sender(wire.rpartition("@")[2], signer_of(self._publication, self._secrets, wire))

    def _compile_variant(self, number: int) -> tuple[Newsletter, Template, _Sender]:
        with self._store.reading() as connection:
            variant = edition_store.digest_of(connection, number)
            edition = edition_store.get(connection, variant.edition)
        assert edition is not None
        newsletter = self._newsletter(edition.newsletter)
        envelope = edition_envelope(
            self._publication, newsletter, number=edition.id, date=edition.slot, language=variant.language
        )
        return newsletter, compile_message(variant.digest, envelope), self._sender(newsletter.sender_address)

    def _compile_notice(self, claimed: Claimed) -> tuple[Newsletter, Template, _Sender, Mapping[str, str]]:
        assert claimed.notice is not None
        with self._store.reading() as connection:
            notice = notice_store.get(connection, claimed.notice)
        newsletter = self._newsletter(notice.newsletter)
        envelope = self._notice_envelope(newsletter, notice, claimed.due_at)
        template = compile_message(notice.digest, envelope)
        return newsletter, template, self._sender(newsletter.sender_address), notice.fields

    def _notice_envelope(self, newsletter: Newsletter, notice: Notice, date: datetime) -> Envelope:
        """Of one person's notice; one that goes to all readers of an edition is such a mailing, too."""
        if edition := notice.fields.get("edition"):
            language = notice.fields.get("language", "")
            return edition_envelope(self._publication, newsletter, number=int(edition), date=date, language=language)
        return Envelope(
            sender_name=newsletter.sender_name,
            sender_address=newsletter.sender_address,
            date=date,
            language=newsletter.language,
            reply_to=newsletter.reply_to,
        )

    def _newsletter(self, name: str) -> Newsletter:
        newsletter = self._publication.newsletter(name)
        if newsletter is None:
            raise ConfigurationError(
                "the newsletter was removed while mail of it was still to go out",
                where=f"feeds/{name}.toml",
                remedy="put it back until its editions are finished, or cancel them",
            )
        return newsletter


def personal_fields(
    publication: Publication,
    newsletter: Newsletter,
    own: Mapping[str, str],
    subscription: int | None,
    keys: Sequence[bytes],
) -> dict[str, str]:
    """A reader's values for a message: ``own`` fields, and the links of ``subscription`` (None: no links). Pure."""
    # A column of an import must not become a link of ours.
    fields = {name: value for name, value in own.items() if not name.endswith(("_url", "_mailto"))} if own else {}
    if subscription is not None:
        fields.update(links(publication, newsletter, subscription, keys))
    return fields


def signed(buffers: list[bytes], signer: Signer | None, *, at: datetime) -> None:
    """Puts the signatures, if there is a signer, before the message."""
    if signer is not None:
        buffers.insert(0, signer.signatures(buffers, at=int(at.timestamp())))
