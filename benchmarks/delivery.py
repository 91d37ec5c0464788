"""How fast editions go out: the whole path (claim, compose, journal with fdatasync, wire, record on SQLite).

    python benchmarks/delivery.py [--messages 10000] [--rounds 5] [--only ROW]

Each row is a ratio against something that ran in the same rounds, in turn with ours: medians, with the least and
the greatest. It needs smtp-source and smtp-sink (Debian's postfix; no daemon) and, for one row, aiosmtplib.
Messages have some 42 KB and are one reader's each. Load of other programs shows in every figure but the ratios.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import mail_edition
import mail_rivals
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from publisher.delivery.delivered import Delivered
from publisher.delivery.delivering import deliver_outbox
from publisher.delivery.dkim import Key, Signer
from publisher.delivery.message import Envelope, compile_message
from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress, parse_transport
from publisher.model.delivery import Outcome, Result
from publisher.model.publication import Publication, Secrets
from publisher.publication import load, load_secrets
from publisher.store import Store, open_store, outbox, outcomes

SIZE = 42_000


class AsIfAway(SmtpTransport):
    """A relay on loopback that is treated as one elsewhere: the journal is synced to the disk before each dot."""

    real = True


def deliver_as_if_away(
    publication: Publication, secrets: Secrets, store: Store, *, now: datetime, lock_step: bool = False
) -> Delivered:
    """One delivering pass to the publication's relay."""
    address = parse_transport(publication.delivery.relays[0].transport)
    assert isinstance(address, RelayAddress)
    transport = AsIfAway(address, lanes=8, pipelining=not lock_step)
    delivered = deliver_outbox(publication, secrets, store, transport, clock=lambda: now, stop=threading.Event())
    assert delivered.error is None, delivered.error
    return delivered


def whole_path(folder: Path, *, lock_step: bool) -> dict[str, float]:
    """Delivers the edition in ``folder``: messages, seconds, CPU seconds, peak MB. The child's part."""
    publication, secrets = load(folder), load_secrets(folder)
    store = open_store(publication.database, folder)
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    delivered = deliver_as_if_away(publication, secrets, store, now=mail_edition.NOW, lock_step=lock_step)
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    store.close()
    return {
        "messages": delivered.accepted,
        "seconds": seconds,
        "cpu": after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
        "peak": peak_memory(),
    }


def peak_memory() -> float:
    """MB. Not ru_maxrss: that of a child begins with its parent's."""
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


class Bench:
    """Editions made once and copied for each run, which is a process of its own."""

    def __init__(self, folder: Path, readers: int) -> None:
        self._folder = folder
        self.readers = readers

    def ours(self, port: int, *, messages: int, scheme: str = "smtp", lock_step: bool = False) -> dict[str, float]:
        """One run of the whole path."""
        made = self._folder / f"{scheme}-{port}-{messages}"
        if not made.exists():
            mail_edition.make(made, readers=messages, transport=f"{scheme}://127.0.0.1:{port}")
        copy = self._folder / "run"
        shutil.copytree(made, copy)
        command = [sys.executable, __file__, "--child", str(copy), *(["--lock-step"] if lock_step else [])]
        try:
            found = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
        finally:
            shutil.rmtree(copy)
        assert found["messages"] == messages, found
        return {**found, "rate": messages / found["seconds"]}


