"""Exim as a relay, and Dovecot's LMTP as a server of mailboxes, take what we send."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from email import message_from_bytes
from pathlib import Path

import pytest

from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress
from publisher.model.delivery import Outgoing, Result
from tests.delivery.attempts import Run, deliver, outgoing
from tests.delivery.unpacked import free_port, open_folder, running

pytestmark = pytest.mark.mta

# reader901 is gone, reader902 greylisted.
EXIM = """\
exim_user = nobody
exim_group = nogroup
deliver_drop_privilege = true
primary_hostname = mail.example.com
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/pid
local_interfaces = 127.0.0.1
daemon_smtp_ports = {port}
domainlist local = example.com
acl_smtp_rcpt = recipient
message_size_limit = 50000
tls_advertise_hosts =
smtp_accept_max = 50
smtp_accept_max_per_connection = 15
smtp_accept_queue_per_connection = 0
smtputf8_advertise_hosts = *
keep_environment =
begin acl
recipient:
  deny local_parts = reader901
       message = no such user
  defer local_parts = reader902
       message = Greylisted, come again
  accept domains = +local
  deny message = relay not permitted
begin routers
all:
  driver = accept
  transport = mailbox
begin transports
mailbox:
  driver = appendfile
  directory = {folder}/mail/all
  maildir_format
  create_directory
  user = nobody
  group = nogroup
"""
DOVECOT = """\
base_dir = {folder}/run
state_dir = {folder}/state
default_internal_user = nobody
default_internal_group = nogroup
default_login_user = nobody
protocols = lmtp
ssl = no
log_path = {folder}/said
mail_location = maildir:~/
first_valid_uid = 1
first_valid_gid = 1
passdb {{
  driver = static
  args = nopassword=y
}}
userdb {{
  driver = static
  args = uid=nobody gid=nogroup home={folder}/mail/%n allow_all_users=yes
}}
service lmtp {{
  inet_listener lmtp {{
    address = 127.0.0.1
    port = {port}
  }}
  unix_listener lmtp {{
    mode = 0666
  }}
}}
"""


@pytest.fixture
def exim() -> Iterator[tuple[int, Path]]:
    """The port, and the folder of its mail."""
    with open_folder("exim") as folder:
        port = free_port()
        for name in ("spool", "log", "mail"):
            (folder / name).mkdir()
            os.chown(folder / name, 65534, 65534)
        config = folder / "exim.conf"
        config.write_text(EXIM.format(folder=folder, port=port))
        arguments = ("-C", str(config), "-bdf")
        with running("/usr/sbin/exim4", *arguments, folder=folder, account="Debian-exim", port=port):
            yield port, folder / "mail"


@pytest.fixture
def dovecot() -> Iterator[tuple[int, Path]]:
    """The port, and the folder in which its socket is ``run/lmtp`` and its mail ``mail``."""
    with open_folder("dovecot") as folder:
        port = free_port()
        (folder / "mail").mkdir()
        os.chown(folder / "mail", 65534, 65534)
        config = folder / "dovecot.conf"
        config.write_text(DOVECOT.format(folder=folder, port=port))
        arguments = ("-F", "-c", str(config))
        with running("/usr/sbin/dovecot", *arguments, folder=folder, account="dovecot", port=port):
            yield port, folder


def sent(address: RelayAddress, messages: list[Outgoing]) -> Run:
    return asyncio.run(deliver(SmtpTransport(address, lanes=4), messages))


def subjects(mail: Path, count: int) -> list[str]:
    """Of what has come, when it is ``count`` or ten seconds are over."""
    end = time.monotonic() + 10
    while len(found := list(mail.glob("*/new/*"))) < count and time.monotonic() < end:
        time.sleep(0.1)
    return sorted(message_from_bytes(file.read_bytes())["Subject"] for file in found)


def test_exim_delivers_each_message_once_and_refuses_some(exim: tuple[int, Path]) -> None:
    port, mail = exim
    large = (b"Subject: large\r\n\r\n", (b"x" * 70 + b"\r\n") * 1000)
    odd = [outgoing(901), outgoing(902), outgoing(903, recipient="ana@elsewhere.example"), outgoing(904, buffers=large)]
    usual = [outgoing(number) for number in range(1, 41)]
    # More than its fifteen messages a session: it ends each in order, and we begin another.
    ran = sent(RelayAddress("127.0.0.1", port), [*usual[:20], *odd, *usual[20:]])
    assert ran.error is None
    results = ran.results()
    assert {number: (results.pop(number), ran.outcome(number).code) for number in (901, 902, 903, 904)} == {
        901: (Result.FAILED, 550),
        902: (Result.DEFERRED, 451),
        903: (Result.FAILED, 550),
        904: (Result.FAILED, 0),
    }
    assert set(results.values()) == {Result.ACCEPTED}
    assert subjects(mail, 40) == sorted(f"number {number}" for number in range(1, 41))


@pytest.mark.parametrize("by_socket", [False, True])
def test_dovecot_takes_messages_by_lmtp(dovecot: tuple[int, Path], by_socket: bool) -> None:
    port, folder = dovecot
    address = RelayAddress("127.0.0.1", port, lmtp=True, socket=str(folder / "run" / "lmtp") if by_socket else "")
    ran = sent(address, [*(outgoing(number) for number in range(1, 31)), outgoing(31, recipient="@example.com")])
    assert ran.error is None
    results = ran.results()
    assert results.pop(31) is Result.FAILED
    assert set(results.values()) == {Result.ACCEPTED}
    assert subjects(folder / "mail", 30) == sorted(f"number {number}" for number in range(1, 31))
