from typing import Any

import pytest

from loadtest.profiles.masking import is_secret, mask, masked, scrub, secrets_in


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "token",
        "X-Auth-Token",
        "Cookie",
        "api_key",
        "apikey",
        "Proxy-Authorization",
        "client-secret",
        "PASSWORD",
        "WS_AUTH_TOKEN",
        "X-Signature",
        "auth",
    ],
)
def test_a_name_that_speaks_of_a_secret_is_secret(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["Accept", "author", "keys", "User-Agent", "symbol", "X-Request-Id", "LOADTEST_TARGET"]
)
def test_an_ordinary_name_is_not_secret(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        ({"token": "abc"}, {"token": "***"}),
        ({"token": ""}, {"token": ""}),  # that there is none is no secret
        ({"headers": {"Cookie": "abc", "Accept": "abc"}}, {"headers": {"Cookie": "***", "Accept": "abc"}}),
        ({"get": "/x?api_key=abc&n=5"}, {"get": "/x?api_key=***&n=5"}),  # in a query
        ({"json": {"login": [{"password": 5}]}}, {"json": {"login": [{"password": "***"}]}}),  # deep, not a text
        ({"tokens": ["a", "b"]}, {"tokens": ["***", "***"]}),
        ({"expect": {"keys": ["quotes"]}}, {"expect": {"keys": ["quotes"]}}),
        (["/x?token=", None, 5], ["/x?token=***", None, 5]),
    ],
)
def test_values_with_secret_names_are_hidden(data: Any, shown: Any) -> None:
    assert masked(data) == shown


def test_a_secret_is_known_in_every_form_it_may_turn_up_in() -> None:
    found = set(secrets_in({"headers": {"Authorization": "Bearer a/b"}, "get": "/x?token=c%2Fd"}))
    assert {"Bearer a/b", "a/b", "Bearer%20a%2Fb", "c%2Fd", "c/d"} <= found


def test_secrets_are_hidden_wherever_else_they_stand_the_longest_first() -> None:
    assert mask({"description": "uses abcdef, not abcd"}, {"abcd", "abcdef"}) == {"description": "uses ***, not ***"}


def test_a_secret_of_few_letters_does_not_blot_out_ordinary_text() -> None:
    assert scrub("a profile", {"a"}) == "a profile"
