"""The rules for digests: a hostile example and a clean one of each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.editions.checking import check_sample
from publisher.editions.sampling import Sample, sample_editions, sample_notices
from publisher.editions.spam import Verdict
from publisher.model.article import Article, Author, Image
from publisher.model.errors import TemplateError
from publisher.model.feed import Feed, Newsletter
from publisher.model.finding import Finding, Severity
from publisher.model.publication import Publication
from publisher.publication.loading import load
from publisher.publication.positions import Positions
from publisher.theme.environment import environment_of
from publisher.theme.overrides import Overrides
from tests.conftest import NOW


def article(number: int = 1, **changes: object) -> Article:
    values: dict[str, object] = {
        "id": f"tag:news.example.org,2026:/{number}",
        "path": f"articles/{number}.md",
        "url": f"https://news.example.org/2026/{number}/",
        "slug": str(number),
        "title": f"Article {number}",
        "html": '<p>Text with <a href="https://elsewhere.example/">a link</a>.</p>\n',
        "summary": "What it says.",
        "published": NOW - timedelta(hours=number),
        "updated": NOW - timedelta(hours=number),
        "language": "en",
        "content_hash": str(number),
        "section": "world",
        "sequence": 100 - number,
    }
    return Article(**{**values, **changes})  # type: ignore[arg-type]


def newsletter_of(publication: Publication, name: str) -> tuple[Feed, Newsletter]:
    feed = publication.feed(name)
    assert feed is not None
    assert feed.newsletter is not None
    return feed, feed.newsletter


def samples(
    folder: Path,
    *articles: Article,
    cursor: int = 0,
    change: Callable[[Publication], Publication] = lambda it: it,
    **settings: object,
) -> list[Sample]:
    publication = change(load(folder))
    feed, newsletter = newsletter_of(publication, "world")
    newsletter = replace(newsletter, **settings)  # type: ignore[arg-type]
    return sample_editions(
        environment_of(publication),
        publication,
        feed,
        newsletter,
        articles,
        cursors={"daily": cursor, "weekly": 0},
        now=NOW,
    )


def check(
    folder: Path,
    *articles: Article,
    weights: dict[str, int] | None = None,
    broken: str = "",
    own_fields: Collection[str] | None = None,
    verdict: Verdict | None = None,
    change: Callable[[Publication], Publication] = lambda it: it,
    **settings: object,
) -> list[Finding]:
    [sample] = samples(folder, *articles, change=change, **settings)
    return list(
        check_sample(
            sample,
            positions=Positions(folder),
            publication=change(load(folder)),
            weights=weights or {},
            overrides=Overrides(folder / "templates"),
            own_fields=own_fields,
            verdict=verdict,
            fault=lambda url: ("there is nothing", "mend it") if url == broken else None,
        )
    )


def override(folder: Path, name: str, before: str, after: str) -> None:
    """The built-in template with one thing changed."""
    built_in = Path(__file__).parents[2] / "templates" / "email" / name
    text = built_in.read_text()
    assert before in text
    target = folder / "templates" / "email" / name
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text.replace(before, after, 1))


def test_a_digest_that_is_right_has_no_finding(folder: Path) -> None:
    assert check(folder, article(1), article(2), article(3)) == []


def test_cadences_with_the_same_list_are_one_sample_and_others_two(folder: Path) -> None:
    assert [one.cadence for one in samples(folder, article(1), article(2))] == ["daily"]
    assert [one.cadence for one in samples(folder, article(1), article(2), cursor=98)] == ["daily", "weekly"]


def test_without_a_public_article_there_is_no_sample(folder: Path) -> None:
    assert samples(folder) == []
    assert samples(folder, article(draft=True)) == []


def test_the_next_edition_has_a_language_and_rest_of_its_own(folder: Path) -> None:
    [sample] = samples(folder, *map(article, range(1, 6)), max_items=2)
    assert (len(sample.articles), len(sample.rest)) == (2, 3)


@pytest.mark.parametrize("subject", ["", "{# nothing #}", "{% if articles|length > 9 %}Many{% endif %}"])
def test_an_empty_subject_is_a_warning(folder: Path, subject: str) -> None:
    [found] = check(folder, article(), subject=subject)
    assert (found.rule, found.file, found.severity) == ("empty-subject", "feeds/world.toml", Severity.WARNING)


@pytest.mark.parametrize("subject", ["{{ newsletter.title }}", "World", "{{ articles[0].title }}"])
def test_a_subject_that_says_something_is_no_finding(folder: Path, subject: str) -> None:
    assert check(folder, article(), subject=subject) == []


def test_an_overlong_subject_is_a_warning_that_quotes_it(folder: Path) -> None:
    [found] = check(folder, article(title="A title of some length " * 3))
    assert (found.rule, found.file) == ("overlong-subject", "feeds/world.toml")
    assert "68 characters" in found.what
    assert "A title of some length A" in found.what


def test_of_articles_that_were_mailed_before_only_the_templates_are_judged(folder: Path) -> None:
    mailed = article(title="A title of some length " * 3, sequence=None)
    assert check(folder, mailed) == []
    assert [one.rule for one in check(folder, mailed, subject="")] == ["empty-subject"]


def test_a_readers_name_counts_as_a_name_of_usual_length(folder: Path) -> None:
    assert check(folder, article(), subject="For {{ reader.name }}: {{ articles[0].title }}") == []
    [found] = check(folder, article(), subject="{{ reader.name }}, " * 3)
    assert "Alexandra Exampleton, Alexandra" in found.what


def test_an_article_without_words_gives_no_preheader(folder: Path) -> None:
    [found] = check(folder, article(summary="", html='<p><img src="https://news.example.org/a.png" alt=""></p>'))
    assert (found.rule, found.file, found.severity) == ("no-preheader", "articles/1.md", Severity.WARNING)


@pytest.mark.parametrize(
    ("name", "left"),
    [
        ("footer.html", "{{ address }}"),
        ("footer.html", "*|UNSUB|*"),
        ("footer.txt", "{% now %}"),
    ],
)
def test_a_placeholder_that_a_template_leaves_is_an_error(folder: Path, name: str, left: str) -> None:
    first = (Path(__file__).parents[2] / "templates" / "email" / name).read_text().splitlines()[-1]
    override(folder, name, first, f"{{% raw %}}{left}{{% endraw %}}{first}")
    [found] = check(folder, article())
    assert (found.rule, found.severity) == ("leftover-placeholder", Severity.ERROR)
    lines = (folder / "templates" / "email" / name).read_text().splitlines()
    assert (found.file, found.line) == (f"templates/email/{name}", len(lines))
    assert left in found.what


def test_placeholders_of_an_article_are_reported_there_and_code_is_code(folder: Path) -> None:
    of_article = article(html="<p>{{ name }}</p><pre><code>{% if %}</code></pre>", title="About {{ x }}")
    assert check(folder, of_article) == []


def test_a_picture_of_a_template_without_alt_is_a_warning(folder: Path) -> None:
    override(folder, "footer.html", "<p", '<img src="https://news.example.org/rule.png" width="1" height="1"><p')
    found = check(folder, article())
    assert [(one.rule, one.file, one.line) for one in found] == [("missing-alt", "templates/email/footer.html", 2)]
    assert "https://news.example.org/rule.png" in found[0].what


def test_more_than_two_megabytes_to_load_are_a_warning(folder: Path) -> None:
    picture = Image("https://news.example.org/media/sea.jpg", alt="The sea", width=600, height=400)
    assert check(folder, article(image=picture), weights={picture.url: 1_000_000}) == []
    [found] = check(folder, article(image=picture), weights={picture.url: 2_500_000})
    assert (found.rule, found.file) == ("heavy-digest", "feeds/world.toml")
    assert "2.5 MB (sea.jpg 2.5 MB)" in found.what


@pytest.mark.parametrize("address", ["", "#", "https://news.example.org/gone/"])
def test_a_link_of_a_template_that_leads_nowhere_is_an_error(folder: Path, address: str) -> None:
    override(folder, "footer.html", "<p", f'<p><a href="{address}">x</a></p><p')
    [found] = check(folder, article(), broken="https://news.example.org/gone/")
    assert (found.rule, found.severity) == ("broken-link", Severity.ERROR)
    assert (found.file, found.line) == ("templates/email/footer.html", 2)


def test_links_of_articles_are_reported_there(folder: Path) -> None:
    html = '<p><a href="https://news.example.org/gone/">x</a> <a href="http://elsewhere.example/">y</a></p>'
    assert check(folder, article(html=html), broken="https://news.example.org/gone/") == []


def test_an_insecure_link_of_a_template_is_a_warning(folder: Path) -> None:
    override(folder, "footer.html", "<p", '<p><a href="http://elsewhere.example/">x</a></p><p')
    [found] = check(folder, article())
    assert (found.rule, found.file, found.line) == ("insecure-link", "templates/email/footer.html", 2)


def test_an_authors_insecure_address_is_reported_in_the_settings(folder: Path) -> None:
    ana = Author("ana", "Ana", bio="Writes.", url="http://ana.example/")

    def with_ana(publication: Publication) -> Publication:
        return replace(publication, authors={"ana": ana})

    assert check(folder, article(authors=(ana,)), change=with_ana) == []


def test_an_edition_that_has_to_be_shortened_is_a_hint_with_the_size_in_each_style(folder: Path) -> None:
    long = "<p>A long text about the sea.</p>" * 2000
    found = check(folder, article(1, html=long), article(2, html=long))
    assert [(one.rule, one.severity) for one in found] == [("shortened-articles", Severity.HINT)]
    assert "full " in found[0].what
    assert "summary " in found[0].what
    assert "headlines " in found[0].what
    assert check(folder, article(1, html=long), article(2, html=long), style="summary") == []


def test_a_broken_template_stops_the_sample_with_its_file_and_line(folder: Path) -> None:
    override(folder, "footer.html", "\n", "\n{{ nobody.knows }}\n")
    with pytest.raises(TemplateError, match=r"templates/email/footer.html:2: "):
        samples(folder, article())


def test_notices_are_rendered_too(folder: Path) -> None:
    override(folder, "welcome.html", "<p", "{{ nobody.knows }}<p")
    publication = load(folder)
    with pytest.raises(TemplateError, match=r"templates/email/welcome.html:\d+: "):
        sample_notices(environment_of(publication), publication, newsletter_of(publication, "world")[1])


@pytest.mark.parametrize(
    ("style", "name"),
    [
        ("display: flex", "display:flex"),
        ("position: absolute", "position"),
        ("width: calc(50% - 2px)", "calc("),
    ],
)
def test_a_layout_that_mail_programs_drop_is_a_warning_at_its_line(folder: Path, style: str, name: str) -> None:
    override(folder, "footer.html", "<p", f'<p style="{style}">x</p><p')
    [found] = check(folder, article())
    assert (found.rule, found.file, found.line) == ("lost-in-mail", "templates/email/footer.html", 2)
    assert found.what.startswith(f"{name} is unknown to ")
    assert "Outlook" in found.what
    assert found.remedy


def test_a_field_that_no_reader_has_is_a_warning_with_the_nearest(folder: Path) -> None:
    feed = folder / "feeds" / "world.toml"
    subject = "subject = \"For {{ reader.ctiy|default('you') }}\"\n"
    feed.write_text(feed.read_text().replace("[newsletter]\n", f"[newsletter]\n{subject}", 1))
    subject_of = load(folder).newsletters[1].subject
    [found] = check(folder, article(), subject=subject_of, own_fields={"city"})
    assert (found.rule, found.file, found.remedy) == ("unknown-field", "feeds/world.toml", 'did you mean "city"?')
    assert found.line == feed.read_text().splitlines().index(subject.strip()) + 1
    assert check(folder, article(), subject="For {{ reader.city }}, {{ reader.name }}", own_fields={"city"}) == []
    override(folder, "footer.html", "<p", "<p>{{ reader.plan }}</p><p")
    [found] = check(folder, article(), subject="World", own_fields={"city"})
    assert (found.file, found.line) == ("templates/email/footer.html", 2)
    assert found.remedy == "import it as a column of that name"


def test_points_of_a_spam_filter_are_a_warning_with_what_added_to_them(folder: Path) -> None:
    assert check(folder, article(), verdict=Verdict(0.9, "a judge", ("0.9 SOMETHING",))) == []
    [found] = check(folder, article(), verdict=Verdict(3.2, "a judge", ("2.0 SHOUTS", "1.2 MORE")))
    assert (found.rule, found.file, found.severity) == ("spam-score", "feeds/world.toml", Severity.WARNING)
    assert "3.2 by a judge: 2.0 SHOUTS; 1.2 MORE" in found.what


def test_a_digest_near_the_clipping_is_a_hint_with_the_size_in_each_style(folder: Path) -> None:
    [found] = check(folder, article(html="<p>" + "Ninety thousand letters. " * 3600 + "</p>"))
    assert (found.rule, found.file, found.severity) == ("large-digest", "feeds/world.toml", Severity.HINT)
    for part in ("full 9", "summary ", "headlines ", "clip at 100 KB"):
        assert part in found.what
    assert "lower max_items" in found.remedy


def test_a_missing_preheader_is_mended_in_the_settings_too(folder: Path) -> None:
    silent = article(title="Sea", html="", summary="")
    assert [one.rule for one in check(folder, silent)] == ["no-preheader"]
    assert check(folder, silent, preheader="{{ articles|length }} pieces today") == []
