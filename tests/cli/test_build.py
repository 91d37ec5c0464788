"""`publisher build`: what it writes, and the samples for other web servers."""

from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import Program


def test_build_writes_copies_of_feeds_and_of_pages_on_request(publication: Path, program: Program) -> None:
    assert program("build").status == 0
    public = publication / "public"
    assert (public / "feeds" / "all.rss.br").exists()
    assert not (public / "index.html.br").exists()
    assert program("build", "--compress").out == "0 articles read; 0 files written, 11 unchanged\n"
    assert (public / "index.html.br").exists()


def test_build_writes_samples_for_other_web_servers_once(publication: Path, program: Program) -> None:
    told = program("build", "--json").json
    assert told["samples"] == [".publisher/nginx.conf", ".publisher/Caddyfile"]
    assert str(publication / "public") in (publication / ".publisher" / "nginx.conf").read_text()
    assert "https://news.example.org {" in (publication / ".publisher" / "Caddyfile").read_text()
    assert program("build", "--json").json["samples"] == []
    program("config", "set", "web.gone", "/feeds/old.rss")
    assert "wrote .publisher/nginx.conf" in program("build").out
    assert 'location = "/feeds/old.rss" { return 410; }' in (publication / ".publisher" / "nginx.conf").read_text()


def test_a_path_that_is_none_is_refused(publication: Path, program: Program) -> None:
    answer = program("config", "set", "web.gone", "feeds/old.rss")
    assert answer.status == 2
    assert 'it begins with "/"' in answer.err
