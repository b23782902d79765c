import json

from backend.bodies import Bodies, to_json


def test_an_answer_is_built_once_per_change() -> None:
    built: list[int] = []

    def build() -> list[int]:
        built.append(len(built))
        return built

    bodies = Bodies({"/a": build})
    assert [bodies.get("/a", query).body for query in (b"", b"x=1")] == [b"[0]"] * 2
    bodies.changed()
    assert bodies.get("/a").body == b"[0,1]"


def test_an_answer_to_a_query_is_kept_until_it_is_forgotten() -> None:
    bodies = Bodies({})
    bodies.keep("/alerts", b"limit=5", b"[]")
    bodies.changed()
    assert bodies.get("/alerts", b"limit=5").body == b"[]"
    assert bodies.get("/alerts", b"limit=6") is None
    bodies.forget()
    assert bodies.get("/alerts", b"limit=5") is None


def test_endless_queries_do_not_fill_the_memory() -> None:
    bodies = Bodies({})
    for number in range(1000):
        bodies.keep("/alerts", b"limit=%d" % number, b"[]")
    assert len(bodies._kept) == 64


def test_json_is_written_without_spaces_and_in_utf_8() -> None:
    assert to_json({"a": [1, "chủ động"]}) == '{"a":[1,"chủ động"]}'.encode()
    assert json.loads(to_json({"x": 1.5})) == {"x": 1.5}
