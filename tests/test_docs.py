"""Docs that must say what the code says: keys, exit codes, counters, verbs."""

import re
from pathlib import Path

import pytest
from sample_run import FACTS, sample_summary

from loadtest.errors import ExitCode
from loadtest.report import to_json
from loadtest.report.rows import COLUMNS
from loadtest.swarm.recorder import Tally
from loadtest.verdict import EXIT_CODES

ROOT = Path(__file__).parent.parent
RESULTS = (ROOT / "docs/results.md").read_text()


def rows(title: str) -> set[str]:
    """The names in the first column of the table under a heading or a line that ends with a colon."""
    table = RESULTS.split(title, 1)[1].lstrip().split("\n\n", 1)[0]
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    return {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}


@pytest.mark.parametrize(
    ("title", "path"),
    [
        ("## `summary.json`\n", ()),
        ("\n`workers`:\n", ("workers",)),
        ("\n`lost` ([reliability.md](reliability.md)):\n", ("lost",)),
        ("\n`metrics`:\n", ("metrics",)),
        ("\n`slo`:\n", ("slo",)),
    ],
)
def test_results_md_explains_every_key_of_summary_json_and_no_other(
    title: str,
    path: tuple[str, ...],
) -> None:
    content = to_json(FACTS, sample_summary())
    for key in path:
        content = content[key][0]
    assert rows(title) == set(content)


def test_results_md_explains_every_column_of_the_timeline() -> None:
    table = RESULTS.split("## `timeline.csv`", 1)[1].split("## `histograms", 1)[0]
    named = set(re.findall(r"`(\w+)`", table))
    percentiles = {name for name in COLUMNS if re.search(r"_p\d\d_ms", name)}
    assert set(COLUMNS) - percentiles <= named
    assert {name.split("_")[0] for name in percentiles} <= {name.split("_")[0] for name in named}


def test_results_md_explains_every_counter() -> None:
    paragraph = RESULTS.split("`counters`:", 1)[1].split("\n\n", 1)[0]
    assert set(re.findall(r"`(\w+)`", paragraph)) >= set(Tally.__slots__) - {"on_message"}


def test_results_md_has_every_exit_code_and_verdict() -> None:
    table = RESULTS.split("## Verdict and exit code", 1)[1].split("## `summary", 1)[0]
    codes = {int(code) for code in re.findall(r"^\| (\d+) \|", table, re.MULTILINE)}
    assert codes == {int(code) for code in ExitCode}
    for verdict in EXIT_CODES:
        assert f"`{verdict}`" in table


def test_the_readme_names_every_verb_of_the_makefile() -> None:
    readme = (ROOT / "README.md").read_text()
    makefiles = [ROOT / "Makefile", *ROOT.glob("*/*.mk")]
    verbs = {verb for path in makefiles for verb in re.findall(r"^([a-z0-9-]+):.*##", path.read_text(), re.MULTILINE)}
    named = set(re.findall(r"^\| `make ([a-z0-9-]+)` \|", readme, re.MULTILINE))
    assert named == verbs


@pytest.mark.parametrize("page", [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not link.startswith(("http://", "https://")):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
