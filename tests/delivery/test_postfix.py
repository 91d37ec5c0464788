"""Postfix takes what we send: its own test server, and a real instance that delivers into mailboxes."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress
from publisher.model.delivery import Result
from tests.delivery.attempts import Run, deliver, outgoing

pytestmark = pytest.mark.postfix

MAIN = """\
compatibility_level = 3.6
queue_directory = {queue}
data_directory = {data}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mail.example.com
mydestination =
mynetworks = 127.0.0.0/8
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_recipient_restrictions = check_recipient_access texthash:{folder}/recipients, permit_mynetworks, reject
smtpd_sender_restrictions = check_sender_access texthash:{folder}/senders
smtpd_data_restrictions = check_recipient_access texthash:{folder}/at_data
message_size_limit = 50000
virtual_mailbox_domains = example.com
virtual_mailbox_base = {mail}
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
smtpd_tls_security_level = none
maillog_file = {log}
maillog_file_prefixes = {folder}
"""
# reader901 is gone, reader902 greylisted, reader903's mailbox full, reader904 ends the session.
RECIPIENTS = """\
reader901@ REJECT 5.1.1 no such user
reader902@ DEFER 4.7.1 Greylisted, come again
reader903@ 552 5.2.2 mailbox full
reader904@ 421 4.3.2 going down
"""
MASTER = """\
{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int) -> None:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    pytest.fail("Postfix does not answer")


@pytest.fixture
def postfix(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A Postfix of our own: its port, and the folder of its Maildirs."""
    if not Path("/usr/sbin/postfix").exists():
        pytest.skip("Postfix is missing: apt-get install postfix")
    if os.geteuid() != 0:
        pytest.skip("Postfix starts as root only")
    account = pwd.getpwnam("postfix")
    # Its processes must be able to reach their folders, which a test's own folder does not allow.
    folder = Path(f"/var/tmp/publisher-postfix-{os.getpid()}")
    names = {name: folder / name for name in ("queue", "data", "mail", "config")}
    for path in names.values():
        path.mkdir(parents=True)
    for name in ("data", "mail"):
        os.chown(names[name], account.pw_uid, account.pw_gid)
    port = free_port()
    values = {
        **names,
        "folder": folder,
        "log": folder / "log",
        "uid": account.pw_uid,
        "gid": account.pw_gid,
    }
    (names["config"] / "main.cf").write_text(MAIN.format(**values))
    (folder / "recipients").write_text(RECIPIENTS)
    (folder / "senders").write_text("nobody@ REJECT 5.7.1 not you\n")
    (folder / "at_data").write_text("reader905@ 450 4.3.2 too busy\n")
    (names["config"] / "master.cf").write_text(MASTER.format(port=f"127.0.0.1:{port}"))
    command = ["/usr/sbin/postfix", "-c", str(names["config"])]
    started = subprocess.run([*command, "start"], capture_output=True, text=True, check=False)
    assert started.returncode == 0, started.stderr
    try:
        wait_for(port)
        yield port, names["mail"]
    finally:
        subprocess.run([*command, "stop"], capture_output=True, check=False)
        shutil.rmtree(folder, ignore_errors=True)


async def sent(port: int, count: int) -> dict[int, Result]:
    transport = SmtpTransport(RelayAddress("127.0.0.1", port), password=None, lanes=4)
    run = await deliver(transport, [outgoing(number) for number in range(1, count + 1)])
    assert run.error is None
    return run.results()


def test_a_real_postfix_delivers_each_message_once(postfix: tuple[int, Path]) -> None:
    port, mail = postfix
    results = asyncio.run(sent(port, 40))
    assert set(results.values()) == {Result.ACCEPTED}
    end = time.monotonic() + 30
    while len(list(mail.glob("all/new/*"))) < 40 and time.monotonic() < end:
        time.sleep(0.2)
    found = [BytesParser(policy=policy.default).parsebytes(file.read_bytes()) for file in mail.glob("all/new/*")]
    subjects = [message["Subject"] for message in found if isinstance(message, EmailMessage)]
    assert sorted(subjects) == sorted(f"number {number}" for number in range(1, 41))


def test_postfix_refuses_some_and_takes_the_others(postfix: tuple[int, Path]) -> None:
    port, _ = postfix
    large = (b"Subject: large\r\n\r\n", (b"x" * 70 + b"\r\n") * 1000)
    messages = [outgoing(number) for number in (*range(1, 21), *range(901, 906))]
    messages += [outgoing(21, envelope_sender="nobody@example.org"), outgoing(22, buffers=large)]
    messages.append(outgoing(23, recipient="jörg@example.com", smtputf8=True))

    async def scene() -> Run:
        return await deliver(SmtpTransport(RelayAddress("127.0.0.1", port), lanes=3), messages)

    ran = asyncio.run(scene())
    assert ran.error is None
    results = ran.results()
    odd = {number: (results.pop(number), ran.outcome(number).code) for number in (901, 902, 903, 904, 905, 21, 22)}
    assert odd == {
        901: (Result.FAILED, 550 if ran.outcome(901).code == 550 else 554),
        902: (Result.DEFERRED, 450),
        903: (Result.FAILED, 552),
        904: (Result.DEFERRED, 421),
        905: (Result.DEFERRED, 450),
        21: (Result.FAILED, 550 if ran.outcome(21).code == 550 else 554),
        22: (Result.FAILED, 0),
    }
    assert "50000" in ran.outcome(22).reply
    assert "Greylisted" in ran.outcome(902).reply
    assert set(results.values()) == {Result.ACCEPTED}


def test_postfixs_own_test_server_accepts_everything(tmp_path: Path) -> None:
    if not Path("/usr/sbin/smtp-sink").exists():
        pytest.skip("smtp-sink is missing: apt-get install postfix")
    port = free_port()
    sink = subprocess.Popen(
        ["/usr/sbin/smtp-sink", "-u", "nobody", f"127.0.0.1:{port}", "50"], stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port)
        assert set(asyncio.run(sent(port, 300)).values()) == {Result.ACCEPTED}
    finally:
        sink.terminate()
        sink.wait()
