from typing import Any

import pytest
from pydantic import ValidationError

from loadtest.profiles import Target
from loadtest.profiles.wording import findings


@pytest.mark.parametrize(
    ("given", "urls"),
    [
        ("demo", ("demo",)),
        ("http://localhost:8000", ("http://localhost:8000",)),
        ("https://a.example/", ("https://a.example",)),  # an empty path is no path
        ("http://[::1]:80", ("http://[::1]:80",)),
        (["http://a:1", "http://b:2"], ("http://a:1", "http://b:2")),
        ("http://a:1, http://b:2", ("http://a:1", "http://b:2")),  # so that a variable can name several
    ],
)
def test_targets_are_read(given: Any, urls: tuple[str, ...]) -> None:
    assert Target.model_validate({"url": given}).urls == urls


BAD_HOST = "has no valid host or port: write http://host:port"


@pytest.mark.parametrize(
    ("key", "given", "told"),
    [
        ("url", "ws://a:1", "must be http://host:port or https://host:port, or demo; WebSockets derive ws:// from it"),
        ("url", "a:1", "must be http://host:port or https://host:port, or demo; WebSockets derive ws:// from it"),
        ("url", "http://u:canary@a:1", "must not hold credentials: use target.token or target.headers"),
        ("url", "http://a:1/api", "must end after the port: paths belong to users and requests"),
        ("url", "http://a:1/?token=canary", "must end after the port: paths belong to users and requests"),
        ("url", "http://a:99999", BAD_HOST),
        ("url", "http://a:x", BAD_HOST),
        ("url", "http://a:0", BAD_HOST),
        ("url", "http://", BAD_HOST),
        ("url", "http://a b", BAD_HOST),
        ("url", "http://[::1", BAD_HOST),
        ("url", ["demo", "http://a:1"], "can't name demo beside other targets"),
        ("url", [], "must be http://host:port, a list of them, or demo"),
        ("url", "", "must be http://host:port, a list of them, or demo"),
        ("url", {"a": 1}, "must be a URL, or a list of URLs"),
        ("url", [["http://a:1"]], "must be a URL, or a list of URLs"),
        ("clock", "time", "must be same (one host for both) or a path of the target such as /time"),
        ("clock", "//evil/time", "must be same (one host for both) or a path of the target such as /time"),
        ("token", ["canary"], "must be text in one line"),
    ],
)
def test_what_no_target_can_be_is_told_without_repeating_it(key: str, given: Any, told: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Target.model_validate({"url": "demo", key: given})
    assert [text for _, text, _ in findings(caught.value)] == [told]
    assert "canary" not in told + str(caught.value)


def test_a_target_prints_without_its_secrets() -> None:
    target = Target.model_validate(
        {"url": "demo", "token": "canary", "headers": {"X-Api-Key": "canary", "Accept": "a/b"}}
    )
    assert "canary" not in f"{target!r} {target}"
    assert "a/b" in repr(target)
