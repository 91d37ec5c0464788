"""A digest compiled once into a template; then a message for one reader costs microseconds.

The frozen digest is split at its tokens (``publisher.theme.fields``) and the pieces between them are
encoded to quoted-printable once. A reader's value is encoded as a segment of its own, between soft line
breaks, so nothing around it moves; a message is the list of pieces with this reader's values among them.

Guarantees (RFC 5322, 2045, 2369, 2919, 3834, 8058): CRLF; no body line over 76 octets, no line over 998,
none that begins with a dot; exactly one From, To, Subject, Date, Message-ID and MIME-Version; text before
HTML, and pictures beside the HTML; the same input gives the same bytes, boundary included. Values are escaped
for HTML in the HTML part, stand as they are in the text part, and as encoded words in the subject. A field
that a reader does not have is its token's default. Fails with AddressError for a recipient and PublisherError for a
header that cannot be written.
"""

from __future__ import annotations

from base64 import encodebytes
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from publisher.delivery import headers
from publisher.delivery.quoted_printable import SOFT_BREAK, quoted_printable, segments
from publisher.model.edition import Digest, Embedded
from publisher.theme.fields import TOKEN, parted

__all__ = ["Envelope", "Template", "compile_message", "message_bytes"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """What the headers say and what is the same for all readers of a digest.

    ``date``         aware; the due time, so that a retry next day carries the same
    ``list_id``      ``world.news.example.org``: never changes. Empty: a notice, without any list header
    ``list_label``   the newsletter's title, shown beside the identifier
    ``language``     a language tag such as ``en``, or empty
    ``reply_to``     an address that somebody reads, or empty
    ``feedback_id``  ``edition:newsletter:kind:sender``, nothing personal, or empty
    ``test``         what a test message is of; empty in all others
    """

    sender_name: str
    sender_address: str
    date: datetime
    list_id: str = ""
    list_label: str = ""
    language: str = ""
    reply_to: str = ""
    feedback_id: str = ""
    test: str = ""


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a field's value goes: the positions among the buffers, in the text part and in the HTML part."""

    name: str
    default: str
    text: tuple[int, ...]
    html: tuple[int, ...]


class Template:
    """A compiled digest; make one with :func:`compile_message`. Safe to share between tasks and threads."""

    __slots__ = ("_buffers", "_date", "_has_list", "_is_personal", "_slots", "_subject", "_subject_header")

    def __init__(self, digest: Digest, envelope: Envelope) -> None:
        self._date = envelope.date
        self._has_list = bool(envelope.list_id)
        # Odd pieces are the names of fields.
        subject = TOKEN.split(digest.subject)
        self._subject = [parted(piece) if index % 2 else (piece, "") for index, piece in enumerate(subject)]
        self._is_personal = len(subject) > 1
        self._subject_header = headers.unstructured("Subject", digest.subject)

        boundary = _boundary(digest)
        buffers = [headers.mailbox("From", envelope.sender_name, envelope.sender_address).encode(), b""]
        slots: dict[str, tuple[list[int], list[int]]] = {}
        _append(buffers, _common_headers(envelope, boundary) + _part_start(boundary, "plain"))
        _append_part(buffers, slots, digest.text, 0)
        related = _related(boundary) if digest.pictures else ""
        _append(buffers, b"\r\n" + _related_start(boundary, related) + _part_start(related or boundary, "html"))
        _append_part(buffers, slots, digest.html, 1)
        _append(buffers, b"\r\n" + _related_end(related, digest.pictures) + f"--{boundary}--\r\n".encode())
        self._buffers = buffers
        self._slots = tuple(_Slot(*parted(inside), tuple(text), tuple(html)) for inside, (text, html) in slots.items())

    def message(
        self,
        *,
        message_id: str,
        recipient_address: str,
        recipient_name: str = "",
        fields: Mapping[str, str] | None = None,
        date: datetime | None = None,
    ) -> list[bytes]:
        """The message for one reader, as buffers that joined are its bytes.

        ``message_id``  ``<unique@sender's domain>``, the same on every retry
        ``fields``      values of the tokens; ``name`` and ``address`` are known anyway. Two of them also
        make headers:
                        ``unsubscribe_url`` and ``unsubscribe_mailto`` become List-Unsubscribe
        ``date``        this delivery's due time, where it is not the envelope's
        """
        values: dict[str, str] = {"name": recipient_name, "address": recipient_address}
        if fields:
            values.update(fields)
        head = (
            headers.mailbox("To", recipient_name, recipient_address)
            + (self._personal_subject(values) if self._is_personal else self._subject_header)
            + headers.date(date or self._date)
            + headers.identifier("Message-ID", message_id)
        )
        if self._has_list:
            head += _unsubscribe_headers(values)
        buffers = self._buffers.copy()
        buffers[1] = head.encode()
        for slot in self._slots:
            value = values.get(slot.name) or slot.default
            if not value:
                continue
            in_text, in_html = segments(value)
            for position in slot.text:
                buffers[position] = in_text
            for position in slot.html:
                buffers[position] = in_html
        return buffers

    def _personal_subject(self, values: Mapping[str, str]) -> str:
        """The Subject header with this reader's values in it."""
        pieces = enumerate(self._subject)
        return headers.unstructured(
            "Subject",
            "".join(values.get(piece) or default if index % 2 else piece for index, (piece, default) in pieces),
        )


def compile_message(digest: Digest, envelope: Envelope) -> Template:
    """The digest's template; some milliseconds, once a variant. Raises AddressError and PublisherError.

    Touches nothing.
    """
    return Template(digest, envelope)


def message_bytes(buffers: Sequence[bytes]) -> bytes:
    """The message as one piece."""
    return b"".join(buffers)


def _boundary(digest: Digest) -> str:
    """Derived from the digest, so that a retry has the same; "=_" cannot occur in quoted-printable (RFC
    2045 6.7).
    """
    hashed = blake2b(digest_size=15)
    for part in (digest.subject, digest.text, digest.html):
        hashed.update(part.encode("utf-8", "replace"))
        hashed.update(b"\0")
    return f"=_{hashed.hexdigest()}"


def _common_headers(envelope: Envelope, boundary: str) -> bytes:
    """The headers that are the same for all readers, without From, and the blank line."""
    lines = []
    if envelope.reply_to:
        lines.append(headers.mailbox("Reply-To", "", envelope.reply_to))
    if envelope.list_id:
        lines.append(headers.list_id(envelope.list_label, envelope.list_id))
        lines.append("Precedence: bulk\r\n")
    # RFC 3834 section 5: nobody's out-of-office message should answer this.
    lines.append("Auto-Submitted: auto-generated\r\n")
    if envelope.feedback_id:
        lines.append(headers.plain("Feedback-ID", envelope.feedback_id))
    if envelope.test:
        lines.append(headers.plain("X-Publisher-Test", envelope.test))
    if envelope.language:
        lines.append(headers.plain("Content-Language", envelope.language))
    lines.append("MIME-Version: 1.0\r\n")
    lines.append(f'Content-Type: multipart/alternative;\r\n boundary="{boundary}"\r\n\r\n')
    return "".join(lines).encode()


def _part_start(boundary: str, subtype: str) -> bytes:
    return (
        f"--{boundary}\r\nContent-Type: text/{subtype}; charset=utf-8\r\n"
        "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
    ).encode("ascii")


def _related(boundary: str) -> str:
    """The boundary around the HTML and its pictures; neither of the two begins with the other (RFC 2046 5.1.1)."""
    return f"=_related{boundary[1:]}"


def _related_start(boundary: str, related: str) -> bytes:
    """RFC 2387: the pictures belong to the HTML alone, so that the text part stays a true alternative."""
    if not related:
        return b""
    return (
        f'--{boundary}\r\nContent-Type: multipart/related; type="text/html";\r\n boundary="{related}"\r\n\r\n'
    ).encode()


def _related_end(related: str, pictures: Sequence[Embedded]) -> bytes:
    """The pictures, base64 in lines of 76 octets, none of which begins with a dot."""
    if not related:
        return b""
    parts = [
        f"--{related}\r\nContent-Type: {picture.media_type}\r\nContent-Transfer-Encoding: base64\r\n"
        f"Content-ID: <{picture.cid}>\r\nContent-Disposition: inline\r\n\r\n".encode()
        + encodebytes(picture.content).replace(b"\n", b"\r\n")
        for picture in pictures
    ]
    return b"".join([*parts, f"--{related}--\r\n".encode()])


def _unsubscribe_headers(values: Mapping[str, str]) -> str:
    """List-Unsubscribe and, only beside an https URL, the one-click header (RFC 8058 section 3.1)."""
    url, mailto = values.get("unsubscribe_url"), values.get("unsubscribe_mailto")
    if not url and not mailto:
        return ""
    header = headers.uris("List-Unsubscribe", (url, mailto) if url and mailto else (url or mailto or "",))
    if url and url.startswith("https:"):
        header += "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
    return header


def _append(buffers: list[bytes], piece: bytes) -> None:
    """Adds to the last fixed piece, or begins one; the second buffer stays free for the reader's own
    headers.
    """
    if len(buffers) > 2 and buffers[-1]:
        buffers[-1] += piece
    else:
        buffers.append(piece)


def _append_part(buffers: list[bytes], slots: dict[str, tuple[list[int], list[int]]], text: str, kind: int) -> None:
    """Adds a body: fixed pieces, and an empty buffer for each token. ``kind`` is 0 for text, 1 for HTML."""
    for index, piece in enumerate(TOKEN.split(text)):
        if index % 2:
            # The value stands on a line of its own; the line before it ends softly unless it has just ended.
            if not buffers[-1].endswith(b"\r\n"):
                buffers[-1] += SOFT_BREAK
            slots.setdefault(piece, ([], []))[kind].append(len(buffers))
            buffers.append(b"")
        elif piece:
            _append(buffers, quoted_printable(piece))
