from typing import Any

import pytest
from pydantic import ValidationError

from loadtest.profiles import Range, Request, RestGroup
from loadtest.profiles.rest import METHODS
from loadtest.profiles.wording import findings


def group(request: Any, **given: Any) -> RestGroup:
    return RestGroup.model_validate({"pace": {"every": "2s"}, "requests": [request], **given})


def problems(request: Any, **given: Any) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as caught:
        group(request, **given)
    return [(".".join(map(str, place)), text) for place, text, _ in findings(caught.value)]


@pytest.mark.parametrize("method", METHODS)
def test_a_request_has_a_method_and_a_path(method: str) -> None:
    request = Request.model_validate({method: "/api/x?limit=5"})
    assert (request.method, request.path, request.name) == (
        method.upper(),
        "/api/x?limit=5",
        f"{method.upper()} /api/x",
    )
    assert request.weight == 1


def test_a_request_can_be_given_a_name() -> None:
    assert Request.model_validate({"get": "/api/x/17", "name": "one x"}).name == "one x"


@pytest.mark.parametrize(("given", "statuses"), [(200, (200,)), ([200, 404], (200, 404)), (None, ())])
def test_an_answer_may_have_one_of_several_statuses(given: Any, statuses: tuple[int, ...]) -> None:
    assert Request.model_validate({"get": "/x", "expect": {"status": given}}).expect.status == statuses


def test_a_pause_may_be_a_range() -> None:
    assert group({"get": "/x"}, pace={"pause": "100ms..500ms"}).pace.pause == Range(0.1, 0.5)
    assert group({"get": "/x"}).pace.every == 2.0


@pytest.mark.parametrize(
    ("request_", "given", "told"),
    [
        ({}, {}, [("requests.0", "needs get, post, put, patch, delete or head")]),
        ({"get": "/x", "post": "/x"}, {}, [("requests.0.post", "can't stand beside get: give one of them")]),
        ({"gte": "/x"}, {}, [("requests.0.gte", "unknown key; did you mean get?")]),
        ("/x", {}, [("requests.0", "must be a mapping (key: value)")]),
        ({"get": "x"}, {}, [("requests.0.get", "must be a path that starts with one /; the host is the target's")]),
        ({"get": "/x", "weight": 0}, {}, [("requests.0.weight", "must be more than 0")]),
        (
            {"get": "/x", "name": 'a"b'},
            {},
            [("requests.0.name", 'must be one line of at most 200 characters without "')],
        ),
        ({"get": "/x", "json": {}}, {}, [("requests.0.json", "can't be sent with get or head: they have no body")]),
        (
            {"head": "/x", "expect": {"keys": ["a"]}},
            {},
            [("requests.0.expect", "can only check the status of head: its answer has no body")],
        ),
        (
            {"get": "/x", "expect": {"status": 20}},
            {},
            [("requests.0.expect.status", "must be an HTTP status such as 200, or a list of them")],
        ),
        (
            {"get": "/x", "expect": {"status": [True]}},
            {},
            [("requests.0.expect.status", "must be an HTTP status such as 200, or a list of them")],
        ),
        ({"get": "/x"}, {"requests": []}, [("requests", "must not be empty")]),
        ({"get": "/x"}, {"pace": {}}, [("pace", "needs pause, every or rate")]),
        ({"get": "/x"}, {"pace": None}, [("pace", "is missing")]),
        (
            {"get": "/x"},
            {"pace": {"pause": "1s", "every": "1s"}},
            [("pace.every", "can't stand beside pause: give one of them")],
        ),
        ({"get": "/x"}, {"pace": {"every": "0s"}}, [("pace.every", "must be more than 0")]),
        (
            {"get": "/x"},
            {"pace": {"rate": 200}},
            [("pace.rate", "must be a rate such as 200/s, 30/m or 100/h")],
        ),
        (
            {"get": "/x"},
            {"pace": {"rate": "0/s"}},
            [("pace.rate", "never has a request: ramp or step to more than 0/s")],
        ),
        ({"get": "/x"}, {"pace": {"rate": "1000001/s"}}, [("pace.rate", "must be at most 1000000/s")]),
        ({"get": "/x"}, {"pace": {"rate": []}}, [("pace.rate", "must not be empty")]),
        (
            {"get": "/x"},
            {"pace": {"rate": [{"ramp": "5/s"}, {"hold": 3}, {"over": "1s"}]}},
            [("pace.rate.0.over", "is missing"), ("pace.rate.2", "needs ramp, hold, step or spike")],
        ),
        (
            {"get": "/x"},
            {"pace": {"rate": "5/s"}, "share": 2, "connections": 0},
            [
                ("share", "means nothing with a rate, whose pool has connections: give those"),
                ("connections", "must be at least 1"),
            ],
        ),
        (
            {"get": "/x"},
            {"pace": {"every": "1s"}, "patience": "1s"},
            [("patience", "means something only with pace: {rate: ...}")],
        ),
        ({"get": "/x"}, {"client": "fast"}, [("client", "must be light or full")]),
        (
            {"get": "/x", "form": {"a": "1"}},
            {},
            [("requests.0.form", "can't be sent with get or head: they have no body")],
        ),
        (
            {"post": "/x", "json": 1, "form": {"a": "b"}},
            {},
            [("requests.0.form", "can't stand beside json: give one of them")],
        ),
        (
            {"post": "/x", "files": {"f": {"text": "a"}}},
            {},
            [("requests", "have files, which need client: full beside them")],
        ),
        (
            {"post": "/x", "files": {"f": {"text": "a", "binary": "YQ=="}}},
            {"client": "full"},
            [("requests.0.files.f.binary", "can't stand beside text: give one of them")],
        ),
    ],
)
def test_what_no_group_can_be_is_told(request_: Any, given: dict[str, Any], told: list[tuple[str, str]]) -> None:
    assert problems(request_, **given) == told
