"""The whole road: articles, feeds, an edition over a real SMTP server, unsubscribing, and the edition after."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path

import anyio
import feedparser
import httpx2
import pytest

from publisher import pipeline
from publisher.audience.admitting import import_rows
from publisher.audience.csvfile import read_csv
from publisher.model.edition import EditionState
from publisher.model.errors import ConfigurationError, RelayUnreachable, TemplateError, UsageError
from publisher.publication import load, load_secrets
from publisher.store import Store, open_store
from publisher.store import editions as edition_store
from publisher.web.application import application
from tests.relay import Accepted, Relay

MONDAY = datetime(2026, 3, 2, 6, 5, tzinfo=UTC)  # 07:05 in Berlin: the daily slot of 07:00 is due
READERS = """\
address,name,newsletter,cadence
ana@example.com,Ana,world,daily
juergen@example.com,Jürgen Weiß,world,daily
mei@example.com,,world,weekly
"""


class Road:
    """A publication, its store and a way to walk its road at a time."""

    def __init__(self, folder: Path, transport: str) -> None:
        self.folder = folder
        self.set("[sections]", f'[delivery]\ntransport = "{transport}"\n[sections]')
        self.publication = load(folder)
        # Slots and articles count from this Monday: no earlier week is caught up with.
        self.set("since = 2026-01-01", "since = 2026-03-02", "feeds/world.toml")
        self.set("date = 2026-03-01T08:00:00Z", "date = 2026-03-02T05:00:00Z", "articles/ferry.md")
        self.secrets = load_secrets(folder)
        self.store: Store = open_store(self.publication.database, folder)

    def set(self, old: str, new: str, file: str = "publication.toml") -> None:
        """Changes a file of the publication and loads it anew."""
        path = self.folder / file
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), "utf-8")
        self.publication = load(self.folder)

    def article(self, name: str, text: str, *, date: datetime, head: str = "") -> None:
        path = self.folder / "articles" / f"{name}.md"
        path.write_text(f'+++\ntitle = "{name}"\ndate = {date.isoformat()}\n{head}\n+++\n{text}\n', "utf-8")

    def import_readers(self) -> None:
        admitted = import_rows(
            self.store,
            self.publication,
            read_csv(READERS.encode(), file="readers.csv"),
            file="readers.csv",
            keys=self.secrets.signing,
            now=MONDAY - timedelta(days=1),
        )
        assert admitted.errors == []

    def walk(self, at: datetime, *, fixed_time: bool = True) -> pipeline.Passed:
        return pipeline.run(
            self.publication,
            self.secrets,
            self.store,
            clock=lambda: at,
            stop=threading.Event(),
            fixed_time=fixed_time,
        )

    def request(self, method: str, url: str, **more: object) -> httpx2.Response:
        """A request to the publication's own web server."""
        app = application(
            self.publication, self.secrets, self.store, clock=lambda: MONDAY + timedelta(hours=2), answer_after=0
        )

        async def ask() -> httpx2.Response:
            transport = httpx2.ASGITransport(app=app)
            async with httpx2.AsyncClient(transport=transport, base_url=self.publication.url) as client:
                return await client.request(method, url, **more)  # type: ignore[arg-type]

        return anyio.run(ask)


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content


def to(relay: Relay, address: str) -> Accepted:
    return next(item for item in relay.accepted if item.recipient == address)


