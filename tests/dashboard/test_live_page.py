"""dashboard/live_page.py: behind the login, and nothing inline, so that a strict policy of content lets it work."""

import re
from functools import wraps
from typing import Any

import pytest
from flask import Flask, Response

from loadtest.dashboard import live_page
from loadtest.dashboard.assets import static


def app(base_path: str = "", *, locked: bool = False) -> Any:
    def guard(view: Any) -> Any:
        @wraps(view)
        def inner() -> Response:
            return Response("log in", 401) if locked else view()

        return inner

    made = Flask("locust")
    made.add_url_rule(f"{base_path}/", "index", lambda: "<html><head></head></html>")
    live_page.install(made, guard, base_path)
    return made.test_client()


@pytest.mark.parametrize("base_path", ["", "/load"])
def test_all_that_the_page_loads_is_there(base_path: str) -> None:
    client = app(base_path)
    page = client.get(f"{base_path}/live").get_data(as_text=True)
    loaded = re.findall(r'(?:src|href)="(loadtest/[^"]+)"', page)
    assert len(loaded) == 5
    for path in loaded:
        assert client.get(f"{base_path}/{path}").status_code == 200


@pytest.mark.parametrize("base_path", ["", "/load"])
def test_locusts_page_gets_the_bar(base_path: str) -> None:
    client = app(base_path)
    page = client.get(f"{base_path}/").get_data(as_text=True)
    for path in re.findall(r'(?:src|href)="([^"]+)"', page):
        assert client.get(path).status_code == 200
    assert page.count("bar.js") == 1


def test_the_page_is_behind_the_login() -> None:
    assert app(locked=True).get("/live").status_code == 401


def test_nothing_is_inline_and_nothing_is_fetched_from_elsewhere() -> None:
    page = static("live.html")
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)", page)
    for name in ("live.html", "live.js", "live-charts.js", "live.css", "bar.js", "bar.css"):
        text = static(name)
        assert not re.search(r"(https?:)?//[a-z]+\.[a-z]", text), name
        assert not re.search(r"innerHTML|insertAdjacentHTML|\beval\(|new Function", text), name
