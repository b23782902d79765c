"""`loadtest run` on a terminal: one view while it lasts, the result at the end; Ctrl-C drains, twice leaves."""

import re
from pathlib import Path

import pytest
from programs import BIN, ROOT, clean_environment, loadtest_run, read_run
from terminal import Terminal

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(180)]

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
"""The cursor, ECMA-48's private modes as xterm has them."""


def run_smoke(out: Path, duration: str) -> Terminal:
    command = [str(BIN / "loadtest"), "run", "smoke", "--target", "demo", "--out", str(out), "--duration", duration]
    return Terminal(command, clean_environment(TERM="xterm-256color"), ROOT)


def test_a_terminal_shows_the_run_as_it_goes_and_then_its_result(tmp_path: Path) -> None:
    with run_smoke(tmp_path, "8s") as terminal:
        seen = terminal.read_until(r"alerts +delivery +\d+/\d+ +\d+ msg")
        assert re.search(r"smoke  ramp-up  \ds of 8s, \ds left of this stage  \d+ of \d+ users", seen)
        assert re.search(r"worker +state +users +CPU", seen)
        assert "load generator: ok" in seen
        terminal.read_until(r"pollers +response +[1-9]\d* req +[\d.]+")
        code = terminal.finish()
    run = read_run(code, terminal.text, tmp_path)
    assert (code, run.summary["verdict"]) == (0, "pass"), terminal.text
    tail = terminal.text.rpartition("load generator: ok")[2]
    assert "PASS: all" in tail  # the result comes below the last view
    assert "\x1e" not in terminal.raw
    assert terminal.raw.rfind(SHOW) > terminal.raw.rfind(HIDE) >= 0  # the cursor is there again


def test_ctrl_c_once_drains_and_reports(tmp_path: Path) -> None:
    with run_smoke(tmp_path, "5m") as terminal:
        terminal.read_until(r"market +delivery +\d+/\d+ +[1-9]\d* msg")
        terminal.press("\x03")
        terminal.read_until("SIGINT: ending the run and waiting for its result")
        code = terminal.finish()
    run = read_run(code, terminal.text, tmp_path)
    assert (code, run.summary["verdict"]) == (130, "interrupted"), terminal.text
    assert "INTERRUPTED: a signal ended the run" in terminal.text
    ledger = run.summary["ledger"]["market"]
    assert ledger["closed_by_us"] == ledger["established"] > 0


def test_ctrl_c_twice_leaves(tmp_path: Path) -> None:
    with run_smoke(tmp_path, "5m") as terminal:
        terminal.read_until("load generator: ok")
        terminal.press("\x03")
        terminal.read_until("once more leaves at once")
        terminal.press("\x03")
        assert terminal.finish() == 130
    assert terminal.raw.rfind(SHOW) > terminal.raw.rfind(HIDE)


def test_without_a_terminal_there_are_plain_lines(tmp_path: Path) -> None:
    run = loadtest_run("smoke", tmp_path, "--target", "demo", "--duration", "6s", TERM="xterm-256color")
    assert "\x1b" not in run.output
    assert "\x1e" not in run.output
    assert re.search(r"^ +\ds of 6s +[a-z-]+ +2 worker\(s\)  \d+ users", run.output, re.MULTILINE)