def test_the_whole_road(road: Road, relay: Relay) -> None:
    passed = road.walk(MONDAY)
    assert passed.errors == []

    feed = feedparser.parse((road.folder / "public/feeds/world.atom").read_bytes())
    assert not feed.bozo
    assert [entry.title for entry in feed.entries] == ["The ferry has a new name"]
    rss = feedparser.parse((road.folder / "public/feeds/world.rss").read_bytes())
    assert rss.entries[0].id == feed.entries[0].id

    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1}
    item = to(relay, "juergen@example.com")
    message = item.message
    assert message["From"] == "World Desk <world@example.org>"
    assert message["To"].addresses[0].display_name == "Jürgen Weiß"
    assert message["Subject"] == "The ferry has a new name"
    assert message["Date"].datetime == datetime(2026, 3, 2, 6, tzinfo=UTC)
    assert message["List-Id"] == "World <world.news.example.org>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Precedence"] == "bulk"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"].endswith("@example.org>")
    assert item.sender.startswith("bounces+")
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert "Nobody aboard knew it yet." in part(message, "plain")
    assert "Nobody aboard knew it yet." in part(message, "html")
    assert message.defects == []
    assert max(map(len, item.content.split(b"\r\n"))) <= 998

    assert road.walk(MONDAY + timedelta(minutes=5)).delivered.attempts == 0

    url = message["List-Unsubscribe"].split(">")[0].strip("<")
    assert road.request("GET", url).status_code == 200
    answer = road.request("POST", url, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert road.request("POST", url, data={"List-Unsubscribe": "One-Click"}).status_code == 200

    road.article("Second", "More news.", date=MONDAY + timedelta(hours=3))
    road.walk(MONDAY + timedelta(days=1))
    assert relay.counts == {"ana@example.com": 2, "juergen@example.com": 1}
    second = relay.accepted[-1].message
    assert second["Subject"] == "Second"
    assert "Nobody aboard" not in part(second, "plain")
    assert second["Message-ID"] != to(relay, "ana@example.com").message["Message-ID"]

    with road.store.reading() as connection:
        for edition in edition_store.listing(connection):
            assert edition.state is EditionState.FINISHED
            assert edition_store.sums(connection, edition.id).adds_up


def test_each_message_has_its_own_readers_links(road: Road, relay: Relay) -> None:
    road.walk(MONDAY)
    links = {item.message["List-Unsubscribe"] for item in relay.accepted}
    assert len(links) == 2
    for item in relay.accepted:
        url = item.message["List-Unsubscribe"].split(">")[0].strip("<")
        assert url in part(item.message, "plain")
        assert url in part(item.message, "html")
        assert "zqf" not in item.content.decode()


def test_no_empty_digest_goes_out(road: Road, relay: Relay) -> None:
    """noptin#792: empty digests."""
    road.walk(MONDAY)
    passed = road.walk(MONDAY + timedelta(days=1))
    assert passed.opened == []
    assert len(relay.accepted) == 2
    assert road.walk(MONDAY + timedelta(days=1, minutes=10)).opened == []


def test_a_weekly_reader_gets_the_week_at_once_and_nothing_twice(road: Road, relay: Relay) -> None:
    """calypso#42844, noptin#517: windows by the clock lose or repeat days."""
    for day in range(7):
        road.article(f"day{day}", f"News of day {day}.", date=MONDAY + timedelta(days=day, hours=-1))
        road.walk(MONDAY + timedelta(days=day))
    road.walk(datetime(2026, 3, 8, 7, 5, tzinfo=UTC))  # Sunday, 08:05 in Berlin
    weekly = [item.message for item in relay.accepted if item.recipient == "mei@example.com"]
    assert len(weekly) == 1
    text = part(weekly[0], "plain")
    assert [text.count(f"News of day {day}.") for day in range(7)] == [1] * 7
    daily = "".join(part(item.message, "plain") for item in relay.accepted if item.recipient == "ana@example.com")
    assert [daily.count(f"News of day {day}.") for day in range(5)] == [1] * 5


def test_a_refused_reader_is_a_result_and_not_a_failure(road: Road, relay: Relay) -> None:
    relay.refuse = lambda recipient: "550 5.1.1 no such user" if recipient.startswith("ana") else None
    passed = road.walk(MONDAY)
    assert passed.errors == []
    assert (passed.delivered.accepted, passed.delivered.failed) == (1, 1)


def test_a_relay_that_is_away_is_one_line_and_loses_nothing(road: Road, relay: Relay) -> None:
    port = relay.port
    road.set(f"127.0.0.1:{port}", "127.0.0.1:9")
    passed = road.walk(MONDAY)
    assert len(passed.errors) == 1
    assert isinstance(passed.errors[0], RelayUnreachable)
    assert "127.0.0.1:9" in str(passed.errors[0])
    assert "\n" not in str(passed.errors[0])
    road.set("127.0.0.1:9", f"127.0.0.1:{port}")
    road.walk(MONDAY + timedelta(minutes=5))
    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1}


