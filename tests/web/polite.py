"""What is asked of every feed over HTTP (RFC 9110), whoever it is for: the same checks for public and private ones."""

from __future__ import annotations

from typing import Any

import brotli

NAVIGATION = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


def raw(client: Any, path: str, **headers: str) -> tuple[Any, bytes]:
    """The answer, and its body as it came."""
    wanted = {name.replace("_", "-"): value for name, value in headers.items()}
    with client.stream("GET", path, headers={"accept": "*/*", "accept-encoding": "identity", **wanted}) as answer:
        return answer, b"".join(answer.iter_raw())


def check_conditions(client: Any, path: str) -> None:
    """304 with no body for who has it, whatever the coding; If-None-Match beats If-Modified-Since."""
    answers = {coding: raw(client, path, accept_encoding=coding)[0] for coding in ("identity", "gzip", "br")}
    tags = {coding: answer.headers["etag"] for coding, answer in answers.items()}
    assert len(set(tags.values())) == 3
    assert len({answer.headers["last-modified"] for answer in answers.values()}) == 1
    date, tag = answers["identity"].headers["last-modified"], tags["identity"]
    current = [{"if-none-match": own} for own in tags.values()]
    current += [{"if-none-match": value} for value in (f"W/{tag}", f'"other", W/"more",{tag}', "*")]
    current += [
        {"if-modified-since": date},
        {"if-none-match": tag, "if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    ]
    kept = ("cache-control", "vary", "etag", "last-modified")
    for headers in current:
        answer, body = raw(client, path, **headers)
        assert (answer.status_code, body) == (304, b""), headers
        assert "content-type" not in answer.headers
        assert answer.headers.get("content-length", "0") == "0"
        assert all(answers["identity"].headers[name] == answer.headers[name] for name in kept if name != "etag")
        assert answer.headers["etag"] in tags.values()
    for headers in (
        {"if-none-match": '"other"'},
        {"if-none-match": '"other"', "if-modified-since": date},
        {"if-modified-since": "Thu, 01 Jan 1970 00:00:00 GMT"},
        {"if-modified-since": "yesterday"},
    ):
        assert raw(client, path, **headers)[0].status_code == 200, headers


def check_codings(client: Any, path: str) -> None:
    """Brotli, gzip or neither, as the client likes best; HEAD says the same without a body."""
    _, plain = raw(client, path)
    for accepted, coding in (
        ("br, gzip", "br"),
        ("gzip, deflate, br;q=0.9", "gzip"),
        ("gzip;q=0.5, br;q=0", "gzip"),
        ("*", "br"),
        ("identity, gzip;q=0.5", None),
        ("deflate, zstd", None),
        ("", None),
    ):
        answer, body = raw(client, path, accept_encoding=accepted)
        assert answer.headers.get("content-encoding") == coding, accepted
        assert answer.headers["content-length"] == str(len(body))
        if coding == "br":
            assert brotli.decompress(body) == plain
        assert (len(body) < len(plain)) is (coding is not None)
        head = client.head(path, headers={"accept": "*/*", "accept-encoding": accepted})
        assert (head.status_code, head.content) == (200, b"")
        assert {**head.headers, "date": ""} == {**answer.headers, "date": ""}


def check_faces(client: Any, path: str, kind: str) -> None:
    """A reader gets the format's type, a person who opens it XML; never guessed, no cookie, no redirect, no delta."""
    reader, body = raw(client, path, a_im="feed")
    assert (reader.status_code, reader.headers["content-type"]) == (200, kind)
    assert reader.headers["x-content-type-options"] == "nosniff"
    assert "set-cookie" not in reader.headers
    person, same = raw(client, path, **NAVIGATION)
    assert same == body
    if kind.startswith("application/feed+json"):
        assert (person.headers["content-type"], person.headers["vary"]) == (kind, "accept-encoding")
        return
    assert person.headers["content-type"] == "application/xml; charset=utf-8"
    assert person.headers["vary"] == reader.headers["vary"] == "accept, accept-encoding"
    assert raw(client, path, **NAVIGATION, if_none_match=reader.headers["etag"])[0].status_code == 200
