import json
from typing import Any

import pytest

from backend.faults import Fault, Faults, MessageEffect, RequestEffect, parse


def faults(*specs: dict[str, Any], posted: float = 0.0) -> Faults:
    return Faults(parse(json.dumps(specs).encode()), posted)


def hits(running: Faults, connection: int, messages: int) -> list[bool]:
    return [running.on_message("/ws/market", connection, 1.0) is not None for _ in range(messages)]


def test_an_empty_list_is_no_faults() -> None:
    assert not faults()
    assert faults({"kind": "drop"})


@pytest.mark.parametrize(
    ("spec", "effect"),
    [
        ({"kind": "drop"}, MessageEffect(dropped=True)),
        ({"kind": "delay", "size": 0.05}, MessageEffect(delay=0.05)),
        ({"kind": "duplicate"}, MessageEffect(copies=1)),
        ({"kind": "duplicate", "size": 3}, MessageEffect(copies=3)),
        ({"kind": "swap"}, MessageEffect(swapped=True)),
        ({"kind": "cut"}, MessageEffect(cut=True)),
        ({"kind": "cut", "size": 1011}, MessageEffect(cut=True, close_code=1011)),
        ({"kind": "stall", "size": 2}, MessageEffect(stall=2.0)),
        ({"kind": "stall", "from": 0.5, "until": 3.5}, MessageEffect(stall=2.5)),  # until its end, 1 s after the POST
    ],
)
def test_a_message_meets_its_fault(spec: dict[str, Any], effect: MessageEffect) -> None:
    assert faults(spec, posted=100.0).on_message("/ws/market", 1, 101.0) == effect


@pytest.mark.parametrize(
    ("spec", "effect"),
    [
        ({"kind": "error"}, RequestEffect(status=500, status_by="error")),
        ({"kind": "error", "size": 502}, RequestEffect(status=502, status_by="error")),
        ({"kind": "refuse"}, RequestEffect(status=503, status_by="refuse")),
        ({"kind": "refuse", "size": 403}, RequestEffect(status=503, status_by="refuse")),  # 403 is for upgrades
        ({"kind": "stall", "size": 0.25}, RequestEffect(hold=0.25)),
        ({"kind": "drop"}, None),  # acts on messages only
    ],
)
def test_a_request_meets_its_fault(spec: dict[str, Any], effect: RequestEffect | None) -> None:
    assert faults(spec).on_request("/api/market/snapshot", 1.0) == effect


@pytest.mark.parametrize(("spec", "status"), [({}, 503), ({"size": 403}, 403), ({"path": "/api"}, None)])
def test_an_upgrade_is_refused_with_the_status_asked_for(spec: dict[str, Any], status: int | None) -> None:
    assert faults({"kind": "refuse"} | spec).on_upgrade("/ws/market", 1.0) == status


def test_a_stalled_error_is_held_first() -> None:
    both = faults({"kind": "stall", "size": 1}, {"kind": "error"})
    assert both.on_request("/api/market/alerts", 0.0) == RequestEffect(1.0, 500, "error")


def test_two_delays_add_up() -> None:
    assert faults(*[{"kind": "delay", "size": 0.2}] * 2).on_message("/ws/market", 1, 0.0) == MessageEffect(delay=0.4)


@pytest.mark.parametrize(("now", "acts"), [(10.9, False), (11.0, True), (11.9, True), (12.0, False)])
def test_a_fault_acts_from_its_from_until_before_its_until(now: float, acts: bool) -> None:  # noqa: FBT001 - a table's column
    running = faults({"kind": "drop", "from": 1, "until": 2}, posted=10.0)
    assert running.act_on_messages("/ws/market", now) is acts
    assert (running.on_message("/ws/market", 1, now) is not None) is acts


