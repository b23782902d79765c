from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.swarm.control_messages import from_master, from_worker

HEARTBEAT = {"state": "running", "count": 3, "current_cpu_usage": 12.5, "current_memory_usage": 10**8}
SPAWN = {
    "timestamp": 1.5,
    "user_classes_count": {"A": 3},
    "host": None,
    "stop_timeout": 0.0,
    "parsed_options": {"a": 1},
}


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("client_ready", "2.47.0"),
        ("client_ready", -1),
        ("client_stopped", None),
        ("heartbeat", HEARTBEAT),
        ("spawning", None),
        ("spawning_complete", {"user_classes_count": {"A": 3}, "user_count": 3}),
        ("exception", {"msg": "m", "traceback": "t"}),
        ("logs", {"worker_id": "w", "logs": ["one"]}),
        ("stats", {}),
        ("quit", None),
    ],
)
def test_what_a_locust_worker_says_passes(kind: str, data: Any) -> None:
    assert from_worker(kind, data) is None


@pytest.mark.parametrize(
    ("kind", "data"),
    [("ack", {"index": 0}), ("ack", None), ("spawn", SPAWN), ("stop", None), ("quit", None), ("heartbeat", None),
     ("spawning_complete", {"user_count": 3}), ("reconnect", None)],
)  # fmt: skip
def test_what_a_locust_master_says_passes(kind: str, data: Any) -> None:
    assert from_master(kind, data) is None


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("heartbeat", None),  # Locust reads msg.data["state"]
        ("heartbeat", {"state": "running"}),
        ("heartbeat", {"state": "running", "current_cpu_usage": "much"}),
        ("heartbeat", {"state": 5, "current_cpu_usage": 1.0}),
        ("spawning_complete", {"user_classes_count": {"A": -1}}),
        ("spawning_complete", {"user_classes_count": ["A"]}),
        ("exception", {"msg": "m"}),
        ("exception", {"msg": "m", "traceback": "t" * 200_000}),
        ("logs", {"worker_id": "w", "logs": "not a list"}),
        ("client_ready", {"version": "2.47.0"}),
    ],
)
def test_what_locust_would_die_of_does_not(kind: str, data: Any) -> None:
    assert from_worker(kind, data) == "a message that is not what its kind says"


@pytest.mark.parametrize(
    "change",
    [{"timestamp": "now"}, {"user_classes_count": None}, {"user_classes_count": {"A": 10**12}}, {"parsed_options": []}],
)
def test_a_spawn_message_that_is_none_does_not_reach_a_worker(change: dict[str, Any]) -> None:
    assert from_master("spawn", SPAWN | change) == "a message that is not what its kind says"


@pytest.mark.parametrize("kind", ["locustfile", "unheard of", ""])
def test_no_code_is_handed_out_and_no_unknown_kind_passes(kind: str) -> None:
    assert from_worker(kind, {"version": "2.47.0"}) == "a message of a kind that is not known here"


@pytest.mark.parametrize("kind", ["locustfile", "update_user_class"])
def test_no_code_and_no_attributes_are_taken_from_a_master(kind: str) -> None:
    assert from_master(kind, {}) == "a message of a kind that is not known here"


def test_a_kind_that_someone_listens_for_passes() -> None:
    assert from_worker("loadtest.records", [], {"loadtest.records"}) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(
    kind=st.sampled_from(["heartbeat", "spawn", "ack", "logs", "exception", "spawning_complete"]) | st.text(), data=JSON
)
def test_no_data_raises(kind: str, data: Any) -> None:
    for check in (from_worker, from_master):
        assert check(kind, data) is None or isinstance(check(kind, data), str)
