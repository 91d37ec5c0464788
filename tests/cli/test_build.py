"""`publisher build`: what it writes, and the samples for other web servers."""

from __future__ import annotations

import os
import subprocess
import sys
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


def test_a_build_with_nothing_to_do_imports_nothing_that_takes_time(publication: Path, program: Program) -> None:
    assert program("build").status == 0
    script = """if True:
        import sys
        from publisher.cli import call
        assert call(["build"]) == 0
        print(sorted({"jinja2", "lxml", "pydantic", "sqlalchemy", "sqlite3"} & sys.modules.keys()))
    """
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=publication)
    assert run.stdout == "0 articles read; 0 files written, 11 unchanged\n[]\n"


def test_build_verify_puts_right_what_somebody_changed_in_public(publication: Path, program: Program) -> None:
    program("build")
    changed = [publication / "public" / name for name in ("feeds/all.json", "style.css.gz")]
    before = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in changed}
    for file in changed:
        status = file.stat()
        file.write_bytes(b"x" * status.st_size)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert program("build").out.endswith("0 files written, 11 unchanged\n")
    assert "wrote public/feeds/all.json" in program("build", "--verify").out
    assert {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in changed} == before
    assert program("build", "--verify").out == "0 articles read; 0 files written, 11 unchanged\n"


def test_a_path_that_is_none_is_refused(publication: Path, program: Program) -> None:
    answer = program("config", "set", "web.gone", "feeds/old.rss")
    assert answer.status == 2
    assert 'it begins with "/"' in answer.err


def test_a_plain_build_with_nothing_to_do_ends_before_the_command_line_is_imported(
    publication: Path, program: Program
) -> None:
    program("build")
    command = [sys.executable, "-X", "importtime", "-m", "publisher", "build"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=publication / "articles")
    assert run.stdout == program("build").out
    assert run.stdout.endswith("unchanged\n")
    assert "click" not in run.stderr
    quiet = subprocess.run([*command, "--quiet"], capture_output=True, text=True, check=True, cwd=publication)
    assert quiet.stdout == ""
    (publication / "articles" / "new.md").write_text("# New\n\nWords.\n", "utf-8")
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=publication)
    assert "wrote public/" in run.stdout
