"""A WebSub hub and a subscriber on loopback, after https://www.w3.org/TR/websub/: real HTTP in both directions."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2

Form = dict[str, list[str]]
Reply = tuple[int, dict[str, str]]


class Server:
    """An HTTP server in a thread. ``post`` and ``get`` answer with status, headers and body."""

    def __init__(self) -> None:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                self._answer(*outer.post(dict(self.headers), body))

            def do_GET(self) -> None:
                self._answer(*outer.get(parse_qs(urlsplit(self.path).query)))

            def _answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_words: Any) -> None:
                """Says nothing."""

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_words: Any) -> None:
                """A publisher that has waited long enough is no news."""

        self._server = Quiet(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_port}/"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    def post(self, _headers: dict[str, str], _body: bytes) -> tuple[int, dict[str, str], bytes]:
        """The answer to a POST: status, headers, body."""
        return 405, {}, b""

    def get(self, _query: Form) -> tuple[int, dict[str, str], bytes]:
        """The answer to a GET: status, headers, body."""
        return 405, {}, b""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Hub(Server):
    """Verifies subscriptions (section 5.3), and when it is told of a topic fetches and distributes it (section 7).

    ``told`` are the topics in the order of the requests. ``reply`` gives what it answers to a publisher, or hangs.
    """

    def __init__(self, reply: Callable[[str], Reply] = lambda _topic: (204, {})) -> None:
        super().__init__()
        self.reply = reply
        self.told: list[str] = []
        self._subscribers: dict[str, list[tuple[str, str]]] = defaultdict(list)

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        form = parse_qs(body.decode())
        if form["hub.mode"] == ["publish"]:
            [topic] = form["hub.url"]
            self.told.append(topic)
            status, said = self.reply(topic)
            if status < 300:
                threading.Thread(target=self._distribute, args=(topic,)).start()
            return status, said, b""
        [callback], [topic], [secret] = (form[name] for name in ("hub.callback", "hub.topic", "hub.secret"))
        threading.Thread(target=self._verify, args=(callback, topic, secret)).start()
        return 202, {}, b""

    def _verify(self, callback: str, topic: str, secret: str) -> None:
        query = {"hub.mode": "subscribe", "hub.topic": topic, "hub.challenge": "a challenge", "hub.lease_seconds": 60}
        if httpx2.get(f"{callback}?{urlencode(query)}").text == "a challenge":
            self._subscribers[topic].append((callback, secret))

    def _distribute(self, topic: str) -> None:
        if not self._subscribers[topic]:
            return
        content = httpx2.get(topic)
        for callback, secret in self._subscribers[topic]:
            signature = hmac.new(secret.encode(), content.content, hashlib.sha256).hexdigest()
            httpx2.post(
                callback,
                content=content.content,
                headers={
                    "content-type": content.headers["content-type"],
                    "link": f'<{self.address}>; rel="hub", <{topic}>; rel="self"',
                    "x-hub-signature": f"sha256={signature}",
                },
            )

    def has_subscriber(self, topic: str) -> bool:
        return bool(self._subscribers[topic])


class Subscriber(Server):
    """Follows topics: finds their hub by their Link header, confirms that it asked, and keeps what it is sent."""

    SECRET = "a secret of the two"

    def __init__(self) -> None:
        super().__init__()
        self.got: list[bytes] = []
        self._wanted: set[str] = set()

    def follow(self, url: str) -> str:
        """Subscribes to what is at ``url``; gives the topic that it says it is."""
        links = {
            rel: address
            for address, rel in re.findall(r'<([^>]*)>; rel="(\w+)"', httpx2.get(url).headers.get("link", ""))
        }
        self._wanted.add(links["self"])
        form = {
            "hub.mode": "subscribe",
            "hub.topic": links["self"],
            "hub.callback": self.address,
            "hub.secret": self.SECRET,
        }
        assert httpx2.post(links["hub"], data=form).status_code == 202
        return links["self"]

    def get(self, query: Form) -> tuple[int, dict[str, str], bytes]:
        wanted = query["hub.topic"][0] in self._wanted
        return (200, {}, query["hub.challenge"][0].encode()) if wanted else (404, {}, b"")

    def post(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        signature = hmac.new(self.SECRET.encode(), body, hashlib.sha256).hexdigest()
        if headers.get("X-Hub-Signature", headers.get("x-hub-signature")) == f"sha256={signature}":
            self.got.append(body)
        return 200, {}, b""


def wait_for(true: Callable[[], object], seconds: float = 10) -> None:
    """Until it is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)