@contextlib.contextmanager
def postfix_sink() -> Iterator[int]:
    """Postfix's sink on a free port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    process = subprocess.Popen(mail_rivals.sink_command(port), stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


@contextlib.contextmanager
def own_sink(*options: str) -> Iterator[tuple[int, int]]:
    """Our sink, with a delay or TLS: its port and its process."""
    command = [sys.executable, str(mail_rivals.SINK), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline()), process.pid
        process.stdin.close()


def show(name: str, values: list[float], bar: str, *, form: str = ".2f") -> None:
    """One row: median (least to greatest), and the bar."""
    low, high = min(values), max(values)
    print(f"{name:68} {statistics.median(values):>9,{form}} ({low:,{form}} to {high:,{form}})  bar {bar}", flush=True)


def against_smtp_source(bench: Bench, messages: int, rounds: int) -> None:
    """Rows 1 and 2. In microseconds a loaded machine counts twice what a quiet one does: the ratio tells more."""
    ratios, cpu, rates, sources, theirs = [], [], [], [], []
    with postfix_sink() as port:
        for _ in range(rounds):
            found = bench.ours(port, messages=messages)
            before = children_cpu()
            best = max(
                messages / mail_rivals.smtp_source(port, sessions=sessions, messages=messages, size=SIZE)
                for sessions in (8, 16)
            )
            theirs.append((children_cpu() - before) / (2 * messages) * 1e6)
            ratios.append(found["rate"] / best)
            rates.append(found["rate"])
            sources.append(best)
            cpu.append(found["cpu"] / messages * 1e6)
    show("whole path, messages a second", rates, "-", form=".0f")
    show("smtp-source, the better of 8 and 16 sessions, messages a second", sources, "-", form=".0f")
    show("whole path ÷ smtp-source", ratios, ">= 0.95")
    show("CPU a message, microseconds", cpu, "<= 50", form=".0f")
    show("CPU a message of smtp-source, microseconds", theirs, "-", form=".0f")
    show("CPU a message ÷ smtp-source's", [ours / its for ours, its in zip(cpu, theirs, strict=True)], "-")


def children_cpu() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def against_libraries(bench: Bench, messages: int, rounds: int) -> None:
    """Row 3."""
    rivals: dict[str, tuple[Callable[..., float], int, str]] = {
        "smtplib, one connection, message ready": (mail_rivals.plain_smtplib, 500, "-"),
        "Jinja2 + EmailMessage + smtplib a reader": (mail_rivals.naive, 100, ">= 25"),
    }
    if mail_rivals.has_aiosmtplib():
        rivals["aiosmtplib, eight connections, message ready"] = (mail_rivals.eight_aiosmtplib, 800, "-")
    else:
        print("aiosmtplib: not installed (pip install aiosmtplib)")
    ratios: dict[str, list[float]] = {name: [] for name in rivals}
    work: dict[str, list[float]] = {name: [] for name in rivals}
    with postfix_sink() as port:
        for _ in range(rounds):
            found = bench.ours(port, messages=messages)
            for name, (rival, count, _) in rivals.items():
                before = time.process_time()
                ratios[name].append(found["rate"] / (count / rival(port, messages=count, size=SIZE)))
                work[name].append((time.process_time() - before) / count / (found["cpu"] / messages))
    for name, (_, _, bar) in rivals.items():
        show(f"whole path ÷ {name}", ratios[name], bar)
        show(f"CPU of {name} ÷ whole path's", work[name], "-")


def round_trips(bench: Bench, messages: int, rounds: int) -> None:
    """Row 4."""
    messages = max(messages // 4, 800)
    ratios = []
    with own_sink("--delay", "0.010") as (port, _):
        for _round in range(rounds):
            pipelined = bench.ours(port, messages=messages)["rate"]
            ratios.append(pipelined / bench.ours(port, messages=messages, lock_step=True)["rate"])
    show("round trips of 10 ms, eight lanes ÷ lock-step with eight", ratios, ">= 3.5")


def inside_tls(bench: Bench, messages: int, rounds: int) -> None:
    """Row 5. What a core of ours would do is the limit only where the sink, and who else is there, leaves it one."""
    found, sinks = [], []
    with own_sink("--tls") as (port, sink):
        for _ in range(rounds):
            before = cpu_of(sink)
            found.append(bench.ours(port, messages=messages, scheme="smtps"))
            sinks.append((cpu_of(sink) - before) / messages * 1e6)
    ours = [one["cpu"] / messages * 1e6 for one in found]
    show("TLS 1.3, messages a second", [one["rate"] for one in found], ">= 10,000", form=".0f")
    show("TLS 1.3, CPU a message, microseconds", ours, "-", form=".0f")
    show("TLS 1.3, messages for a second of CPU", [1e6 / each for each in ours], "-", form=".0f")
    show("TLS 1.3, CPU a message of the sink, microseconds", sinks, "-", form=".0f")


def cpu_of(process: int) -> float:
    """CPU seconds of a process that runs (proc(5): the 14th and 15th field, in hundredths)."""
    fields = Path(f"/proc/{process}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def signing(_bench: Bench, messages: int, rounds: int) -> None:
    """Row 6: two processes sign each its share of messages; nothing is sent."""
    for algorithm, bar in (("rsa-sha256", ">= 2,000"), ("ed25519-sha256", ">= 5,000")):
        rates, undisturbed = [], []
        for _ in range(rounds):
            command = [sys.executable, __file__, "--sign", algorithm, "--messages", str(messages // 4)]
            processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
            found = [json.loads(process.communicate()[0]) for process in processes]
            rates.append(sum(one[0] for one in found))
            undisturbed.append(sum(one[1] for one in found))
        show(f"own DKIM, two processes, {algorithm}, messages a second", rates, bar, form=".0f")
        show(f"own DKIM, two processes, {algorithm}, a second of CPU each", undisturbed, bar, form=".0f")


def sign(algorithm: str, messages: int) -> tuple[float, float]:
    """Messages signed a second, and a second of CPU; composing not counted. The child's part."""
    private: RSAPrivateKey | Ed25519PrivateKey = (
        rsa.generate_private_key(65537, 2048) if algorithm == "rsa-sha256" else Ed25519PrivateKey.generate()
    )
    signer = Signer("example.org", [Key("bench", private)])
    envelope = Envelope(sender_name="World Desk", sender_address="world@example.org", date=mail_edition.SLOT)
    template = compile_message(mail_edition.digest(), envelope)
    seconds = cpu = 0.0
    for number in range(messages):
        buffers = template.message(
            message_id=f"<{number}@example.org>", recipient_address=f"r{number}@example.com", recipient_name=f"{number}"
        )
        began, used = time.perf_counter(), time.process_time()
        signer.signatures(buffers, at=number)
        cpu += time.process_time() - used
        seconds += time.perf_counter() - began
    return messages / seconds, messages / cpu