def test_a_path_narrows_a_fault() -> None:
    running = faults({"kind": "drop", "path": "/ws/foreign"})
    assert running.on_message("/ws/market", 1, 0.0) is None
    assert running.on_message("/ws/foreign", 1, 0.0) is not None


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 1.0])
def test_a_share_of_the_connections_is_that_share_of_any_hundred(share: float, seed: int) -> None:
    running = faults({"kind": "drop", "share": share, "seed": seed})
    hit = [hits(running, connection, 1)[0] for connection in range(1, 401)]
    assert all(abs(sum(hit[start : start + 100]) - 100 * share) <= 2 for start in range(300))


def test_a_connection_is_hit_always_or_never_when_only_the_share_is_less_than_one() -> None:
    running = faults({"kind": "drop", "share": 0.5})
    assert all(len(set(hits(running, connection, 20))) == 1 for connection in range(1, 21))


def test_probability_hits_about_that_many_messages_of_each_connection() -> None:
    running = faults({"kind": "drop", "probability": 0.1})
    assert 60 < sum(hits(running, 1, 1000)) < 140


def test_one_seed_makes_one_sequence_of_draws_whatever_the_order_of_connections() -> None:
    spec = {"kind": "drop", "probability": 0.3, "seed": 9}
    first, second = faults(spec), faults(spec)
    one = {connection: hits(first, connection, 50) for connection in (1, 2)}
    assert {connection: hits(second, connection, 50) for connection in (2, 1)} == one
    assert one[1] != one[2]
    assert hits(faults(spec | {"seed": 10}), 1, 50) != one[1]


def test_it_tells_how_often_each_fault_was_drawn() -> None:
    running = faults({"kind": "drop"}, {"kind": "error"})
    hits(running, 1, 3)
    assert [fault["drawn"] for fault in running.describe()] == [3, 0]
    assert running.describe()[0]["from"] == 0.0


def test_the_draws_of_a_closed_connection_are_freed() -> None:
    running = faults({"kind": "drop", "probability": 0.5})
    hits(running, 1, 1)
    assert len(running._running[0].draws) == 1
    running.forget(1)
    assert not running._running[0].draws


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{}", "Input should be a valid array"),
        ("[", "Invalid JSON"),
        ('[{"kind": "explode"}]', "fault 0: kind: Input should be 'delay'"),
        ('[{"kind": "drop"}, {}]', "fault 1: kind: Field required"),
        ('[{"kind": "drop", "sahre": 1}]', "fault 0: sahre: Extra inputs are not permitted"),
        ('[{"kind": "drop", "share": 1.5}]', "share: Input should be less than or equal to 1"),
        ('[{"kind": "drop", "probability": -1}]', "probability: Input should be greater than or equal to 0"),
        ('[{"kind": "drop", "size": 1}]', "drop has no size"),
        ('[{"kind": "delay"}]', r"delay needs a size \(seconds\)"),
        ('[{"kind": "delay", "size": 0}]', "size of delay must be more than 0"),
        ('[{"kind": "stall"}]', "stall needs a size or an until"),
        ('[{"kind": "error", "size": 404}]', "size of error must be a status from 500 to 599"),
        ('[{"kind": "cut", "size": 1005}]', "size of cut must be a close code"),  # RFC 6455, 7.4.1: not on the wire
        ('[{"kind": "duplicate", "size": 1.5}]', "size of duplicate must be 1 to 10 copies"),
        ('[{"kind": "drop", "from": 2, "until": 1}]', "until must be later than from"),
        ('[{"kind": "drop", "path": "/stats"}]', "path: String should match"),  # the witness is never hit
        ('[{"kind": "drop", "share": NaN}]', "Input should be"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_with_a_sentence(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse(text.encode())


def test_every_problem_is_told() -> None:
    with pytest.raises(ValueError, match=r"fault 0: share: .*; fault 1: share: "):
        parse(b'[{"kind": "drop", "share": 2}, {"kind": "drop", "share": 3}]')


def test_a_fault_as_posted_can_be_posted_again() -> None:
    fault = Fault(kind="delay", size=0.5, **{"from": 1})
    assert parse(f"[{fault.model_dump_json(by_alias=True)}]".encode()) == [fault]
