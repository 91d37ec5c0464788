"""Settings by name: what may be set and what holds."""

from __future__ import annotations

from pathlib import Path

from publisher.publication.settings import known_settings, read_settings


def test_every_setting_of_the_schema_has_a_kind_and_a_name() -> None:
    known = {".".join(one.path): one for one in known_settings("publication.toml")}
    assert known["title"].required
    assert known["web.pages"].kind == "switch"
    assert known["delivery.lanes"].kind == "number"
    assert known["delivery.on_unknown"].choices == ("repeat", "hold")
    assert known["sections.NAME"].kind == "text"
    assert known["authors.NAME.name"].required
    feed = {".".join(one.path): one for one in known_settings("feeds/all.toml")}
    assert feed["formats"].choices == ("rss", "atom", "json")
    assert feed["newsletter.since"].kind == "date"
    assert feed["newsletter.cadences.NAME"].kind == "text"


def test_values_and_defaults_are_told_even_where_another_value_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "publication.toml").write_text('title = "T"\nurl = "nowhere"\n\n[authors.ana]\nname = "Ana"\n')
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "all.toml").write_text('title = "All"\nlimit = 9\n')
    settings = {one.key: one for one in read_settings(tmp_path)}
    assert settings["url"].value == "nowhere"
    assert settings["language"].value == "en"
    assert settings["language"].line is None
    assert settings["authors.ana.name"].line == 5
    assert settings["feeds.all.limit"].value == 9
    assert settings["feeds.all.limit"].known.default == 30
    assert not any(key.startswith("feeds.all.newsletter") for key in settings)
