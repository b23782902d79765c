"""report/page/html.py: one file that works offline, says the verdict first, and that no server's names can break."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from sample_run import FACTS, sample_summary
from synthetic_run import facts_of, synthetic_run

from loadtest import charts
from loadtest.report.page.html import to_html
from loadtest.report.rows import rows_of
from loadtest.results import Summary
from loadtest.slo import Verdict

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


def page(summary: Summary, length: int, profile: str | None = "name: x\n") -> str:
    return to_html(facts_of(summary, length), summary, rows_of(summary), profile)


class Elements(HTMLParser):
    """Every element with its attributes, and the text outside of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        self._inside = tag

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the parser's signature
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside not in ("script", "style"):
            self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


@pytest.fixture(scope="module")
def html() -> str:
    return page(synthetic_run(60), 60)


def test_the_verdict_and_its_reason_come_before_everything_else(html: str) -> None:
    words = " ".join(" ".join(Elements(html).words).split())
    assert words.index("FAIL") < words.index("1 of 3 SLOs breached: rest response p95 < 20ms for 10s")
    assert words.index("1 of 3 SLOs breached") < words.index("SLOs verdict") < words.index("Over time")
    assert "27.3 ms" in words
    assert "worst: 41s–51s" in words


def test_the_page_fetches_nothing(html: str) -> None:
    elements = Elements(html)
    assert not [attributes for _, attributes in elements.found for name in ("src", "srcset") if name in attributes]
    assert {link.get("href") for link in elements.all("a")} == {"#slos"}
    assert elements.all("link") == []
    assert "url(" not in html
    (policy,) = [meta["content"] or "" for meta in elements.all("meta") if "http-equiv" in meta]
    assert policy.startswith("default-src 'none';")
    assert len(re.findall("'sha256-[A-Za-z0-9+/]{43}='", policy)) == len(elements.all("script")) == 3


def test_every_number_of_a_chart_stands_in_a_table_of_its_figure(html: str) -> None:
    assert html.count("<figure data-kind") == html.count("</tbody></table></div></details>") == 10
    for row in rows_of(synthetic_run(60)):
        assert f"<td>{row.times['delivery_p95_ms']:.4g}</td>" in html


def test_an_hour_of_a_large_run_is_less_than_a_megabyte() -> None:
    summary = synthetic_run(3600, workers=8, samples=4)
    assert len(page(summary, 3600).encode()) < 1_000_000


def test_names_that_a_server_or_a_profile_chose_stay_text() -> None:
    summary = synthetic_run(20, name=HOSTILE)
    summary.errors["pollers"][HOSTILE] = 3
    facts = replace(facts_of(summary, 20, profile=HOSTILE), targets=(HOSTILE,))
    facts = replace(facts, slos=(Verdict(HOSTILE, 1.0, 0.0, "fail", 1, "ms", 2.0, where=HOSTILE),))
    html = to_html(facts, summary, rows_of(summary), HOSTILE)
    elements = Elements(html)
    assert len(elements.all("script")) == 3
    assert elements.all("img") == []
    assert not [name for _, attributes in elements.found for name in attributes if name.startswith("on")]
    assert "".join(elements.words).count(HOSTILE) >= 6  # all of it is there, as text


def test_tables_and_charts_have_names_for_who_cannot_see_them(html: str) -> None:
    elements = Elements(html)
    ids = {attributes["id"] for _, attributes in elements.found if "id" in attributes}
    for _, attributes in elements.found:
        assert attributes.get("aria-labelledby") is None or attributes["aria-labelledby"] in ids
        if attributes.get("role") in ("img", "region"):
            assert attributes.get("aria-label") or attributes.get("aria-labelledby")
    assert all("scope" in header for header in elements.all("th"))
    assert elements.all("html") == [{"lang": "en"}]


def test_the_library_and_its_version_are_recorded(html: str) -> None:
    (generator,) = [meta["content"] for meta in Elements(html).all("meta") if meta.get("name") == "generator"]
    assert generator == f"loadtest 0.1.0; charts: {charts.LIBRARY}"


def test_a_run_of_which_nothing_is_known_still_has_a_report() -> None:
    empty = Summary("r1")
    html = to_html(replace(FACTS, slos=(), workers=(), missing=()), empty, rows_of(empty), None)
    words = " ".join(" ".join(Elements(html).words).split())
    for told in ("The profile has none.", "No second was recorded.", "No worker took part.", "Nothing was measured."):
        assert told in words


def test_a_report_whose_run_has_no_charts_over_time_shows_its_tables() -> None:
    html = to_html(FACTS, sample_summary(), [], None)
    assert "request: timeout" in html
    assert "missing" in html  # the worker whose last report never came
