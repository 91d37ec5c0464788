"""How others would do it: plain smtplib, aiosmtplib, and the program one writes first. Each gives seconds."""

from __future__ import annotations

import asyncio
import smtplib
import subprocess
import time
from email.message import EmailMessage
from pathlib import Path

import jinja2

TEMPLATE = """\
<!doctype html><html lang=en><head><title>{{ title }}</title></head><body><p>Good morning {{ name }},</p>
{% for paragraph in paragraphs %}<p style="margin:0 0 12px">{{ paragraph }}</p>
{% endfor %}<p><a href="https://news.example.org/u/{{ token }}">Unsubscribe</a></p></body></html>
"""
TEXT = """\
Good morning {{ name }},

{% for paragraph in paragraphs %}{{ paragraph }}

{% endfor %}https://news.example.org/u/{{ token }}
"""
_SENTENCE = "The ferry left the harbour at half past six, later than the timetable says, and nobody aboard minded. "


def smtp_source(port: int, *, sessions: int, messages: int, size: int) -> float:
    """Postfix's own load generator."""
    began = time.perf_counter()
    command = ["smtp-source", "-s", str(sessions), "-m", str(messages), "-l", str(size), f"127.0.0.1:{port}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def ready_message(size: int) -> bytes:
    """One message, made beforehand: these rivals only send."""
    line = b"x" * 70 + b"\r\n"
    return b"Subject: The ferry\r\nFrom: world@example.org\r\n\r\n" + line * (size // len(line))


def plain_smtplib(port: int, *, messages: int, size: int) -> float:
    """One connection, one message after the other, all of them the same and ready."""
    message = ready_message(size)
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as relay:
        for number in range(messages):
            relay.sendmail("world@example.org", [f"reader{number}@example.com"], message)
    return time.perf_counter() - began


def eight_aiosmtplib(port: int, *, messages: int, size: int) -> float:
    """Eight connections of aiosmtplib, the messages the same and ready."""
    import aiosmtplib

    message = ready_message(size)

    async def lane(share: int) -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False) as relay:
            for number in range(share):
                await relay.sendmail("world@example.org", [f"reader{number}@example.com"], message)

    async def all_lanes() -> None:
        await asyncio.gather(*(lane(messages // 8) for _ in range(8)))

    began = time.perf_counter()
    asyncio.run(all_lanes())
    return time.perf_counter() - began


def naive(port: int, *, messages: int, size: int) -> float:
    """Jinja2, EmailMessage and smtplib for each reader: nothing is kept, nothing can be proved."""
    environment = jinja2.Environment(autoescape=True)
    html, text = environment.from_string(TEMPLATE), jinja2.Environment().from_string(TEXT)
    paragraphs = [_SENTENCE * 4] * (size // (8 * len(_SENTENCE)))
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port) as relay:
        for number in range(messages):
            values = {"name": f"Reader {number}", "token": f"{number:032x}", "paragraphs": paragraphs, "title": "World"}
            message = EmailMessage()
            message["From"], message["To"] = "World Desk <world@example.org>", f"reader{number}@example.com"
            message["Subject"] = "The ferry has a new name and 19 more"
            message["List-Unsubscribe"] = f"<https://news.example.org/u/{number:032x}>"
            message.set_content(text.render(values))
            message.add_alternative(html.render(values), subtype="html")
            relay.send_message(message)
    return time.perf_counter() - began


def has_aiosmtplib() -> bool:
    """Whether that rival is installed."""
    try:
        import aiosmtplib  # noqa: F401
    except ImportError:
        return False
    return True


def sink_command(port: int) -> list[str]:
    """Postfix's sink; as root it wants another account."""
    import os

    user = ["-u", "nobody"] if os.geteuid() == 0 else []
    return ["smtp-sink", *user, "-c", f"127.0.0.1:{port}", "1000"]


SINK = Path(__file__).with_name("mail_sink.py")
