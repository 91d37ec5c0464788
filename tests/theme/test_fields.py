"""Tokens of personal fields."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.theme.fields import TOKEN, Field, fill, names, strip, token

NAMES = st.from_regex(r"\A[a-z0-9_]{1,12}\Z").filter(lambda name: "qfz" not in name)


def test_a_token_is_made_of_letters_that_no_inliner_changes() -> None:
    assert token("unsubscribe_url") == "zqfunsubscribe_urlqfz"
    assert names(f"Dear {token('name')}, {token('name')}: {token('city')}") == {"name", "city"}


@pytest.mark.parametrize("name", ["", "Name", "na me", "prénom", "a-b", "aqfzb"])
def test_a_name_that_cannot_stand_in_a_token_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="a-z"):
        token(name)


@given(NAMES, NAMES)
def test_tokens_side_by_side_are_two(first: str, second: str) -> None:
    assert TOKEN.split(token(first) + token(second)) == ["", first, "", second, ""]


@given(st.text(alphabet="zqfan_ ", max_size=60))
def test_stripping_leaves_no_token_however_nested(text: str) -> None:
    assert not names(strip(text))


def test_stripping_keeps_every_other_letter() -> None:
    assert strip(f"before {token('name')}after zqf, qfz") == "before after zqf, qfz"


@given(NAMES.filter(lambda name: "__" not in name), st.text(max_size=40))
def test_a_default_comes_back_as_it_was_given(name: str, default: str) -> None:
    made = token(name, default.encode("utf-8", "replace").decode())
    assert names(made) == {name}
    assert fill(made, {}) == default.encode("utf-8", "replace").decode()
    assert fill(made, {name: "value"}) == "value"
    assert TOKEN.split(f"a{made}b")[::2] == ["a", "b"]
    assert strip(made) == ""


def test_a_default_is_escaped_where_values_are() -> None:
    assert fill(f"Dear {token('name', '<you> & me')}", {}, escaped=True) == "Dear &lt;you&gt; &amp; me"


def test_a_field_cannot_be_asked_whether_it_is_there() -> None:
    field = Field(token("city", "x"))
    assert f"{field}" == token("city", "x")
    with pytest.raises(TypeError, match=r"reader\.city.*default"):
        bool(field)
