"""What a subscriber does with its messages, with a socket held in the hand."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from backend.delays import DelayLine
from backend.faults import MessageEffect
from backend.settings import Settings
from backend.stats import ConnectionRecord
from backend.subscriber import HEARTBEAT, Broadcast, Subscriber


class FakeSocket:
    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.open = True
        self.ending: Any = None
        self._free = asyncio.Event()
        self._free.set()

    @property
    def writable(self) -> bool:
        return self._free.is_set()

    def block(self) -> None:
        self._free.clear()

    def unblock(self) -> None:
        self._free.set()

    async def wait_writable(self) -> None:
        await self._free.wait()

    def write(self, frame: bytes) -> bool:
        if self.open:
            self.sent.append(frame)
        return self.open

    def cut(self) -> None:
        self.ending, self.open = "cut", False

    def abort(self) -> None:
        self.ending, self.open = "aborted", False

    async def close(self, code: int) -> None:
        self.ending, self.open = code, False


class Scene:
    """A subscriber with its socket and record."""

    def __init__(self, **settings: Any) -> None:
        self.socket = FakeSocket()
        self.record = ConnectionRecord(1, "/ws/market", "127.0.0.1:1", 0.0)
        self.subscriber = Subscriber(self.record, self.socket, Settings(**settings), DelayLine())
        self.published = 0

    def publish(self, effect: MessageEffect | None = None) -> None:
        self.published += 1
        self.subscriber.publish(Broadcast(b"%d" % self.published, time.monotonic()), effect)

    def end(self) -> None:
        self.subscriber.leave()
        counts = self.record.counts
        assert counts.published + counts.duplicated == counts.written + sum(counts.dropped.values())
        assert self.record.waiting == 0


def in_a_scene(act: Callable[[Scene], Any], **settings: Any) -> Scene:
    async def run() -> Scene:
        scene = Scene(**settings)
        outcome = act(scene)
        if outcome is not None:
            await outcome
        scene.end()
        return scene

    return asyncio.run(run())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - any condition, not an event
            await asyncio.sleep(0.001)


def test_a_message_is_written_at_once() -> None:
    scene = in_a_scene(lambda scene: scene.publish())
    assert scene.socket.sent == [b"1"]
    assert (scene.record.counts.published, scene.record.counts.written) == (1, 1)


def test_a_full_queue_drops_its_oldest() -> None:
    async def act(scene: Scene) -> None:
        scene.socket.block()
        for _ in range(5):
            scene.publish()
        assert scene.record.waiting == 3
        scene.socket.unblock()
        await until(lambda: scene.record.waiting == 0)

    scene = in_a_scene(act, queue_size=3)
    assert scene.socket.sent == [b"3", b"4", b"5"]
    assert dict(scene.record.counts.dropped) == {"queue_full": 2}


def test_what_still_waits_at_the_end_was_dropped() -> None:
    def act(scene: Scene) -> None:
        scene.socket.block()
        scene.publish()
        scene.publish(MessageEffect(swapped=True))
        scene.publish(MessageEffect(delay=10.0, copies=1))

    scene = in_a_scene(act)
    assert scene.socket.sent == []
    assert dict(scene.record.counts.dropped) == {"closed": 4}


def test_a_message_to_a_socket_at_its_end_was_not_written() -> None:
    def act(scene: Scene) -> None:
        scene.socket.open = False
        scene.publish()

    counts = in_a_scene(act).record.counts
    assert (counts.written, dict(counts.dropped)) == (0, {"closed": 1})


@pytest.mark.parametrize(
    ("effects", "sent"),
    [
        ([MessageEffect(dropped=True), None], [b"2"]),
        ([MessageEffect(copies=2)], [b"1"] * 3),
        ([MessageEffect(swapped=True), None, None], [b"2", b"1", b"3"]),
        ([MessageEffect(swapped=True)] * 3, [b"2", b"1"]),  # the third waits for a fourth
        ([MessageEffect(swapped=True), MessageEffect(dropped=True), None], [b"3", b"1"]),  # the next that goes out
        ([MessageEffect(swapped=True, copies=1), None], [b"2", b"1", b"1"]),
        ([MessageEffect(dropped=True, copies=1)], []),  # dropped is dropped
    ],
)
def test_faults_change_what_is_sent(effects: list[MessageEffect | None], sent: list[bytes]) -> None:
    def act(scene: Scene) -> None:
        for effect in effects:
            scene.publish(effect)

    assert in_a_scene(act).socket.sent == sent


def test_a_delayed_message_holds_those_behind_it() -> None:
    async def act(scene: Scene) -> None:
        start = time.monotonic()
        scene.publish(MessageEffect(delay=0.05))
        scene.publish()
        await until(lambda: len(scene.socket.sent) == 2)
        assert time.monotonic() - start >= 0.05
        scene.publish()

    scene = in_a_scene(act)
    assert scene.socket.sent == [b"1", b"2", b"3"]
    assert (scene.record.counts.delayed, scene.record.counts.delay_s) == (1, 0.05)


@pytest.mark.parametrize(("code", "ending"), [(None, "cut"), (1011, 1011)])
def test_a_cut_takes_the_place_of_a_message(code: int | None, ending: object) -> None:
    async def act(scene: Scene) -> None:
        scene.publish()
        scene.publish(MessageEffect(cut=True, close_code=code))
        scene.publish()
        await until(lambda: scene.socket.ending is not None)

    scene = in_a_scene(act)
    assert scene.socket.ending == ending
    assert scene.socket.sent == [b"1"]
    assert dict(scene.record.counts.dropped) == {"cut": 1, "closed": 1}
    assert scene.record.why == "cut"


def test_heartbeats_are_counted_apart() -> None:
    async def act(scene: Scene) -> None:
        await until(lambda: scene.record.counts.heartbeats == 3)

    scene = in_a_scene(act, heartbeat_interval=0.01)
    assert scene.socket.sent == [HEARTBEAT] * 3
    assert scene.record.counts.written == 0


def test_a_heartbeat_waits_for_a_slow_client_and_goes_before_the_queue() -> None:
    async def act(scene: Scene) -> None:
        scene.socket.block()
        scene.publish()
        await asyncio.sleep(0.03)
        scene.socket.unblock()
        await until(lambda: len(scene.socket.sent) == 2)

    assert in_a_scene(act, heartbeat_interval=0.01).socket.sent[:2] == [HEARTBEAT, b"1"]


def test_a_client_that_takes_no_heartbeat_in_time_is_given_up() -> None:
    async def act(scene: Scene) -> None:
        scene.socket.block()
        await until(lambda: scene.socket.ending is not None)

    scene = in_a_scene(act, heartbeat_interval=0.01, heartbeat_timeout=0.02)
    assert (scene.socket.ending, scene.record.why) == ("aborted", "heartbeat timeout")


def test_a_status_message_is_not_for_a_client_that_is_behind() -> None:
    def act(scene: Scene) -> None:
        scene.subscriber.send_status(b"up")
        scene.socket.block()
        scene.subscriber.send_status(b"down")

    scene = in_a_scene(act)
    assert scene.socket.sent == [b"up"]
    assert scene.record.counts.status == 1
