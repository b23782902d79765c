"""cli/report.py: a run rendered again says what it said."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from calling import Outcome
from synthetic_bundle import write_bundle

from loadtest.errors import ExitCode
from loadtest.results.journal import Enlisted, Lost, encode

Call = Callable[..., Outcome]


def texts(path: Path) -> dict[str, str]:
    return {file.name: file.read_text("utf-8") for file in path.iterdir() if file.name != "records.journal"}


def test_a_run_rendered_again_from_its_journal_is_the_same_to_the_byte(call: Call, tmp_path: Path) -> None:
    run = tmp_path / "runs" / "a"
    write_bundle(run)
    before = texts(run)
    assert set(before) >= {"report.html", "junit.xml", "timeline.csv", "histograms.hlog", "summary.json", "summary.txt"}
    for name in ("report.html", "timeline.csv", "histograms.hlog"):
        (run / name).unlink()
    done = call("report", str(run))
    assert done.code is ExitCode.PASS, done.stderr
    assert texts(run) == before
    assert str(run / "report.html") in done.stdout


def test_a_run_is_found_by_its_name_and_may_be_rendered_elsewhere(call: Call, tmp_path: Path) -> None:
    write_bundle(tmp_path / "runs" / "a")
    (tmp_path / "runs" / "a" / "report.html").unlink()
    done = call("report", "a", "--out", str(tmp_path / "again"), LOADTEST_OUT=str(tmp_path / "runs"))
    assert done.code is ExitCode.PASS, done.stderr
    assert not (tmp_path / "runs" / "a" / "report.html").exists()
    assert (tmp_path / "again" / "report.html").read_text("utf-8").count("<figure data-kind") == 10


def test_what_a_killed_master_left_is_judged_by_what_was_reported(call: Call, tmp_path: Path) -> None:
    run = tmp_path / "a"
    write_bundle(run, finished=False)
    journal = run / "records.journal"
    journal.write_bytes(journal.read_bytes()[:-100])  # killed in the middle of a write
    done = call("report", str(run))
    assert done.code is ExitCode.PASS, done.stderr
    left = json.loads((run / "summary.json").read_text())
    assert (left["finished"], left["verdict"]) == (False, "unfinished")
    assert [(slo["text"], slo["verdict"]) for slo in left["slo"]] == [
        ("rest response p95 < 1ms", "fail"),
        ("errors < 99%", "pass"),
    ]
    assert "UNFINISHED" in (run / "report.html").read_text("utf-8")


def test_a_worker_that_was_lost_in_the_run_is_lost_in_what_is_rendered_again(call: Call, tmp_path: Path) -> None:
    run = tmp_path / "a"
    write_bundle(run, finished=False)
    with (run / "records.journal").open("ab") as journal:
        journal.write(encode(Enlisted("w9", 2, 3.0)) + encode(Lost("w9", 0, 12.0)))
    assert call("report", str(run)).code is ExitCode.PASS
    (loss,) = json.loads((run / "summary.json").read_text())["lost"]
    assert loss["worker"] == "w9"


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("summary.json", None, "there is no run"),
        ("summary.json", b"{}", "can't be used: it is no summary.json"),
        ("summary.json", b"{", "can't be used"),
        ("summary.json", b"\xff", "can't be used"),
        ("records.journal", None, "can't be read: No such file"),
        ("records.journal", b"something else", "is not the journal of a run"),
    ],
)
def test_what_is_missing_or_damaged_is_named(
    name: str, content: bytes | None, told: str, call: Call, tmp_path: Path
) -> None:
    run = tmp_path / "a"
    write_bundle(run)
    (run / name).unlink()
    if content is not None:
        (run / name).write_bytes(content)
    done = call("report", str(run))
    assert done.code is ExitCode.BAD_CONFIGURATION
    assert told in done.stderr
    assert name in done.stderr


def test_a_directory_that_cannot_be_written_is_an_error(call: Call, tmp_path: Path) -> None:
    write_bundle(tmp_path / "a")
    (tmp_path / "blocked").write_text("a file")
    done = call("report", str(tmp_path / "a"), "--out", str(tmp_path / "blocked"))
    assert done.code is ExitCode.BAD_CONFIGURATION
    assert "report.html could not be written" in done.stderr
