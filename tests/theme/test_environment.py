"""Templates that cannot work: one line with the file, whatever is wrong with them."""

from __future__ import annotations

import pytest

from publisher.model.errors import TemplateError
from publisher.model.publication import Publication
from publisher.theme.environment import environment_of, render


@pytest.mark.parametrize(
    "text",
    [
        "{% include 'broken.html' %}",
        "{% extends 'broken.html' %}",
        "{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}",
        "{{ 1 / 0 }}",
        "{{ ''.__class__ }}",
        "{% for number in range(10 ** 9) %}x{% endfor %}",
        "{% if %}",
        "{% include 'nowhere.html' %}",
        "{{ nonsense }}",
        b"\xff\xfe",
    ],
)
def test_a_template_that_cannot_work_is_one_line_with_its_file(publication: Publication, text: str | bytes) -> None:
    publication.templates.mkdir()
    content = text if isinstance(text, bytes) else text.encode()
    (publication.templates / "broken.html").write_bytes(content)
    with pytest.raises(TemplateError) as caught:
        render(environment_of(publication), "broken.html", {})
    assert str(caught.value).startswith("templates/broken.html")


def test_a_template_that_cannot_be_read_is_one_line_with_its_file(publication: Publication) -> None:
    (publication.templates / "broken.html").mkdir(parents=True)
    with pytest.raises(TemplateError) as caught:
        render(environment_of(publication), "broken.html", {})
    assert str(caught.value).startswith("templates/broken.html")
