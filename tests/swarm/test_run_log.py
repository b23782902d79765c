"""swarm/run_log.py: a run's log, as long as the disk takes it."""

import logging
from pathlib import Path

from full_disk import full_disk

from loadtest.swarm.run_log import RunLog


def test_the_log_holds_what_was_logged_until_the_disk_is_full(tmp_path: Path) -> None:
    path = tmp_path / "r1" / "run.log"
    logger, log = logging.getLogger("of.this.test"), RunLog(path)
    logger.addHandler(log)
    logger.warning("%d workers", 2)
    with full_disk(path.stat().st_size):
        logger.warning("nobody reads this")
    logger.removeHandler(log)
    log.close()
    (line,) = path.read_text().splitlines()
    assert line.endswith("WARNING/of.this.test: 2 workers")


def test_a_log_that_cannot_be_opened_takes_everything_and_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where a directory should be")
    log = RunLog(tmp_path / "runs" / "r1" / "run.log")
    log.emit(logging.LogRecord("x", logging.INFO, __file__, 1, "into the void", None, None))
    log.close()
    assert (tmp_path / "runs").read_text() == "a file where a directory should be"
