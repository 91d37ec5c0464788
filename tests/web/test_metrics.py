"""`/metrics` is there for this machine and whom the settings name, and for nobody else."""

from __future__ import annotations

from dataclasses import replace

from publisher.model.publication import Publication
from tests.web.conftest import Site, SiteMaker


def test_this_machine_gets_the_figures_of_the_last_run(site: Site) -> None:
    assert site.client.get("/metrics").text == "# nothing has run yet\n"
    site.publication.state.mkdir(exist_ok=True)
    (site.publication.state / "metrics.prom").write_text("publisher_info 1\n")
    answer = site.client.get("/metrics")
    assert (answer.status_code, answer.text) == (200, "publisher_info 1\n")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


def test_for_others_it_is_not_there_behind_a_proxy_either(site: Site) -> None:
    for headers in (
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Forwarded-For": "127.0.0.1, 203.0.113.7"},
        {"Via": "1.1 proxy"},
        {"X-Real-IP": "203.0.113.7"},
    ):
        assert site.client.get("/metrics", headers=headers).status_code == 404


def test_whom_the_settings_name_may_have_them(site_of: SiteMaker, publication: Publication) -> None:
    site = site_of(replace(publication, web=replace(publication.web, metrics=("203.0.113.0/24",))))
    assert site.client.get("/metrics").status_code == 404
    assert site.client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.7"}).status_code == 200
