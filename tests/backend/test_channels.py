import asyncio
import json
import time
from itertools import pairwise

from backend.channels import Throttled, stamped, status_frame


def test_time_and_number_are_added_to_the_object() -> None:
    assert json.loads(stamped(b'{"a":1}', 1700000000.123456, 7)) == {"a": 1, "server_time": 1700000000.123456, "seq": 7}


def test_a_status_message_says_whether_the_feed_is_up() -> None:
    assert json.loads(status_frame(connected=False)[2:]) == {"type": "status", "connected": False}


def test_many_changes_are_told_once_per_interval_and_the_last_at_its_end() -> None:
    told: list[tuple[float, int]] = []

    async def run() -> None:
        changes = 0
        throttled = Throttled(0.05, lambda: told.append((time.monotonic(), changes)))
        end = time.monotonic() + 0.26
        while time.monotonic() < end:
            changes += 1
            throttled.changed()
            await asyncio.sleep(0.002)
        seen = len(told)
        while len(told) == seen:  # noqa: ASYNC110 - what is waited for is a list's growth
            await asyncio.sleep(0.002)
        assert told[-1][1] == changes

    asyncio.run(run())
    assert 3 <= len(told) <= 7
    assert all(after - before >= 0.049 for (before, _), (after, _) in pairwise(told))


def test_nothing_is_told_after_it_was_stopped() -> None:
    told: list[None] = []

    async def run() -> None:
        throttled = Throttled(0.0, lambda: told.append(None))
        throttled.changed()
        throttled.stop()
        await asyncio.sleep(0.01)

    asyncio.run(run())
    assert told == []
