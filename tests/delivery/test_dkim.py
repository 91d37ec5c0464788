"""Signatures of our own, judged by dkimpy and by a check written from the RFC."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import dkim as dkimpy
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, generate_private_key

from publisher.cli import call
from publisher.delivery.composing import Composer
from publisher.delivery.dkim import Key, Signer, dns_record, make_key, read_key
from publisher.delivery.message import Envelope, compile_message, message_bytes
from publisher.model.edition import Digest
from publisher.model.errors import ConfigurationError, UsageError
from publisher.publication import load, load_secrets
from publisher.store import Store, outbox
from publisher.theme.fields import token
from tests.delivery.going_out import deliver, edition_for, relay_transport
from tests.relay import Relay
from tests.store import readers as r

AT = 1_772_431_200
LETTER = Digest(
    subject="Die Fähre hat einen neuen Namen, und niemand an Bord wusste es, als sie am Montag ablegte",
    preheader="",
    html=f"<p>Hello  {token('name')},</p>\n<p>Two  spaces,\ttab, end \n.dot</p>{token('unsubscribe_url')}\n\n",
    text=f"Hello {token('name')}\n\n{token('unsubscribe_url')}\n\n\n",
)


def letter(name: str = "Zoë  =?x?= van der Meulen-Øster") -> list[bytes]:
    envelope = Envelope(
        sender_name="Wörld Desk",
        sender_address="world@example.org",
        date=datetime(2026, 3, 2, 6, tzinfo=UTC),
        list_id="world.news.example.org",
        list_label="World",
        reply_to="desk@example.org",
    )
    return compile_message(LETTER, envelope).message(
        message_id="<1.abc@example.org>",
        recipient_address="zoe@example.com",
        recipient_name=name,
        fields={
            "unsubscribe_url": "https://news.example.org/u/" + "a" * 90,
            "unsubscribe_mailto": "mailto:world@example.org?subject=unsubscribe%20" + "a" * 40,
        },
    )


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[Key, Key]:
    root = tmp_path_factory.mktemp("keys")
    return make_key(root, "p2026"), make_key(root, "p2026e", ed25519=True)


def dns(keys: tuple[Key, ...]) -> Callable[..., bytes]:
    records = {f"{key.selector}._domainkey.example.org": dns_record(key).encode() for key in keys}

    def look_up(name: bytes, **_more: object) -> bytes:
        return records[name.decode().rstrip(".")]

    return look_up


def dkimpy_accepts(message: bytes, keys: tuple[Key, ...]) -> bool:
    """The first signature. (The second, ed25519, is the other judge's: dkimpy needs PyNaCl for it.)"""
    try:
        return bool(dkimpy.DKIM(message).verify(dnsfunc=dns(keys)))
    except dkimpy.ValidationError:
        return False


def verifies(message: bytes, key: Key) -> bool:
    """RFC 6376 section 6.1, for the one signature of that key, in the plainest way."""
    head, _, body = message.partition(b"\r\n\r\n")
    fields = [
        re.sub(rb"[ \t]+", b" ", name.lower().strip() + b":" + value.strip())
        for name, _, value in (line.partition(b":") for line in re.sub(rb"\r\n([ \t])", rb"\1", head).split(b"\r\n"))
    ]
    mine = next(one for one in fields if one.startswith(b"dkim-signature:") and f"s={key.selector};".encode() in one)
    tags = dict(re.findall(rb"(\w+)=\s*([^;]*)", mine.partition(b":")[2]))
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    while lines and not lines[-1]:
        lines.pop()
    hashed = hashlib.sha256(b"\r\n".join(lines) + b"\r\n").digest()
    if base64.b64decode(tags[b"bh"]) != hashed:
        return False
    rest, signed = list(fields), []
    for name in re.sub(rb"\s", b"", tags[b"h"]).split(b":"):
        last = max((index for index, one in enumerate(rest) if one.startswith(name + b":")), default=None)
        if last is not None:
            # Each bottom one once: a name that is listed more often than it stands is signed as absent.
            signed.append(rest.pop(last) + b"\r\n")
    data = b"".join(signed) + re.sub(rb"\bb=[^;]*$", b"b=", mine)
    public, signature = key.private.public_key(), base64.b64decode(re.sub(rb"\s", b"", tags[b"b"]))
    try:
        if isinstance(public, RSAPublicKey):
            public.verify(signature, data, PKCS1v15(), hashes.SHA256())
        else:
            assert isinstance(public, Ed25519PublicKey)
            public.verify(signature, hashlib.sha256(data).digest())
    except InvalidSignature:
        return False
    return True


@pytest.mark.parametrize("name", ["Zoë  =?x?= van der Meulen-Øster", "", "Ana", 'a "b" \\ c' * 9, "tab\there"])
def test_both_judges_accept_both_signatures(keys: tuple[Key, Key], name: str) -> None:
    buffers = letter(name)
    message = Signer("example.org", keys).signatures(buffers, at=AT) + message_bytes(buffers)
    assert dkimpy_accepts(message, keys)
    assert all(verifies(message, key) for key in keys)
    assert max(map(len, message.partition(b"\r\n\r\n")[0].split(b"\r\n"))) <= 998


def test_the_headers_that_matter_are_signed_and_nobody_can_add_a_second_from_or_subject(keys: tuple[Key, Key]) -> None:
    buffers = letter()
    header = Signer("example.org", keys[:1]).signatures(buffers, at=AT)
    listed = re.sub(rb"\s", b"", re.search(rb"h=([^;]*);", header)[1]).split(b":")  # type: ignore[index]
    assert listed.count(b"from") == listed.count(b"subject") == 2
    assert {b"list-unsubscribe", b"list-unsubscribe-post", b"to", b"date", b"message-id", b"list-id"} <= set(listed)
    assert b"l=" not in re.sub(rb"(bh|b)=[^;]*", b"", header)
    for added in (b"From: evil@example.com\r\n", b"Subject: evil\r\n"):
        message = header + added + message_bytes(buffers)
        assert not dkimpy_accepts(message, keys)
        assert not verifies(message, keys[0])


def test_a_changed_body_or_header_is_noticed(keys: tuple[Key, Key]) -> None:
    buffers = letter()
    message = Signer("example.org", keys[:1]).signatures(buffers, at=AT) + message_bytes(buffers)
    for old, new in ((b"Hello", b"Hallo"), (b"One-Click", b"Two-Click")):
        assert not verifies(message.replace(old, new), keys[0])
        assert not dkimpy_accepts(message.replace(old, new), keys)


def test_a_retry_differs_in_the_time_of_signing_only(keys: tuple[Key, Key]) -> None:
    first, second = (Signer("example.org", keys[:1]).signatures(letter(), at=at) for at in (AT, AT + 86_400))
    changed = re.compile(rb"t=\d+;|\bb=.*", re.DOTALL)
    assert first != second
    assert changed.sub(b"", first) == changed.sub(b"", second)


def test_short_and_foreign_keys_are_refused() -> None:
    short = generate_private_key(65537, 1024).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with pytest.raises(ConfigurationError, match="1024 bits is too short"):
        read_key("x", short, where="dkim/x.pem")
    with pytest.raises(ConfigurationError, match="not a private key"):
        read_key("x", b"nonsense", where="dkim/x.pem")


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    make_key(tmp_path, "p1", ed25519=True)
    with pytest.raises(UsageError, match="a key already"):
        make_key(tmp_path, "p1", ed25519=True)


def test_from_the_command_to_a_signed_message_and_on_to_the_next_key(
    folder: Path, sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    base = ["--publication", str(folder), "--json"]
    assert call(["dkim", "new", "--selector", "old", *base]) == 0
    made = json.loads(capsys.readouterr().out)
    assert made["file"] == "dkim/old.pem"
    assert stat.S_IMODE((folder / "dkim" / "old.pem").stat().st_mode) == 0o600
    assert made["records"]["old._domainkey.example.org"].startswith("v=DKIM1; k=rsa; p=")
    assert call(["config", "set", "dkim.selectors", "old", *base]) == 0
    edition_for(sqlite_store, 2)
    with Relay(lambda address: "450 later" if address.startswith("reader2") else None) as relay:
        deliver(folder, sqlite_store, relay_transport(relay))
        assert call(["dkim", "new", "--selector", "new", *base]) == 0
        assert call(["config", "set", "dkim.selectors", "new", *base]) == 0
        relay.refuse = lambda _address: None
        deliver(folder, sqlite_store, relay_transport(relay), now=r.NOW.replace(hour=9))
    old, new = (read_key(name, (folder / "dkim" / f"{name}.pem").read_bytes(), where="") for name in ("old", "new"))
    for accepted, key in zip(relay.accepted, (old, new), strict=True):
        assert dkimpy_accepts(accepted.content, (old, new))
        assert f"s={key.selector};".encode() in accepted.content


def test_nothing_is_signed_unless_asked(folder: Path, sqlite_store: Store) -> None:
    edition_for(sqlite_store, 1)
    with Relay() as relay:
        deliver(folder, sqlite_store, relay_transport(relay))
    assert b"dkim-signature" not in relay.accepted[0].content.lower()


def test_a_missing_key_or_a_foreign_sender_stops_before_anything_leaves(folder: Path, sqlite_store: Store) -> None:
    edition_for(sqlite_store, 1)
    settings = folder / "publication.toml"
    text = settings.read_text("utf-8")
    with sqlite_store.writing() as connection:
        (claimed,) = outbox.claim(connection, worker="x", now=r.NOW, lease=r.NOW - r.SLOT, limit=1)
    cases = {'selectors = ["gone"]': "selector gone", 'selectors = ["gone"]\ndomain = "x.example"': "not an address of"}
    for table, cause in cases.items():
        settings.write_text(f"{text}\n[dkim]\n{table}\n", "utf-8")
        composer = Composer(load(folder), load_secrets(folder), sqlite_store, clock=lambda: r.NOW)
        with pytest.raises(ConfigurationError, match=cause):
            composer.compose(claimed)
