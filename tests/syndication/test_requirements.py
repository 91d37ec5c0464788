"""What feeds have to be, and the tests that hold each part of it: every line names tests, and every test exists."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

ARCHIVES = "syndication/test_archives.py"
WHOLE = "syndication/test_whole_way.py"

# Number → what must be true, and where it is tested: file: names.
REQUIREMENTS: dict[int, tuple[str, dict[str, str]]] = {
    1: (
        "no judge has an error or a warning, on hostile articles as on clean ones",
        {
            "syndication/test_judges.py": (
                "test_1_atom_is_what_rfc_4287_says test_1_json_feed_is_what_its_specification_says "
                "test_1_feedparser_has_nothing_to_complain_of test_1_fastfeedparser_finds_every_article "
                "test_1_sfeed_finds_every_article test_1_podcastparser_reads_every_rss_document "
                "test_1_the_grammar_of_atom_finds_faults test_1_the_schema_of_json_feed_finds_faults "
                "test_1_no_two_entries_of_a_document_were_updated_at_the_same_moment"
            ),
        },
    ),
    2: (
        "any text gives well-formed XML",
        {
            "syndication/test_feeds.py": (
                "test_hostile_articles_give_well_formed_documents_that_others_read "
                "test_a_cdata_section_cannot_be_ended_from_inside"
            ),
            "articles/test_markup.py": "test_any_text_gives_html_that_is_balanced_and_fit_for_xml",
            "articles/test_hostile.py": "test_an_article_that_cannot_be_used_is_one_line",
        },
    ),
    3: (
        "UTF-8, no byte order mark, nothing before the declaration",
        {"syndication/test_requirements.py": "test_3_documents_are_utf_8_and_begin_with_their_declaration"},
    ),
    4: (
        "an id is minted once and lasts",
        {
            "syndication/test_lasting_ids.py": (
                "test_it_survives_a_new_name_slug_title_section_domain_and_scheme "
                "test_it_survives_a_restored_copy_and_a_public_folder_made_anew "
                "test_importing_the_same_piece_twice_is_recognised "
                "test_an_article_that_is_away_for_a_moment_comes_back_as_itself"
            ),
            "syndication/test_feeds.py": (
                "test_ids_are_the_same_in_all_formats_and_kept_letter_for_letter "
                "test_a_feeds_id_survives_a_change_of_scheme"
            ),
            "articles/test_identity.py": "test_a_file_that_moves_is_known_by_its_content",
            "cli/test_new.py": "test_an_article_is_a_draft_with_an_id_and_no_date",
            "cli/test_importing.py": "test_a_file_of_another_program_keeps_its_id_and_date",
            "cli/test_check.py": "test_fix_writes_ids_and_says_so_and_nothing_else_changes",
        },
    ),
    5: (
        "an id is never used again",
        {
            "syndication/test_lasting_ids.py": "test_what_comes_to_the_path_of_one_that_is_gone_has_its_own_id",
            "articles/test_identity.py": "test_two_files_with_one_id_leave_the_first_and_name_both",
        },
    ),
    6: (
        "newest first, no drafts, nothing from the future",
        {
            "syndication/test_feeds.py": "test_articles_are_newest_first_and_no_more_than_the_limit",
            WHOLE: "test_6_newest_first_and_neither_drafts_nor_what_is_not_due",
        },
    ),
    7: (
        "published never changes, updated moves on a real edit",
        {
            "articles/test_identity.py": (
                "test_updated_moves_on_an_edit_and_not_on_a_minor_one test_white_space_is_no_edit "
                "test_published_never_changes_once_it_was_public"
            ),
            "syndication/test_feeds.py": "test_dates_have_zones_and_whole_seconds",
            "syndication/test_lasting_ids.py": "test_7_updated_moves_on_an_edit_of_the_text_alone",
        },
    ),
    8: (
        "a feed's date is its newest change, and two builds are byte-identical",
        {
            "syndication/test_feeds.py": (
                "test_the_date_of_a_feed_is_its_newest_change_and_not_the_clock "
                "test_two_builds_are_byte_identical test_an_empty_feed_has_a_fixed_date_and_no_items"
            ),
        },
    ),
    9: (
        "full content or a summary; a plain description before it",
        {
            "syndication/test_feeds.py": (
                "test_the_description_is_plain_and_comes_before_the_content test_a_summary_feed_has_no_content"
            ),
            WHOLE: "test_9_whole_texts_unless_summaries_are_asked_for",
        },
    ),
    10: (
        "every address is absolute",
        {
            "articles/test_markup.py": "test_every_address_is_absolute_and_encoded test_footnotes_find_each_other",
            "syndication/test_requirements.py": "test_10_no_document_has_a_relative_address",
            WHOLE: "test_10_every_address_of_the_text_is_absolute_without_help",
        },
    ),
    11: (
        "nothing that runs; embeds become links",
        {
            "articles/test_markup.py": (
                "test_nothing_that_runs_or_leaves_its_place_survives test_embeds_become_links_to_what_they_show"
            ),
            WHOLE: "test_11_nothing_runs_and_nothing_leaves_its_place",
        },
    ),
    12: (
        "HTML is balanced",
        {
            "articles/test_markup.py": (
                "test_any_text_gives_html_that_is_balanced_and_fit_for_xml test_any_tags_give_html_that_is_balanced"
            ),
            WHOLE: "test_12_the_text_is_balanced",
        },
    ),
    13: (
        "pictures keep alt, width and height",
        {
            "articles/test_markup.py": "test_a_picture_alone_in_its_paragraph_is_a_figure_with_its_title_as_caption",
            "syndication/test_feeds.py": "test_content_comes_through_whole",
            WHOLE: "test_13_pictures_keep_what_is_known_of_them",
        },
    ),
    14: (
        "titles are plain text, and none is needed",
        {
            "syndication/test_feeds.py": (
                "test_titles_are_plain_text_whatever_they_look_like test_an_untitled_article_works_in_every_format"
            ),
            WHOLE: "test_14_titles_are_plain_trimmed_and_escaped_once",
        },
    ),
    15: (
        "addresses are ASCII",
        {
            "syndication/test_feeds.py": "test_addresses_are_ascii",
            WHOLE: "test_15_no_address_in_any_document_is_other_than_ascii",
        },
    ),
    16: ("authors by name, no addresses", {"syndication/test_feeds.py": "test_authors_are_names_without_addresses"}),
    17: (
        "self is where it is served, the link is its page",
        {
            "syndication/test_feeds.py": (
                "test_a_feed_links_to_itself_and_to_its_page test_an_entry_has_one_link_and_it_is_the_article"
            ),
            "syndication/test_pages.py": "test_the_pages_that_feeds_link_to_exist",
            WHOLE: "test_17_self_is_where_each_document_is_served_and_its_page_is_there",
        },
    ),
    18: (
        "language, rights, logo",
        {
            "syndication/test_feeds.py": "test_an_article_in_another_language_says_so test_the_logo_is_in_every_format",
            WHOLE: (
                "test_18_feeds_say_whose_they_are_in_which_language_and_made_by_what "
                "test_18_the_picture_of_an_rss_channel_is_as_large_as_it_may_be"
            ),
        },
    ),
    19: ("the lead picture is bare media", {"syndication/test_feeds.py": "test_the_lead_image_is_bare_media"}),
    20: (
        "one enclosure with its true length",
        {
            "syndication/test_podcasts.py": (
                "test_20_rss_has_one_enclosure_with_true_length_and_type "
                "test_20_a_recording_beside_the_article_is_published_with_its_own_length"
            ),
        },
    ),
    21: (
        "categories keep label, slug and scheme",
        {"syndication/test_feeds.py": "test_categories_keep_label_slug_and_scheme"},
    ),
    22: (
        "podcasts have what directories require",
        {
            "syndication/test_podcasts.py": (
                "test_22_a_podcast_has_what_directories_require "
                "test_22_the_guid_is_the_one_that_everybody_computes_and_can_be_kept"
            ),
        },
    ),
    23: (
        "one feed for everything, and by choice one a value",
        {
            "syndication/test_each.py": (
                "test_23_each_value_has_a_feed_in_all_formats_and_an_empty_one_is_valid "
                "test_23_a_feed_of_one_language_is_in_that_language"
            ),
        },
    ),
    24: (
        "feeds are found by programs and people, OPML imports",
        {
            "syndication/test_pages.py": (
                "test_feeds_are_discovered_most_relevant_first_with_distinct_titles "
                "test_opml_lists_the_feeds_that_readers_can_import"
            ),
            "syndication/test_judges.py": (
                "test_24_newsboat_imports_the_list_and_reads_every_article "
                "test_24_listparser_and_sfeed_import_the_list_of_feeds"
            ),
        },
    ),
    25: (
        "editions have a feed of their own, one entry an edition",
        {
            "syndication/test_edition_pages.py": (
                "test_each_cadence_has_a_feed_with_an_entry_an_edition "
                "test_an_edition_s_page_is_there_before_its_mail_leaves "
                "test_what_is_held_or_cancelled_is_not_shown"
            ),
        },
    ),
    26: (
        "private feeds: unguessable, revocable, private, not indexed",
        {
            "web/test_private_feeds.py": (
                "test_it_is_for_its_reader_alone test_it_answers_as_public_feeds_do "
                "test_a_new_link_ends_the_old_one_and_the_feed_keeps_its_ids "
                "test_whoever_has_left_or_must_not_be_mailed_has_no_feed"
            ),
        },
    ),
    27: (
        "a sitemap with true dates",
        {"syndication/test_pages.py": "test_the_sitemap_has_every_page_with_its_true_date"},
    ),
    28: (
        "archives that a walker walks once",
        {
            ARCHIVES: (
                "test_28_a_walker_finds_each_of_2000_articles_exactly_once "
                "test_28_pages_say_what_they_are_and_what_is_around_them "
                "test_28_a_closed_page_changes_only_with_its_own_articles "
                "test_28_closed_pages_change_with_the_publications_url "
                "test_28_adding_articles_changes_the_document_and_at_most_the_one_open_page"
            ),
        },
    ),
    29: (
        "a ceiling of bytes a document",
        {
            ARCHIVES: (
                "test_29_no_document_is_larger_than_the_ceiling_and_nothing_falls_off_the_end "
                "test_29_a_closed_page_that_outgrows_the_ceiling_has_its_older_part_apart"
            ),
        },
    ),
    30: (
        "feeds stay where they were, and hubs are told",
        {
            "web/test_aliases.py": "test_30_an_old_address_of_a_feed_answers_301",
            "syndication/test_each.py": (
                "test_30_an_old_address_has_the_same_bytes test_30_feeds_name_their_hub_and_closed_pages_do_not"
            ),
            "web/test_links.py": "test_feed_documents_name_hub_and_topic_in_their_link_header",
            "syndication/test_hub.py": (
                "test_a_subscriber_has_the_new_article_after_a_run "
                "test_the_hub_is_told_of_every_document_that_changed_and_of_no_other "
                "test_a_hub_that_is_down_is_tried_again_later_and_each_time_later "
                "test_a_hub_that_hangs_is_told_beside_everything_else"
            ),
        },
    ),
    31: (
        "validators and 304, also after a restart",
        {
            "web/test_files.py": (
                "test_a_reader_who_has_it_gets_304_and_no_body "
                "test_validators_survive_a_restart_and_a_public_folder_that_was_made_anew "
                "test_feeds_are_answered_as_all_feeds_are"
            ),
        },
    ),
    32: (
        "compressed copies and the headers that go with them",
        {
            "web/test_files.py": (
                "test_a_feed_comes_in_the_coding_that_the_client_likes_best "
                "test_each_coding_has_a_tag_of_its_own_and_any_of_them_is_current "
                "test_a_file_has_its_media_type_and_a_folder_its_page "
                "test_pages_run_no_scripts_and_feeds_are_open_to_other_sites"
            ),
            "web/test_servers.py": "test_nginx_gives_the_headers_that_our_own_server_gives",
        },
    ),
    33: (
        "a reader gets the format's type, a browser XML",
        {"web/test_files.py": "test_a_browser_that_opens_a_feed_gets_the_same_bytes_as_xml"},
    ),
    34: (
        "a feed in a browser is readable",
        {
            "syndication/test_feeds.py": "test_a_feed_names_the_style_sheet_that_makes_it_readable",
            ARCHIVES: "test_28_an_archive_page_finds_its_style_sheet",
            "syndication/test_pages.py": "test_34_a_feed_opened_in_a_browser_shows_what_is_named_and_nothing_else",
        },
    ),
    35: (
        "no deltas; 429 only for who hammers without validators",
        {
            "web/test_files.py": (
                "test_nothing_sets_a_cookie_or_answers_with_a_delta "
                "test_only_who_hammers_without_validators_is_asked_to_wait"
            ),
        },
    ),
    36: (
        "moved feeds 301, ended feeds 410",
        {"web/test_files.py": "test_old_addresses_of_a_feed_lead_to_it_and_an_ended_one_is_gone"},
    ),
    37: (
        "readers behind aggregators are counted",
        {
            "web/test_readership.py": (
                "test_the_number_in_an_aggregator_s_name_is_read "
                "test_a_fetch_counts_whether_the_feed_changed_or_not_and_older_pages_do_not"
            ),
        },
    ),
}


@cache
def names_in(file: str) -> frozenset[str]:
    """The names of a file's tests."""
    tree = ast.parse((ROOT / "tests" / file).read_text("utf-8"))
    found = (node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))
    return frozenset(name for name in found if name.startswith("test_"))


