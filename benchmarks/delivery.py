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
from pathlib import Path

import mail_edition
import mail_rivals

from publisher.delivery.delivering import deliver_outbox
from publisher.delivery.smtp import SmtpTransport
from publisher.delivery.transport import RelayAddress, parse_transport
from publisher.publication import load, load_secrets
from publisher.store import open_store

SIZE = 42_000


class AsIfAway(SmtpTransport):
    """A relay on loopback that is treated as one elsewhere: the journal is synced to the disk before each dot."""

    real = True


def whole_path(folder: Path, *, lock_step: bool) -> dict[str, float]:
    """Delivers the edition in ``folder``: messages, seconds, CPU seconds, peak MB. The child's part."""
    publication, secrets = load(folder), load_secrets(folder)
    address = parse_transport(publication.delivery.transport)
    assert isinstance(address, RelayAddress)
    transport = AsIfAway(address, lanes=8, pipelining=not lock_step)
    store = open_store(publication.database, folder)
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    delivered = deliver_outbox(
        publication, secrets, store, transport, clock=lambda: mail_edition.NOW, stop=threading.Event()
    )
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    store.close()
    assert delivered.error is None, delivered.error
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

    def __init__(self, folder: Path) -> None:
        self._folder = folder

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
def own_sink(*options: str) -> Iterator[int]:
    """Our sink, with a delay or TLS."""
    command = [sys.executable, str(mail_rivals.SINK), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()


def show(name: str, values: list[float], bar: str, *, form: str = ".2f") -> None:
    """One row: median (least to greatest), and the bar."""
    low, high = min(values), max(values)
    print(f"{name:68} {statistics.median(values):>9,{form}} ({low:,{form}} to {high:,{form}})  bar {bar}", flush=True)


def against_smtp_source(bench: Bench, messages: int, rounds: int) -> None:
    """Rows 1 and 2."""
    ratios, cpu, rates, sources = [], [], [], []
    with postfix_sink() as port:
        for _ in range(rounds):
            found = bench.ours(port, messages=messages)
            best = max(
                messages / mail_rivals.smtp_source(port, sessions=sessions, messages=messages, size=SIZE)
                for sessions in (8, 16)
            )
            ratios.append(found["rate"] / best)
            rates.append(found["rate"])
            sources.append(best)
            cpu.append(found["cpu"] / messages * 1e6)
    show("whole path, messages a second", rates, "-", form=".0f")
    show("smtp-source, the better of 8 and 16 sessions, messages a second", sources, "-", form=".0f")
    show("whole path ÷ smtp-source", ratios, ">= 0.95")
    show("CPU a message, microseconds", cpu, "<= 50", form=".0f")


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
    with own_sink("--delay", "0.010") as port:
        for _ in range(rounds):
            pipelined = bench.ours(port, messages=messages)["rate"]
            ratios.append(pipelined / bench.ours(port, messages=messages, lock_step=True)["rate"])
    show("round trips of 10 ms, eight lanes ÷ lock-step with eight", ratios, ">= 3.5")


def inside_tls(bench: Bench, messages: int, rounds: int) -> None:
    """Row 5."""
    with own_sink("--tls") as port:
        found = [bench.ours(port, messages=messages, scheme="smtps") for _ in range(rounds)]
    show("TLS 1.3, messages a second", [one["rate"] for one in found], ">= 10,000", form=".0f")
    show("TLS 1.3, CPU a message, microseconds", [one["cpu"] / messages * 1e6 for one in found], "-", form=".0f")


def memory(bench: Bench, _messages: int, _rounds: int) -> None:
    """Row 6."""
    with postfix_sink() as port:
        found = bench.ours(port, messages=200_000)
    show("peak memory with 200,000 readers, MB", [found["peak"]], "<= 80", form=".0f")


ROWS = {
    "source": against_smtp_source,
    "libraries": against_libraries,
    "round-trips": round_trips,
    "tls": inside_tls,
    "memory": memory,
}


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description="How fast editions go out.")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=ROWS, action="append")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--lock-step", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(whole_path(options.child, lock_step=options.lock_step)))
        return
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        for name in options.only or ROWS:
            ROWS[name](bench, options.messages, options.rounds)


if __name__ == "__main__":
    main()
