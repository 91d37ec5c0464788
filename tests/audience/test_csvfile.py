"""Reading a CSV of subscribers: whatever a spreadsheet wrote, and a bad row keeps no good one out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.audience.csvfile import CsvRow, read_csv
from publisher.model.errors import PublisherError, UsageError

FULL = "address,name,newsletter,cadence,topics,language,Favourite colour\n"


def read(content: str | bytes) -> list[CsvRow | PublisherError]:
    return list(read_csv(content if isinstance(content, bytes) else content.encode(), file="people.csv"))


def rows(content: str | bytes) -> list[CsvRow]:
    return [row for row in read(content) if isinstance(row, CsvRow)]


def errors(content: str | bytes) -> list[str]:
    return [str(row) for row in read(content) if isinstance(row, PublisherError)]


def test_a_row_has_what_its_columns_say_and_own_fields() -> None:
    written = FULL + 'ana@example.com,"Reader, Ana",world,daily,section:science;tag:trade,en,sea green\n'
    assert read(written) == [
        CsvRow(
            line=2,
            address="ana@example.com",
            name="Reader, Ana",
            newsletter="world",
            cadence="daily",
            topics="section:science;tag:trade",
            language="en",
            fields={"favourite_colour": "sea green"},
        )
    ]


@pytest.mark.parametrize("header", ["Email", "E-Mail", "e-mail address", "ADDRESS", " email_address ", "mail"])
def test_other_names_of_the_address_column_are_known(header: str) -> None:
    assert [row.address for row in rows(f"Name,{header}\nAna,ana@example.com\n")] == ["ana@example.com"]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_the_delimiter_is_found(delimiter: str) -> None:
    (row,) = rows(f"address{delimiter}name\nana@example.com{delimiter}Ana\n")
    assert (row.address, row.name) == ("ana@example.com", "Ana")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_any_encoding_and_line_end_a_spreadsheet_writes_is_read(encoding: str, line_end: str) -> None:
    text = line_end.join(["address,name", "juergen@example.com,Jürgen Weiß", ""])
    (row,) = rows(text.encode(encoding))
    assert (row.name, row.line) == ("Jürgen Weiß", 2)


def test_a_list_of_addresses_needs_no_first_line() -> None:
    assert [row.address for row in rows("ana@example.com\nbo@example.com\n")] == ["ana@example.com", "bo@example.com"]


def test_empty_lines_and_rows_of_commas_are_passed_over_and_lines_still_count() -> None:
    assert [(row.line, row.address) for row in rows("\naddress,name\n\n,\nana@example.com\n")] == [
        (5, "ana@example.com")
    ]


def test_a_quote_that_never_ends_costs_only_its_own_row() -> None:
    content = FULL + 'ana@example.com,"Ana\n' + "".join(f"r{n}@example.com,R\n" for n in range(50))
    assert len(rows(content)) == 50
    assert errors(content) == ['people.csv:2: its quotes do not match; write " in a value as ""']


def test_two_open_quotes_cost_two_rows() -> None:
    content = 'address,name\na@example.com,"A\nb@example.com,B\nc@example.com,"C\nd@example.com,D\n'
    assert [row.address for row in rows(content)] == ["b@example.com", "d@example.com"]
    assert len(errors(content)) == 2


def test_a_value_may_have_line_ends_between_quotes_and_becomes_one_line() -> None:
    (first, second) = rows('address,name\nana@example.com,"Ana\nReader"\nbo@example.com,Bo\n')
    assert (first.name, second.line) == ("Ana Reader", 4)


def test_a_row_without_address_or_with_too_many_cells_is_named_by_its_line() -> None:
    assert errors("address,name\n,Ana\nbo@example.com,Bo,x\nci@example.com,Ci\n") == [
        "people.csv:2: it has no address; add one, or remove the row",
        "people.csv:3: it has 3 cells, the first line has 2; put a value with a delimiter in it between quotes",
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "the file is empty"),
        ("\n \n", "the file is empty"),
        ("name,city\nAna,Berlin\n", 'no column "address"'),
        ("email,mail\na@example.com,b@example.com\n", 'two columns are called "address"'),
        ("address,unsubscribe_url\n", 'cannot be called "unsubscribe_url"'),
    ],
)
def test_a_file_without_a_usable_first_line_is_refused(content: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read(content)


@given(st.text(alphabet='ab@.,;"\n\t\x00é', max_size=200))
def test_no_file_makes_it_fall_over_and_every_row_is_accounted_for(text: str) -> None:
    content = "address,name\n" + text + '\nlast@example.com,"Last"\n'
    read_back = read(content)
    assert read_back
    assert len({row.line for row in read_back if row.line}) == len(read_back)


def test_one_line_in_another_encoding_leaves_everybody_elses_name_alone() -> None:
    content = "address,name\njuergen@example.com,Jürgen\n".encode() + "zoe@example.com,Zoë\n".encode("latin-1")
    names = [row.name for row in read_csv(content, file="a.csv") if isinstance(row, CsvRow)]
    assert names == ["Jürgen", "Zoë"]
