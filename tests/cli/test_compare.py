"""cli/compare.py: two runs on disk, compared; the exit code says whether the second is worse."""

from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Outcome
from synthetic_bundle import write_bundle

from loadtest.errors import ExitCode

Call = Callable[..., Outcome]


def test_two_equal_runs_end_with_0(call: Call, tmp_path: Path) -> None:
    write_bundle(tmp_path / "a", 80)
    write_bundle(tmp_path / "b", 80, seed=2)
    done = call("compare", "a", "b", LOADTEST_OUT=str(tmp_path))
    assert done.code is ExitCode.PASS, done.stdout
    assert done.stdout.strip().startswith("NO REGRESSION: nothing is worse by more than 5 % beyond noise")


def test_a_run_that_is_a_fifth_slower_ends_with_1_and_names_what_is_worse(call: Call, tmp_path: Path) -> None:
    write_bundle(tmp_path / "a", 80, slower=10)
    write_bundle(tmp_path / "b", 80, seed=2, slower=12)
    done = call("compare", str(tmp_path / "a"), str(tmp_path / "b"))
    assert done.code is ExitCode.FAIL, done.stdout
    assert "REGRESSION: delivery p50" in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if line.strip().startswith("delivery p50")]
    assert row.rstrip().endswith("regression")
    page = (tmp_path / "b" / "comparison.html").read_text("utf-8")
    assert "REGRESSION" in page
    assert page.count("<figure data-kind") >= 8
    assert page.count('scope="col">first</th><th scope="col">second</th></tr>') >= 8  # both curves in each
    assert call("compare", str(tmp_path / "a"), str(tmp_path / "b"), "--fail-on", "60%").code is ExitCode.PASS


def test_runs_that_are_too_short_to_tell_end_with_3(call: Call, tmp_path: Path) -> None:
    for name in "ab":
        write_bundle(tmp_path / name, 6)
    done = call("compare", "a", "b", LOADTEST_OUT=str(tmp_path))
    assert done.code is ExitCode.INVALID
    assert "NOTHING TO COMPARE" in done.stdout


def test_a_page_that_cannot_be_written_is_told_and_changes_nothing(call: Call, tmp_path: Path) -> None:
    for name in "ab":
        write_bundle(tmp_path / name, 80)
    (tmp_path / "b" / "comparison.html").mkdir()
    done = call("compare", "a", "b", LOADTEST_OUT=str(tmp_path))
    assert done.code is ExitCode.PASS
    assert "comparison.html could not be written: Is a directory" in done.stderr


@pytest.mark.parametrize(
    ("prepare", "told"),
    [
        (lambda run: (run / "timeline.csv").unlink(), "`loadtest report` makes it"),
        (lambda run: (run / "timeline.csv").write_text("a,b\n"), "not a timeline.csv"),
        (lambda run: (run / "summary.json").unlink(), "there is no run"),
    ],
)
def test_a_run_that_cannot_be_read_ends_with_2(
    prepare: Callable[[Path], None], told: str, call: Call, tmp_path: Path
) -> None:
    for name in "ab":
        write_bundle(tmp_path / name, 20)
    prepare(tmp_path / "a")
    done = call("compare", "a", "b", LOADTEST_OUT=str(tmp_path))
    assert done.code is ExitCode.BAD_CONFIGURATION
    assert told in done.stderr


@pytest.mark.parametrize("given", ["5", "x%", "%", "nan%", "99999%"])
def test_what_is_no_percentage_is_refused(given: str, call: Call, tmp_path: Path) -> None:
    done = call("compare", "a", "b", "--fail-on", given, LOADTEST_OUT=str(tmp_path))
    assert done.code is ExitCode.BAD_CONFIGURATION
    assert "must be a percentage such as 5%" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--baseline", "nowhere"], "there is no run nowhere"),
        (["--fail-on", "5%"], "give that as well"),
        (["--baseline", "nowhere", "--web", "8099"], "leave --web out"),
    ],
)
def test_a_baseline_is_checked_before_anything_is_started(
    arguments: list[str], told: str, call: Call, folder: Path
) -> None:
    done = call("run", "steady", *arguments)
    assert done.code is ExitCode.BAD_CONFIGURATION
    assert told in done.stderr
    assert not (folder / "runs").exists()
