"""What is wrong or doubtful in the settings, beyond what `loading` refuses. Deciding only: pure.

`doctor` asks the network; this looks at the settings alone.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Iterator, Mapping

import idna

from publisher.model.feed import Feed, Newsletter
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.publication.positions import Positions

__all__ = ["check_readers", "check_settings"]

FILE = "publication.toml"

# Second-level labels under which a country's registry sells names ("co.uk", "com.au").
_SHARED = {"ac", "co", "com", "edu", "gov", "net", "org", "or", "ne", "gob", "gouv"}


def check_settings(
    publication: Publication, positions: Positions, *, missing_pictures: Iterable[str] = ()
) -> Iterator[Finding]:
    """All findings about settings. ``missing_pictures``: names of the theme's and authors' that have no file. Pure."""
    yield from missing_postal_address(publication, positions)
    yield from examples_left(publication, positions)
    yield from insecure_address(publication, positions)
    yield from missing_theme_picture(publication, positions, missing_pictures)
    for feed in publication.feeds:
        if feed.newsletter is not None:
            yield from unaligned_sender(publication, feed, feed.newsletter, positions)
            yield from unsignable_sender(publication, feed, feed.newsletter, positions)


def missing_postal_address(publication: Publication, positions: Positions) -> Iterator[Finding]:
    """The law wants one at the foot of every digest (CAN-SPAM, CASL); without it nothing leaves this machine."""
    if publication.newsletters and not publication.postal_address:
        to_folder = publication.delivery.transport.startswith("maildir:")
        yield Finding(
            severity=Severity.WARNING if to_folder else Severity.ERROR,
            rule="missing-postal-address",
            file=FILE,
            line=positions(FILE, ["postal_address"]) or 1,
            what="there is no postal address for the foot of the digests, and no mail leaves this machine without one",
            remedy='publisher config set postal_address "…"',
        )


def examples_left(publication: Publication, positions: Positions) -> Iterator[Finding]:
    """What is still an example's. While a folder takes the mail, that is as it should be."""
    left = [name for name in publication.examples_left if name != "postal_address" or publication.postal_address]
    if left:
        to_folder = publication.delivery.transport.startswith("maildir:")
        yield Finding(
            severity=Severity.HINT if to_folder else Severity.ERROR,
            rule="examples-left",
            file=FILE,
            line=positions(FILE, [left[0]]),
            what=f"still an example's: {', '.join(left)}; no mail leaves this machine",
            remedy="set your own before you go public",
        )


def insecure_address(publication: Publication, positions: Positions) -> Iterator[Finding]:
    """A publication over http: is marked as insecure by browsers, and so is every link in its mail."""
    if publication.url.startswith("http:") and publication.host not in ("localhost", "127.0.0.1"):
        yield Finding(
            severity=Severity.WARNING,
            rule="insecure-address",
            file=FILE,
            line=positions(FILE, ["url"]),
            what="the publication's address is not https:",
            remedy="get a certificate and set url to https:; the articles keep their ids",
        )
    for key, author in publication.authors.items():
        if author.url.startswith("http:"):
            yield Finding(
                severity=Severity.HINT,
                rule="insecure-link",
                file=FILE,
                line=positions(FILE, ["authors", key, "url"]),
                what=f"{author.url} is not https:",
                remedy="use https:, if that works",
            )


def missing_theme_picture(publication: Publication, positions: Positions, missing: Iterable[str]) -> Iterator[Finding]:
    """The logo or an author's picture is not among the articles."""
    keys = {author.picture: ["authors", key, "picture"] for key, author in publication.authors.items()}
    keys |= {publication.theme.logo: ["theme", "logo"]}
    for name in missing:
        yield Finding(
            severity=Severity.ERROR,
            rule="missing-picture",
            file=FILE,
            line=positions(FILE, keys.get(name, [])),
            what=f'there is no picture "{name}" in {publication.articles}/',
            remedy="add the file, or take the setting out",
        )


