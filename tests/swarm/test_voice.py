"""swarm/voice.py: a headless master tells how its run goes, to people or to the process that started it."""

from types import SimpleNamespace
from typing import Any

import gevent
import msgspec

from loadtest.monitor import STATUS_MARK, Moment, Span, Status, status_of
from loadtest.results import Summary
from loadtest.swarm import voice
from loadtest.swarm.runs import Current
from loadtest.verdict import RunVerdict


def test_the_status_is_told_until_the_run_is_judged() -> None:
    conductor: Any = SimpleNamespace(on_begin=[])
    watch: Any = SimpleNamespace(status=lambda: status_of(Moment(run_id="r1"), Summary("r1"), Span.sum([])))
    said: list[str] = []
    voice.tell_status(conductor, watch, said.append)
    run = Current("r1", None, None, ())
    (begin,) = conductor.on_begin
    loop = begin(run)
    with gevent.Timeout(10):
        while not said:
            gevent.sleep(0.01)
        run.verdict = RunVerdict("pass", "all SLOs held")
        loop.join()
    told = len(said)
    assert all(line.startswith(STATUS_MARK) and "\n" not in line for line in said)
    status = msgspec.json.decode(said[0].removeprefix(STATUS_MARK), type=Status)
    assert status.run_id == "r1"
    gevent.sleep(0)
    assert len(said) == told