def test_a_relay_that_says_later_is_asked_again(road: Road, relay: Relay) -> None:
    relay.refuse = lambda recipient: "450 4.2.1 try again" if recipient.startswith("ana") else None
    assert road.walk(MONDAY).delivered.deferred == 1
    relay.refuse = lambda _recipient: None
    assert road.walk(MONDAY + timedelta(minutes=2)).delivered.attempts == 0
    assert road.walk(MONDAY + timedelta(minutes=7)).delivered.accepted == 1
    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1}


def test_one_bad_article_never_keeps_the_others(road: Road, relay: Relay) -> None:
    road.article("Bad", "![x](missing.png)", date=MONDAY - timedelta(hours=1))
    (road.folder / "articles" / "broken.md").write_text("+++\ntitle = x\n+++\n", "utf-8")
    passed = road.walk(MONDAY)
    assert [str(error) for error in passed.errors] == [
        'articles/broken.md:2: front matter is not TOML: invalid value; text stands in quotes: title = "…"',
        'articles/Bad.md: there is no picture "missing.png"; add the file, or take the picture out',
    ]
    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1}
    assert "Bad" not in (road.folder / "public/feeds/world.rss").read_text("utf-8")


def test_a_page_stays_while_its_article_cannot_be_read(road: Road) -> None:
    road.walk(MONDAY)
    page = road.folder / "public/2026/ferry/index.html"
    assert page.exists()
    file = road.folder / "articles/ferry.md"
    text = file.read_text("utf-8")
    file.write_text(text.replace('title = "', "title = "), "utf-8")
    assert len(road.walk(MONDAY + timedelta(hours=1)).errors) == 1
    assert page.exists()
    file.unlink()
    assert road.walk(MONDAY + timedelta(hours=2)).errors == []
    assert not page.exists()


def test_a_broken_template_stops_us_before_anything_is_opened(road: Road, relay: Relay) -> None:
    (road.folder / "templates/email").mkdir(parents=True)
    template = road.folder / "templates/email/digest.html"
    template.write_text("<p>{{ nonsense }}</p>", "utf-8")
    passed = road.walk(MONDAY)
    assert passed.opened == []
    assert isinstance(passed.errors[0], TemplateError)
    assert str(passed.errors[0]).startswith("templates/email/digest.html:1: ")
    template.unlink()
    road.walk(MONDAY + timedelta(minutes=5))
    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1}


@pytest.mark.parametrize(
    ("name", "text", "where"),
    [
        ("email/digest.txt", "{{ wrapped(heading) }}\n{{ nonsense }}", "templates/email/digest.txt:2: "),
        ("email/footer.html", "<tr>\n<td>{% if %}", "templates/email/footer.html:2: "),
        ("email/rest.html", "{{ publication.nothing }}", "templates/email/rest.html:1: "),
        ("email/welcome.txt", "\n\n{{ nonsense }}", "templates/email/welcome.txt:3: "),
        ("web/message.html", "{% block main %}", "templates/web/message.html:1: "),
        (
            "catalogues/de/LC_MESSAGES/publisher.po",
            'msgid "Save"\nmsgstr "%(it)s"\n',
            "templates/catalogues/de/LC_MESSAGES/publisher.po:1: ",
        ),
        (
            "catalogues/en/LC_MESSAGES/publisher.po",
            'msgid "Save"\nmsgstr "%(it)s"\n',
            "templates/catalogues/en/LC_MESSAGES/publisher.po:1: ",
        ),
    ],
)
def test_whatever_override_is_broken_is_named_with_its_line_and_nothing_opens(
    road: Road, relay: Relay, name: str, text: str, where: str
) -> None:
    file = road.folder / "templates" / name
    file.parent.mkdir(parents=True)
    file.write_text(text, "utf-8")
    passed = road.walk(MONDAY)
    assert passed.opened == []
    assert [str(error)[: len(where)] for error in passed.errors] == [where]
    file.unlink()
    assert road.walk(MONDAY + timedelta(minutes=5)).errors == []
    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1}