def recording(_bench: Bench, messages: int, rounds: int) -> None:
    """Row 7: outcomes into SQLite, 500 a transaction, synchronous FULL."""
    rates = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as room:
            folder = Path(room) / "publication"
            mail_edition.make(folder, readers=messages, transport="smtp://127.0.0.1:25")
            store = open_store("sqlite:publisher.db", folder)
            with store.writing() as connection:
                claimed = outbox.claim(
                    connection, worker="w", now=mail_edition.NOW, lease=timedelta(hours=1), limit=messages
                )
            made = [
                Outcome(one.id, one.fence, Result.ACCEPTED, 250, "2.0.0 Ok", "127.0.0.1:25", 0.01) for one in claimed
            ]
            began = time.perf_counter()
            for start in range(0, len(made), 500):
                with store.writing() as connection:
                    outcomes.record(
                        connection, made[start : start + 500], worker="w", now=mail_edition.NOW, retry_at=_never
                    )
            rates.append(len(made) / (time.perf_counter() - began))
            store.close()
    show("outcomes recorded on SQLite, 500 a transaction, a second", rates, "not the limit", form=".0f")


def _never(_result: Result, _attempts: int, _first: datetime) -> datetime | None:
    return None


def memory(bench: Bench, _messages: int, _rounds: int) -> None:
    """Row 8."""
    with postfix_sink() as port:
        found = bench.ours(port, messages=bench.readers)
    show(f"peak memory with {bench.readers:,} readers, MB", [found["peak"]], "<= 80", form=".0f")


ROWS = {
    "source": against_smtp_source,
    "libraries": against_libraries,
    "round-trips": round_trips,
    "tls": inside_tls,
    "signing": signing,
    "recording": recording,
    "memory": memory,
}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="How fast editions go out.")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=ROWS, action="append")
    parser.add_argument("--readers", type=int, default=200_000, help="of the row about memory")
    parser.add_argument("--sign", help=argparse.SUPPRESS)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--lock-step", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(whole_path(options.child, lock_step=options.lock_step)))
        return
    if options.sign:
        print(json.dumps(sign(options.sign, options.messages)))
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), options.readers)
        for name in options.only or ROWS:
            ROWS[name](bench, options.messages, options.rounds)


if __name__ == "__main__":
    main()