def unaligned_sender(
    publication: Publication, feed: Feed, newsletter: Newsletter, positions: Positions
) -> Iterator[Finding]:
    """A sender whose domain is not the publication's: filters distrust it, and DMARC needs the domain's DKIM."""
    sender = newsletter.sender_address.rpartition("@")[2]
    is_local = sender == "localhost" or "." not in publication.host
    if not is_local and _organisation(sender) != _organisation(publication.host):
        yield Finding(
            severity=Severity.WARNING,
            rule="unaligned-sender",
            file=feed.file,
            line=positions(feed.file, ["newsletter", "sender"]),
            what=f"the sender's domain {sender} is not the publication's ({publication.host})",
            remedy="send from an address of the publication's own domain, signed with its DKIM key",
        )


def unsignable_sender(
    publication: Publication, feed: Feed, newsletter: Newsletter, positions: Positions
) -> Iterator[Finding]:
    """A sender that our own DKIM domain does not cover: DMARC would not count the signature, and no run makes it."""
    sender = newsletter.sender_address.rpartition("@")[2].lower()
    domain = publication.dkim.domain.lower() or sender
    if publication.dkim.selectors and sender != domain and not sender.endswith(f".{domain}"):
        yield Finding(
            severity=Severity.ERROR,
            rule="unaligned-signature",
            file=FILE,
            line=positions(FILE, ["dkim", "domain"]),
            what=f"mail of {newsletter.sender_address} ({feed.file}) would be signed by {publication.dkim.domain}, "
            "which is another domain, so that the signature does not count",
            remedy="leave dkim.domain out, or send from an address of that domain",
        )


def check_readers(
    publication: Publication, readers: Mapping[tuple[str, str], int], positions: Positions
) -> Iterator[Finding]:
    """Subscriptions that no edition will ever reach. ``readers``: how many have each (newsletter, cadence). Pure."""
    for (name, cadence), count in sorted(readers.items()):
        newsletter = publication.newsletter(name)
        if newsletter is None:
            yield from missing_newsletter(publication, name, count)
        elif newsletter.cadence(cadence) is None:
            yield from missing_cadence(newsletter, cadence, count, positions)


def missing_newsletter(publication: Publication, name: str, count: int) -> Iterator[Finding]:
    """A newsletter that people subscribe to and that is no longer defined."""
    yield Finding(
        severity=Severity.ERROR,
        rule="missing-newsletter",
        file=f"feeds/{name}.toml",
        what=f'{_people(count)} to "{name}", and there is no such newsletter',
        remedy=_meant(name, [one.name for one in publication.newsletters], "bring it back, or name the file as before"),
    )


def missing_cadence(newsletter: Newsletter, cadence: str, count: int, positions: Positions) -> Iterator[Finding]:
    """A cadence that readers have and that is gone: they get nothing."""
    file = f"feeds/{newsletter.name}.toml"
    yield Finding(
        severity=Severity.ERROR,
        rule="missing-cadence",
        file=file,
        line=positions(file, ["newsletter", "cadences"]),
        what=f'{_people(count)} with the cadence "{cadence}", which is gone; they get nothing',
        remedy=_meant(cadence, [one.name for one in newsletter.cadences], "bring it back under that name"),
    )


def _people(count: int) -> str:
    return "1 reader subscribes" if count == 1 else f"{count:,} readers subscribe"


def _meant(name: str, known: Collection[str], otherwise: str) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f'{otherwise}; was it renamed to "{near[0]}"?' if near else otherwise


def _organisation(host: str) -> str:
    """The name somebody registered: ``example.org`` of ``news.example.org``. Right for most registries. Pure."""
    try:
        labels = idna.encode(host, uts46=True).decode().lower().rstrip(".").split(".")
    except idna.IDNAError:
        labels = host.lower().rstrip(".").split(".")
    is_shared = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SHARED
    return ".".join(labels[-3:] if is_shared else labels[-2:])