def test_embedded_pictures_go_out_inside_the_message(road: Road, relay: Relay) -> None:
    picture = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + (1).to_bytes(4, "big") * 2 + b"\x08\x06\x00\x00\x00"
    (road.folder / "articles/dot.png").write_bytes(picture)
    road.article("Dot", "![A dot](dot.png)", date=MONDAY - timedelta(hours=1))
    road.set('default_cadence = "daily"', 'default_cadence = "daily"\nimages = "embed"', "feeds/world.toml")
    road.walk(MONDAY)
    for item in relay.accepted:
        parts = list(item.message.walk())
        assert parts[-1].get_content_type() == "image/png"
        assert parts[-1].get_payload(decode=True) == picture


def test_every_reader_gets_the_edition_in_a_language_of_their_own(road: Road, relay: Relay) -> None:
    road.set('default_cadence = "daily"', 'default_cadence = "daily"\nlanguage = "fr"', "feeds/world.toml")
    with road.store.writing() as connection:
        connection.exec_driver_sql("UPDATE subscriptions SET language = 'ar' WHERE id = 2")
    road.walk(MONDAY)
    digests = {item.message["Content-Language"]: item.message.get_body().get_content() for item in relay.accepted}
    assert '<html lang="fr" dir="ltr">' in digests["fr"]
    assert "Se désabonner" in digests["fr"]
    assert '<html lang="ar" dir="rtl">' in digests["ar"]
    assert "إلغاء الاشتراك" in digests["ar"]


def test_nothing_leaves_this_machine_while_examples_are_left(road: Road) -> None:
    road.set("smtp://127.0.0.1", "smtp://relay.example.net")
    with pytest.raises(ConfigurationError, match="still an example's: url, postal_address"):
        road.walk(MONDAY, fixed_time=False)
    with pytest.raises(UsageError, match="--now works only on a Maildir or a relay on this machine"):
        road.walk(MONDAY)


def test_the_first_run_on_a_real_transport_starts_every_cursor_at_now(folder: Path, sqlite_database: str) -> None:
    """What was tried out before is not mailed to anybody."""
    road = Road(folder, "smtp://no-such-relay.invalid")
    road.set("news.example.org", "news.town.org")
    road.set("1 Example Street", "1 High Street")
    road.set("example.org", "town.org", "feeds/world.toml")
    road.set("example.org", "town.org", "feeds/science.toml")
    road.import_readers()
    passed = road.walk(MONDAY, fixed_time=False)
    assert passed.started_afresh == 3
    assert passed.opened == []
    assert passed.errors == []
    assert road.walk(MONDAY + timedelta(minutes=5), fixed_time=False).started_afresh is None
    road.article("Later", "News.", date=MONDAY + timedelta(hours=1))
    passed = road.walk(MONDAY + timedelta(days=1), fixed_time=False)
    assert [opened.deliveries for opened in passed.opened] == [2]
    assert isinstance(passed.errors[0], RelayUnreachable)
    road.store.close()


def test_two_builds_are_byte_identical(road: Road) -> None:
    def built() -> dict[Path, bytes]:
        return {
            path: path.read_bytes()
            for path in (road.folder / "public").rglob("*")
            # Another edition opens after the second build.
            if path.is_file() and "editions" not in str(path) and not path.name.startswith("sitemap.xml")
        }

    road.walk(MONDAY)
    after = road.walk(MONDAY + timedelta(minutes=5)).published
    assert after is not None
    assert after.written.changed == ("sitemap.xml",)  # the edition that opened has its place in it now
    before = built()
    assert road.walk(MONDAY + timedelta(days=40)).published.written.changed == ()  # type: ignore[union-attr]
    assert built() == before