def test_no_requirement_is_left_out() -> None:
    assert sorted(REQUIREMENTS) == list(range(1, 38))


@pytest.mark.parametrize("number", sorted(REQUIREMENTS))
def test_each_requirement_has_tests_that_exist(number: int) -> None:
    _what, where = REQUIREMENTS[number]
    assert where
    for file, names in where.items():
        assert set(names.split()) <= names_in(file), f"{number}: {set(names.split()) - names_in(file)} in {file}"


def documents(root: Path) -> dict[str, bytes]:
    """Everything that is judged, too: feeds of all kinds, of hostile articles and clean ones."""
    from publisher.syndication.documents import feed_documents
    from tests.syndication.test_judges import articles, everything

    of = everything(root)
    return {document.path: document.content for document in feed_documents(of, articles())}


def test_3_documents_are_utf_8_and_begin_with_their_declaration(tmp_path: Path) -> None:
    for path, content in documents(tmp_path).items():
        content.decode("utf-8", "strict")
        begins = b'{"version":"https://jsonfeed.org/version/1.1"' if path.endswith(".json") else b"<?xml version='1.0'"
        assert content.startswith(begins), path
        if not path.endswith(".json"):
            assert b"encoding='UTF-8'?>" in content[:60], path


def test_10_no_document_has_a_relative_address(tmp_path: Path) -> None:
    import html
    import json
    import re

    import feedparser

    relative = re.compile(r"""\s(?:href|src|poster)=["'](?!https?://|mailto:|#?["'])([^"']*)""")
    for path, content in documents(tmp_path).items():
        if path.endswith(".json"):
            texts = [item.get("content_html", "") for item in json.loads(content)["items"]]
        else:
            texts = re.findall(r"<content[^>]*>(.*?)</content", content.decode(), re.DOTALL)
            texts = [text[9:-3] if text.startswith("<![CDATA[") else html.unescape(text) for text in texts]
            assert all(entry.link.startswith("https://") for entry in feedparser.parse(content).entries), path
        for text in texts:
            assert relative.findall(text) == [], path
