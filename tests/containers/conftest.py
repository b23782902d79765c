"""What the container tests need: a Docker engine, Compose, and the images that `make images` has built."""

import pytest
from engine import missing


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("docker") and (reason := missing()):
        pytest.skip(reason)