def test_the_clock_set_back_or_forward_opens_nothing_twice(road: Road, relay: Relay) -> None:
    road.walk(MONDAY)
    for at in (MONDAY - timedelta(hours=1), MONDAY + timedelta(days=1), MONDAY):
        assert road.walk(at).opened == []
    assert len(relay.accepted) == 2


def test_into_a_maildir_nobody_is_mailed(folder: Path, sqlite_database: str) -> None:
    road = Road(folder, "maildir:mail")
    road.import_readers()
    road.walk(MONDAY)
    assert len(list((folder / "mail/new").iterdir())) == 2
    assert road.walk(MONDAY + timedelta(minutes=5)).delivered.attempts == 0
    road.store.close()


def test_a_newsletter_that_was_removed_keeps_no_other_back_and_loses_nothing(road: Road, relay: Relay) -> None:
    rows = "address,newsletter,cadence\nmei@example.com,science,weekly\n"
    add = read_csv(rows.encode(), file="more.csv")
    import_rows(road.store, road.publication, add, file="more.csv", keys=road.secrets.signing, now=MONDAY)
    road.set("since = 2026-01-01", "since = 2026-03-02", "feeds/science.toml")
    friday = MONDAY + timedelta(days=4, hours=1)
    road.article("Ice", "Thin.", date=friday - timedelta(hours=9), head='section = "science"')
    relay.refuse = lambda _recipient: "451 later"
    road.walk(friday)
    relay.refuse = lambda _recipient: None

    file = road.folder / "feeds/science.toml"
    text = file.read_text("utf-8")
    file.unlink()
    road.publication = load(road.folder)
    passed = road.walk(friday + timedelta(hours=1))
    assert [str(error) for error in passed.errors] == [
        "feeds/science.toml: the newsletter was removed while mail of it was still to go out: 1 to go; "
        "put it back until its editions are finished, or cancel them"
    ]
    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1}

    file.write_text(text, "utf-8")
    road.publication = load(road.folder)
    assert road.walk(friday + timedelta(hours=2)).errors == []
    assert relay.counts == {"ana@example.com": 1, "juergen@example.com": 1, "mei@example.com": 1}


def test_a_subject_that_fails_for_one_newsletter_keeps_no_other_back(road: Road, relay: Relay) -> None:
    """The sample of three articles passes; the edition of one does not, after its slot was taken."""
    rows = "address,newsletter,cadence\nmei@example.com,science,weekly\n"
    add = read_csv(rows.encode(), file="more.csv")
    import_rows(road.store, road.publication, add, file="more.csv", keys=road.secrets.signing, now=MONDAY)
    for name in ("One", "Two"):
        road.article(name, "Text.", date=MONDAY - timedelta(hours=2))
    road.walk(MONDAY)
    relay.forget()

    friday = MONDAY + timedelta(days=4, hours=1)
    road.set("default_cadence", 'subject = "{{ articles[1].title }}"\ndefault_cadence', "feeds/world.toml")
    road.set("since = 2026-01-01", "since = 2026-03-02", "feeds/science.toml")
    road.article("Ice", "Thin.", date=friday - timedelta(hours=9), head='section = "science"')
    passed = road.walk(friday)
    assert [str(error).partition(": ")[0] for error in passed.errors] == ["feeds/world.toml"]
    assert relay.counts == {"mei@example.com": 1}
    assert [str(error).partition(": ")[0] for error in road.walk(friday + timedelta(hours=1)).errors] == [
        "feeds/world.toml"
    ]

    road.set("articles[1]", "articles[0]", "feeds/world.toml")
    assert road.walk(friday + timedelta(hours=2)).errors == []
    assert relay.counts == {"mei@example.com": 1, "ana@example.com": 1, "juergen@example.com": 1}


