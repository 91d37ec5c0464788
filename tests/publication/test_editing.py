"""Settings changed by program: comments stay, nothing wrong is written, nothing is half written."""

from __future__ import annotations

import stat
import tomllib
from pathlib import Path

import pytest

from publisher.model.article import Author
from publisher.model.errors import ConfigurationError, OutputError, UsageError
from publisher.publication import load
from publisher.publication.editing import add_authors, replace_file, set_settings
from publisher.publication.settings import read_settings

MAIN = """\
# Ours.
title = "The Gazette"   # its name
url   = "https://news.example.org"

[delivery]
# Into a folder, for now.
transport = "maildir:mail"

[sections]
world = "World"     # first
"""
FEED = """\
title  = "All"
select = { sections = ["world"] }   # one only

[newsletter]
sender = "Desk <desk@example.org>"
since  = 2026-01-01

[newsletter.cadences]
daily = "07:00"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "publication.toml").write_text(MAIN)
    (tmp_path / "feeds" / "all.toml").write_text(FEED)
    return tmp_path


def test_only_the_value_changes_and_comments_stay(root: Path) -> None:
    set_settings(root, [("title", 'The "New" Gazette'), ("delivery.transport", "smtp://localhost:1025")])
    expected = MAIN.replace('"The Gazette"', '"The \\"New\\" Gazette"')
    expected = expected.replace("maildir:mail", "smtp://localhost:1025")
    assert (root / "publication.toml").read_text() == expected


def test_a_setting_that_was_not_written_comes_into_its_own_table(root: Path) -> None:
    set_settings(root, [("language", "de"), ("web.pages", "no"), ("delivery.lanes", "4")])
    written = tomllib.loads((root / "publication.toml").read_text())
    assert written["language"] == "de"
    assert written["web"] == {"pages": False}
    assert written["delivery"] == {"transport": "maildir:mail", "lanes": 4}
    assert "# Into a folder, for now." in (root / "publication.toml").read_text()


def test_lists_dates_and_inline_tables_are_understood(root: Path) -> None:
    set_settings(
        root,
        [
            ("feeds.all.select.tags", "sea, fog"),
            ("feeds.all.formats", '["rss"]'),
            ("feeds.all.newsletter.since", "2026-03-01"),
            ("feeds.all.newsletter.cadences.weekly", "sun 08:00"),
        ],
    )
    feed = load(root).feed("all")
    assert feed is not None
    assert feed.newsletter is not None
    assert feed.selection.tags == ("sea", "fog")
    assert feed.selection.sections == ("world",)
    assert feed.formats == ("rss",)
    assert str(feed.newsletter.since) == "2026-03-01"
    assert [cadence.name for cadence in feed.newsletter.cadences] == ["daily", "weekly"]
    assert "# one only" in (root / "feeds" / "all.toml").read_text()


def test_an_empty_value_removes_what_has_no_default(root: Path) -> None:
    set_settings(root, [("feeds.all.newsletter.since", "")])
    assert "since" not in (root / "feeds" / "all.toml").read_text()


@pytest.mark.parametrize(
    ("key", "value", "cause"),
    [
        ("titel", "x", 'unknown setting "titel"; did you mean "title"?'),
        ("delivery", "x", '"delivery" is a table; name one of its settings: delivery.transport'),
        ("feeds.al.title", "x", 'no feed "al"; did you mean "all"?'),
        ("feeds.all.newsletter.min_item", "2", 'did you mean "feeds.all.newsletter.min_items"?'),
        ("feeds.all.limit", "many", '"feeds.all.limit" must be a whole number, not "many"'),
        ("web.pages", "perhaps", '"web.pages" must be true or false'),
        ("feeds.all.content", "some", '"feeds.all.content" must be one of full, summary'),
        ("feeds.all.formats", "rss,xml", "must be one of rss, atom, json"),
        ("feeds.all.newsletter.since", "soon", "must be a date such as 2026-01-31"),
        ("relay_password", "x", "secrets.toml"),
    ],
)
def test_what_cannot_be_set_is_wrong_usage(root: Path, key: str, value: str, cause: str) -> None:
    with pytest.raises(UsageError) as caught:
        set_settings(root, [(key, value)])
    assert cause in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value", "where"),
    [
        ("timezone", "Mars", "publication.toml:4: "),
        ("url", "news", "publication.toml:3: "),
        ("feeds.all.newsletter.cadences.daily", "often", "feeds/all.toml:9: "),
        ("feeds.all.newsletter.max_items", "0", "feeds/all.toml:"),
        ("feeds.all.newsletter.min_items", "30", "feeds/all.toml:"),
        ("feeds.all.select.sections", "wrld", 'feeds/all.toml:2: unknown section "wrld"; did you mean "world"?'),
    ],
)
def test_a_value_that_would_not_load_is_not_written(root: Path, key: str, value: str, where: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        set_settings(root, [("title", "Changed"), (key, value)])
    assert str(caught.value).startswith(where)
    assert (root / "publication.toml").read_text() == MAIN
    assert (root / "feeds" / "all.toml").read_text() == FEED


def test_faults_that_were_there_can_be_mended_one_by_one(root: Path) -> None:
    broken = MAIN.replace("https://news.example.org", "news").replace('"World"', "7")
    (root / "publication.toml").write_text(broken)
    set_settings(root, [("url", "https://news.example.org")])
    set_settings(root, [("sections.world", "World")])
    assert load(root).title == "The Gazette"


def test_a_file_that_is_not_toml_is_left_alone(root: Path) -> None:
    (root / "publication.toml").write_text("title = The Gazette\n")
    with pytest.raises(ConfigurationError, match=r"publication\.toml:1: not TOML"):
        set_settings(root, [("title", "x")])


def test_windows_line_ends_and_the_mode_stay(root: Path) -> None:
    path = root / "publication.toml"
    path.write_bytes(MAIN.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    set_settings(root, [("title", "New")])
    assert path.read_bytes().count(b"\r\n") == path.read_bytes().count(b"\n")
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_a_linked_file_stays_a_link(root: Path) -> None:
    path = root / "publication.toml"
    path.rename(root / "shared.toml")
    path.symlink_to("shared.toml")
    set_settings(root, [("title", "New")])
    assert path.is_symlink()
    assert 'title = "New"' in (root / "shared.toml").read_text()


def test_new_authors_are_added_and_known_ones_never_changed(root: Path) -> None:
    ana = Author("ana", "Ana Example", "Writes.", "https://ana.example.org")
    assert add_authors(root, [ana, Author("ben", "Ben Example")]) == [ana, Author("ben", "Ben Example")]
    assert add_authors(root, [Author("ana", "Somebody Else")]) == []
    text = (root / "publication.toml").read_text()
    assert text.startswith(MAIN)
    assert "\n[authors.ana]\n" in text
    assert "[authors]\n" not in text
    assert load(root).authors == {"ana": ana, "ben": Author("ben", "Ben Example")}


def test_tables_out_of_order_are_changed_or_refused_but_never_damaged(root: Path) -> None:
    scattered = MAIN + '\n[authors.ana]\nname = "Ana"\n\n[theme]\nwidth = 640\n\n[authors.ben]\nname = "Ben"\n'
    (root / "publication.toml").write_text(scattered)
    for key, value in (("authors.ana.bio", "A."), ("authors.zoe.name", "Zoe"), ("theme.accent", "#000000")):
        before = tomllib.loads((root / "publication.toml").read_text())
        try:
            set_settings(root, [(key, value)])
        except ConfigurationError:
            assert tomllib.loads((root / "publication.toml").read_text()) == before
    assert load(root).authors["ben"].name == "Ben"


def test_a_folder_that_cannot_be_written_keeps_the_old_file(root: Path) -> None:
    # A folder stands where the new text would be made: the same failure for root, whom no mode stops.
    with pytest.raises(OutputError, match="cannot be written"):
        replace_file(root / "missing" / "publication.toml", "x")
    assert list(root.glob("**/*.tmp")) == []


def test_relays_are_added_and_changed_by_their_names(root: Path) -> None:
    set_settings(
        root,
        [
            ("delivery.transport", ""),
            ("delivery.relays.main.transport", "smtp://a.example.org"),
            ("delivery.relays.main.rate", "14/s,500/hour"),
            ("delivery.relays.spare.transport", "smtp://b.example.org"),
            ("delivery.relays.spare.weight", "0"),
            ("delivery.relays.spare.tls", "opportunistic"),
        ],
    )
    text = (root / "publication.toml").read_text()
    assert "# Into a folder, for now." in text
    assert text.count("[[delivery.relays]]") == 2
    main, spare = load(root).delivery.relays
    assert (main.name, main.tls, [str(rate) for rate in main.limits.rates]) == (
        "main",
        "required",
        ["14/s", "500/hour"],
    )
    assert (spare.name, spare.tls, spare.weight) == ("spare", "opportunistic", 0)

    set_settings(root, [("delivery.relays.main.rate", "9/s"), ("delivery.relays.spare.tls", "")])
    main, spare = load(root).delivery.relays
    assert ([str(rate) for rate in main.limits.rates], spare.tls) == (["9/s"], "required")
    shown = {one.key: one for one in read_settings(root)}
    assert shown["delivery.relays.spare.transport"].value == "smtp://b.example.org"
    line = shown["delivery.relays.spare.transport"].line
    assert line is not None
    assert "b.example.org" in (root / "publication.toml").read_text().splitlines()[line - 1]
    assert "delivery.relays.spare.warm_up.since" not in shown


def test_relays_that_stand_in_one_line_are_changed_too(root: Path) -> None:
    path = root / "publication.toml"
    relays = 'relays = [{ name = "a", transport = "smtp://a" }, { name = "b", transport = "smtp://b" }]'
    path.write_text(MAIN.replace('transport = "maildir:mail"', relays))
    set_settings(root, [("delivery.relays.b.lanes", "2")])
    assert [relay.limits.lanes for relay in load(root).delivery.relays] == [8, 2]


def test_a_relay_without_an_address_is_not_written(root: Path) -> None:
    with pytest.raises(ConfigurationError, match="transport"):
        set_settings(root, [("delivery.transport", ""), ("delivery.relays.main.rate", "9/s")])
    assert (root / "publication.toml").read_text() == MAIN


def test_an_optional_setting_is_removed_and_its_default_holds_again(root: Path) -> None:
    set_settings(root, [("delivery.lanes", "3"), ("web.pages", "no")])
    set_settings(root, [("delivery.transport", ""), ("delivery.lanes", ""), ("web.pages", "")])
    assert tomllib.loads((root / "publication.toml").read_text())["delivery"] == {}
    assert load(root).delivery.transport == "maildir:mail"


def test_a_fault_of_a_relay_is_told_with_its_own_line(root: Path) -> None:
    path = root / "publication.toml"
    tables = '[[delivery.relays]]\nname = "a"\ntransport = "smtp://a"\n[[delivery.relays]]\nname = "b"\nweigth = 1\n'
    path.write_text(MAIN.replace('transport = "maildir:mail"\n', "") + tables)
    with pytest.raises(ConfigurationError, match="weigth") as raised:
        load(root)
    assert raised.value.line == path.read_text().splitlines().index("weigth = 1") + 1