def test_after_a_run_at_a_time_still_to_come_editions_go_out_again_and_nothing_comes_twice(
    road: Road, relay: Relay
) -> None:
    """A trial with --now years ahead, or a clock that was wrong for one run."""
    in_2031 = MONDAY.replace(year=2031)
    road.walk(MONDAY)
    road.article("Tomorrow", "Text.", date=MONDAY + timedelta(hours=20))
    road.walk(in_2031)
    assert relay.counts == {"ana@example.com": 2, "juergen@example.com": 2, "mei@example.com": 1}

    road.article("News", "Text.", date=MONDAY + timedelta(hours=21))
    passed = road.walk(MONDAY + timedelta(hours=22), fixed_time=False)
    assert passed.came_back_from == in_2031
    assert passed.published is not None
    assert passed.published.left_out == ()
    passed = road.walk(MONDAY + timedelta(days=1), fixed_time=False)
    assert passed.came_back_from is None
    assert [opened.edition.slot for opened in passed.opened] == [datetime(2026, 3, 3, 6, tzinfo=UTC)]
    assert relay.counts == {"ana@example.com": 3, "juergen@example.com": 3, "mei@example.com": 1}
    assert relay.accepted[-1].message["Subject"] == "News"


def test_a_slot_that_was_tried_out_before_its_time_is_opened_again_on_a_real_transport(
    folder: Path, sqlite_database: str
) -> None:
    road = Road(folder, "maildir:mail")
    road.import_readers()
    tuesday = MONDAY + timedelta(days=1)
    friday = tuesday + timedelta(days=3)
    road.article("Thursday", "Text.", date=friday - timedelta(days=1))
    assert len(road.walk(friday).opened) == 1
    for old, new, file in (
        ("maildir:mail", "smtp://no-such-relay.invalid", "publication.toml"),
        ("news.example.org", "news.town.org", "publication.toml"),
        ("1 Example Street", "1 High Street", "publication.toml"),
        ("example.org", "town.org", "feeds/world.toml"),
        ("example.org", "town.org", "feeds/science.toml"),
    ):
        road.set(old, new, file)
    passed = road.walk(MONDAY, fixed_time=False)
    assert (passed.came_back_from, passed.started_afresh, passed.errors) == (friday, 3, [])
    passed = road.walk(friday, fixed_time=False)
    assert [(opened.deliveries, opened.subjects) for opened in passed.opened] == [(2, ("Thursday",))]
    road.store.close()


def test_an_article_that_could_not_be_read_when_its_edition_opened_comes_with_the_next(
    road: Road, relay: Relay
) -> None:
    tuesday = MONDAY + timedelta(days=1)
    road.walk(MONDAY)
    road.article("Late", "Text.", date=MONDAY + timedelta(hours=3))
    road.walk(MONDAY + timedelta(hours=4))
    relay.forget()
    file = road.folder / "articles" / "Late.md"
    good = file.read_text("utf-8")
    file.write_text(good.replace('title = "', "title = "), "utf-8")
    road.article("Other", "Text.", date=MONDAY + timedelta(hours=5))
    assert len(road.walk(tuesday).errors) == 1
    assert [item.message["Subject"] for item in relay.accepted] == ["Other", "Other"]
    file.write_text(good, "utf-8")
    assert road.walk(tuesday + timedelta(hours=1)).errors == []
    relay.forget()
    road.walk(tuesday + timedelta(days=1))
    assert [item.message["Subject"] for item in relay.accepted] == ["Late", "Late"]
    relay.forget()

    # Away for a while once more, it is nothing new to those who have it.
    file.write_text(good.replace("+++\nText", "draft = true\n+++\nText"), "utf-8")
    road.walk(tuesday + timedelta(days=1, hours=1))
    file.write_text(good, "utf-8")
    for hours in (2, 23, 24):
        road.walk(tuesday + timedelta(days=1, hours=hours))
    assert relay.accepted == []
    # The weekly reader gets both on Sunday, each once.
    road.walk(MONDAY + timedelta(days=6, hours=2))
    assert relay.counts == {"mei@example.com": 1}
    message = relay.accepted[0].message
    assert part(message, "plain").count("Late") > 0
    assert message["Subject"].endswith("and 2 more")
